#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "api/database_impl.h"
#include "api/graph_vectors.h"
#include "api/model_age.h"
#include "api/model_checksum.h"
#include "api/stored_split.h"
#include "api/training_run.h"
#include "base/options.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"
#include "models/data/training_data.h"
#include "models/registry.h"
#include "models/train/trainer.h"

namespace undula {
namespace {

// A stored model that a training starts from.
struct Start {
  std::string name;  // empty: none, the training starts anew
  TensorMap stored;
  models::Split split;  // what it was trained on

  bool any() const { return !name.empty(); }
  std::string Metadata(const std::string& key) const {
    const auto it = stored.metadata.find(key);
    return it == stored.metadata.end() ? std::string() : it->second;
  }
};

absl::StatusOr<Start> LoadStart(const Database::Impl& impl, const TrainOptions& options) {
  Start start;
  if (options.from.empty()) return start;
  const std::lock_guard lock(impl.model_access);
  UNDULA_ASSIGN_OR_RETURN(start.name, api::ResolveModelName(*impl.models, options.from));
  UNDULA_ASSIGN_OR_RETURN(start.stored, impl.models->Get(start.name));
  const std::string family = start.Metadata("family");
  if (start.Metadata("kind") == "vectors" || family.empty()) {
    return InvalidArgumentError("'", start.name,
                                "' is no trained model; nothing can start from it");
  }
  if (!options.model.empty() && options.model != family) {
    return InvalidArgumentError("model '", start.name, "' is of the family ", family, ", not ",
                                options.model, "; leave --model out, or train without --from");
  }
  return start;
}

// The options of a training with their sources merged: the model to start from, file, then the
// caller's maps.
struct Merged {
  OptionMap model, train, split;
  api::SplitFiles files;
};

absl::StatusOr<Merged> Merge(const TrainOptions& options, const Start& start) {
  UNDULA_ASSIGN_OR_RETURN(
      api::Sections sections,
      api::MergeSections(options.options_file, {{"model", &options.model_options},
                                                {"train", &options.train_options},
                                                {"split", &options.split_options}}));
  Merged merged{.model = std::move(sections["model"]),
                .train = std::move(sections["train"]),
                .split = std::move(sections["split"]),
                .files = {}};
  if (start.any()) {
    OptionMap split = api::Section(start.stored.metadata, "split");
    // Its split files are not meant where the caller asks for another split.
    if (!merged.split.empty()) api::TakeSplitFiles(&split);
    merged.split.merge(split);
    OptionMap train = api::Section(start.stored.metadata, "train");
    // The stored model's rows are what the training starts from now.
    train.erase("init_vectors");
    train.erase("freeze_vectors");
    merged.train.merge(train);
    merged.model.merge(api::Section(start.stored.metadata, "model"));
  }
  merged.files = api::TakeSplitFiles(&merged.split);
  return merged;
}

// That `model`, of the family of `start`, can take over its parameters on this snapshot.
absl::Status CheckStart(const Start& start, const models::Model& model, const Snapshot& snapshot) {
  if (!start.any()) return absl::OkStatus();
  if (model.spec().batch_kind == models::BatchKind::kNone) {
    return InvalidArgumentError("model '", start.name, "' (", model.spec().name,
                                ") is computed from the data as they are; train it without --from");
  }
  const OptionMap stored = api::Section(start.stored.metadata, "model");
  for (const auto& [key, value] : GetOptions(model.spec().options, model.options())) {
    const auto it = stored.find(key);
    if (it == stored.end() || it->second == value) continue;
    return InvalidArgumentError("model '", start.name, "' was trained with model.", key, " = ",
                                it->second, ", not ", value,
                                "; leave the option out, or train without --from");
  }
  if (start.Metadata("id_space") != std::to_string(snapshot.id_space)) {
    return FailedPreconditionError("model '", start.name,
                                   "' belongs to another id space (another database, or before a "
                                   "renumbering); train without --from");
  }
  return absl::OkStatus();
}

// How many positives of validation and test the model to start from was trained on; empty for none.
// A cut by time leaves next to none; a random one of grown data does.
std::string SeenBefore(const Start& start, const models::Split& split, uint32_t n_users) {
  const models::UserItems trained = models::PositivesByUser(n_users, {start.split.train});
  const auto seen = [&](const std::vector<models::LabeledPair>& part) {
    return std::count_if(part.begin(), part.end(), [&](const models::LabeledPair& row) {
      return row.label > 0 && trained.contains(row.user, row.item);
    });
  };
  const int64_t valid = seen(split.valid), test = seen(split.test);
  if (valid + test == 0) return {};
  return Concat(valid, " positives of validation and ", test,
                " of test are in the training part of '", start.name,
                "'; figures on them flatter; split.protocol time has next to none");
}

}  // namespace

absl::StatusOr<TrainReport> Database::Train(const TrainOptions& options, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(Start start, LoadStart(*impl_, options));
  const std::string family = start.any()             ? start.Metadata("family")
                             : options.model.empty() ? "ripplenet"
                                                     : options.model;
  UNDULA_ASSIGN_OR_RETURN(const models::ModelSpec* spec, models::FindModel(family));
  const std::string name = !options.name.empty() ? options.name
                           : start.any()         ? start.name
                                                 : std::string(spec->name);
  UNDULA_RETURN_IF_ERROR(api::CheckModelName(name));
  UNDULA_ASSIGN_OR_RETURN(const Merged merged, Merge(options, start));
  models::SplitOptions split_options;
  UNDULA_RETURN_IF_ERROR(SetOptions(models::SplitOptionTable(), &split_options, merged.split));
  models::TrainOptions train_options;
  UNDULA_RETURN_IF_ERROR(SetOptions(models::TrainOptionTable(), &train_options, merged.train));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Model> model,
                          spec->make(merged.model, DType::kF32));
  if (impl_->store->read_only()) {
    return FailedPreconditionError(impl_->path, " is open read-only; open it for writing to train");
  }
  const std::lock_guard writing(impl_->writing);

  std::shared_ptr<const Snapshot> snapshot;
  models::Split split;
  kgstore::Counts counts;
  {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
    UNDULA_ASSIGN_OR_RETURN(Snapshot taken, kgstore::TakeSnapshot(view, impl_->arena()));
    snapshot = std::make_shared<const Snapshot>(std::move(taken));
    counts = view.counts();
    UNDULA_RETURN_IF_ERROR(CheckStart(start, *model, *snapshot));
    if (snapshot->by_user.size() == 0) {
      return FailedPreconditionError(
          "the database holds no interactions; import some first "
          "(undula import)");
    }
    if (merged.files.any()) {
      UNDULA_ASSIGN_OR_RETURN(split, api::ReadSplitFiles(merged.files, *snapshot, view));
    } else {
      UNDULA_ASSIGN_OR_RETURN(split, models::MakeSplit(*snapshot, split_options));
    }
  }
  impl_->Log(Severity::kInfo, split.description);
  if (start.any()) {
    UNDULA_ASSIGN_OR_RETURN(start.split, api::LoadSplit(start.stored, *snapshot));
    const std::string seen = SeenBefore(start, split, snapshot->n_users);
    if (!seen.empty()) impl_->Log(Severity::kWarning, seen);
  }
  models::TrainingData data =
      models::MakeTrainingData(snapshot, split.train, static_cast<uint64_t>(train_options.seed));
  data.read_vectors = api::MakeVectorReader(*impl_, snapshot);

  TrainReport report;
  report.name = name;
  api::AddSection("model", GetOptions(spec->options, model->options()), &report.options);
  api::AddSection("train", GetOptions(models::TrainOptionTable(), &train_options), &report.options);
  api::AddSection("split", GetOptions(models::SplitOptionTable(), &split_options), &report.options);
  if (merged.files.any()) {
    api::AddSection("split",
                    {{"train_file", merged.files.train},
                     {"valid_file", merged.files.valid},
                     {"test_file", merged.files.test}},
                    &report.options);
  }
  api::Hash content;
  content.Add(Concat(spec->name, " ", snapshot->id_space, " ", snapshot->by_user.size(), " ",
                     snapshot->out.edges(), " ", split.description));
  for (const auto& [key, value] : report.options) content.Add(Concat(key, "=", value, "\n"));
  const std::string from =
      start.any() ? Concat(start.name, "/", start.Metadata("checksum")) : std::string();
  if (start.any()) content.Add(from);

  UNDULA_ASSIGN_OR_RETURN(api::Run run,
                          api::MakeRun(*impl_, name, content.Hex(), options, progress));
  if (start.any()) {
    run.context.from = &start.stored;
    run.context.from_tag = from;
    run.context.from_rows = start.split.train;
  }
  UNDULA_ASSIGN_OR_RETURN(models::TrainReport trained,
                          models::Train(model.get(), data, split, train_options, run.context));
  report.model_description = model->Describe();
  report.start = start.any()             ? Concat("model '", start.name, "': ", trained.start)
                 : trained.start.empty() ? "new"
                                         : Concat("new, ", trained.start);
  api::FillReport(trained, run, &report);

  TensorMap stored;
  model->Save(&stored);
  stored.tensors.merge(trained.optimizer.tensors);
  api::SaveSplit(split, &stored);
  for (const auto& [key, value] : report.options) stored.metadata[key] = value;
  stored.metadata["family"] = std::string(spec->name);
  stored.metadata["id_space"] = std::to_string(snapshot->id_space);
  stored.metadata["n_users"] = std::to_string(snapshot->n_users);
  stored.metadata["checksum"] = api::ModelChecksum(stored);
  stored.metadata["writer"] = Concat("undula ", Version());
  stored.metadata["trained"] = api::UtcNow();
  stored.metadata["device"] = report.device;
  stored.metadata["best_metric"] = report.best_metric;
  stored.metadata["best_epoch"] = std::to_string(report.best_epoch);
  const auto tenths = [](double seconds) { return Concat(std::ceil(10 * seconds) / 10); };
  stored.metadata["seconds"] = tenths(report.seconds);
  stored.metadata["cpu_seconds"] = tenths(report.cpu_seconds);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  stored.metadata["peak_mib"] = std::to_string(usage.ru_maxrss / 1024);
  stored.metadata["structure"] = report.model_description;
  stored.metadata["start"] = report.start;
  if (start.any()) stored.metadata["trained_from"] = from;
  api::NoteStore(snapshot->change, counts, &stored.metadata);
  {
    const std::lock_guard lock(impl_->model_access);
    UNDULA_RETURN_IF_ERROR(impl_->models->Put(name, stored));
  }
  // The model is safe in the database: its checkpoints have done their work.
  api::RemoveCheckpoints(*impl_, run);
  return report;
}

}  // namespace undula
