#include "kgstore/generation_writer.h"

#include <utility>

#include "base/status.h"
#include "kgstore/change_log.h"
#include "kgstore/import_record.h"

namespace undula::kgstore::internal {

absl::StatusOr<std::unique_ptr<GenerationWriter>> GenerationWriter::Begin(Store* store,
                                                                          uint64_t room,
                                                                          Progress* progress,
                                                                          uint64_t batch_bytes) {
  // Tables of a broken-off import have the name of those to be written now.
  UNDULA_RETURN_IF_ERROR(store->DropDeadTables());
  // A guess may be too high: what is really missing is found when it is written.
  store->EnsureRoom(room).IgnoreError();
  std::unique_ptr<GenerationWriter> writer(new GenerationWriter(store, progress, batch_bytes));
  UNDULA_ASSIGN_OR_RETURN(writer->old_, store->BeginView());
  writer->next_ = writer->old_->state();
  if (writer->next_.generation == ~uint32_t{0}) {
    return ResourceExhaustedError(store->path(),
                                  " has had 2^32 imports; import its data into a "
                                  "new database");
  }
  ++writer->next_.generation;
  ++writer->next_.change;
  return writer;
}

GenerationWriter::~GenerationWriter() {
  old_.reset();
  out_.Abort();
  store_->DropDeadTables().IgnoreError();  // else at the next open for writing
}

absl::Status GenerationWriter::CreateTables(const TableBits& tables) {
  UNDULA_ASSIGN_OR_RETURN(handles_, store_->CreateTables(next_.generation, tables));
  created_ = tables;
  for (size_t i = 0; i < tables.size(); ++i) {
    if (tables[i]) next_.table_generation[i] = next_.generation;
  }
  return absl::OkStatus();
}

absl::Status GenerationWriter::Publish(const std::optional<ImportRecord>& record) {
  UNDULA_RETURN_IF_ERROR(out_.Finish());
  const MDB_dbi meta = store_->meta();
  UNDULA_ASSIGN_OR_RETURN(std::unique_ptr<WriteTxn> txn, store_->BeginWrite(1 << 20));
  if (relation_counts_.has_value()) {
    UNDULA_RETURN_IF_ERROR(txn->Put(meta, kRelationCountsKey, *relation_counts_));
  }
  if (record.has_value()) {
    UNDULA_RETURN_IF_ERROR(
        txn->Put(meta, ImportRecordKey(record->generation), EncodeImportRecord(*record)));
  }
  for (size_t i = 0; i < created_.size(); ++i) {
    if (created_[i]) next_.table_sum[i] = out_.sums()[i];
  }
  ChangeRecord changes;
  for (int i = 0; i < kRowKinds; ++i) {
    const auto table = static_cast<size_t>(TableOf(static_cast<Rows>(i)));
    changes[static_cast<size_t>(i)].all = created_[table];
  }
  UNDULA_RETURN_IF_ERROR(
      LogChange(store_->env(), txn.get(), old_->tables()[Table::kChanges], next_.change, changes));
  const auto log = static_cast<size_t>(Table::kChanges);
  next_.table_sum[log] += txn->sums()[log];
  UNDULA_RETURN_IF_ERROR(txn->Put(meta, kStateKey, EncodeState(next_)));
  return txn->Commit();
}

}  // namespace undula::kgstore::internal
