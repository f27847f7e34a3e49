// The table `changes`: which rows each commit has changed, by the `change` number of the state it
// wrote. A snapshot is refreshed from it (kgstore/refresh_snapshot.h). Byte layout:
// docs/file-format.md.
#ifndef UNDULA_KGSTORE_CHANGE_LOG_H_
#define UNDULA_KGSTORE_CHANGE_LOG_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/lmdb_env.h"
#include "kgstore/state.h"

namespace undula::kgstore::internal {

// What rows are rows of, in the order of the record.
enum class Rows : uint8_t { kOut, kIn, kUserLog, kItemLog, kLinks, kSocial };
inline constexpr int kRowKinds = 6;
Table TableOf(Rows rows);

// Commits kept in the log, and rows of one kind that a record lists before it says "all".
inline constexpr uint64_t kChangesKept = 1024;
inline constexpr size_t kMaxChangedRows = 4096;

struct ChangedRows {
  bool all = false;
  std::vector<uint32_t> rows;  // ascending, distinct; none where all
};
using ChangeRecord = std::array<ChangedRows, kRowKinds>;

std::string EncodeChangeRecord(const ChangeRecord& record);
// Nothing where the bytes are damaged.
std::optional<ChangeRecord> DecodeChangeRecord(std::string_view bytes);
std::string ChangeKey(uint64_t change);

// Puts the record of `change` and drops those that are too old to be kept.
absl::Status LogChange(const Env& env, WriteTxn* txn, MDB_dbi changes, uint64_t change,
                       const ChangeRecord& record);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_CHANGE_LOG_H_
