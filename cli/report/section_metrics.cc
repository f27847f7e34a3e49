// Metrics beside baselines, differences, and what is recommended.
#include <algorithm>
#include <cmath>
#include <map>

#include "cli/report/sections.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr char kNothing[] = "No model was evaluated: undula train stores one.";

// One of its column: better than every other row by paired intervals that exclude 0.
bool FirstIsBest(const Facts& facts, const std::string& metric) {
  int64_t others = 0;
  for (const EvaluationRow& row : facts.rows) {
    others += row.part == "all" && row.model != facts.rows[0].model;
  }
  int64_t beaten = 0;
  for (const EvaluationRow& row : facts.differences) {
    const Metric* m = FindMetric(row, metric);
    beaten += m != nullptr && m->low > 0;
  }
  return others > 0 && beaten == others;
}

Number NumberFrom(const Metric& m) {
  Number out{m.value, std::nullopt, false};
  if (m.low != m.high) out.interval = {m.low, m.high};
  return out;
}

std::string Kind(const Facts& facts, const std::string& model) {
  for (const ModelFacts& m : facts.models) {
    if (m.stored.name == model) return m.uses_graph ? "uses the graph" : "without the graph";
  }
  return "baseline";
}

std::string SeedOf(const ModelFacts& model) {
  const auto it = model.stored.metadata.find("train.seed");
  return it == model.stored.metadata.end() ? "" : it->second;
}

// Models that differ in their seeds alone.
std::string KeyWithoutSeeds(const ModelFacts& model) {
  std::string key = model.stored.family;
  for (const auto& [name, value] : model.stored.metadata) {
    const bool option =
        name.starts_with("model.") || name.starts_with("train.") || name.starts_with("split.");
    if (option && !name.ends_with(".seed")) key += "\n" + name + "=" + value;
  }
  return key;
}

// Mean and standard deviation over seeds, where there are several of them.
void AddSeeds(const Facts& facts, Section* section) {
  std::map<std::string, std::vector<const EvaluationRow*>> groups;
  std::vector<std::string> order;
  for (const ModelFacts& model : facts.models) {
    for (const EvaluationRow& row : facts.rows) {
      if (row.model != model.stored.name || row.part != "all") continue;
      const std::string key = KeyWithoutSeeds(model);
      if (groups[key].empty()) order.push_back(key);
      groups[key].push_back(&row);
    }
  }
  Table table{.id = "seeds",
              .caption = "Means over seeds: models that differ in their seeds alone",
              .columns = {"models", "seeds", "metric", "mean", "standard deviation"}};
  for (const std::string& key : order) {
    const auto& rows = groups[key];
    if (rows.size() < 2) continue;
    std::string names;
    for (const EvaluationRow* row : rows) names += (names.empty() ? "" : ", ") + row->model;
    for (const Metric& m : rows[0]->metrics) {
      if (m.low == m.high) continue;
      double sum = 0, squares = 0, n = 0;
      for (const EvaluationRow* row : rows) {
        if (const Metric* value = FindMetric(*row, m.name)) {
          sum += value->value, squares += value->value * value->value, ++n;
        }
      }
      const double variance = (squares - sum * sum / n) / std::max(n - 1, 1.0);
      table.rows.push_back(
          {names, static_cast<int64_t>(n), m.name, sum / n, std::sqrt(std::max(variance, 0.0))});
    }
  }
  if (!table.rows.empty()) section->blocks.push_back(std::move(table));
}

// What others report, beside what was measured here where model and metric have the same names.
void AddPublished(const Facts& facts, Section* section) {
  if (facts.published.empty()) return;
  Table table{.id = "published",
              .caption = "Published values, each with its own protocol",
              .columns = {"model", "metric", "published", "here", "its protocol", "source"}};
  for (const PublishedValue& p : facts.published) {
    Cell here = "not run";
    for (const EvaluationRow& row : facts.rows) {
      const Metric* m = FindMetric(row, p.metric);
      if (row.model == p.model && row.part == "all" && m != nullptr) here = NumberFrom(*m);
    }
    table.rows.push_back({p.model, p.metric, p.value, here, p.protocol, p.source});
  }
  section->blocks.push_back(std::move(table));
}

}  // namespace

Section MetricsSection(const Facts& facts) {
  Section section{.id = "metrics", .title = "Metrics"};
  if (facts.rows.empty()) {
    section.missing = kNothing;
    return section;
  }
  section.blocks.push_back(Paragraph{facts.protocol + "."});
  for (const std::string& note : facts.notes) section.blocks.push_back(Paragraph{note});
  Table table{.id = "metrics-all",
              .caption =
                  "Value and 95 % bootstrap interval over users; bold: better than every "
                  "other row, each paired interval excludes 0",
              .columns = {"model", "what", "seed", "users"}};
  Table bands{.id = "metrics-bands",
              .caption = "By popularity of the item and by length of the history",
              .columns = {"model", "part", "users"},
              .folded = true};
  Table more{.id = "metrics-more",
             .caption = "Further metrics, without intervals",
             .columns = {"model"},
             .folded = true};
  for (const Metric& m : facts.rows[0].metrics) {
    (m.low != m.high || m.name == MainMetric(facts) ? table : more).columns.push_back(m.name);
  }
  for (const EvaluationRow& row : facts.rows) {
    if (row.part != "all") continue;
    std::string seed;
    for (const ModelFacts& m : facts.models) {
      if (m.stored.name == row.model) seed = SeedOf(m);
    }
    std::vector<Cell> cells = {row.model, Kind(facts, row.model), seed, row.users};
    for (size_t c = cells.size(); c < table.columns.size(); ++c) {
      const Metric* m = FindMetric(row, table.columns[c]);
      cells.push_back(m == nullptr ? Cell() : Cell(NumberFrom(*m)));
      if (m != nullptr && &row == &facts.rows[0] && FirstIsBest(facts, m->name)) {
        std::get<Number>(cells.back().value).best = true;
      }
    }
    table.rows.push_back(std::move(cells));
    std::vector<Cell> others = {row.model};
    for (size_t c = 1; c < more.columns.size(); ++c) {
      const Metric* m = FindMetric(row, more.columns[c]);
      others.push_back(m == nullptr ? Cell() : Cell(m->value));
    }
    more.rows.push_back(std::move(others));
  }
  for (const EvaluationRow& row : facts.rows) {
    if (row.part == "all") continue;
    if (bands.rows.empty()) {
      for (const Metric& m : row.metrics) bands.columns.push_back(m.name);
    }
    std::vector<Cell> cells = {row.model, row.part, row.users};
    for (const Metric& m : row.metrics) cells.push_back(NumberFrom(m));
    bands.rows.push_back(std::move(cells));
  }
  section.blocks.push_back(std::move(table));
  AddPublished(facts, &section);
  AddSeeds(facts, &section);
  if (more.columns.size() > 1) section.blocks.push_back(std::move(more));
  if (!bands.rows.empty()) section.blocks.push_back(std::move(bands));
  return section;
}

Section ComparisonSection(const Facts& facts) {
  Section section{.id = "comparison", .title = "Differences"};
  if (facts.differences.empty()) {
    section.missing = facts.rows.empty() ? kNothing
                                         : "Nothing to compare with: name further models of the "
                                           "same split in --model.";
    return section;
  }
  const std::string first = facts.rows[0].model, metric = MainMetric(facts);
  Table table{.id = "differences",
              .caption = first +
                         " less the other model: mean over the users that both score, with "
                         "its paired 95 % bootstrap interval",
              .columns = {"less", "users"}};
  for (const Metric& m : facts.differences[0].metrics) table.columns.push_back(m.name);
  ForestChart chart{.title = "Difference in " + metric,
                    .message = "",
                    .x_label = first + " less the other, " + metric};
  int64_t better = 0, worse = 0;
  for (const EvaluationRow& row : facts.differences) {
    std::vector<Cell> cells = {row.model, row.users};
    for (size_t c = 2; c < table.columns.size(); ++c) {
      const Metric* m = FindMetric(row, table.columns[c]);
      cells.push_back(m == nullptr ? Cell() : Cell(NumberFrom(*m)));
    }
    table.rows.push_back(std::move(cells));
    const Metric* m = FindMetric(row, metric);
    if (m == nullptr) continue;
    chart.rows.push_back({row.model, m->value, m->low, m->high});
    better += m->low > 0;
    worse += m->high < 0;
  }
  chart.message = "Right of the line at zero " + first + " is better: against " +
                  std::to_string(better) + " of " + std::to_string(chart.rows.size()) +
                  " the interval lies wholly there, against " + std::to_string(worse) +
                  " wholly on the other side; gray: neither.";
  if (!chart.rows.empty()) section.blocks.push_back(std::move(chart));
  section.blocks.push_back(std::move(table));
  return section;
}

Section RecommendedSection(const Facts& facts) {
  Section section{.id = "recommended", .title = "What is recommended"};
  Table table{.id = "lists",
              .caption =
                  "The lists of the users evaluated; tail: the less popular half of the "
                  "catalogue",
              .columns = {"model"}};
  Table shares{.id = "deciles",
               .caption =
                   "Share of the list entries by popularity of the item: tenths of the "
                   "catalogue, most popular first",
               .columns = {"model"},
               .folded = true};
  for (int i = 1; i <= 10; ++i) shares.columns.push_back("tenth " + std::to_string(i));
  LineChart lorenz{.title = "Lorenz curve",
                   .message =
                       "Share of the entries that the least recommended items have; the "
                       "nearer to the diagonal, the more even.",
                   .x_label = "share of the items, least recommended first",
                   .y_label = "share of the list entries"};
  BarChart deciles{.title = "Entries by popularity of the item",
                   .message = "Each tenth has as many items; 0.1 everywhere would be even.",
                   .x_label = "tenth of the catalogue, most popular first",
                   .y_label = "share of the list entries"};
  for (int i = 1; i <= 10; ++i) deciles.bars.push_back(std::to_string(i));
  constexpr size_t kDrawn = 8;  // models, more could not be told apart
  std::vector<std::string> names;
  for (const EvaluationRow& row : facts.rows) {
    if (row.deciles.empty()) continue;
    if (names.empty()) {
      for (const Metric& m : row.metrics) {
        for (const char* kind : {"coverage@", "novelty@", "gini@"}) {
          if (m.name.starts_with(kind)) names.push_back(m.name);
        }
      }
      table.columns.insert(table.columns.end(), names.begin(), names.end());
      table.columns.push_back("share of the tail");
    }
    std::vector<Cell> cells = {row.model}, of_shares = {row.model};
    for (const std::string& name : names) {
      const Metric* m = FindMetric(row, name);
      cells.push_back(m == nullptr ? Cell() : Cell(m->value));
    }
    double tail = 0;
    for (size_t i = 5; i < row.deciles.size(); ++i) tail += row.deciles[i];
    cells.push_back(tail);
    table.rows.push_back(std::move(cells));
    for (const double share : row.deciles) of_shares.push_back(share);
    shares.rows.push_back(std::move(of_shares));
    if (lorenz.series.size() >= kDrawn) continue;
    Series series{.name = row.model, .color = static_cast<int>(lorenz.series.size())};
    for (size_t i = 0; i < row.lorenz.size(); ++i) {
      series.points.emplace_back(static_cast<double>(i) / 20, row.lorenz[i]);
    }
    lorenz.series.push_back(std::move(series));
    deciles.series.push_back(row.model);
    deciles.values.push_back(row.deciles);
  }
  if (table.rows.empty()) {
    section.missing = facts.rows.empty() ? kNothing
                                         : "The click-through protocol makes no lists: --protocol "
                                           "ranking fills this section.";
    return section;
  }
  section.blocks.push_back(std::move(table));
  section.blocks.push_back(std::move(deciles));
  section.blocks.push_back(std::move(lorenz));
  section.blocks.push_back(std::move(shares));
  return section;
}

}  // namespace undula::cli::report
