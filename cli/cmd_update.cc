#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunUpdate(const Args& args) {
  Arguments a("update",
              "Adds and deletes single triples, interactions, links, social edges and catalogue\n"
              "rows as the lines of a patch file say (docs/patch-format.md).",
              "  undula update films.undula changes.patch\n"
              "  undula update films.undula changes.patch --batch 1000\n"
              "  undula update films.undula changes.patch --batch 1000 --after 52000");
  std::string db, file, format = "table";
  UpdateOptions options;
  int64_t wait = 0;
  bool quiet = false;
  a.Positional("database", &db, "database file, NAME.undula");
  a.Positional("patch", &file, "patch file; - is standard input");
  a.Option("--batch", &options.batch, "operations of one commit; 0 = all, all or nothing");
  a.Option("--after", &options.after, "go on after this line of the file");
  a.Option("--wait", &wait, kWaitHelp);
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, false, 0, wait);
  if (!database.ok()) return database.status();
  ProgressBar bar(quiet);
  const auto report = (*database)->Update(file, options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table({"added", "removed", "replaced", "unchanged", "new names", "commits", "last line",
               "seconds"});
  table.Add({report->added, report->removed, report->replaced, report->unchanged, report->names_new,
             report->commits, report->last_line, report->seconds});
  table.Print(format);
  return absl::OkStatus();
}

absl::Status RunForget(const Args& args) {
  Arguments a(
      "forget",
      "Erases a user: interactions, social edges, columns, rows of pre-computed vectors and\n"
      "the name. Lists the models that were trained when the user existed: train them\n"
      "anew to forget there too.",
      "  undula forget films.undula user-17");
  std::string db, user, format = "table";
  int64_t wait = 0;
  a.Positional("database", &db, "database file, NAME.undula");
  a.Positional("user", &user, "the user's name");
  a.Option("--wait", &wait, kWaitHelp);
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, false, 0, wait);
  if (!database.ok()) return database.status();
  const auto report = (*database)->Forget(user);
  if (!report.ok()) return report.status();
  const auto joined = [](const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    return all;
  };
  Table table({"interactions", "social edges", "vectors", "models trained with the user"});
  table.Add(
      {report->interactions, report->social, joined(report->vectors), joined(report->models)});
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
