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
  bool quiet = false;
  a.Positional("database", &db, "database file, NAME.undula");
  a.Positional("patch", &file, "patch file; - is standard input");
  a.Option("--batch", &options.batch, "operations of one commit; 0 = all, all or nothing");
  a.Option("--after", &options.after, "go on after this line of the file");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, false);
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
  Arguments a("forget",
              "Erases a user: interactions, social edges, columns and the name. Lists the models\n"
              "that were trained when the user existed: train them anew to forget there too.",
              "  undula forget films.undula user-17");
  std::string db, user, format = "table";
  a.Positional("database", &db, "database file, NAME.undula");
  a.Positional("user", &user, "the user's name");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, false);
  if (!database.ok()) return database.status();
  const auto report = (*database)->Forget(user);
  if (!report.ok()) return report.status();
  std::string models;
  for (const std::string& name : report->models) models += (models.empty() ? "" : ", ") + name;
  Table table({"interactions", "social edges", "models trained with the user"});
  table.Add({report->interactions, report->social, models});
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
