// Training curves, from the files of train --metrics.
#include <algorithm>
#include <cmath>
#include <map>

#include "cli/report/sections.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr size_t kMostRows = 1500;  // of the table

bool WantsLogarithm(const LineChart& chart) {
  double low = INFINITY, high = 0;
  for (const Series& s : chart.series) {
    for (const auto& [x, y] : s.points) {
      if (!std::isfinite(y)) continue;
      if (y <= 0) return false;
      low = std::min(low, y);
      high = std::max(high, y);
    }
  }
  return high > 100 * low;
}

// The mean over the curves of a name, at the epochs that all of them have.
Series Mean(const std::vector<Series>& seeds) {
  Series mean = seeds[0];
  for (size_t i = 0; i < mean.points.size(); ++i) {
    double sum = 0;
    for (const Series& seed : seeds) {
      if (i >= seed.points.size()) {
        mean.points.resize(i);
        return mean;
      }
      sum += seed.points[i].second;
    }
    mean.points[i].second = sum / static_cast<double>(seeds.size());
  }
  return mean;
}

// One chart of `value` by epoch, or by seconds.
template <class Value>
LineChart Chart(const Facts& facts, const std::string& title, const std::string& message,
                const std::string& y_label, bool by_seconds, const Value& value) {
  LineChart chart{.title = title,
                  .message = message,
                  .x_label = by_seconds ? "seconds" : "epoch",
                  .y_label = y_label,
                  .folded = by_seconds};
  std::map<std::string, std::vector<Series>> groups;
  std::vector<std::string> order;
  for (const Curve& curve : facts.curves) {
    if (groups[curve.name].empty()) order.push_back(curve.name);
    Series series{.name = curve.name};
    double seconds = 0;
    for (const Epoch& epoch : curve.epochs) {
      if (std::isfinite(epoch.seconds)) seconds += epoch.seconds;
      const double x = by_seconds ? seconds : static_cast<double>(epoch.epoch);
      series.points.emplace_back(x, value(epoch));
      if (epoch.best) series.mark = x;
    }
    series.mark_text = by_seconds ? "best after" : "best at epoch";
    groups[curve.name].push_back(std::move(series));
  }
  int color = 0;
  for (const std::string& name : order) {
    std::vector<Series>& seeds = groups[name];
    // The mean over seeds only makes sense where x is the same for all of them.
    if (seeds.size() > 1 && !by_seconds) {
      Series mean = Mean(seeds);
      mean.color = color;
      mean.mark.reset();
      for (Series& seed : seeds) seed.thin = true;
      chart.series.push_back(std::move(mean));
    }
    for (Series& seed : seeds) {
      seed.color = color;
      chart.series.push_back(std::move(seed));
    }
    ++color;
  }
  chart.log_y = WantsLogarithm(chart);
  return chart;
}

std::string Summary(const Curve& curve) {
  std::string out =
      curve.name + " (" + curve.file.name + "): " + std::to_string(curve.epochs.size()) + " epochs";
  for (auto epoch = curve.epochs.rbegin(); epoch != curve.epochs.rend(); ++epoch) {
    if (!epoch->best) continue;
    out += ", best " + curve.metric + " " + HumanNumber(epoch->value) + " at epoch " +
           std::to_string(epoch->epoch);
    const int64_t behind = curve.epochs.back().epoch - epoch->epoch;
    if (behind > 0) out += ", " + std::to_string(behind) + " more brought nothing";
    break;
  }
  if (curve.resumed_at > 0) {
    out += "; resumed: the file begins with epoch " + std::to_string(curve.resumed_at);
  }
  return out + ".";
}

}  // namespace

Section CurvesSection(const Facts& facts) {
  Section section{.id = "curves", .title = "Training curves"};
  bool any = false;
  for (const Curve& curve : facts.curves) any |= !curve.epochs.empty();
  if (!any) {
    section.missing =
        "No epochs: undula train DB --metrics FILE writes them, undula report DB --metrics "
        "NAME=FILE reads them.";
    return section;
  }
  std::string metric = "none";
  std::string words;
  for (const Curve& curve : facts.curves) {
    if (!curve.metric.empty() && curve.metric != "none") metric = curve.metric;
    words += (words.empty() ? "" : " ") + Summary(curve);
  }
  const auto loss = [](const Epoch& e) { return e.loss; };
  const auto value = [](const Epoch& e) { return e.value; };
  section.blocks.push_back(Paragraph{Shorten(words, 2000)});
  section.blocks.push_back(Chart(facts, "Loss by epoch",
                                 "The mean loss over the rows of each epoch; dots mark the best "
                                 "epoch, thin lines are seeds, thick ones their mean.",
                                 "loss", false, loss));
  if (metric != "none") {
    section.blocks.push_back(Chart(facts, "Validation by epoch",
                                   "The metric that chose the epoch, on the validation part.",
                                   metric, false, value));
  }
  section.blocks.push_back(
      Chart(facts, "Loss by time", "The same over the time of training.", "loss", true, loss));
  if (metric != "none") {
    section.blocks.push_back(Chart(facts, "Validation by time",
                                   "The same over the time of training.", metric, true, value));
  }
  Table table{
      .id = "epochs",
      .caption = "Epochs; validation: " + metric,
      .columns = {"model", "epoch", "loss", "validation", "best so far", "seconds", "peak MiB"},
      .folded = true};
  for (const Curve& curve : facts.curves) {
    for (const Epoch& e : curve.epochs) {
      if (table.rows.size() >= kMostRows) {
        ++table.left_out;
        continue;
      }
      table.rows.push_back({curve.name, e.epoch, e.loss, e.value, e.best ? Cell("yes") : Cell(),
                            e.seconds, std::isfinite(e.memory) ? Cell(e.memory) : Cell()});
    }
  }
  section.blocks.push_back(std::move(table));
  return section;
}

}  // namespace undula::cli::report
