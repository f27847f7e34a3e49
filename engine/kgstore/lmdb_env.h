// One LMDB environment and its write transactions. Every value carries a checksum, which is added
// and checked here (docs/file-format.md); callers never see it. Only kgstore's .cc files include
// this header.
#ifndef UNDULA_KGSTORE_LMDB_ENV_H_
#define UNDULA_KGSTORE_LMDB_ENV_H_

#include <lmdb.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/state.h"

namespace undula::kgstore::internal {

inline MDB_val ToVal(std::string_view bytes) {
  return MDB_val{bytes.size(), const_cast<char*>(bytes.data())};
}
inline std::string_view FromVal(const MDB_val& value) {
  return std::string_view(static_cast<const char*>(value.mv_data), value.mv_size);
}

inline constexpr size_t kChecksumBytes = 4;
inline constexpr unsigned kMaxHandles = 512;

struct EnvOptions {
  uint64_t map_bytes = uint64_t{1} << 40;
  bool read_only = false;
  bool no_lock = false;  // read-only without a lock file: the caller keeps writers out
};

class Env {
 public:
  // The file is checked already, or empty. Falls back to smaller maps where the address space is
  // refused. kNoLockFile(status) tells that no lock file could be made or opened.
  static absl::StatusOr<std::unique_ptr<Env>> Open(const std::string& path,
                                                   const EnvOptions& options);
  static bool IsNoLockFile(const absl::Status& status);
  ~Env();
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;

  MDB_env* raw() const { return env_; }
  const std::string& path() const { return path_; }
  uint64_t page_bytes() const { return page_bytes_; }
  uint64_t map_bytes() const;
  uint64_t used_bytes() const;  // up to the last page of the last commit

  // An LMDB or errno code as a Status that names the file and the remedy.
  absl::Status Error(int code, std::string_view what) const;

  // What a handle stands for, by the name of its table: part of each entry's checksum. Set when the
  // handle is opened.
  void SetKind(MDB_dbi table, std::string_view name) {
    kinds_[table].store(KindOfTable(name), std::memory_order_relaxed);
  }
  uint8_t kind(MDB_dbi table) const { return kinds_[table].load(std::memory_order_relaxed); }
  // A stored value without its checksum; DataLoss where they do not fit.
  absl::StatusOr<std::string_view> Checked(MDB_dbi table, std::string_view key,
                                           std::string_view stored) const;
  // The same as Checked; sets *hash to the entry's hash.
  bool Check(uint8_t kind, std::string_view key, std::string_view stored, uint64_t* hash) const;
  absl::Status Damaged(uint8_t kind) const;

  // Maps again with at least `map_bytes`. No transaction of this process may be active.
  // ResourceExhausted where the address space is refused; the old map then still stands.
  absl::Status Grow(uint64_t map_bytes);

  // Begins a read transaction, or an ended one (*txn not null) again. Returns LMDB's code; where it
  // is not 0 an ended transaction stays as it was. Every read transaction begins here: a thread
  // that LMDB makes wait between reading the number of the last transaction N and copying its meta
  // page may get the page of N + 2 instead, whose commit may still be under way, under the number
  // N; the next reader would then see N + 1, an older state. EAGAIN where that does not end within
  // 2 s.
  int BeginRead(MDB_txn** txn) const;

  // Makes the file as long as its last page may be after a commit that adds at most `pages` pages,
  // and after the commit cuts it to its true length: LMDB does not write pages that were freed
  // again within the transaction, so that a good file could be shorter than its meta page says and
  // look truncated.
  void ExtendFile(uint64_t pages);
  void TrimFile();

 private:
  Env(std::string path, MDB_env* env) : path_(std::move(path)), env_(env) {}
  absl::Status CheckHealthy() const;

  std::string path_;
  MDB_env* env_;
  uint64_t page_bytes_ = 4096;
  bool broken_ = false;                                        // a map was lost while growing
  std::array<std::atomic<uint8_t>, kMaxHandles + 2> kinds_{};  // LMDB's own two come first
};

// A write transaction; aborted unless committed. Must end on the thread that began it.
class WriteTxn {
 public:
  static absl::StatusOr<std::unique_ptr<WriteTxn>> Begin(Env* env);
  ~WriteTxn();
  WriteTxn(const WriteTxn&) = delete;
  WriteTxn& operator=(const WriteTxn&) = delete;

  MDB_txn* raw() const { return txn_; }
  const Env& env() const { return *env_; }
  absl::StatusOr<MDB_dbi> OpenTable(const std::string& name, unsigned flags);
  // `value` must not lie within the file: copy what Get returned.
  absl::Status Put(MDB_dbi table, std::string_view key, std::string_view value);
  // Without a checksum: the records of `meta` that are read before anything else.
  absl::Status PutBare(MDB_dbi table, std::string_view key, std::string_view value);
  // `key` is greater than every key of the table.
  absl::Status Append(MDB_dbi table, std::string_view key, std::string_view value);
  absl::Status Delete(MDB_dbi table, std::string_view key);  // Ok where there is none
  // For EditCursor: Put through a cursor, and Delete, where the hash of the entry that goes is
  // known already (`old`; may be null).
  absl::Status PutAt(MDB_cursor* cursor, MDB_dbi table, std::string_view key,
                     std::string_view value, const uint64_t* old);
  absl::Status DeleteKnown(MDB_dbi table, std::string_view key, const uint64_t* old);
  absl::StatusOr<std::optional<std::string_view>> Get(MDB_dbi table, std::string_view key) const;
  absl::Status Drop(MDB_dbi table);  // with its handle
  absl::Status Clear(MDB_dbi table);

  // Durable when it returns. After an error nothing of the transaction is stored.
  absl::Status Commit();

  uint64_t bytes() const { return bytes_; }  // keys and values written so far
  // By kind of table: what the entries written add to the sum of the hashes of its entries, minus
  // what the entries replaced or deleted took away (mod 2^64).
  const TableSums& sums() const { return sums_; }

 private:
  WriteTxn(Env* env, MDB_txn* txn) : env_(env), txn_(txn) {}
  // Subtracts the stored entry, if there is one, from the sums; reads it unless `old` is its hash.
  absl::Status Forget(MDB_dbi table, std::string_view key, const uint64_t* old = nullptr);
  void Written(MDB_dbi table, std::string_view key, std::string_view value, const MDB_val& space);
  // Fills the space of a value that LMDB has reserved.
  void Fill(MDB_dbi table, std::string_view key, std::string_view value, const MDB_val& space);

  Env* env_;
  MDB_txn* txn_;
  std::map<MDB_dbi, MDB_cursor*> cursors_;  // of Append; LMDB frees them with the transaction
  uint64_t bytes_ = 0;
  TableSums sums_{};
  uint64_t pages_ = 64;  // bound of the pages that the commit may add
};

// Walks a table of an active read or write transaction.
class Cursor {
 public:
  static absl::StatusOr<std::unique_ptr<Cursor>> Open(const Env& env, MDB_txn* txn, MDB_dbi table);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // Each returns false where there is no such entry. Views hold until the transaction ends or
  // writes.
  absl::StatusOr<bool> First() { return Move(MDB_FIRST); }
  absl::StatusOr<bool> Last() { return Move(MDB_LAST); }
  absl::StatusOr<bool> Next() { return Move(MDB_NEXT); }
  absl::StatusOr<bool> Prev() { return Move(MDB_PREV); }
  absl::StatusOr<bool> Seek(std::string_view key) {  // the first entry with a key >= `key`
    key_ = ToVal(key);
    return Move(MDB_SET_RANGE);
  }
  // As Next; false, and nothing else to be asked, where the next key does not begin with `prefix`:
  // that entry is not read.
  absl::StatusOr<bool> NextWithin(std::string_view prefix);
  std::string_view key() const { return FromVal(key_); }
  std::string_view value() const { return FromVal(value_); }

 private:
  Cursor(const Env& env, MDB_cursor* cursor, uint8_t kind)
      : env_(env), cursor_(cursor), kind_(kind) {}
  absl::StatusOr<bool> Move(MDB_cursor_op op);
  absl::StatusOr<bool> Read();  // checks the entry

  const Env& env_;
  MDB_cursor* cursor_;
  uint8_t kind_;
  MDB_val key_{};
  MDB_val value_{};
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_LMDB_ENV_H_
