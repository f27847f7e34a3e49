// Checkpoints of a running training: DIRECTORY/RUN-STEP.safetensors, written by fsync and rename,
// the last two kept. A kill at any instant leaves a readable one.
#ifndef UNDULA_MODELS_TRAIN_CHECKPOINT_H_
#define UNDULA_MODELS_TRAIN_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/tensor_map.h"

namespace undula::models {

// Not thread-safe; two trainings must not share (directory, run).
class CheckpointStore {
 public:
  // `run` becomes part of file names: letters, digits, '.', '_' and '-' only, else InvalidArgument.
  static absl::StatusOr<CheckpointStore> Open(const std::string& directory, const std::string& run);

  // Writes the checkpoint of `step` and removes all but the newest two.
  absl::Status Save(int64_t step, const TensorMap& state);
  // The newest checkpoint that can be read: a damaged one is passed over. NotFound where there is
  // none; the error of the newest where all are damaged.
  absl::StatusOr<TensorMap> LoadNewest() const;
  absl::Status RemoveAll();

  // Paths, oldest first.
  absl::StatusOr<std::vector<std::string>> List() const;

 private:
  CheckpointStore(std::string directory, std::string run)
      : directory_(std::move(directory)), run_(std::move(run)) {}

  std::string directory_, run_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_CHECKPOINT_H_
