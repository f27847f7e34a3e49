// Inference of PinSAGE in partitions over the public API: models/convolution/partition.h with the
// items' names beside its files.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "api/database_impl.h"
#include "base/file.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"
#include "models/convolution/partition.h"

namespace undula {
namespace {

std::string NamesFile(const std::string& directory) { return directory + "/items.names"; }

absl::StatusOr<PartitionReport> Collect(const PartitionJob& job) {
  if (job.output.empty()) {
    return InvalidArgumentError("the stage 'collect' needs a file to write (output)");
  }
  UNDULA_ASSIGN_OR_RETURN(const std::vector<float> values,
                          models::CollectPartitions(job.directory));
  const std::string file = NamesFile(job.directory);
  const absl::StatusOr<std::string> text = ReadWholeFile(file, int64_t{1} << 40);
  if (!text.ok()) {
    return Error(text.status().code(), Message(text.status()), "; run the stage 'start' again");
  }
  std::vector<std::string> names;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    names.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  if (names.empty() || values.size() % names.size() != 0) {
    return DataLossError(file, " has ", names.size(), " names for ", values.size(),
                         " numbers; run the stage 'start' again");
  }
  const auto rows = static_cast<int64_t>(names.size());
  const auto dim = static_cast<int64_t>(values.size()) / rows;
  UNDULA_RETURN_IF_ERROR(api::WriteNamedVectors(names, dim, values, job.output));
  return PartitionReport{job.output, rows, 0, rows * dim * int64_t{sizeof(float)}};
}

}  // namespace

absl::Status Database::StartPartitions(std::string_view model, int64_t partitions,
                                       const std::string& directory) const {
  TensorMap stored;
  std::string name;
  {
    const std::lock_guard lock(impl_->model_access);
    UNDULA_ASSIGN_OR_RETURN(name, api::ResolveModelName(*impl_->models, model));
    UNDULA_ASSIGN_OR_RETURN(stored, impl_->models->Get(name));
  }
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
  UNDULA_ASSIGN_OR_RETURN(Snapshot snapshot, kgstore::TakeSnapshot(view, impl_->arena()));
  UNDULA_ASSIGN_OR_RETURN(
      const std::unique_ptr<models::Model> restored,
      api::RestoreModel(stored, name, std::make_shared<const Snapshot>(std::move(snapshot))));
  auto* pinsage = dynamic_cast<models::ConvModel*>(restored.get());
  if (pinsage == nullptr) {
    return InvalidArgumentError("'", name, "' is a ", restored->spec().name,
                                "; inference in partitions is that of pinsage");
  }
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return ErrnoError(error.value(), directory);
  std::string names;
  const uint32_t items = pinsage->state().n_items;
  UNDULA_RETURN_IF_ERROR(view.ForEachItemName([&](ItemId item, std::string_view text) {
    if (Index(item) >= items) return;
    for (const char c : text) names += c == '\n' || c == '\r' ? ' ' : c;
    names += '\n';
  }));
  UNDULA_RETURN_IF_ERROR(WriteFileAtomically(NamesFile(directory), {names}));
  return models::StartPartitions(pinsage, partitions, directory);
}

absl::StatusOr<PartitionReport> RunPartitionJob(const PartitionJob& job) {
  if (job.stage == "collect") return Collect(job);
  TaskArena workers(job.threads);
  const std::string& directory = job.directory;
  absl::StatusOr<models::StageWork> work =
      InvalidArgumentError("there is no stage '", job.stage,
                           "'; the stages are start, project, exchange, pool, finish, collect");
  std::string file;
  if (job.stage == "project") {
    work = models::ProjectPartition(directory, job.layer, job.partition, &workers);
    file = Concat("y-", job.layer, "-", job.partition);
  } else if (job.stage == "exchange") {
    work = models::ExchangePartition(directory, job.layer, job.partition);
    file = Concat("x-", job.layer, "-", job.partition);
  } else if (job.stage == "pool") {
    work = models::PoolPartition(directory, job.layer, job.partition, &workers);
    file = Concat("h-", job.layer + 1, "-", job.partition);
  } else if (job.stage == "finish") {
    work = models::FinishPartition(directory, job.partition, &workers);
    file = Concat("z-", job.partition);
  }
  UNDULA_RETURN_IF_ERROR(work.status());
  return PartitionReport{Concat(directory, "/", file, ".safetensors"), work->rows, work->remote,
                         work->bytes};
}

}  // namespace undula
