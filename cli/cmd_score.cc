#include <cstdio>
#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunScore(const Args& args) {
  Arguments a(
      "score",
      "Writes the best items of every user to a file. A killed job goes on where it\n"
      "stopped when the same command is run again; shards can run on different machines and\n"
      "their files put together in order.",
      "  undula score films.undula -o top.tsv -k 50\n"
      "  undula score films.undula -o top-2.tsv --shard 2/3");
  std::string db, model, shard = "1/1", rows_format = "table";
  ScoreBatchOptions options;
  std::string pattern;
  std::vector<std::string> params;
  int64_t threads = 0, reasons = 0, connections = 0;
  bool with_seen = false, fresh = false, quiet = false;
  a.Positional("database", &db, "database file");
  a.Option("-o,--output", &options.output, "file to write");
  a.Choice("--write", &options.format, {"tsv", "jsonl"}, "format of the file");
  a.Option("--model", &model, "stored model; may be left out where there is one");
  a.Option("-k,--top", &options.k, "items for each user");
  a.Option("--reasons", &reasons, "reasons of the model for each item (jsonl)");
  a.Option("--connections", &connections, "connections over the graph for each item (jsonl)");
  a.Option("--shard", &shard, "this part of the users, i/n");
  a.Option("--allow", &options.filter.allow, "only these items, comma separated");
  a.Option("--deny", &options.filter.deny, "never these items");
  a.Option("--pattern", &pattern, "only items that this query file selects (docs/queries.md)");
  a.Option("--param", &params, "name=value of a $variable of the pattern, comma separated");
  a.Flag("--with-seen", &with_seen, "also items of the users' own histories");
  a.Flag("--fresh", &fresh, "start anew instead of resuming");
  a.Option("--device", &options.device, "cpu, auto, cuda or cuda:N");
  a.Option("--threads", &threads, "threads; 0 = all cores");
  a.Choice("--format", &rows_format, {"table", "csv", "json"}, "how to print the summary");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (options.output.empty()) return absl::InvalidArgumentError("give a file with --output");
  long long i = 0, n = 0;
  char rest = 0;
  if (std::sscanf(shard.c_str(), "%lld/%lld%c", &i, &n, &rest) != 2 || n < 1 || i < 1 || i > n) {
    return absl::InvalidArgumentError("--shard: '" + shard + "' is not i/n with 1 <= i <= n");
  }
  options.shard = i;
  options.shards = n;
  options.reasons = static_cast<int>(reasons);
  options.connections = static_cast<int>(connections);
  options.filter.exclude_seen = !with_seen;
  if (absl::Status s = ReadPattern(pattern, params, &options.filter); !s.ok()) return s;
  options.resume = !fresh;
  auto database = OpenDatabase(db, false, true, threads);
  if (!database.ok()) return database.status();
  auto recommender = (*database)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();
  ProgressBar bar(quiet);
  auto report = (*recommender)->ScoreBatch(options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table({"users", "resumed", "skipped", "rows", "seconds", "cpu_seconds", "device"});
  table.Add({report->users, report->users_resumed, report->users_skipped, report->rows,
             report->seconds, report->cpu_seconds, report->device});
  table.Print(rows_format);
  return absl::OkStatus();
}

}  // namespace undula::cli
