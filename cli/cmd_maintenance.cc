// The verbs backup, compact and verify.
#include <cinttypes>
#include <cstdio>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

void PrintCopy(const std::string& file, const CopyReport& report, const std::string& format) {
  Table table({"file", "bytes", "bytes before"});
  table.Add({file, report.bytes, report.bytes_before});
  table.Print(format);
  for (const std::string& name : report.dropped_models) {
    std::fprintf(stderr, "left out: model %s\n", name.c_str());
  }
}

std::string Hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

}  // namespace

absl::Status RunBackup(const Args& args) {
  Arguments a("backup", "Copies a database that others may be using to a new file.",
              "  undula backup films.undula /backup/films-monday.undula");
  std::string db, to, format = "table";
  bool quiet = false, help = false;
  a.Positional("database", &db, "database file");
  a.Positional("file", &to, "file to write; never replaced");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print the summary");
  a.Flag("--quiet", &quiet, "no progress");
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  ProgressBar bar(quiet);
  const auto report = Backup(db, to, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  PrintCopy(to, *report, format);
  return absl::OkStatus();
}

absl::Status RunCompact(const Args& args) {
  Arguments a("compact", "Copies a database to a new file without free pages.",
              "  undula compact films.undula films-small.undula\n"
              "  undula compact films.undula --replace\n"
              "  undula compact films.undula films-ordered.undula --renumber\n"
              "  undula compact films.undula films-small.undula --dictionary compact");
  std::string db, to, format = "table";
  CompactOptions options;
  bool quiet = false, help = false;
  a.Positional("database", &db, "database file");
  a.Positional("file", &to, "file to write; never replaced", /*required=*/false);
  a.Flag("--replace", &options.replace,
         "put the copy in the place of the database; refused while any process has it open");
  a.Flag("--renumber", &options.renumber,
         "give entities new ids, the most connected first, and drop names that nothing refers to; "
         "models and vectors follow");
  a.Flag("--drop-models", &options.drop_models,
         "with --renumber: leave out models that cannot follow, in place of refusing");
  a.Choice("--dictionary", &options.dictionary, {"keep", "compact", "plain"},
           "the form of the names in the copy: compact ones take about half the space, and "
           "looking them up takes longer");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print the summary");
  a.Flag("--quiet", &quiet, "no progress");
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  ProgressBar bar(quiet);
  const auto report = Compact(db, to, options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  PrintCopy(options.replace ? db : to, *report, format);
  return absl::OkStatus();
}

absl::Status RunVerify(const Args& args) {
  Arguments a(
      "verify",
      "Checks every page, checksum, value and index of a database. The exit code is that of "
      "DATA_LOSS where something is damaged.",
      "  undula verify films.undula\n"
      "  undula verify films.undula --content-sum");
  std::string db, format = "table";
  bool quiet = false, help = false, content = false;
  a.Positional("database", &db, "database file");
  a.Flag("--content-sum", &content,
         "also print sums that are equal for databases of equal contents");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print findings and sums");
  a.Flag("--quiet", &quiet, "no progress");
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  ProgressBar bar(quiet);
  const auto report = Verify(db, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  if (!report->ok()) {
    Table table({"damage", "remedy"});
    for (const VerifyReport::Finding& finding : report->findings) {
      table.Add({finding.what, finding.remedy});
    }
    table.Print(format);
    return absl::DataLossError(db + " is damaged");
  }
  Table table({"what", "value"});
  table.Add({"entries", report->entries});
  table.Add({"models", report->models});
  if (content) {
    const auto sums = SumContent(db, bar.progress());
    bar.Clear();
    if (!sums.ok()) return sums.status();
    table.Add({"content", Hex(sums->all)});
    table.Add({"content graph", Hex(sums->graph)});
    table.Add({"content interactions", Hex(sums->interactions)});
    table.Add({"content items", Hex(sums->items)});
    table.Add({"content links", Hex(sums->links)});
    table.Add({"content social", Hex(sums->social)});
  }
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
