#include <charconv>
#include <iostream>

#include "cli/arguments.h"
#include "cli/cmd_link.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {

namespace {

// A number from 0 to 1; InvalidArgument names the option.
absl::Status ParseShare(const char* name, const std::string& text, double* value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && *value >= 0 &&
      *value <= 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(std::string(name) + " is '" + text +
                                    "'; it must be a number from 0 to 1");
}

struct SubVerb {
  const char* name;
  absl::Status (*run)(const Args&);
};

constexpr SubVerb kSubVerbs[] = {
    {"run", RunLinkRun},           {"review", RunLinkReview},   {"train", RunLinkTrain},
    {"evaluate", RunLinkEvaluate}, {"explain", RunLinkExplain}, {"undo", RunLinkUndo},
    {"mentions", RunLinkMentions},
};

}  // namespace

void SharedLinkArguments::AddNames(Arguments* a, std::vector<std::string>* labels,
                                   std::vector<std::string>* aliases,
                                   std::vector<std::string>* languages, std::string* local_names) {
  a->Option("--label", labels, "relation that holds labels (repeatable)");
  a->Option("--alias", aliases, "relation that holds other names (repeatable)");
  a->Option("--language", languages, "language of labels (repeatable); all by default");
  a->Choice("--local-names", local_names, {"never", "last", "always"},
            "when the last part of an IRI is a label; last: where there is no other");
  a->Option("--precision", &precision_, "expected share of right links");
  a->Option("--least", &least_, "least confidence of a link");
  a->Option("--threads", &threads, "threads; 0 = all cores");
  a->Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  a->Flag("--quiet", &quiet, "no progress");
}

absl::Status SharedLinkArguments::Finish() const {
  if (absl::Status s = ParseShare("--precision", precision_, precision_value_); !s.ok()) return s;
  return ParseShare("--least", least_, least_value_);
}

absl::Status RunLink(const Args& args) {
  for (const SubVerb& verb : kSubVerbs) {
    if (!args.empty() && args[0] == verb.name) return verb.run(Args(args.begin() + 1, args.end()));
  }
  Arguments a("link",
              "Links catalogue items to entities of the graph. Nothing is guessed: what fits\n"
              "several entities is listed as ambiguous and left alone.\n"
              "By a ranker, with a confidence for each link: `link run`; further verbs are\n"
              "`link review`, `link train`, `link evaluate`, `link explain`, `link undo` and\n"
              "`link mentions` (entities in the texts of a catalogue).",
              "  undula link films.undula\n"
              "  undula link films.undula --require year=http://undula.example/film/year\n"
              "  undula link films.undula --method value --column imdb --relation imdbId");
  std::string db, format = "table";
  LinkOptions options;
  int64_t show = 10, wait = 0;
  bool quiet = false;
  a.Positional("database", &db, "database file");
  a.Choice(
      "--method", &options.method, {"label", "identity", "column", "value"},
      "label: title equals one entity's label; identity: item id is the entity's name; column: "
      "a column names the entity; value: a column equals a literal of --relation");
  a.Option("--column", &options.column, "column of the catalogue to compare");
  a.Option("--relation", &options.relation, "relation whose literals are compared (method value)");
  a.Option("--require", &options.require, "column=relation that must also agree (repeatable)");
  a.Flag("--replace", &options.replace, "relink items that have a link already");
  a.Option("--show", &show, "ambiguous and unlinked items to list");
  a.Option("--wait", &wait, kWaitHelp);
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  a.Flag("--quiet", &quiet, "no progress");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, false, 0, wait);
  if (!database.ok()) return database.status();
  ProgressBar bar(quiet);
  auto report = (*database)->Link(options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  std::cerr << report->items << " items: " << report->linked << " linked, " << report->already
            << " already, " << report->ambiguous << " ambiguous, " << report->unlinked
            << " without a candidate\n";
  Table table({"item", "text", "case", "candidates"});
  const auto add = [&](const std::vector<LinkReport::Case>& cases, const char* kind) {
    for (size_t i = 0; i < cases.size() && i < static_cast<size_t>(show); ++i) {
      std::string candidates;
      for (const std::string& c : cases[i].candidates) {
        candidates += (candidates.empty() ? "" : " ") + c;
      }
      table.Add({cases[i].item, cases[i].text, kind, candidates});
    }
  };
  add(report->ambiguous_cases, "ambiguous");
  add(report->unlinked_cases, "unlinked");
  if (report->ambiguous + report->unlinked > 0 && show > 0) table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
