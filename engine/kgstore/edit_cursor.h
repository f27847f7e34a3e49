// Reads and rewrites entries of one table of a write transaction. Best in ascending order of keys:
// an entry on the page of the one before is found without a walk from the root.
#ifndef UNDULA_KGSTORE_EDIT_CURSOR_H_
#define UNDULA_KGSTORE_EDIT_CURSOR_H_

#include <lmdb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/lmdb_env.h"

namespace undula::kgstore::internal {

class EditCursor {
 public:
  // `txn` must outlive the cursor; it may be written by other ways, too.
  static absl::StatusOr<std::unique_ptr<EditCursor>> Open(WriteTxn* txn, MDB_dbi table);
  ~EditCursor();
  EditCursor(const EditCursor&) = delete;
  EditCursor& operator=(const EditCursor&) = delete;

  // Each returns false where there is no such entry. None of them checks the value.
  absl::StatusOr<bool> Find(std::string_view key);
  absl::StatusOr<bool> FindFirst(std::string_view key);  // the first entry with a key >= `key`
  absl::StatusOr<bool> FindLast(std::string_view key);   // the last entry with a key <= `key`
  absl::StatusOr<bool> Next();
  // Of the entry found last; holds until the transaction writes.
  std::string_view key() const { return FromVal(key_); }
  // The same entry's value, checked; it is followed by kChecksumBytes readable bytes.
  absl::StatusOr<std::string_view> Read();

  // As those of WriteTxn. The entry that Read checked last is not read again.
  absl::Status Put(std::string_view key, std::string_view value);
  absl::Status Delete(std::string_view key);

 private:
  EditCursor(WriteTxn* txn, MDB_dbi table, MDB_cursor* cursor)
      : txn_(*txn), table_(table), cursor_(cursor) {}
  absl::StatusOr<bool> Move(MDB_cursor_op op);
  // The hash of the entry where Read has checked it, else null.
  const uint64_t* KnownHash(std::string_view key) const {
    return was_read_ && key == read_key_ ? &read_hash_ : nullptr;
  }

  WriteTxn& txn_;
  MDB_dbi table_;
  MDB_cursor* cursor_;
  MDB_val key_{};
  MDB_val value_{};
  bool was_read_ = false;
  std::string read_key_;
  uint64_t read_hash_ = 0;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_EDIT_CURSOR_H_
