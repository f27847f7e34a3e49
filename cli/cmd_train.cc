#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "cli/training_command.h"

namespace undula::cli {
namespace {

// Gives each further flag to the table that knows it: model, training, split. "split.seed" names
// the table; a plain name that several tables know goes to all of them. What no table knows goes to
// the model, whose error names the nearest option.
absl::Status Distribute(const std::vector<std::pair<std::string, std::string>>& others,
                        const std::string& family, TrainOptions* options) {
  std::vector<OptionInfo> model_options;
  for (const ModelFamily& known : ModelCatalog()) {
    if (known.name == family) model_options = known.options;
  }
  const auto train_options = TrainOptionCatalog();
  const auto split_options = SplitOptionCatalog();
  for (const auto& [flag, value] : others) {
    const auto [section, key] = SectionAndKey(flag);
    if (section == "model") {
      options->model_options[key] = value;
    } else if (section == "train") {
      options->train_options[key] = value;
    } else if (section == "split") {
      options->split_options[key] = value;
    } else if (!section.empty()) {
      return absl::InvalidArgumentError("--" + flag +
                                        ": the sections are model., train. and split.");
    } else {
      bool known = false;
      if (HasOption(model_options, key)) options->model_options[key] = value, known = true;
      if (HasOption(train_options, key)) options->train_options[key] = value, known = true;
      if (HasOption(split_options, key)) options->split_options[key] = value, known = true;
      if (!known) options->model_options[key] = value;
    }
  }
  return absl::OkStatus();
}

// The family that the flags are of: the one given, else that of the model to start from.
absl::StatusOr<std::string> Family(const TrainOptions& options, const Database& database) {
  if (!options.model.empty()) return options.model;
  if (options.from.empty()) return "ripplenet";
  const auto models = database.Models();
  if (!models.ok()) return models.status();
  for (const StoredModel& model : *models) {
    if (model.name == options.from) return model.family;
  }
  return std::string();  // Train says which models there are
}

}  // namespace

absl::Status RunTrain(const Args& args) {
  Arguments a(
      "train",
      "Trains a model and stores it in the database. Options of the model, the training and\n"
      "the split are flags too: `undula models show ripplenet` lists them. Ctrl-C leaves a\n"
      "checkpoint; the same command resumes from it. --from starts from a stored model and its\n"
      "options, with rows added for what the database got since.",
      "  undula train films.undula --model ripplenet --dim 16 --epochs 10 --chunk 32\n"
      "  undula train films.undula --from ripplenet --epochs 2");
  TrainOptions options;
  TrainingFlags flags;
  AddTrainingFlags("[model], [train] and [split]", &flags, &options, &a);
  a.Option("--model", &options.model,
           "model family (undula models list); default: that of --from, else ripplenet");
  a.Option("--name", &options.name, "store under this name; default: that of --from or the family");
  a.Option("--from", &options.from, "start from this stored model");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  options.resume = !flags.fresh;
  auto database = OpenDatabase(flags.database, false, false, flags.threads, flags.wait);
  if (!database.ok()) return database.status();
  const auto family = Family(options, **database);
  if (!family.ok()) return family.status();
  if (absl::Status s = Distribute(flags.others, *family, &options); !s.ok()) return s;
  ProgressBar bar(flags.quiet);
  EpochLines lines(flags, &bar);
  if (absl::Status s = lines.Open(); !s.ok()) return s;
  options.on_epoch = [&](std::string_view json) { lines.Write(json); };
  auto report = (*database)->Train(options, bar.progress());
  bar.Clear();
  if (!report.ok()) return report.status();
  Table table({"what", "value"});
  table.Add({"stored as", report->name});
  table.Add({"structure", report->model_description});
  table.Add({"start", report->start});
  AddRunRows(*report, "loss rows", &table);
  for (const auto& [key, value] : report->options) table.Add({key, value});
  table.Print(flags.format);
  return absl::OkStatus();
}

}  // namespace undula::cli
