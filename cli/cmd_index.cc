#include <string>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunIndex(const Args& args) {
  Arguments a("index",
              "Builds a nearest-neighbor index of a model's item vectors and stores it with the "
              "model:\n`similar` then looks at a part of the catalogue only. Training the model "
              "again drops it.",
              "  undula index films.undula --kind hnsw --recall 0.98");
  std::string db, model, kind = "hnsw";
  OptionMap options;
  std::string recall, width, links, build_width, lists, seed;
  int64_t threads = 0, wait = 0;
  bool quiet = false;
  std::string format = "table";
  a.Positional("database", &db, "database file");
  a.Option("--model", &model, "stored model; may be left out where there is one");
  a.Choice("--kind", &kind, {"exact", "hnsw", "ivf"},
           "a graph of near neighbors (hnsw), lists around centroids (ivf), every vector (exact)");
  a.Option("--recall", &recall, "share of the best 10 to be found; sets the width (0.95)");
  a.Option("--width", &width, "how much a search looks at: nodes (hnsw), lists (ivf)");
  a.Option("--links", &links, "hnsw: links of a node (16)");
  a.Option("--build-width", &build_width, "hnsw: candidates for a node's links (200)");
  a.Option("--lists", &lists, "ivf: number of lists (4 sqrt(items))");
  a.Option("--seed", &seed, "of levels and first centroids (1)");
  a.Option("--threads", &threads, "0: all cores");
  a.Option("--wait", &wait, kWaitHelp);
  a.Flag("--quiet", &quiet, "no progress");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  options["kind"] = kind;
  const std::pair<const char*, const std::string*> given[] = {
      {"recall", &recall},           {"width", &width}, {"links", &links},
      {"build_width", &build_width}, {"lists", &lists}, {"seed", &seed}};
  for (const auto& [key, value] : given) {
    if (!value->empty()) options[key] = *value;
  }
  auto database = OpenDatabase(db, false, false, threads, wait);
  if (!database.ok()) return database.status();
  ProgressBar bar(quiet);
  auto report = (*database)->BuildIndex(model, options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table({"what", "value"});
  table.Add({"model", report->model});
  table.Add({"kind", report->kind});
  table.Add({"items", report->items});
  table.Add({"dimensions", report->dim});
  table.Add({"width", report->width});
  table.Add({"recall of the best 10", Fixed(report->recall, 3)});
  table.Add({"bytes in memory", report->bytes});
  table.Add({"seconds", Fixed(report->seconds, 1)});
  table.Add({"CPU seconds", Fixed(report->cpu_seconds, 1)});
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
