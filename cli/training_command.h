// What the commands that train (train, embed) have in common.
#ifndef UNDULA_CLI_TRAINING_COMMAND_H_
#define UNDULA_CLI_TRAINING_COMMAND_H_

#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "undula/undula.h"

namespace undula::cli {

struct TrainingFlags {
  std::string database, metrics_file, format = "table";
  int64_t threads = 0, wait = 0;
  bool fresh = false, quiet = false;
  // The flags of options, as given: "learning-rate", "train.seed".
  std::vector<std::pair<std::string, std::string>> others;
};

// Declares them; `sections` names those of the options file: "[model], [train] and [split]".
template <class Options>
void AddTrainingFlags(std::string_view sections, TrainingFlags* flags, Options* options,
                      Arguments* a) {
  a->Positional("database", &flags->database, "database file");
  a->Option("--options", &options->options_file, "TOML file with " + std::string(sections));
  a->Option("--device", &options->device, "auto, cpu, cuda or cuda:N");
  a->Option("--threads", &flags->threads, "threads; 0 = all cores");
  a->Option("--wait", &flags->wait, kWaitHelp);
  a->Option("--metrics", &flags->metrics_file, "write one JSON line an epoch to this file");
  a->Flag("--fresh", &flags->fresh, "ignore a checkpoint of an earlier run");
  a->Choice("--format", &flags->format, {"table", "csv", "json"}, "how to print rows");
  a->Flag("--quiet", &flags->quiet, "no progress");
  a->AllowOthers(&flags->others);
}

bool HasOption(const std::vector<OptionInfo>& options, const std::string& key);

// "--learning-rate" is (empty section, "learning_rate"), "--train.seed" ("train", "seed").
std::pair<std::string, std::string> SectionAndKey(const std::string& flag);

// The JSON lines of epochs: to a file where one is named, and to the terminal.
class EpochLines {
 public:
  EpochLines(const TrainingFlags& flags, ProgressBar* bar) : flags_(flags), bar_(bar) {}
  // NotFound: the file cannot be written.
  absl::Status Open();
  void Write(std::string_view json);

 private:
  const TrainingFlags& flags_;
  ProgressBar* bar_;
  std::ofstream file_;
};

// The rows of a report that every training has, from the device on.
template <class Report>
void AddRunRows(const Report& report, const char* samples, Table* table) {
  table->Add({"device", report.device});
  table->Add({"epochs", report.epochs});
  table->Add({"best epoch", report.best_epoch});
  table->Add({"best", report.best_metric});
  table->Add({samples, report.samples});
  table->Add({"seconds", report.seconds});
  table->Add({"CPU seconds", report.cpu_seconds});
}

}  // namespace undula::cli

#endif  // UNDULA_CLI_TRAINING_COMMAND_H_
