// The verbs `link run`, `link review`, `link train`, `link evaluate`, `link explain`, `link undo`.
#include <iostream>

#include "cli/arguments.h"
#include "cli/cmd_link.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

// The options that all of these verbs share.
class LinkerArguments {
 public:
  LinkerArguments(const std::string& verb, const std::string& summary, const std::string& example)
      : arguments_("link " + verb, summary, example) {
    arguments_.Positional("database", &database, "database file");
  }

  Arguments& arguments() { return arguments_; }

  absl::Status Parse(const Args& args, bool* help) {
    Arguments& a = arguments_;
    a.Option("--title", &options.title_column, "column of the catalogue with the title");
    a.Option("--year", &options.year_column, "column with the year, used where items have it");
    a.Option("--attribute", &options.attribute_columns,
             "column to compare with the names of an entity's neighbors (repeatable)");
    a.Option("--id", &options.ids,
             "column with the entity's name, column=relation for external ids, or item: wins over "
             "titles (repeatable)");
    a.Option(
        "--title-language", &options.title_languages,
        "en, fr, es, it, pt or de: whose articles (en: and numerals) titles have (repeatable); "
        "all by default");
    a.Flag("--exact", &exact_, "no approximate titles");
    a.Flag("--one-to-one", &options.one_to_one, "an entity belongs to one item at most");
    a.Option("--model", &options.model_file, "weights that `link train` wrote");
    shared_.AddTo(&a, &options);
    if (absl::Status s = a.Parse(args, help); !s.ok() || *help) return s;
    options.approximate = !exact_;
    format = shared_.format;
    quiet = shared_.quiet;
    return shared_.Finish();
  }

  absl::StatusOr<std::unique_ptr<Database>> Open(bool read_only, int64_t wait = 0) const {
    return OpenDatabase(database, false, read_only, shared_.threads, wait);
  }

  std::string database, format;
  LinkerOptions options;
  bool quiet = false;

 private:
  Arguments arguments_;
  SharedLinkArguments shared_{"0.99"};
  bool exact_ = false;
};

void PrintReport(const LinkerReport& report, const LinkerArguments& a) {
  Table table({"outcome", "items"});
  for (const auto& [outcome, items] : report.by_outcome) table.Add({outcome, items});
  table.Print(a.format);
  if (a.quiet) return;
  std::cerr << report.items << " items: " << report.linked << " linked, " << report.already
            << " already, " << report.conflicts + report.ambiguous << " ambiguous, "
            << report.unlinked << " unlinked; least confidence " << Fixed(report.threshold, 3)
            << "\n"
            << report.labels << " labels, "
            << Fixed(static_cast<double>(report.index_bytes) /
                         static_cast<double>(report.labels > 0 ? report.labels : 1),
                     1)
            << " bytes a label; CPU seconds: labels " << Fixed(report.index_seconds, 2)
            << ", candidates " << Fixed(report.candidate_seconds, 2) << "\n";
}

}  // namespace

absl::Status RunLinkRun(const Args& args) {
  LinkerArguments a("run",
                    "Links items to entities by title, year and graph: exact and approximate\n"
                    "labels, weighed by a trained model. Items with links by file, identifier or\n"
                    "hand keep them. `undula link undo` takes the run back.",
                    "  undula link run films.undula\n"
                    "  undula link run films.undula --id imdb=imdbId --precision 0.995\n"
                    "  undula link run films.undula --replace --review review.tsv");
  int64_t wait = 0;
  a.arguments().Flag("--replace", &a.options.replace, "decide anew on items linked by titles");
  a.arguments().Flag("--dry-run", &a.options.dry_run, "store nothing");
  a.arguments().Option("--review", &a.options.review_file, "file for the decisions, to be edited");
  a.arguments().Option("--wait", &wait, kWaitHelp);
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = a.Open(a.options.dry_run, wait);
  if (!database.ok()) return database.status();
  ProgressBar bar(a.quiet);
  const auto report = (*database)->RunLinker(a.options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  PrintReport(*report, a);
  return absl::OkStatus();
}

absl::Status RunLinkReview(const Args& args) {
  LinkerArguments a("review",
                    "Writes every decision of the ranker to a tab-separated file, or applies such\n"
                    "a file after it was edited: 'yes' in the column decision links the item to\n"
                    "the entity of the row (put another one there to correct it), 'no' takes the\n"
                    "item's links away, empty leaves it as it is.",
                    "  undula link review films.undula --out review.tsv\n"
                    "  undula link review films.undula --import review.tsv");
  std::string import;
  int64_t wait = 0;
  a.arguments().Option("--out", &a.options.review_file, "file to write");
  a.arguments().Option("--import", &import, "edited file to apply");
  a.arguments().Option("--wait", &wait, kWaitHelp);
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (import.empty() == a.options.review_file.empty()) {
    return absl::InvalidArgumentError("give either --out FILE or --import FILE");
  }
  auto database = a.Open(import.empty(), wait);
  if (!database.ok()) return database.status();
  ProgressBar bar(a.quiet);
  if (import.empty()) {
    a.options.dry_run = true;
    a.options.replace = true;
    const auto report = (*database)->RunLinker(a.options, bar.progress());
    bar.Clear();
    if (!report.ok()) return report.status();
    PrintReport(*report, a);
    return absl::OkStatus();
  }
  const auto applied = (*database)->ImportReview(import, bar.progress());
  bar.Clear();
  if (!applied.ok()) return applied.status();
  Table table({"what", "value"});
  table.Add({"rows applied", *applied});
  table.Print(a.format);
  return absl::OkStatus();
}

absl::Status RunLinkTrain(const Args& args) {
  LinkerArguments a(
      "train",
      "Trains the ranker's weights from gold links: a tab-separated file (item first, entity\n"
      "last, or columns of these names), or, without one, the links by file, identifier and\n"
      "imported review. Give --model to start from given weights where these are few.",
      "  undula link train films.undula --gold gold.tsv --out films.model\n"
      "  undula link run films.undula --model films.model");
  std::string gold, out;
  a.arguments().Option("--gold", &gold,
                       "file with the right links; what is linked by hand and file otherwise");
  a.arguments().Option("--out", &out, "file for the weights");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (out.empty()) return absl::InvalidArgumentError("give --out FILE");
  auto database = a.Open(true);
  if (!database.ok()) return database.status();
  ProgressBar bar(a.quiet);
  const auto items = (*database)->TrainLinker(gold, out, a.options, bar.progress());
  bar.Clear();
  if (!items.ok()) return items.status();
  Table table({"what", "value"});
  table.Add({"gold items", *items});
  table.Add({"weights", out});
  table.Print(a.format);
  return absl::OkStatus();
}

absl::Status RunLinkEvaluate(const Args& args) {
  LinkerArguments a("evaluate",
                    "Measures the ranker against gold links: precision, recall, F1 and coverage,\n"
                    "by edges of the right entity and by how links were found; errors by kind;\n"
                    "how often decisions of each confidence are right. With folds, the decisions\n"
                    "of each fold come from weights trained on the others. Stores nothing.",
                    "  undula link evaluate films.undula --gold gold.tsv\n"
                    "  undula link evaluate films.undula --gold gold.tsv --folds 0 --rows errors");
  LinkEvaluationOptions evaluation;
  std::string rows = "groups";
  a.arguments().Option("--gold", &evaluation.gold_file, "file with the right links");
  a.arguments().Option("--skip", &evaluation.skip_file,
                       "file whose first column names items to "
                       "leave out (header line first)");
  a.arguments().Option("--folds", &evaluation.folds,
                       "of the cross-validation; 0 = the weights of "
                       "--model or those that are shipped");
  a.arguments().Option("--seed", &evaluation.seed, "of the folds");
  a.arguments().Choice("--rows", &rows, {"groups", "reliability", "kinds", "errors"},
                       "what to print");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (evaluation.gold_file.empty()) return absl::InvalidArgumentError("give --gold FILE");
  auto database = a.Open(true);
  if (!database.ok()) return database.status();
  ProgressBar bar(a.quiet);
  const auto report = (*database)->EvaluateLinker(evaluation, a.options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  if (rows == "groups") {
    Table table(
        {"group", "items", "present", "linked", "right", "precision", "recall", "f1", "coverage"});
    for (const LinkEvaluationReport::Row& r : report->rows) {
      table.Add({r.group, r.items, r.present, r.linked, r.right, r.precision, r.recall, r.f1,
                 r.coverage});
    }
    table.Print(a.format);
  } else if (rows == "reliability") {
    Table table({"from", "items", "confidence", "right"});
    for (const LinkEvaluationReport::Bin& b : report->reliability) {
      table.Add({b.low, b.items, b.confidence, b.right});
    }
    table.Print(a.format);
  } else if (rows == "kinds") {
    Table table({"error", "items"});
    for (const auto& [kind, items] : report->errors) table.Add({kind, items});
    table.Print(a.format);
  } else {
    Table table({"item", "title", "error", "gold", "chosen"});
    for (const LinkEvaluationReport::Case& c : report->cases) {
      table.Add({c.item, c.title, c.error, c.gold, c.chosen});
    }
    table.Print(a.format);
  }
  if (!a.quiet) std::cerr << "least confidence linked: " << Fixed(report->threshold, 3) << "\n";
  return absl::OkStatus();
}

absl::Status RunLinkExplain(const Args& args) {
  LinkerArguments a("explain", "What speaks for and against an item's candidates.",
                    "  undula link explain films.undula 260");
  std::string item;
  int64_t show = 6;
  a.arguments().Positional("item", &item, "the item's id");
  a.arguments().Option("--show", &show, "reasons of a candidate, the strongest first");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = a.Open(true);
  if (!database.ok()) return database.status();
  ProgressBar bar(a.quiet);
  const auto found = (*database)->ExplainLink(item, a.options, bar.progress());
  bar.Clear();
  if (!found.ok()) return found.status();
  Table table({"entity", "confidence", "found", "evidence"});
  for (const LinkExplanation::Candidate& c : found->candidates) {
    std::string evidence;
    for (size_t i = 0; i < c.reasons.size() && i < static_cast<size_t>(show); ++i) {
      const double effect = c.reasons[i].value * c.reasons[i].weight;
      evidence +=
          (i == 0 ? "" : " ") + c.reasons[i].evidence + (effect < 0 ? "" : "+") + Fixed(effect, 2);
    }
    table.Add({c.entity, c.confidence, c.found_by, evidence});
  }
  table.Print(a.format);
  if (!a.quiet) {
    std::cerr << "'" << found->title << "': " << found->outcome << " (least confidence "
              << Fixed(found->threshold, 3) << ")\n";
  }
  return absl::OkStatus();
}

absl::Status RunLinkUndo(const Args& args) {
  Arguments a("link undo",
              "Puts back the links as they were before the last `link run` or imported review.\n"
              "Five steps are kept in DATABASE.links.",
              "  undula link undo films.undula");
  std::string db;
  int64_t wait = 0;
  bool help = false;
  a.Positional("database", &db, "database file");
  a.Option("--wait", &wait, kWaitHelp);
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, false, 0, wait);
  if (!database.ok()) return database.status();
  const auto links = (*database)->UndoLinks();
  if (!links.ok()) return links.status();
  std::cerr << *links << " links restored\n";
  return absl::OkStatus();
}

}  // namespace undula::cli
