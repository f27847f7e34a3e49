#include "kgstore/edit_cursor.h"

#include "base/status.h"

namespace undula::kgstore::internal {

absl::StatusOr<std::unique_ptr<EditCursor>> EditCursor::Open(WriteTxn* txn, MDB_dbi table) {
  MDB_cursor* cursor = nullptr;
  if (const int code = mdb_cursor_open(txn->raw(), table, &cursor); code != 0) {
    return txn->env().Error(code, "reading");
  }
  return std::unique_ptr<EditCursor>(new EditCursor(txn, table, cursor));
}

EditCursor::~EditCursor() { mdb_cursor_close(cursor_); }

absl::StatusOr<bool> EditCursor::Move(MDB_cursor_op op) {
  const int code = mdb_cursor_get(cursor_, &key_, &value_, op);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return txn_.env().Error(code, "reading");
  return true;
}

absl::StatusOr<bool> EditCursor::Find(std::string_view key) {
  key_ = ToVal(key);
  return Move(MDB_SET_KEY);
}

absl::StatusOr<bool> EditCursor::FindFirst(std::string_view key) {
  key_ = ToVal(key);
  return Move(MDB_SET_RANGE);
}

absl::StatusOr<bool> EditCursor::FindLast(std::string_view key) {
  UNDULA_ASSIGN_OR_RETURN(const bool found, FindFirst(key));
  if (!found) return Move(MDB_LAST);
  return this->key() == key ? true : Move(MDB_PREV);
}

absl::StatusOr<bool> EditCursor::Next() { return Move(MDB_NEXT); }

absl::StatusOr<std::string_view> EditCursor::Read() {
  const uint8_t kind = txn_.env().kind(table_);
  if (!txn_.env().Check(kind, key(), FromVal(value_), &read_hash_)) {
    return txn_.env().Damaged(kind);
  }
  read_key_.assign(key());
  was_read_ = true;
  return FromVal(value_).substr(0, value_.mv_size - kChecksumBytes);
}

absl::Status EditCursor::Put(std::string_view key, std::string_view value) {
  const absl::Status status = txn_.PutAt(cursor_, table_, key, value, KnownHash(key));
  was_read_ = false;
  return status;
}

absl::Status EditCursor::Delete(std::string_view key) {
  const absl::Status status = txn_.DeleteKnown(table_, key, KnownHash(key));
  was_read_ = false;
  return status;
}

}  // namespace undula::kgstore::internal
