// The verb `link mentions`.
#include "cli/arguments.h"
#include "cli/cmd_link.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunLinkMentions(const Args& args) {
  Arguments a(
      "link mentions",
      "Finds the entities that the texts of a catalogue mention and links the documents to\n"
      "them. How often a name stands for which entity is learned from annotated documents,\n"
      "a tab-separated file with the columns item, entity and, if you have them, surface and\n"
      "confidence.",
      "  undula link mentions news.undula --gold annotated.tsv\n"
      "  undula link mentions news.undula --gold annotated.tsv --evaluate\n"
      "  undula link mentions shop.undula --gold annotated.tsv --text description");
  std::string db;
  SharedLinkArguments shared("0.9");
  MentionOptions options;
  options.text_columns.clear();
  int64_t wait = 0;
  bool help = false, evaluate = false, no_surfaces = false;
  a.Positional("database", &db, "database file");
  a.Option("--text", &options.text_columns,
           "column with text (repeatable); title and abstract by default");
  a.Option("--topic", &options.topic_columns,
           "column that says what a text is about, the coarsest first (repeatable)");
  a.Option("--gold", &options.gold_file, "annotated documents");
  a.Flag("--no-surfaces", &no_surfaces, "labels are the only names");
  shared.AddTo(&a, &options);
  a.Flag("--evaluate", &evaluate, "measure on the annotated documents in folds; store nothing");
  a.Option("--folds", &options.folds, "of --evaluate");
  a.Option("--seed", &options.seed, "of the folds");
  a.Flag("--dry-run", &options.dry_run, "store nothing");
  a.Option("--wait", &wait, kWaitHelp);
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (options.text_columns.empty()) options.text_columns = {"title", "abstract"};
  options.surfaces = !no_surfaces;
  if (absl::Status s = shared.Finish(); !s.ok()) return s;
  auto database = OpenDatabase(db, false, evaluate || options.dry_run, shared.threads, wait);
  if (!database.ok()) return database.status();
  ProgressBar bar(shared.quiet);
  if (evaluate) {
    const auto report = (*database)->EvaluateMentions(options, bar.progress());
    bar.Clear();
    if (!report.ok()) return report.status();
    Table table({"names", "documents", "mentions", "linked", "right", "precision", "recall", "f1"});
    for (const LinkEvaluationReport::Row& r : report->rows) {
      table.Add({r.group, r.items, r.present, r.linked, r.right, r.precision, r.recall, r.f1});
    }
    table.Print(shared.format);
    return absl::OkStatus();
  }
  const auto report = (*database)->LinkMentions(options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table({"what", "value"});
  table.Add({"documents", report->documents});
  table.Add({"annotated", report->annotated});
  table.Add({"documents with new links", report->linked});
  table.Add({"new links", report->mentions});
  table.Add({"names", report->names});
  table.Add({"bytes of the name table", report->index_bytes});
  table.Add({"bytes of text", report->text_bytes});
  table.Add({"CPU seconds: finding names", report->find_seconds});
  table.Add({"CPU seconds: weighing", report->weigh_seconds});
  table.Print(shared.format);
  return absl::OkStatus();
}

}  // namespace undula::cli
