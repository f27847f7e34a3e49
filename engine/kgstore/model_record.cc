#include "kgstore/model_record.h"

#include <new>

#include "base/derived_tensors.h"
#include "base/status.h"
#include "kgstore/hash.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

constexpr char kChunkTag = 'c';
constexpr char kModelTag = 'm';
constexpr size_t kChunkKeyBytes = 1 + 8 + 4 + 4;

template <class Int>
void PutBigEndian(std::string* out, Int value) {
  for (int shift = 8 * static_cast<int>(sizeof(Int)) - 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

// Bytes of a tensor; nothing where the shape is negative or too large.
std::optional<uint64_t> BytesOf(const TensorRecord& tensor) {
  uint64_t bytes = static_cast<uint64_t>(SizeOf(tensor.dtype));
  for (const int64_t extent : tensor.shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

}  // namespace

std::string_view BytesOf(const NamedTensor& tensor) {
  return std::string_view(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
}

std::string ModelKey(std::string_view name) { return Concat(kModelTag, name); }

std::string ChunkKey(uint64_t serial, uint32_t tensor, uint32_t chunk) {
  std::string key(1, kChunkTag);
  PutBigEndian(&key, serial);
  PutBigEndian(&key, tensor);
  PutBigEndian(&key, chunk);
  return key;
}

std::optional<uint64_t> SerialOfKey(std::string_view key) {
  if (key.size() != kChunkKeyBytes || key[0] != kChunkTag) return std::nullopt;
  uint64_t serial = 0;
  for (size_t i = 1; i <= 8; ++i) serial = serial << 8 | static_cast<uint8_t>(key[i]);
  return serial;
}

std::string EncodeModelRecord(const ModelRecord& record) {
  std::string out;
  PutFixed(&out, record.serial);
  PutVarint(&out, record.metadata.size());
  for (const auto& [key, value] : record.metadata) {
    PutText(&out, key);
    PutText(&out, value);
  }
  PutVarint(&out, record.tensors.size());
  for (const TensorRecord& tensor : record.tensors) {
    PutText(&out, tensor.name);
    PutFixed(&out, static_cast<uint8_t>(tensor.dtype));
    PutVarint(&out, tensor.shape.size());
    for (const int64_t extent : tensor.shape) PutVarint(&out, static_cast<uint64_t>(extent));
    PutVarint(&out, tensor.bytes);
    PutFixed(&out, tensor.checksum);
  }
  return out;
}

absl::StatusOr<ModelRecord> DecodeModelRecord(std::string_view name, std::string_view bytes) {
  FieldReader in(bytes);
  ModelRecord record;
  record.name = name;
  record.serial = in.Fixed<uint64_t>();
  for (uint64_t n = in.Varint(); n > 0 && in.ok(); --n) {
    std::string key(in.Text());
    record.metadata[std::move(key)] = in.Text();
  }
  bool sizes_ok = true;
  for (uint64_t n = in.Varint(); n > 0 && in.ok(); --n) {
    TensorRecord& tensor = record.tensors.emplace_back();
    tensor.name = in.Text();
    const auto dtype = in.Fixed<uint8_t>();
    tensor.dtype = static_cast<DType>(dtype);
    for (uint64_t d = in.Varint(); d > 0 && in.ok(); --d) {
      tensor.shape.push_back(static_cast<int64_t>(in.Varint()));
    }
    tensor.bytes = in.Varint();
    tensor.checksum = in.Fixed<uint64_t>();
    sizes_ok = sizes_ok && dtype <= static_cast<uint8_t>(DType::kU8) &&
               BytesOf(tensor) == std::optional<uint64_t>(tensor.bytes);
  }
  if (!in.ok() || !in.done() || !sizes_ok) {
    return DataLossError("the record of model '", name,
                         "' is damaged; restore the file from a "
                         "backup or train the model again");
  }
  return record;
}

absl::StatusOr<std::vector<ModelRecord>> ReadModelRecords(const ViewState& view) {
  std::vector<ModelRecord> records;
  UNDULA_ASSIGN_OR_RETURN(const auto cursor,
                          Cursor::Open(view.store().env(), view.txn(), view.store().models()));
  const std::string first = ModelKey("");
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->Seek(first));
  while (more && cursor->key().substr(0, 1) == first) {
    UNDULA_ASSIGN_OR_RETURN(records.emplace_back(),
                            DecodeModelRecord(cursor->key().substr(1), cursor->value()));
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  return records;
}

absl::Status ReadModelTensor(const ViewState& view, const ModelRecord& record, uint32_t number,
                             NamedTensor* tensor) {
  const TensorRecord& entry = record.tensors[number];
  const auto damaged = [&] {
    return DataLossError(view.store().path(), ": tensor '", entry.name, "' of model '", record.name,
                         "' is damaged; restore the file from a backup or train the model again");
  };
  // A damaged record must not make us ask for more memory than the file can fill.
  if (entry.bytes > view.store().env().used_bytes()) return damaged();
  tensor->dtype = entry.dtype;
  tensor->shape = entry.shape;
  tensor->bytes.reserve(entry.bytes);
  for (uint32_t chunk = 0; tensor->bytes.size() < entry.bytes; ++chunk) {
    UNDULA_ASSIGN_OR_RETURN(
        const auto bytes, view.Get(view.store().models(), ChunkKey(record.serial, number, chunk)));
    if (!bytes.has_value() || bytes->empty()) return damaged();
    const auto* begin = reinterpret_cast<const std::byte*>(bytes->data());
    tensor->bytes.insert(tensor->bytes.end(), begin, begin + bytes->size());
  }
  if (tensor->bytes.size() != entry.bytes || HashText(0, BytesOf(*tensor)) != entry.checksum) {
    return damaged();
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorMap> ReadModel(const ViewState& view, const ModelRecord& record) {
  TensorMap model;
  model.metadata = record.metadata;
  try {
    for (uint32_t i = 0; i < record.tensors.size(); ++i) {
      const std::string& name = record.tensors[i].name;
      const absl::Status status = ReadModelTensor(view, record, i, &model.tensors[name]);
      if (status.ok()) continue;
      if (!absl::IsDataLoss(status) || !name.starts_with(kDerivedPrefix)) return status;
      model.tensors.erase(name);
      model.metadata[std::string(kDamagedTensors)] += Concat(name, "\n");
    }
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("out of memory while loading model '", record.name, "'");
  }
  return model;
}

}  // namespace undula::kgstore::internal
