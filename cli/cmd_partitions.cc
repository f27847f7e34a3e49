#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunPartitions(const Args& args) {
  Arguments a(
      "partitions",
      "Makes the vectors of all items of a stored PinSAGE in partitions: jobs that read and write\n"
      "files of one directory, so that any scheduler can run them. start reads the database; the\n"
      "others only the directory. For each layer: project every partition, exchange every\n"
      "partition, pool every partition; then finish every partition and collect once. Jobs of a\n"
      "stage run in any order; one that was killed is run again. The vectors have the same bits "
      "for\n"
      "any number of partitions.",
      "  undula partitions start jobs --database films.undula --partitions 2\n"
      "  for stage in project exchange pool; do for p in 0 1; do\n"
      "    undula partitions $stage jobs --layer 0 --partition $p\n"
      "  done; done\n"
      "  for p in 0 1; do undula partitions finish jobs --partition $p; done\n"
      "  undula partitions collect jobs -o items.npy");
  PartitionJob job;
  std::string database, model, format = "table";
  int64_t partitions = 1, threads = 1;
  a.Positional("stage", &job.stage, "start | project | exchange | pool | finish | collect");
  a.Positional("directory", &job.directory, "of the job's files");
  a.Option("--database", &database, "start: the database file");
  a.Option("--model", &model, "start: stored model; may be left out where there is one");
  a.Option("--partitions", &partitions, "start: how many");
  a.Option("--layer", &job.layer, "project, exchange, pool: from 0");
  a.Option("--partition", &job.partition, "project, exchange, pool, finish: from 0");
  a.Option("-o,--output", &job.output, "collect: NumPy file to write; names go to FILE.names");
  a.Option("--threads", &threads, "threads; 0 = all cores");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print the summary");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  Table table({"stage", "file", "rows", "remote", "bytes"});
  if (job.stage == "start") {
    if (database.empty()) {
      return absl::InvalidArgumentError("start: name the database with --database");
    }
    auto opened = OpenDatabase(database, false, true, threads);
    if (!opened.ok()) return opened.status();
    const absl::Status s = (*opened)->StartPartitions(model, partitions, job.directory);
    if (!s.ok()) return s;
    table.Add({job.stage, job.directory, int64_t{0}, int64_t{0}, int64_t{0}});
  } else {
    job.threads = static_cast<int>(threads);
    auto report = RunPartitionJob(job);
    if (!report.ok()) return report.status();
    table.Add({job.stage, report->file, report->rows, report->remote, report->bytes});
  }
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
