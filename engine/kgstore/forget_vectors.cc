#include "kgstore/forget_vectors.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/status.h"
#include "kgstore/hash.h"

namespace undula::kgstore::internal {
namespace {

uint64_t ChunksOf(uint64_t bytes) { return (bytes + kChunkBytes - 1) / kChunkBytes; }

bool IsUserVectors(const ModelRecord& record) {
  const auto is = [&](const char* key, std::string_view value) {
    const auto it = record.metadata.find(key);
    return it != record.metadata.end() && it->second == value;
  };
  return is("kind", "vectors") && is("space", "users");
}

// The number of a tensor of the record; kNoIndex where it is missing.
uint32_t NumberOf(const ModelRecord& record, std::string_view name) {
  for (uint32_t i = 0; i < record.tensors.size(); ++i) {
    if (record.tensors[i].name == name) return i;
  }
  return kNoIndex;
}

void RemoveRow(NamedTensor* tensor, size_t row) {
  const auto rows = static_cast<size_t>(tensor->shape[0]);
  const size_t bytes = tensor->bytes.size() / rows;
  const auto begin = tensor->bytes.begin() + static_cast<ptrdiff_t>(row * bytes);
  tensor->bytes.erase(begin, begin + static_cast<ptrdiff_t>(bytes));
  --tensor->shape[0];
}

}  // namespace

uint64_t VectorsWithout::bytes() const {
  uint64_t bytes = 4096;
  for (const TensorRecord& tensor : stored.tensors) bytes += tensor.bytes + 4096;
  return bytes;
}

absl::StatusOr<std::vector<VectorsWithout>> FindVectorsOf(const ViewState& view, uint32_t user) {
  std::vector<VectorsWithout> found;
  UNDULA_ASSIGN_OR_RETURN(const std::vector<ModelRecord> records, ReadModelRecords(view));
  for (const ModelRecord& record : records) {
    if (!IsUserVectors(record)) continue;
    const uint32_t ids_at = NumberOf(record, "ids"), vectors_at = NumberOf(record, "vectors");
    const bool whole = record.tensors.size() == 2 && ids_at != kNoIndex && vectors_at != kNoIndex &&
                       record.tensors[ids_at].dtype == DType::kU32 &&
                       record.tensors[ids_at].shape.size() == 1 &&
                       record.tensors[vectors_at].shape.size() == 2 &&
                       record.tensors[ids_at].shape[0] == record.tensors[vectors_at].shape[0];
    if (!whole) {
      return DataLossError(view.store().path(), ": the vectors '", record.name,
                           "' are damaged; remove them (undula models --remove) and import them "
                           "again");
    }
    VectorsWithout without{record, record, {}};
    without.tensors.resize(2);
    NamedTensor& ids = without.tensors[ids_at];
    UNDULA_RETURN_IF_ERROR(ReadModelTensor(view, record, ids_at, &ids));
    const std::span<const uint32_t> rows(ids.data<uint32_t>(), static_cast<size_t>(ids.size()));
    const auto at = std::lower_bound(rows.begin(), rows.end(), user);
    if (at == rows.end() || *at != user) continue;
    const auto row = static_cast<size_t>(at - rows.begin());
    UNDULA_RETURN_IF_ERROR(ReadModelTensor(view, record, vectors_at, &without.tensors[vectors_at]));
    for (uint32_t i = 0; i < 2; ++i) {
      NamedTensor& tensor = without.tensors[i];
      RemoveRow(&tensor, row);
      TensorRecord& entry = without.record.tensors[i];
      entry.shape = tensor.shape;
      entry.bytes = tensor.bytes.size();
      entry.checksum = HashText(0, BytesOf(tensor));
    }
    without.record.metadata["count"] = std::to_string(without.tensors[ids_at].shape[0]);
    if (without.tensors[ids_at].shape[0] == 0) {
      without.record.tensors.clear();
      without.tensors.clear();
    }
    found.push_back(std::move(without));
  }
  return found;
}

absl::Status WriteVectorsWithout(const VectorsWithout& vectors, const Store& store, WriteTxn* txn) {
  const ModelRecord& record = vectors.record;
  const MDB_dbi models = store.models();
  for (uint32_t i = 0; i < vectors.stored.tensors.size(); ++i) {
    const std::string_view bytes =
        vectors.tensors.empty() ? std::string_view() : BytesOf(vectors.tensors[i]);
    const auto kept = static_cast<uint32_t>(ChunksOf(bytes.size()));
    for (uint32_t chunk = 0; chunk < kept; ++chunk) {
      UNDULA_RETURN_IF_ERROR(txn->Put(models, ChunkKey(record.serial, i, chunk),
                                      bytes.substr(chunk * kChunkBytes, kChunkBytes)));
    }
    for (uint32_t chunk = kept; chunk < ChunksOf(vectors.stored.tensors[i].bytes); ++chunk) {
      UNDULA_RETURN_IF_ERROR(txn->Delete(models, ChunkKey(record.serial, i, chunk)));
    }
  }
  if (vectors.tensors.empty()) return txn->Delete(models, ModelKey(record.name));
  return txn->Put(models, ModelKey(record.name), EncodeModelRecord(record));
}

}  // namespace undula::kgstore::internal
