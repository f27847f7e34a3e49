#include "kgstore/batch_writer.h"

#include "base/status.h"

namespace undula::kgstore::internal {

absl::Status BatchWriter::Append(MDB_dbi table, std::string_view key, std::string_view value) {
  if (txn_ == nullptr) {
    UNDULA_ASSIGN_OR_RETURN(txn_, store_->BeginWrite(batch_bytes_ + 2 * value.size()));
  }
  UNDULA_RETURN_IF_ERROR(txn_->Append(table, key, value));
  if (--until_report_ < 0) {
    until_report_ = 2000;
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, done_, total_, stage_));
  }
  return txn_->bytes() >= batch_bytes_ ? Finish() : absl::OkStatus();
}

absl::Status BatchWriter::Finish() {
  if (txn_ == nullptr) return absl::OkStatus();
  const std::unique_ptr<WriteTxn> txn = std::move(txn_);
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += txn->sums()[i];
  return txn->Commit();
}

}  // namespace undula::kgstore::internal
