#include "kgstore/model_store.h"

#include <algorithm>
#include <new>
#include <set>
#include <utility>

#include "base/status.h"
#include "kgstore/hash.h"
#include "kgstore/model_record.h"
#include "kgstore/store.h"
#include "kgstore/varint.h"

namespace undula::kgstore {
namespace internal {
namespace {

constexpr std::string_view kSerialKey = "model_serial";
constexpr uint64_t kTransactionBytes = uint64_t{60}
                                       << 20;  // stays below 64 MiB with the last chunk

class ModelStore final : public ModelSink {
 public:
  explicit ModelStore(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  absl::Status Put(std::string_view name, const TensorMap& model) override;
  absl::StatusOr<TensorMap> Get(std::string_view name) const override;
  absl::StatusOr<std::map<std::string, std::string>> Metadata(std::string_view name) const override;
  absl::StatusOr<std::vector<std::string>> List() const override;
  absl::Status Remove(std::string_view name) override;

 private:
  absl::StatusOr<uint64_t> NextSerial();
  absl::Status WriteChunks(uint64_t serial, const TensorMap& model);
  absl::Status PutRecord(const ModelRecord& record);
  // Deletes chunks that no record names: of replaced and removed models and of broken-off writes.
  absl::Status Sweep();
  absl::StatusOr<ModelRecord> Find(const ViewState& view, std::string_view name) const;

  std::shared_ptr<Store> store_;
};

absl::Status CheckName(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxModelName) return absl::OkStatus();
  return InvalidArgumentError("a model's name has ", name.size(), " bytes; 1 to ", kMaxModelName,
                              " are allowed");
}

absl::StatusOr<uint64_t> ModelStore::NextSerial() {
  UNDULA_ASSIGN_OR_RETURN(const auto txn, store_->BeginWrite(1 << 16));
  UNDULA_ASSIGN_OR_RETURN(const auto stored, txn->Get(store_->meta(), kSerialKey));
  uint64_t serial = 1;
  if (stored.has_value() && stored->size() == sizeof(serial)) {
    serial = LoadFixed<uint64_t>(stored->data()) + 1;
  }
  UNDULA_RETURN_IF_ERROR(txn->Put(store_->meta(), kSerialKey, AsBytes(serial)));
  UNDULA_RETURN_IF_ERROR(txn->Commit());
  return serial;
}

absl::Status ModelStore::WriteChunks(uint64_t serial, const TensorMap& model) {
  std::unique_ptr<WriteTxn> txn;
  uint32_t number = 0;
  for (const auto& [name, tensor] : model.tensors) {
    const std::string_view bytes = BytesOf(tensor);
    uint32_t chunk = 0;
    for (uint64_t at = 0; at < bytes.size(); at += kChunkBytes, ++chunk) {
      if (txn == nullptr) {
        UNDULA_ASSIGN_OR_RETURN(txn, store_->BeginWrite(kTransactionBytes + 2 * kChunkBytes));
      }
      UNDULA_RETURN_IF_ERROR(txn->Put(store_->models(), ChunkKey(serial, number, chunk),
                                      bytes.substr(at, kChunkBytes)));
      if (txn->bytes() < kTransactionBytes) continue;
      UNDULA_RETURN_IF_ERROR(txn->Commit());
      txn.reset();
    }
    ++number;
  }
  return txn == nullptr ? absl::OkStatus() : txn->Commit();
}

absl::Status ModelStore::PutRecord(const ModelRecord& record) {
  const std::string bytes = EncodeModelRecord(record);
  UNDULA_ASSIGN_OR_RETURN(const auto txn, store_->BeginWrite(2 * bytes.size() + (1 << 16)));
  UNDULA_RETURN_IF_ERROR(txn->Put(store_->models(), ModelKey(record.name), bytes));
  return txn->Commit();
}

absl::Status ModelStore::Put(std::string_view name, const TensorMap& model) {
  UNDULA_RETURN_IF_ERROR(CheckName(name));
  ModelRecord record;
  record.name = name;
  record.metadata = model.metadata;
  for (const auto& [tensor_name, tensor] : model.tensors) {
    TensorRecord& entry = record.tensors.emplace_back();
    entry.name = tensor_name;
    entry.dtype = tensor.dtype;
    entry.shape = tensor.shape;
    entry.bytes = tensor.bytes.size();
    entry.checksum = HashText(0, BytesOf(tensor));
    if (tensor.bytes.size() != static_cast<uint64_t>(tensor.size() * SizeOf(tensor.dtype))) {
      return InvalidArgumentError("tensor '", tensor_name, "' of model '", name, "' has ",
                                  tensor.bytes.size(), " bytes, its shape needs ",
                                  tensor.size() * SizeOf(tensor.dtype));
    }
  }
  UNDULA_ASSIGN_OR_RETURN(const auto turn, store_->TakeWriteTurn());
  UNDULA_RETURN_IF_ERROR(Sweep());
  UNDULA_ASSIGN_OR_RETURN(record.serial, NextSerial());
  absl::Status status = WriteChunks(record.serial, model);
  if (status.ok()) status = PutRecord(record);
  // What is not deleted now is deleted before the next write.
  Sweep().IgnoreError();
  return status;
}

absl::Status ModelStore::Sweep() {
  std::set<uint64_t> used;
  std::vector<std::string> dead;
  {
    UNDULA_ASSIGN_OR_RETURN(const auto view, store_->BeginView());
    UNDULA_ASSIGN_OR_RETURN(const std::vector<ModelRecord> records, ReadModelRecords(*view));
    for (const ModelRecord& record : records) used.insert(record.serial);
    UNDULA_ASSIGN_OR_RETURN(const auto cursor,
                            Cursor::Open(store_->env(), view->txn(), store_->models()));
    // Only keys matter here. Where a chunk's value does not fit its checksum the cursor stands on
    // it all the same; any other damage leaves it where it was.
    std::string at;
    const auto moved = [&](const absl::StatusOr<bool>& more) -> absl::StatusOr<bool> {
      if (!more.ok() && (!absl::IsDataLoss(more.status()) || cursor->key() == at)) return more;
      at = cursor->key();
      return more.ok() ? more : true;
    };
    UNDULA_ASSIGN_OR_RETURN(bool more, moved(cursor->First()));
    while (more) {
      const std::optional<uint64_t> serial = SerialOfKey(at);
      if (!serial.has_value()) break;  // the models' records come after all chunks
      if (used.count(*serial) > 0) {
        UNDULA_ASSIGN_OR_RETURN(more, moved(cursor->Seek(ChunkKey(*serial + 1, 0, 0))));
        continue;
      }
      dead.push_back(at);
      UNDULA_ASSIGN_OR_RETURN(more, moved(cursor->Next()));
    }
  }
  constexpr size_t kDeletesPerTransaction = 4096;
  for (size_t i = 0; i < dead.size(); i += kDeletesPerTransaction) {
    UNDULA_ASSIGN_OR_RETURN(const auto txn, store_->BeginWrite(1 << 20));
    for (size_t k = i; k < std::min(dead.size(), i + kDeletesPerTransaction); ++k) {
      UNDULA_RETURN_IF_ERROR(txn->Delete(store_->models(), dead[k]));
    }
    UNDULA_RETURN_IF_ERROR(txn->Commit());
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelRecord> ModelStore::Find(const ViewState& view, std::string_view name) const {
  UNDULA_RETURN_IF_ERROR(CheckName(name));
  UNDULA_ASSIGN_OR_RETURN(const auto bytes, view.Get(store_->models(), ModelKey(name)));
  if (bytes.has_value()) return DecodeModelRecord(name, *bytes);
  UNDULA_ASSIGN_OR_RETURN(const std::vector<ModelRecord> records, ReadModelRecords(view));
  std::string names;
  for (const ModelRecord& record : records) names += Concat(names.empty() ? "" : ", ", record.name);
  return NotFoundError("no model '", name, "' in ", store_->path(), "; it has ",
                       names.empty() ? std::string("no models") : names);
}

absl::StatusOr<TensorMap> ModelStore::Get(std::string_view name) const {
  UNDULA_ASSIGN_OR_RETURN(const auto view, store_->BeginView());
  UNDULA_ASSIGN_OR_RETURN(const ModelRecord record, Find(*view, name));
  return ReadModel(*view, record);
}

absl::StatusOr<std::map<std::string, std::string>> ModelStore::Metadata(
    std::string_view name) const {
  UNDULA_ASSIGN_OR_RETURN(const auto view, store_->BeginView());
  UNDULA_ASSIGN_OR_RETURN(ModelRecord record, Find(*view, name));
  return std::move(record.metadata);
}

absl::StatusOr<std::vector<std::string>> ModelStore::List() const {
  UNDULA_ASSIGN_OR_RETURN(const auto view, store_->BeginView());
  UNDULA_ASSIGN_OR_RETURN(const std::vector<ModelRecord> records, ReadModelRecords(*view));
  std::vector<std::string> names;
  for (const ModelRecord& record : records) names.push_back(record.name);
  return names;
}

absl::Status ModelStore::Remove(std::string_view name) {
  UNDULA_ASSIGN_OR_RETURN(const auto turn, store_->TakeWriteTurn());
  {
    UNDULA_ASSIGN_OR_RETURN(const auto view, store_->BeginView());
    UNDULA_RETURN_IF_ERROR(Find(*view, name).status());
  }
  UNDULA_ASSIGN_OR_RETURN(const auto txn, store_->BeginWrite(1 << 16));
  UNDULA_RETURN_IF_ERROR(txn->Delete(store_->models(), ModelKey(name)));
  UNDULA_RETURN_IF_ERROR(txn->Commit());
  Sweep().IgnoreError();
  return absl::OkStatus();
}

}  // namespace
}  // namespace internal

absl::StatusOr<std::unique_ptr<ModelSink>> OpenModelStore(Database& database) {
  return std::make_unique<internal::ModelStore>(database.store().shared_from_this());
}

}  // namespace undula::kgstore
