#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "api/database_impl.h"
#include "api/graph_vectors.h"
#include "api/stored_split.h"
#include "base/file.h"
#include "base/options.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"
#include "models/data/training_data.h"
#include "models/train/trainer.h"
#include "models/tune/tuner.h"

namespace undula {
namespace {

constexpr int64_t kMaxRanges = 1 << 20;

// The section of an options file with these values.
std::string TomlSection(std::string_view name, const OptionMap& values, const OptionTable& table) {
  std::string out = Concat("\n[", name, "]\n");
  for (const auto& [key, value] : values) {
    bool plain = false;
    for (const OptionField& field : table.fields) {
      plain |= field.name == key && field.kind != OptionKind::kString &&
               field.kind != OptionKind::kChoice;
    }
    out += Concat(key, " = ", plain ? value : JsonQuote(value), "\n");
  }
  return out;
}

// The search's data: training and validation only.
struct Data {
  std::shared_ptr<const Snapshot> snapshot;
  models::Split split;
  models::SplitOptions options;
  api::SplitFiles files;
};

absl::StatusOr<Data> ReadData(const Database::Impl& impl, OptionMap split_options) {
  Data out;
  out.files = api::TakeSplitFiles(&split_options);
  UNDULA_RETURN_IF_ERROR(SetOptions(models::SplitOptionTable(), &out.options, split_options));
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl.store->Read());
  UNDULA_ASSIGN_OR_RETURN(Snapshot taken, kgstore::TakeSnapshot(view, impl.arena()));
  out.snapshot = std::make_shared<const Snapshot>(std::move(taken));
  if (out.files.any()) {
    api::SplitFiles files = out.files;
    files.test.clear();
    UNDULA_ASSIGN_OR_RETURN(out.split, api::ReadSplitFiles(files, *out.snapshot, view));
  } else {
    UNDULA_ASSIGN_OR_RETURN(out.split, models::MakeSplit(*out.snapshot, out.options));
    out.split.test.clear();
  }
  return out;
}

TuneRow RowOf(const models::TuneTrial& trial, const models::TuneFamily& family) {
  TuneRow row{.model = trial.family,
              .trial = trial.trial,
              .epochs = trial.epochs,
              .best_epoch = trial.best_epoch,
              .metric = trial.metric,
              .value = trial.value,
              .cpu_seconds = trial.cpu_seconds,
              .options = {},
              .error = trial.error};
  for (const models::TuneRange& range : family.ranges) {
    const OptionMap& from = range.of_model ? trial.setting.model : trial.setting.train;
    row.options[range.key] = from.at(range.key);
  }
  return row;
}

// FAMILY.toml with all effective options of a setting; returns its path.
absl::StatusOr<std::string> WriteBest(const models::TuneTrial& best, const models::TuneSpace& space,
                                      const models::ModelSpec& spec, const Data& data,
                                      const std::string& directory) {
  models::TrainOptions train;
  UNDULA_RETURN_IF_ERROR(SetOptions(models::TrainOptionTable(), &train, best.setting.train));
  train.epochs = space.budget.epochs;
  UNDULA_ASSIGN_OR_RETURN(const auto model, spec.make(best.setting.model, DType::kF32));
  OptionMap split = GetOptions(models::SplitOptionTable(), &data.options);
  if (data.files.any()) {
    split = {{"train_file", data.files.train},
             {"valid_file", data.files.valid},
             {"test_file", data.files.test},
             {"file_format", data.files.format}};
    std::erase_if(split, [](const auto& entry) { return entry.second.empty(); });
  }
  const std::string path = Concat(directory, "/", spec.name, ".toml");
  const std::string text =
      Concat("# The best of ", space.budget.trials, " settings: validation ", best.metric, " ",
             best.value, ", epoch ", best.best_epoch, " of ", best.epochs,
             ".\n# undula train DATABASE --model ", spec.name, " --options THIS_FILE\n",
             TomlSection("model", GetOptions(spec.options, model->options()), spec.options),
             TomlSection("train", GetOptions(models::TrainOptionTable(), &train),
                         models::TrainOptionTable()),
             TomlSection("split", split, models::SplitOptionTable()));
  UNDULA_RETURN_IF_ERROR(WriteFileAtomically(path, {text}));
  return path;
}

}  // namespace

absl::StatusOr<TuneReport> Database::Tune(const TuneOptions& options, Progress* progress) const {
  if (options.directory.empty()) {
    return InvalidArgumentError("name a directory for the trials of the search");
  }
  UNDULA_ASSIGN_OR_RETURN(const std::string ranges, ReadWholeFile(options.ranges_file, kMaxRanges));
  UNDULA_ASSIGN_OR_RETURN(const models::TuneSpace space,
                          models::ParseTuneSpace(ranges, options.ranges_file));
  UNDULA_ASSIGN_OR_RETURN(const Data data, ReadData(*impl_, space.split));
  models::TrainOptions train;
  UNDULA_RETURN_IF_ERROR(SetOptions(models::TrainOptionTable(), &train, space.train));
  models::TrainingData training =
      models::MakeTrainingData(data.snapshot, data.split.train, static_cast<uint64_t>(train.seed));
  training.read_vectors = api::MakeVectorReader(*impl_, data.snapshot);

  models::TuneContext context;
  context.workers = &impl_->arena();
  context.progress = progress;
  context.directory = options.directory;
  context.identity = Concat(Version(), " ", data.snapshot->id_space, " ", data.snapshot->change,
                            " ", data.split.description, "\n", ranges);
  if (options.on_trial) {
    context.on_trial = [&](const models::TuneTrial& t) {
      options.on_trial(Concat(t.family, " trial ", t.trial, ", ", t.epochs, " epochs: ",
                              t.error.empty() ? Concat(t.metric, " ", t.value) : t.error));
    };
  }
  UNDULA_ASSIGN_OR_RETURN(const std::vector<models::TuneTrial> trials,
                          models::Tune(space, training, data.split, context));
  TuneReport report;
  report.protocol = data.split.description;
  report.epochs = models::TotalEpochs(space.budget);
  size_t next = 0;
  for (const models::TuneFamily& family : space.families) {
    UNDULA_ASSIGN_OR_RETURN(report.options_files.emplace_back(),
                            WriteBest(trials[next], space, *family.spec, data, options.directory));
    for (; next < trials.size() && trials[next].family == family.spec->name; ++next) {
      report.rows.push_back(RowOf(trials[next], family));
    }
  }
  return report;
}

}  // namespace undula
