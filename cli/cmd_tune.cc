#include <cmath>
#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunTune(const Args& args) {
  Arguments a(
      "tune",
      "Searches for good options of one or more models: draws settings within the ranges of a\n"
      "TOML file, trains all of them a few epochs and the better ones further, by the validation\n"
      "part; the test part is never read. Every model has the same budget. Trials run in\n"
      "parallel; killed or stopped with Ctrl-C, the same command goes on. The best options are\n"
      "written to DIR/MODEL.toml, for `undula train --options`.",
      "  undula tune films.undula --ranges ranges.toml --out search\n"
      "  undula train films.undula --model ripplenet --options search/ripplenet.toml\n\n"
      "where ranges.toml says, for instance:\n"
      "  [tune]\n"
      "  trials = 16\n"
      "  epochs = 27\n"
      "  [ripplenet]\n"
      "  dim = [16, 32, 64]\n"
      "  learning_rate = { min = 1e-3, max = 3e-2, log = true }\n"
      "  [bpr_mf]\n"
      "  dim = [32, 64, 128]\n"
      "  learning_rate = { min = 1e-3, max = 3e-2, log = true }");
  std::string db, format = "table";
  TuneOptions options;
  int64_t threads = 0;
  bool quiet = false;
  a.Positional("database", &db, "database file");
  a.Option("--ranges", &options.ranges_file, "TOML file with the ranges of the options");
  a.Option("--out", &options.directory, "directory of the search: trials and best options");
  a.Option("--threads", &threads, "trials at a time; 0 = all cores");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (options.ranges_file.empty() || options.directory.empty()) {
    return absl::InvalidArgumentError("give --ranges FILE and --out DIR");
  }
  auto database = OpenDatabase(db, false, true, threads);
  if (!database.ok()) return database.status();
  ProgressBar bar(quiet);
  if (!quiet) options.on_trial = [](std::string_view line) { std::cerr << line << "\n"; };
  auto report = (*database)->Tune(options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table(
      {"model", "trial", "epochs", "best epoch", "metric", "value", "CPU seconds", "setting"});
  for (const TuneRow& row : report->rows) {
    std::string setting;
    for (const auto& [key, value] : row.options) {
      setting += (setting.empty() ? "" : " ") + key + "=" + value;
    }
    if (!row.error.empty()) setting += (setting.empty() ? "" : " ") + ("failed: " + row.error);
    table.Add({row.model, row.trial, row.epochs, row.best_epoch, row.metric,
               std::isnan(row.value) ? Cell("") : Cell(row.value), row.cpu_seconds, setting});
  }
  table.Print(format);
  if (quiet) return absl::OkStatus();
  std::cerr << report->protocol << "; " << report->epochs << " epochs for each model\n";
  for (const std::string& file : report->options_files)
    std::cerr << "best options: " << file << "\n";
  return absl::OkStatus();
}

}  // namespace undula::cli
