// The search for options, from what undula tune --format json has printed.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "cli/report/sections.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr size_t kMostTrials = 200, kMostOptions = 8;

bool IsNumber(const std::string& text, double* value) {
  char* end = nullptr;
  *value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0';
}

std::string Words(const Trial& trial) {
  std::string out;
  for (const auto& [key, value] : trial.setting)
    out += (out.empty() ? "" : " ") + key + "=" + value;
  if (!trial.error.empty()) out += (out.empty() ? "" : " ") + ("failed: " + trial.error);
  return out;
}

LineChart BestSoFar(const std::vector<std::string>& models, const std::vector<Trial>& trials) {
  LineChart chart{.title = "Best so far",
                  .message = "The best value after each trial, in the order they were drawn.",
                  .x_label = "trial",
                  .y_label = "validation " + trials[0].metric};
  for (const std::string& model : models) {
    std::vector<Trial> own;
    for (const Trial& t : trials) {
      if (t.model == model) own.push_back(t);
    }
    std::stable_sort(own.begin(), own.end(),
                     [](const Trial& a, const Trial& b) { return a.trial < b.trial; });
    Series series{.name = model, .color = static_cast<int>(chart.series.size()), .stairs = true};
    double best = NAN;
    for (const Trial& t : own) {
      const bool less = t.metric == "logloss";
      if (std::isnan(best) || (less ? t.value < best : t.value > best)) best = t.value;
      if (!std::isnan(best)) series.points.emplace_back(static_cast<double>(t.trial), best);
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

// The value of each trial against an option that has numbers.
LineChart Strip(const std::string& option, const std::vector<std::string>& models,
                const std::vector<Trial>& trials) {
  LineChart chart{.title = "By " + option,
                  .message = "One dot a trial; those that were trained further stand higher too.",
                  .x_label = option,
                  .y_label = "validation " + trials[0].metric,
                  .points_only = true};
  double low = INFINITY, high = 0;
  for (size_t m = 0; m < models.size(); ++m) {
    Series series{.name = models[m], .color = static_cast<int>(m)};
    for (const Trial& t : trials) {
      double x = 0;
      const auto it = t.setting.find(option);
      if (t.model != models[m] || it == t.setting.end() || !IsNumber(it->second, &x)) continue;
      series.points.emplace_back(x, t.value);
      low = std::min(low, x);
      high = std::max(high, x);
    }
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  chart.log_x = low > 0 && high >= 8 * low;
  return chart;
}

}  // namespace

Section TuningSection(const Facts& facts) {
  Section section{.id = "tuning", .title = "Tuning"};
  const std::vector<Trial>& trials = facts.trials;
  if (trials.empty()) {
    section.missing =
        "No search: undula tune DB ... --format json > FILE writes its trials, undula report DB "
        "--trials FILE reads them.";
    return section;
  }
  std::vector<std::string> models;
  std::set<std::string> options;
  for (const Trial& t : trials) {
    if (std::find(models.begin(), models.end(), t.model) == models.end()) models.push_back(t.model);
    double unused = 0;
    for (const auto& [key, value] : t.setting) {
      if (IsNumber(value, &unused)) options.insert(key);
    }
  }
  section.blocks.push_back(BestSoFar(models, trials));
  size_t drawn = 0;
  for (const std::string& option : options) {
    if (drawn++ == kMostOptions) break;
    section.blocks.push_back(Strip(option, models, trials));
  }
  Table table{.id = "trials",
              .caption = "Trials, by model, those that came furthest first",
              .columns = {"model", "trial", "epochs", "metric", "value", "CPU seconds", "setting"}};
  for (const Trial& t : trials) {
    if (table.rows.size() >= kMostTrials) {
      ++table.left_out;
      continue;
    }
    table.rows.push_back({t.model, t.trial, t.epochs, t.metric, t.value, t.cpu_seconds, Words(t)});
  }
  section.blocks.push_back(std::move(table));
  return section;
}

}  // namespace undula::cli::report
