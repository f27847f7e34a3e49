#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/report/facts.h"
#include "cli/report/sections.h"
#include "cli/report/write_report.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

// The report of the model that was evaluated, and of the one it was compared with.
absl::Status WriteHtml(const Database& database, const std::string& db,
                       const EvaluateOptions& options, const std::string& file,
                       Progress* progress) {
  report::ReportOptions of_report;
  of_report.database = db;
  if (!options.name.empty()) of_report.models.push_back(options.name);
  if (!options.against.empty()) of_report.models.push_back(options.against);
  of_report.evaluate = options;
  of_report.command = "undula evaluate --html";
  const auto facts = report::Gather(database, std::move(of_report), progress);
  if (!facts.ok()) return facts.status();
  return report::WriteReport(report::BuildReport(*facts), report::Form::kHtml, "", file).status();
}

}  // namespace

absl::Status ParseListLengths(const std::vector<std::string>& texts, std::vector<int>* at) {
  at->clear();
  for (const std::string& k : texts) {
    char* end = nullptr;
    const long value = std::strtol(k.c_str(), &end, 10);
    if (k.empty() || *end != '\0' || value < 1 || value > 100000) {
      return absl::InvalidArgumentError("--at: '" + k + "' is not a whole number from 1 to 100000");
    }
    at->push_back(static_cast<int>(value));
  }
  return absl::OkStatus();
}

absl::Status RunEvaluate(const Args& args) {
  Arguments a("evaluate",
              "Evaluates a stored model on the part of the data kept out of its training, beside\n"
              "MostPopular and item log-odds (models of sequences: MostPopular, item-to-item\n"
              "transitions and session kNN). Intervals: 95 % bootstrap over users. --against NAME\n"
              "adds another stored model of the same split and the row of the differences, with\n"
              "paired intervals: what the first is better by.",
              "  undula evaluate films.undula --at 10,20 --bands\n"
              "  undula evaluate films.undula --model kgcn --against bpr_mf --intervals");
  std::string db, html, format = "table";
  EvaluateOptions options;
  std::vector<std::string> at = {"10", "20"};
  bool no_baselines = false, quiet = false, intervals = false;
  a.Positional("database", &db, "database file");
  a.Option("--model", &options.name, "stored model; may be left out where there is one");
  a.Option("--against", &options.against, "another stored model, to be compared with in pairs");
  a.Choice("--part", &options.part, {"test", "valid"}, "part of the split");
  a.Choice("--protocol", &options.protocol, {"ranking", "ctr", "ksr"},
           "full-catalogue ranking, the click-through protocol of the papers, or ranking among\n"
           "50 uniform and 50 popular items");
  a.Option("--at", &at, "list lengths K, comma separated");
  a.Flag("--bands", &options.bands, "also by popularity band and history length");
  a.Flag("--no-baselines", &no_baselines, "the model only");
  a.Flag("--intervals", &intervals, "print the interval beside each value");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  a.Option("--html", &html, "also write the report of the model (undula report) to this file");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (absl::Status s = ParseListLengths(at, &options.at); !s.ok()) return s;
  options.baselines = !no_baselines;
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  ProgressBar bar(quiet);
  auto report = (*database)->Evaluate(options, bar.progress());
  if (report.ok() && !html.empty()) {
    const absl::Status written = WriteHtml(**database, db, options, html, bar.progress());
    bar.Clear();
    if (!written.ok()) return written;
  }
  bar.Clear();
  if (!report.ok()) return report.status();
  std::cerr << report->protocol << "\n";
  std::vector<std::string> columns = {"model", "part", "users"};
  if (!report->rows.empty()) {
    for (const Metric& m : report->rows[0].metrics) columns.push_back(m.name);
  }
  Table table(columns);
  for (const EvaluationRow& row : report->rows) {
    std::vector<Cell> cells = {row.model, row.part, row.users};
    cells.resize(columns.size(), Cell(""));
    for (const Metric& m : row.metrics) {
      const auto column = std::find(columns.begin(), columns.end(), m.name);
      if (column == columns.end()) continue;
      Cell& cell = cells[column - columns.begin()];
      if (intervals && m.low != m.high) {
        cell = Cell(Fixed(m.value, 4) + " [" + Fixed(m.low, 4) + ", " + Fixed(m.high, 4) + "]");
      } else {
        cell = Cell(m.value);
      }
    }
    table.Add(std::move(cells));
  }
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
