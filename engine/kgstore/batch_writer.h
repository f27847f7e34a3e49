// Writes many entries in write transactions of bounded size. What it writes must be invisible
// until a later transaction says otherwise: tables of the next generation.
#ifndef UNDULA_KGSTORE_BATCH_WRITER_H_
#define UNDULA_KGSTORE_BATCH_WRITER_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "base/progress.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

inline constexpr uint64_t kBatchBytes = uint64_t{32} << 20;

class BatchWriter {
 public:
  // Reports to `progress` (may be null) after each transaction, as (entries, total, message).
  BatchWriter(Store* store, Progress* progress, uint64_t batch_bytes = kBatchBytes)
      : store_(store), progress_(progress), batch_bytes_(batch_bytes) {}

  // Keys of a table come in ascending order.
  absl::Status Append(MDB_dbi table, std::string_view key, std::string_view value);
  // Commits what is left.
  absl::Status Finish();
  // What everything committed adds to the sums of the tables (WriteTxn::sums).
  const TableSums& sums() const { return sums_; }
  // Gives up what is not committed.
  void Abort() { txn_.reset(); }

  void set_stage(std::string_view stage, int64_t done, int64_t total) {
    stage_ = stage;
    done_ = done;
    total_ = total;
  }

 private:
  Store* store_;
  Progress* progress_;
  uint64_t batch_bytes_;
  std::string_view stage_ = "writing";
  int64_t done_ = 0, total_ = 0;
  int until_report_ = 0;
  std::unique_ptr<WriteTxn> txn_;
  TableSums sums_{};
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_BATCH_WRITER_H_
