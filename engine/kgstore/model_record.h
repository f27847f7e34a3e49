// The record that makes a stored model visible, and the keys of its tensors' chunks. Byte layout:
// docs/file-format.md.
#ifndef UNDULA_KGSTORE_MODEL_RECORD_H_
#define UNDULA_KGSTORE_MODEL_RECORD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/tensor_map.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

// With LMDB's page header a chunk fills exactly 256 pages of 4 KiB.
inline constexpr uint64_t kChunkBytes = (uint64_t{1} << 20) - 16;
inline constexpr size_t kMaxModelName = 200;

struct TensorRecord {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  uint64_t bytes = 0;
  uint64_t checksum = 0;  // HashText(0, bytes)
};

struct ModelRecord {
  std::string name;
  uint64_t serial = 0;  // names its chunks; never used twice
  std::map<std::string, std::string> metadata;
  std::vector<TensorRecord> tensors;
};

std::string ModelKey(std::string_view name);
std::string ChunkKey(uint64_t serial, uint32_t tensor, uint32_t chunk);
// The serial of a chunk's key; nothing where it is another kind of key.
std::optional<uint64_t> SerialOfKey(std::string_view key);

std::string EncodeModelRecord(const ModelRecord& record);
// DataLoss where the record is damaged or a tensor's size contradicts its shape.
absl::StatusOr<ModelRecord> DecodeModelRecord(std::string_view name, std::string_view bytes);

// By name.
absl::StatusOr<std::vector<ModelRecord>> ReadModelRecords(const ViewState& view);

// Tensor number `number` of the record, put together from its chunks. DataLoss; std::bad_alloc.
absl::Status ReadModelTensor(const ViewState& view, const ModelRecord& record, uint32_t number,
                             NamedTensor* tensor);

std::string_view BytesOf(const NamedTensor& tensor);

// The tensors of a record, checked by their checksums, and its metadata. Damaged ones that are
// derived from the others (base/derived_tensors.h) are left out and named there.
absl::StatusOr<TensorMap> ReadModel(const ViewState& view, const ModelRecord& record);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_MODEL_RECORD_H_
