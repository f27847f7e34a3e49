// What a report says, before it is put into sections.
#ifndef UNDULA_CLI_REPORT_FACTS_H_
#define UNDULA_CLI_REPORT_FACTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/report/run_files.h"
#include "undula/undula.h"

namespace undula::cli::report {

struct ReportOptions {
  std::string database;                      // its file, for display
  std::vector<std::string> models;           // stored models, the first is compared with the others
  EvaluateOptions evaluate;                  // protocol, part, at
  std::vector<std::string> metrics, trials;  // files; see run_files.h
  std::string published;                     // file of published values; see run_files.h
  std::vector<std::string> around;  // entities or items; none: the first explained item with a link
  bool show_users = false;
  uint64_t seed = 1;  // of the users whose lists are explained
  std::string command;
};

struct ExplainedItem {
  std::string user;  // as it is shown: "user A"
  Explanation explanation;
};

// What models of the report do and do not use, from their family and options.
struct ModelFacts {
  StoredModel stored;
  bool uses_graph = false;
  std::string title, paper;
  std::vector<OptionInfo> options;  // of the family
};

struct Facts {
  ReportOptions options;
  DatabaseStats stats;
  DataProfile profile;
  std::vector<ModelFacts> models;
  std::string protocol;
  std::vector<EvaluationRow> rows;         // models, then baselines
  std::vector<EvaluationRow> differences;  // the first model less another; model: the other's name
  std::vector<std::string> notes;          // what could not be compared and why
  std::vector<Curve> curves;
  std::vector<Trial> trials;
  std::vector<PublishedValue> published;
  std::vector<SourceFile> files;
  std::vector<Neighborhood> around;
  std::vector<ExplainedItem> explained;
  std::string explained_missing;  // why there are none
};

// Evaluates the models (reads their test parts), and explains lists of the first. With no model
// named all stored ones of the database are taken. NotFound for an unknown model or file.
absl::StatusOr<Facts> Gather(const Database& database, ReportOptions options, Progress* progress);

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_FACTS_H_
