// Where trained models are kept. kgstore implements it over the database, DirectorySink over a
// directory of safetensors files (bundles, tests); models see only this interface.
#ifndef UNDULA_BASE_MODEL_SINK_H_
#define UNDULA_BASE_MODEL_SINK_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/tensor_map.h"

namespace undula {

// Not thread-safe unless the implementation says so.
class ModelSink {
 public:
  virtual ~ModelSink() = default;
  // Stores or replaces the model; a reader sees the old one or the new one, never a mixture.
  virtual absl::Status Put(std::string_view name, const TensorMap& model) = 0;
  // NotFound lists the stored names.
  virtual absl::StatusOr<TensorMap> Get(std::string_view name) const = 0;
  virtual absl::StatusOr<std::map<std::string, std::string>> Metadata(
      std::string_view name) const = 0;
  virtual absl::StatusOr<std::vector<std::string>> List() const = 0;
  virtual absl::Status Remove(std::string_view name) = 0;
};

// Models as DIRECTORY/NAME.safetensors, written by fsync and rename. The directory is created.
absl::StatusOr<std::unique_ptr<ModelSink>> OpenDirectorySink(const std::string& directory);

}  // namespace undula

#endif  // UNDULA_BASE_MODEL_SINK_H_
