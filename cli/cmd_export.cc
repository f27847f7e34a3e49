#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunExport(const Args& args) {
  Arguments a("export", "Writes a part of the database to a file.",
              "  undula export films.undula model ripplenet.safetensors --model ripplenet\n"
              "  undula export films.undula vectors transe.npy --model transe\n"
              "  undula export films.undula triples films.nt");
  std::string db, what, file, model, format = "table";
  bool quiet = false;
  a.Positional("database", &db, "database file");
  a.Positional(
      "what", &what,
      "model | vectors | triples | quads | turtle | csr | csr-npy | interactions | links | "
      "items | recbole-inter, -kg, -link, -item, -user or -net");
  a.Positional("file", &file, "file to write (csr-npy: a new folder)");
  a.Option("--model", &model, "which stored model or vectors");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print the summary");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  Table table({"what", "file", "records"});
  if (what == "model") {
    if (absl::Status s = (*database)->ExportModel(model, file); !s.ok()) return s;
    table.Add({what, file, int64_t{1}});
  } else if (what == "vectors") {
    auto rows = (*database)->ExportVectors(model, file);
    if (!rows.ok()) return rows.status();
    table.Add({what, file, *rows});
  } else {
    ProgressBar bar(quiet);
    auto records = (*database)->Export(what, file, bar.progress());
    bar.Clear();
    if (!records.ok()) return records.status();
    table.Add({what, file, *records});
  }
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
