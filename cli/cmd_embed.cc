#include <algorithm>
#include <fstream>
#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

// Gives each further flag to the table that knows it: model, triples, training; "train.seed" names
// the table. What no table knows goes to the model, whose error names the nearest option.
absl::Status Distribute(const std::vector<std::pair<std::string, std::string>>& others,
                        EmbedOptions* options) {
  const auto embed = EmbedOptionCatalog(), train = TrainOptionCatalog();
  const auto has = [](const std::vector<OptionInfo>& list, const std::string& name) {
    return std::any_of(list.begin(), list.end(),
                       [&](const OptionInfo& option) { return option.name == name; });
  };
  for (const auto& [flag, value] : others) {
    std::string key = flag;
    std::replace(key.begin(), key.end(), '-', '_');
    std::string section;
    if (const size_t dot = key.find('.'); dot != std::string::npos) {
      section = key.substr(0, dot);
      key = key.substr(dot + 1);
    } else if (has(train, key)) {
      section = "train";
    } else {
      section = has(embed, "triples." + key) ? "triples" : "model";
    }
    if (section == "model") {
      options->model_options[key] = value;
    } else if (section == "train") {
      options->train_options[key] = value;
    } else if (section == "triples") {
      options->triple_options[key] = value;
    } else {
      return absl::InvalidArgumentError("--" + flag +
                                        ": the sections are model., train. and triples.");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunEmbed(const Args& args) {
  Arguments a(
      "embed",
      "Learns a vector for every entity and relation from the graph's triples (TransE,\n"
      "TransH, TransR, DistMult), measures them on triples that were left out and stores\n"
      "them as vectors: `undula models DATABASE` lists them, `undula export DATABASE model\n"
      "FILE --model NAME` writes them. Options of the model, the triples and the training\n"
      "are flags too (--show lists them). Ctrl-C leaves a checkpoint; the same command\n"
      "resumes from it.",
      "  undula embed films.undula --form transe --dim 64 --epochs 100");
  std::string db, metrics_file, format = "table";
  EmbedOptions options;
  int64_t threads = 0, wait = 0;
  bool fresh = false, quiet = false, show = false;
  std::vector<std::pair<std::string, std::string>> others;
  a.Positional("database", &db, "database file");
  a.Option("--name", &options.name, "store under this name and NAME.relations; default: the form");
  a.Option("--options", &options.options_file, "TOML file with [model], [train] and [triples]");
  a.Option("--device", &options.device, "auto, cpu, cuda or cuda:N");
  a.Option("--threads", &threads, "threads; 0 = all cores");
  a.Option("--wait", &wait, kWaitHelp);
  a.Option("--metrics", &metrics_file, "write one JSON line an epoch to this file");
  a.Flag("--fresh", &fresh, "ignore a checkpoint of an earlier run");
  a.Flag("--show", &show, "print the options and stop");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  a.Flag("--quiet", &quiet, "no progress");
  a.AllowOthers(&others);
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (show) {
    Table table({"option", "default", "range", "meaning"});
    for (const OptionInfo& o : EmbedOptionCatalog()) {
      table.Add({o.name, o.default_value, o.range, o.help});
    }
    table.Print(format);
    return absl::OkStatus();
  }
  options.resume = !fresh;
  if (absl::Status s = Distribute(others, &options); !s.ok()) return s;
  auto database = OpenDatabase(db, false, false, threads, wait);
  if (!database.ok()) return database.status();
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
  auto report = (*database)->Embed(options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table({"what", "value"});
  table.Add({"stored as", report->name});
  table.Add({"relations stored as", report->relations_name});
  table.Add({"protocol", report->protocol});
  table.Add({"device", report->device});
  table.Add({"epochs", report->epochs});
  table.Add({"best epoch", report->best_epoch});
  table.Add({"best", report->best_metric});
  table.Add({"triples trained", report->samples});
  table.Add({"seconds", report->seconds});
  table.Add({"CPU seconds", report->cpu_seconds});
  for (const EvaluationRow& row : report->rows) {
    for (const Metric& metric : row.metrics) {
      table.Add({row.part + " " + metric.name, metric.value});
    }
  }
  for (const auto& [key, value] : report->options) table.Add({key, value});
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
