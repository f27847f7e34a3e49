#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "cli/training_command.h"

namespace undula::cli {
namespace {

// Gives each further flag to the table that knows it: model, triples, training; "train.seed" names
// the table. What no table knows goes to the model, whose error names the nearest option.
absl::Status Distribute(const std::vector<std::pair<std::string, std::string>>& others,
                        EmbedOptions* options) {
  const auto embed = EmbedOptionCatalog(), train = TrainOptionCatalog();
  for (const auto& [flag, value] : others) {
    auto [section, key] = SectionAndKey(flag);
    if (section.empty()) {
      section = HasOption(train, key)                ? "train"
                : HasOption(embed, "triples." + key) ? "triples"
                                                     : "model";
    }
    if (section == "model") {
      options->model_options[key] = value;
    } else if (section == "train") {
      options->train_options[key] = value;
    } else if (section == "triples") {
      options->triple_options[key] = value;
    } else {
      return absl::InvalidArgumentError("--" + flag +
                                        ": the sections are model., train. and triples.");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunEmbed(const Args& args) {
  Arguments a(
      "embed",
      "Learns a vector for every entity and relation from the graph's triples (TransE,\n"
      "TransH, TransR, DistMult), measures them on triples that were left out and stores\n"
      "them as vectors: `undula models DATABASE` lists them, `undula export DATABASE model\n"
      "FILE --model NAME` writes them. Options of the model, the triples and the training\n"
      "are flags too (--show lists them). Ctrl-C leaves a checkpoint; the same command\n"
      "resumes from it.",
      "  undula embed films.undula --form transe --dim 64 --epochs 100");
  EmbedOptions options;
  TrainingFlags flags;
  bool show = false;
  AddTrainingFlags("[model], [train] and [triples]", &flags, &options, &a);
  a.Option("--name", &options.name, "store under this name and NAME.relations; default: the form");
  a.Flag("--show", &show, "print the options and stop");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (show) {
    Table table({"option", "default", "range", "meaning"});
    for (const OptionInfo& o : EmbedOptionCatalog()) {
      table.Add({o.name, o.default_value, o.range, o.help});
    }
    table.Print(flags.format);
    return absl::OkStatus();
  }
  options.resume = !flags.fresh;
  if (absl::Status s = Distribute(flags.others, &options); !s.ok()) return s;
  auto database = OpenDatabase(flags.database, false, false, flags.threads, flags.wait);
  if (!database.ok()) return database.status();
  ProgressBar bar(flags.quiet);
  EpochLines lines(flags, &bar);
  if (absl::Status s = lines.Open(); !s.ok()) return s;
  options.on_epoch = [&](std::string_view json) { lines.Write(json); };
  auto report = (*database)->Embed(options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table({"what", "value"});
  table.Add({"stored as", report->name});
  table.Add({"relations stored as", report->relations_name});
  table.Add({"protocol", report->protocol});
  AddRunRows(*report, "triples trained", &table);
  for (const EvaluationRow& row : report->rows) {
    for (const Metric& metric : row.metrics) {
      table.Add({row.part + " " + metric.name, metric.value});
    }
  }
  for (const auto& [key, value] : report->options) table.Add({key, value});
  table.Print(flags.format);
  return absl::OkStatus();
}

}  // namespace undula::cli
