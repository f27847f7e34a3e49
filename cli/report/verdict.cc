#include <algorithm>
#include <optional>

#include "cli/report/sections.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

std::string WithInterval(const Metric& m, bool sign) {
  return (sign && m.value > 0 ? "+" : "") + HumanNumber(m.value) + " [" +
         (sign && m.low > 0 ? "+" : "") + HumanNumber(m.low) + ", " +
         (sign && m.high > 0 ? "+" : "") + HumanNumber(m.high) + "]";
}

const EvaluationRow* RowOf(const std::vector<EvaluationRow>& rows, const std::string& model) {
  for (const EvaluationRow& row : rows) {
    if (row.model == model && row.part == "all") return &row;
  }
  return nullptr;
}

// The first model less `other`, by the main metric.
std::optional<Metric> FirstLess(const Facts& facts, const std::string& other, int64_t* users) {
  const EvaluationRow* row = RowOf(facts.differences, other);
  const Metric* metric = row == nullptr ? nullptr : FindMetric(*row, MainMetric(facts));
  if (metric == nullptr) return std::nullopt;
  *users = row->users;
  return *metric;
}

Metric Negative(const Metric& m) { return {m.name, -m.value, -m.high, -m.low}; }

constexpr char kNoRival[] =
    "Is the graph useful here? Not measured: no pair of models with and without it, one of them "
    "the first of --model, was evaluated on one split. Train a control (undula train DB --model "
    "bpr_mf, or kgcn with --kg false) and name both.";

}  // namespace

const Metric* FindMetric(const EvaluationRow& row, const std::string& name) {
  for (const Metric& m : row.metrics) {
    if (m.name == name) return &m;
  }
  return nullptr;
}

std::string MainMetric(const Facts& facts) {
  if (facts.rows.empty()) return {};
  std::string ndcg;
  for (const Metric& m : facts.rows[0].metrics) {
    if (m.name == "auc") return m.name;
    if (m.name.starts_with("ndcg@")) ndcg = m.name;
  }
  return ndcg;
}

std::string Verdict(const Facts& facts) {
  if (facts.rows.empty()) {
    return "No model is stored in this database: the report shows its graph and its data only.";
  }
  const std::string metric = MainMetric(facts);
  const EvaluationRow& first = facts.rows[0];
  const Metric* own = FindMetric(first, metric);
  if (own == nullptr) return {};
  std::string out = first.model + " " + WithInterval(*own, false) + " " + metric;
  const EvaluationRow* popular = RowOf(facts.rows, "most_popular");
  const Metric* its = popular == nullptr ? nullptr : FindMetric(*popular, metric);
  int64_t users = 0;
  const auto difference = FirstLess(facts, "most_popular", &users);
  if (its == nullptr || !difference.has_value()) {
    return out + "; " + HumanNumber(first.users) + " users.";
  }
  out += "; most_popular " + HumanNumber(its->value) + "; difference " +
         WithInterval(*difference, true) + ", paired, " + HumanNumber(users) + " users, 95 %: ";
  if (difference->low > 0) return out + first.model + " is better than popularity alone.";
  if (difference->high < 0) return out + first.model + " is worse than popularity alone.";
  return out + "no difference from popularity alone is shown.";
}

std::string GraphVerdict(const Facts& facts) {
  if (facts.rows.empty() || facts.models.empty()) return {};
  // A control of the same family says most, then the best of those on the other side.
  const ModelFacts& first = facts.models[0];
  const std::string metric = MainMetric(facts);
  const ModelFacts* rival = nullptr;
  double best = 0;
  for (const ModelFacts& other : facts.models) {
    if (other.uses_graph == first.uses_graph) continue;
    int64_t users = 0;
    if (!FirstLess(facts, other.stored.name, &users).has_value()) continue;
    const EvaluationRow* row = RowOf(facts.rows, other.stored.name);
    const Metric* value = row == nullptr ? nullptr : FindMetric(*row, metric);
    if (value == nullptr) continue;
    const double rank = value->value + (other.stored.family == first.stored.family ? 1e6 : 0);
    if (rival == nullptr || rank > best) rival = &other, best = rank;
  }
  if (rival == nullptr) return kNoRival;
  int64_t users = 0;
  Metric difference = *FirstLess(facts, rival->stored.name, &users);
  const ModelFacts& with = first.uses_graph ? first : *rival;
  const ModelFacts& without = first.uses_graph ? *rival : first;
  if (!first.uses_graph) difference = Negative(difference);
  const char* answer = difference.low > 0    ? "Yes"
                       : difference.high < 0 ? "No, it costs"
                                             : "Not shown";
  return std::string("Is the graph useful here? ") + answer + ": " + with.stored.name +
         " (uses it) less " + without.stored.name + " (does not) is " +
         WithInterval(difference, true) + " " + metric + ", paired, " + HumanNumber(users) +
         " users, 95 %.";
}

}  // namespace undula::cli::report
