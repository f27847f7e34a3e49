#include <fstream>
#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/report/facts.h"
#include "cli/report/sections.h"
#include "cli/report/write_report.h"

namespace undula::cli {
namespace {

// The command as it was given, without folders: they say more about a machine than a report should.
std::string CommandLine(const Args& args) {
  std::string out = "undula report";
  for (const std::string& arg : args) {
    const size_t equals = arg.find('=');
    const bool named = equals != std::string::npos && arg.find('/') > equals;
    out += " " + (named ? arg.substr(0, equals + 1) + report::BaseName(arg.substr(equals + 1))
                        : report::BaseName(arg));
  }
  return out;
}

}  // namespace

absl::Status RunReport(const Args& args) {
  Arguments a(
      "report",
      "Writes what a database and its models are worth as one self-contained file: the\n"
      "verdict, metrics with intervals beside baselines, differences, training curves, what\n"
      "is recommended, the graph with the popular items that have no link, the data,\n"
      "explanations with pictures, tuning, options and provenance. The first model is\n"
      "compared with the others. Reads the test part of the models (docs/report.md).",
      "  undula report films.undula --model ripplenet,bpr_mf -o report.html\n"
      "  undula report films.undula --metrics ripplenet=run.jsonl --trials trials.jsonl \\\n"
      "    -o report.html");
  std::string db, output, css, csv, graphviz, format = "auto";
  report::ReportOptions options;
  std::vector<std::string> at = {"10", "20"};
  int64_t threads = 0, seed = static_cast<int64_t>(options.seed);
  bool quiet = false;
  a.Positional("database", &db, "database file");
  a.Option("-o,--output", &output, "file to write");
  a.Option("--model", &options.models, "stored models, comma separated; default: all of them");
  a.Choice("--format", &format, {"auto", "html", "md", "json"},
           "what to write; auto: by the ending of the file");
  a.Choice("--part", &options.evaluate.part, {"test", "valid"}, "part of the split");
  a.Choice("--protocol", &options.evaluate.protocol, {"ranking", "ctr", "ksr"},
           "as of undula evaluate");
  a.Option("--at", &at, "list lengths K, comma separated");
  a.Option("--metrics", &options.metrics,
           "files of `undula train --metrics`, as FILE or MODEL=FILE; several of one model: seeds");
  a.Option("--trials", &options.trials, "what `undula tune --format json` has printed");
  a.Option("--published", &options.published,
           "file of published values: model, metric, value, protocol, source; separated by tabs");
  a.Option("--around", &options.around,
           "entities or items whose neighborhoods are drawn; default: the first explained item");
  a.Option("--csv", &csv, "also write all epochs of the curves, unthinned, to this file");
  a.Option("--graphviz", &graphviz,
           "also write the reasons as graphs, one for each item, to this file (DOT)");
  a.Flag("--show-users", &options.show_users, "name the users of the explanations");
  a.Option("--css", &css, "file with styles to add");
  a.Option("--seed", &seed, "of the users whose lists are explained");
  a.Option("--threads", &threads, "threads; 0 = all cores");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (output.empty()) return absl::InvalidArgumentError("name the file to write: -o FILE");
  if (absl::Status s = ParseListLengths(at, &options.evaluate.at); !s.ok()) return s;
  auto form = report::FormOf(format, output);
  if (!form.ok()) return form.status();
  auto database = OpenDatabase(db, false, true, threads);
  if (!database.ok()) return database.status();
  options.database = db;
  options.seed = static_cast<uint64_t>(seed);
  options.command = CommandLine(args);
  ProgressBar bar(quiet);
  const auto facts = report::Gather(**database, std::move(options), bar.progress());
  bar.Clear();
  if (!facts.ok()) return facts.status();
  const auto bytes = report::WriteReport(report::BuildReport(*facts), *form, css, output);
  if (!bytes.ok()) return bytes.status();
  if (!csv.empty()) {
    if (absl::Status s = report::WriteFile(csv, report::EpochsCsv(facts->curves)); !s.ok())
      return s;
  }
  if (!graphviz.empty()) {
    std::string graphs;
    for (const report::ExplainedItem& item : facts->explained) graphs += GraphViz(item.explanation);
    if (absl::Status s = report::WriteFile(graphviz, graphs); !s.ok()) return s;
  }
  if (!quiet) std::cerr << output << ": " << *bytes << " bytes\n";
  return absl::OkStatus();
}

}  // namespace undula::cli
