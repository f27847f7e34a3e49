#include "kgstore/change_log.h"

#include <memory>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {

Table TableOf(Rows rows) {
  constexpr std::array<Table, kRowKinds> kTablesOfRows = {
      Table::kOut, Table::kIn, Table::kUserLog, Table::kItemLog, Table::kLinks, Table::kSocial};
  return kTablesOfRows[static_cast<size_t>(rows)];
}

std::string EncodeChangeRecord(const ChangeRecord& record) {
  std::string out;
  for (const ChangedRows& changed : record) {
    const bool all = changed.all || changed.rows.size() > kMaxChangedRows;
    PutVarint(&out, all ? 0 : changed.rows.size() + 1);
    if (all) continue;
    uint32_t last = 0;
    for (const uint32_t row : changed.rows) {
      PutVarint(&out, row - last);
      last = row;
    }
  }
  return out;
}

std::optional<ChangeRecord> DecodeChangeRecord(std::string_view bytes) {
  FieldReader in(bytes);
  ChangeRecord record;
  for (ChangedRows& changed : record) {
    uint64_t n = in.Varint();
    changed.all = n == 0;
    uint64_t row = 0;
    for (; n > 1 && in.ok(); --n) {
      row += in.Varint();
      if (row > kMaxIds) return std::nullopt;
      changed.rows.push_back(static_cast<uint32_t>(row));
    }
  }
  if (!in.ok() || !in.done()) return std::nullopt;
  return record;
}

std::string ChangeKey(uint64_t change) {
  std::string key(8, '\0');
  for (size_t i = 0; i < 8; ++i) key[i] = static_cast<char>(change >> (56 - 8 * i));
  return key;
}

absl::Status LogChange(const Env& env, WriteTxn* txn, MDB_dbi changes, uint64_t change,
                       const ChangeRecord& record) {
  const std::string oldest_kept = ChangeKey(change > kChangesKept ? change - kChangesKept : 0);
  while (true) {
    std::string oldest;
    {
      UNDULA_ASSIGN_OR_RETURN(const auto cursor, Cursor::Open(env, txn->raw(), changes));
      UNDULA_ASSIGN_OR_RETURN(const bool found, cursor->First());
      if (found) oldest = cursor->key();
    }
    if (oldest.empty() || oldest >= oldest_kept) break;
    UNDULA_RETURN_IF_ERROR(txn->Delete(changes, oldest));
  }
  return txn->Put(changes, ChangeKey(change), EncodeChangeRecord(record));
}

}  // namespace undula::kgstore::internal
