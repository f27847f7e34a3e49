#include "cli/report/facts.h"

#include <algorithm>
#include <utility>

namespace undula::cli::report {
namespace {

constexpr int kUsers = 3, kItems = 3, kReasons = 3;
constexpr int kAround = 24;  // vertices of a neighborhood

const EvaluationRow* Find(const std::vector<EvaluationRow>& rows, const std::string& model,
                          const std::string& part) {
  for (const EvaluationRow& row : rows) {
    if (row.model == model && row.part == part) return &row;
  }
  return nullptr;
}

absl::Status ChooseModels(const Database& database, Facts* facts) {
  auto stored = database.Models();
  if (!stored.ok()) return stored.status();
  std::erase_if(*stored, [](const StoredModel& model) { return model.family == "vectors"; });
  std::vector<std::string>& names = facts->options.models;
  if (names.empty()) {
    for (const StoredModel& model : *stored) names.push_back(model.name);
  }
  const std::vector<ModelFamily> catalog = ModelCatalog();
  for (const std::string& name : names) {
    const auto model = std::find_if(stored->begin(), stored->end(),
                                    [&](const StoredModel& m) { return m.name == name; });
    if (model == stored->end()) {
      std::string known;
      for (const StoredModel& m : *stored) known += (known.empty() ? "" : ", ") + m.name;
      return absl::NotFoundError("no stored model '" + name + "'; there are: " +
                                 (known.empty() ? "none (undula train)" : known));
    }
    ModelFacts out{.stored = *model};
    for (const ModelFamily& family : catalog) {
      if (family.name != model->family) continue;
      out.title = family.title;
      out.paper = family.paper;
      out.options = family.options;
      const auto graph = model->metadata.find("model.kg");  // off: a control without the graph
      out.uses_graph =
          family.uses_graph && (graph == model->metadata.end() || graph->second != "false");
    }
    facts->models.push_back(std::move(out));
  }
  return absl::OkStatus();
}

// Adds what is not there yet; differences go by the other's name.
void Merge(const EvaluationReport& report, const std::string& first, Facts* facts) {
  const std::string prefix = first + " - ";
  for (const EvaluationRow& row : report.rows) {
    const bool difference = row.model.starts_with(prefix) && row.part == "all";
    EvaluationRow copy = row;
    if (difference) copy.model = row.model.substr(prefix.size());
    auto& rows = difference ? facts->differences : facts->rows;
    if (Find(rows, copy.model, copy.part) == nullptr) rows.push_back(std::move(copy));
  }
}

absl::Status EvaluateModels(const Database& database, Progress* progress, Facts* facts) {
  if (facts->models.empty()) return absl::OkStatus();
  EvaluateOptions options = facts->options.evaluate;
  options.name = facts->models[0].stored.name;
  options.bands = true;
  options.baselines = false;
  std::vector<EvaluationRow> baselines;
  for (size_t i = 1; i < facts->models.size(); ++i) {
    const std::string& other = facts->models[i].stored.name;
    options.against = other;
    auto report = database.Evaluate(options, progress);
    if (absl::IsFailedPrecondition(report.status())) {
      // Another split: it is shown with its own figures, and not compared.
      facts->notes.push_back(other + " is not compared: " + std::string(report.status().message()));
      EvaluateOptions alone = options;
      alone.name = other;
      alone.against.clear();
      report = database.Evaluate(alone, progress);
    }
    if (!report.ok()) return report.status();
    Merge(*report, options.name, facts);
  }
  options.against.clear();
  options.baselines = true;
  options.differences = true;
  auto report = database.Evaluate(options, progress);
  if (!report.ok()) return report.status();
  facts->protocol = report->protocol;
  std::vector<EvaluationRow> others = std::move(facts->rows);
  facts->rows.clear();
  const auto is_first = [&](const EvaluationRow& row) { return row.model == options.name; };
  std::copy_if(report->rows.begin(), report->rows.end(), std::back_inserter(facts->rows), is_first);
  for (EvaluationRow& row : others) {
    if (!is_first(row)) facts->rows.push_back(std::move(row));
  }
  Merge(*report, options.name, facts);
  return absl::OkStatus();
}

// The user's name, or which of those explained it is.
std::string UserLabel(const std::string& user, size_t place, bool show) {
  return show ? user : std::string("user ") + static_cast<char>('A' + place % 26);
}

// Neighborhoods that were asked for; else that of the first explained item which has one.
absl::Status LookAround(const Recommender& recommender, Facts* facts) {
  for (const std::string& name : facts->options.around) {
    auto around = recommender.Around(name, kAround);
    if (!around.ok()) return around.status();
    facts->around.push_back(std::move(*around));
  }
  for (const ExplainedItem& item : facts->explained) {
    if (!facts->around.empty()) break;
    auto around = recommender.Around(item.explanation.item, kAround);
    if (around.ok() && around->vertices.size() > 1) facts->around.push_back(std::move(*around));
  }
  return absl::OkStatus();
}

absl::Status ExplainLists(const Database& database, Facts* facts) {
  if (facts->models.empty()) {
    facts->explained_missing = "No model is stored: undula train fills this section.";
    return absl::OkStatus();
  }
  auto recommender = database.LoadRecommender(facts->models[0].stored.name);
  if (!recommender.ok()) return recommender.status();
  for (size_t u = 0; u < facts->profile.users.size(); ++u) {
    const std::string& user = facts->profile.users[u];
    const auto list = (*recommender)->Recommend(user, {.k = kItems});
    if (absl::IsNotFound(list.status())) continue;  // came after the training
    if (!list.ok()) return list.status();
    for (const Recommendation& item : *list) {
      ExplainOptions options{.slots = kReasons, .connections = kReasons, .effect = true};
      auto explanation = (*recommender)->Explain(user, item.item, options);
      if (absl::IsUnimplemented(explanation.status())) {
        options.effect = false;
        explanation = (*recommender)->Explain(user, item.item, options);
      }
      if (!explanation.ok()) {
        facts->explained_missing = std::string(explanation.status().message());
        continue;
      }
      facts->explained.push_back(
          {UserLabel(user, u, facts->options.show_users), std::move(*explanation)});
    }
  }
  if (absl::Status s = LookAround(**recommender, facts); !s.ok()) return s;
  if (facts->explained.empty() && facts->explained_missing.empty()) {
    facts->explained_missing =
        "The model knows none of the users that were drawn; another --seed draws others.";
  }
  return absl::OkStatus();
}

absl::Status ReadFiles(Facts* facts) {
  for (const std::string& spec : facts->options.metrics) {
    auto curve = ReadCurve(spec);
    if (!curve.ok()) return curve.status();
    facts->files.push_back(curve->file);
    facts->curves.push_back(std::move(*curve));
  }
  if (!facts->options.published.empty()) {
    SourceFile source;
    auto published = ReadPublished(facts->options.published, &source);
    if (!published.ok()) return published.status();
    facts->files.push_back(source);
    facts->published = std::move(*published);
  }
  for (const std::string& file : facts->options.trials) {
    SourceFile source;
    auto trials = ReadTrials(file, &source);
    if (!trials.ok()) return trials.status();
    facts->files.push_back(source);
    facts->trials.insert(facts->trials.end(), trials->begin(), trials->end());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Facts> Gather(const Database& database, ReportOptions options, Progress* progress) {
  Facts facts;
  facts.options = std::move(options);
  auto stats = database.Stats();
  if (!stats.ok()) return stats.status();
  facts.stats = std::move(*stats);
  if (absl::Status s = ReadFiles(&facts); !s.ok()) return s;
  if (absl::Status s = ChooseModels(database, &facts); !s.ok()) return s;
  auto profile = database.Profile({.users = kUsers, .seed = facts.options.seed});
  if (!profile.ok()) return profile.status();
  facts.profile = std::move(*profile);
  if (absl::Status s = EvaluateModels(database, progress, &facts); !s.ok()) return s;
  if (absl::Status s = ExplainLists(database, &facts); !s.ok()) return s;
  return facts;
}

}  // namespace undula::cli::report
