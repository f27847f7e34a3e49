#include <algorithm>
#include <fstream>
#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

// "--learning-rate" names learning_rate.
std::string Key(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

bool Has(const std::vector<OptionInfo>& options, const std::string& key) {
  return std::any_of(options.begin(), options.end(),
                     [&](const OptionInfo& o) { return o.name == key; });
}

// Gives each further flag to the table that knows it: model, training, split. "split.seed" names
// the table; a plain name that several tables know goes to all of them. What no table knows goes to
// the model, whose error names the nearest option.
absl::Status Distribute(const std::vector<std::pair<std::string, std::string>>& others,
                        const std::string& family, TrainOptions* options) {
  std::vector<OptionInfo> model_options;
  for (const ModelFamily& known : ModelCatalog()) {
    if (known.name == family) model_options = known.options;
  }
  const auto train_options = TrainOptionCatalog();
  const auto split_options = SplitOptionCatalog();
  for (const auto& [flag, value] : others) {
    const std::string key = Key(flag);
    if (const size_t dot = key.find('.'); dot != std::string::npos) {
      const std::string section = key.substr(0, dot), name = key.substr(dot + 1);
      if (section == "model") {
        options->model_options[name] = value;
      } else if (section == "train") {
        options->train_options[name] = value;
      } else if (section == "split") {
        options->split_options[name] = value;
      } else {
        return absl::InvalidArgumentError("--" + flag +
                                          ": the sections are model., train. and split.");
      }
      continue;
    }
    bool known = false;
    if (Has(model_options, key)) options->model_options[key] = value, known = true;
    if (Has(train_options, key)) options->train_options[key] = value, known = true;
    if (Has(split_options, key)) options->split_options[key] = value, known = true;
    if (!known) options->model_options[key] = value;
  }
  return absl::OkStatus();
}

// The family that the flags are of: the one given, else that of the model to start from.
absl::StatusOr<std::string> Family(const TrainOptions& options, const Database& database) {
  if (!options.model.empty()) return options.model;
  if (options.from.empty()) return "ripplenet";
  const auto models = database.Models();
  if (!models.ok()) return models.status();
  for (const StoredModel& model : *models) {
    if (model.name == options.from) return model.family;
  }
  return std::string();  // Train says which models there are
}

}  // namespace

absl::Status RunTrain(const Args& args) {
  Arguments a(
      "train",
      "Trains a model and stores it in the database. Options of the model, the training and\n"
      "the split are flags too: `undula models show ripplenet` lists them. Ctrl-C leaves a\n"
      "checkpoint; the same command resumes from it. --from starts from a stored model and its\n"
      "options, with rows added for what the database got since.",
      "  undula train films.undula --model ripplenet --dim 16 --epochs 10 --chunk 32\n"
      "  undula train films.undula --from ripplenet --epochs 2");
  std::string db, metrics_file, format = "table";
  TrainOptions options;
  int64_t threads = 0, wait = 0;
  bool fresh = false, quiet = false;
  std::vector<std::pair<std::string, std::string>> others;
  a.Positional("database", &db, "database file");
  a.Option("--model", &options.model,
           "model family (undula models list); default: that of --from, else ripplenet");
  a.Option("--name", &options.name, "store under this name; default: that of --from or the family");
  a.Option("--from", &options.from, "start from this stored model");
  a.Option("--options", &options.options_file, "TOML file with [model], [train] and [split]");
  a.Option("--device", &options.device, "auto, cpu, cuda or cuda:N");
  a.Option("--threads", &threads, "threads; 0 = all cores");
  a.Option("--wait", &wait, kWaitHelp);
  a.Option("--metrics", &metrics_file, "write one JSON line an epoch to this file");
  a.Flag("--fresh", &fresh, "ignore a checkpoint of an earlier run");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  a.Flag("--quiet", &quiet, "no progress");
  a.AllowOthers(&others);
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  options.resume = !fresh;
  auto database = OpenDatabase(db, false, false, threads, wait);
  if (!database.ok()) return database.status();
  const auto family = Family(options, **database);
  if (!family.ok()) return family.status();
  if (absl::Status s = Distribute(others, *family, &options); !s.ok()) return s;
  ProgressBar bar(quiet);
  std::ofstream metrics;
  if (!metrics_file.empty()) {
    metrics.open(metrics_file);
    if (!metrics) return absl::NotFoundError("cannot write " + metrics_file);
  }
  options.on_epoch = [&](std::string_view json) {
    bar.Clear();
    if (metrics.is_open()) metrics << json << std::endl;
    if (!quiet) std::cerr << json << "\n";
  };
  auto report = (*database)->Train(options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table({"what", "value"});
  table.Add({"stored as", report->name});
  table.Add({"structure", report->model_description});
  table.Add({"start", report->start});
  table.Add({"device", report->device});
  table.Add({"epochs", report->epochs});
  table.Add({"best epoch", report->best_epoch});
  table.Add({"best", report->best_metric});
  table.Add({"loss rows", report->samples});
  table.Add({"seconds", report->seconds});
  table.Add({"CPU seconds", report->cpu_seconds});
  for (const auto& [key, value] : report->options) table.Add({key, value});
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
