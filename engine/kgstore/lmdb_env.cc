#include "kgstore/lmdb_env.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/status.h"
#include "kgstore/hash.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

constexpr unsigned kMaxReaders = 1000;
constexpr uint64_t kSmallestMap = uint64_t{16} << 20;
constexpr int kBeginYields = 100;  // of the processor, before sleeping between attempts
constexpr std::chrono::microseconds kBeginPause(100);
constexpr std::chrono::seconds kBeginLimit(2);
constexpr char kNoLockFile[] = "no lock file could be made";

uint64_t FileLimit() {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return ~uint64_t{0};
  return limit.rlim_cur;
}

// LMDB reports a write that came out short (a full disk) as EIO.
bool DiskIsFull(const std::string& path) {
  struct statvfs disk;
  if (statvfs(path.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < (uint64_t{64} << 20)) {
    return true;
  }
  struct stat info;
  return stat(path.c_str(), &info) == 0 &&
         static_cast<uint64_t>(info.st_size) + (uint64_t{64} << 20) > FileLimit();
}

bool AddressSpaceAllows(uint64_t bytes) {
  void* probe = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return false;
  munmap(probe, bytes);
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Env>> Env::Open(const std::string& path, const EnvOptions& options) {
  struct stat info;
  const uint64_t file_bytes =
      stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
  const uint64_t smallest = std::max(kSmallestMap, file_bytes + file_bytes / 4);
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t map_bytes = std::max(options.map_bytes, smallest) / page * page;
  while (!AddressSpaceAllows(map_bytes) && map_bytes / 4 > smallest) {
    map_bytes = map_bytes / 4 / page * page;
  }
  MDB_env* raw = nullptr;
  if (const int code = mdb_env_create(&raw); code != 0) {
    return ErrnoError(code, Concat("opening ", path));
  }
  std::unique_ptr<Env> env(new Env(path, raw));
  int code = mdb_env_set_mapsize(raw, map_bytes);
  if (code == 0) code = mdb_env_set_maxdbs(raw, kMaxHandles);
  if (code == 0) code = mdb_env_set_maxreaders(raw, kMaxReaders);
  if (code != 0) return env->Error(code, "opening");
  const unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (options.read_only ? MDB_RDONLY : 0u) |
                         (options.no_lock ? MDB_NOLOCK : 0u);
  code = mdb_env_open(raw, path.c_str(), flags, 0644);
  if (code != 0) {
    if (options.read_only && !options.no_lock &&
        (code == EACCES || code == EROFS || code == EPERM)) {
      return FailedPreconditionError(path, ": ", kNoLockFile);
    }
    return env->Error(code, "opening");
  }
  MDB_stat stat;
  mdb_env_stat(raw, &stat);
  env->page_bytes_ = stat.ms_psize;
  return env;
}

bool Env::IsNoLockFile(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) &&
         Message(status).find(kNoLockFile) != std::string_view::npos;
}

Env::~Env() { mdb_env_close(env_); }

uint64_t Env::map_bytes() const {
  MDB_envinfo info;
  mdb_env_info(env_, &info);
  return info.me_mapsize;
}

uint64_t Env::used_bytes() const {
  MDB_envinfo info;
  mdb_env_info(env_, &info);
  return (info.me_last_pgno + 1) * page_bytes_;
}

absl::Status Env::Error(int code, std::string_view what) const {
  const std::string where = Concat(path_, ": ", what, ": ");
  switch (code) {
    case MDB_MAP_FULL:
      return ResourceExhaustedError(where, "the reserved address space (", map_bytes() >> 20,
                                    " MiB) is full; close other views of the database or open it "
                                    "with a larger map_bytes");
    case MDB_READERS_FULL:
      return ResourceExhaustedError(where, "more than ", kMaxReaders,
                                    " views are open; close some");
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_INVALID:
      return DataLossError(where, mdb_strerror(code), "; restore the file from a backup");
    case MDB_VERSION_MISMATCH:
      return FailedPreconditionError(where, mdb_strerror(code),
                                     "; all processes must use the same LMDB version");
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ResourceExhaustedError(where,
                                    "the disk is full or the file size limit is reached; "
                                    "nothing was stored, make room and try again");
    case EAGAIN:
      return UnavailableError(where, "the file changes faster than it can be read; try again");
    case EIO:
      if (DiskIsFull(path_)) return Error(ENOSPC, what);
      return DataLossError(where, "input/output error");
    case ENOMEM:
      return ResourceExhaustedError(where, "out of memory or address space");
    case EACCES:
    case EROFS:
    case EPERM:
      return FailedPreconditionError(where, mdb_strerror(code),
                                     "; open the file read-only or change its permissions");
    case ENOENT:
      return NotFoundError(where, mdb_strerror(code));
    default:
      return InternalError(where, mdb_strerror(code));
  }
}

absl::Status Env::CheckHealthy() const {
  if (!broken_) return absl::OkStatus();
  return ResourceExhaustedError(path_,
                                ": the address space for the file was lost; close the "
                                "database and open it again");
}

absl::Status Env::Grow(uint64_t map_bytes) {
  UNDULA_RETURN_IF_ERROR(CheckHealthy());
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  map_bytes = (map_bytes + page - 1) / page * page;
  if (map_bytes <= this->map_bytes()) return absl::OkStatus();
  // LMDB unmaps before it maps again and cannot go back, so the space is tried first.
  if (!AddressSpaceAllows(map_bytes)) {
    return ResourceExhaustedError(path_, ": the system refuses ", map_bytes >> 20,
                                  " MiB of address space; raise the limit (ulimit -v)");
  }
  if (const int code = mdb_env_set_mapsize(env_, map_bytes); code != 0) {
    broken_ = true;
    return Error(code, "growing the map");
  }
  return absl::OkStatus();
}

int Env::BeginRead(MDB_txn** txn) const {
  const bool fresh = *txn == nullptr;
  std::chrono::steady_clock::time_point end;
  int code = fresh ? mdb_txn_begin(env_, nullptr, MDB_RDONLY, txn) : mdb_txn_renew(*txn);
  for (int attempt = 0; code == 0; ++attempt) {
    MDB_envinfo info;  // read from the meta pages
    mdb_env_info(env_, &info);
    if (info.me_last_txnid <= mdb_txn_id(*txn) + 1) return 0;
    mdb_txn_reset(*txn);
    if (attempt < kBeginYields) {
      sched_yield();
    } else {
      const auto now = std::chrono::steady_clock::now();
      if (attempt == kBeginYields) end = now + kBeginLimit;
      if (now >= end) {
        code = EAGAIN;
        break;
      }
      std::this_thread::sleep_for(kBeginPause);
    }
    code = mdb_txn_renew(*txn);
  }
  if (fresh && *txn != nullptr) {
    mdb_txn_abort(*txn);
    *txn = nullptr;
  }
  return code;
}

void Env::ExtendFile(uint64_t pages) {
  int fd;
  if (mdb_env_get_fd(env_, &fd) != 0) return;
  struct stat info;
  const uint64_t length = used_bytes() + pages * page_bytes_;
  // Best effort: where the length is refused the commit itself meets the limit.
  if (length <= FileLimit() && fstat(fd, &info) == 0 &&
      static_cast<uint64_t>(info.st_size) < length) {
    (void)!ftruncate(fd, static_cast<off_t>(length));
  }
}

void Env::TrimFile() {
  int fd;
  if (mdb_env_get_fd(env_, &fd) != 0) return;
  struct stat info;
  const uint64_t length = used_bytes();
  if (fstat(fd, &info) == 0 && static_cast<uint64_t>(info.st_size) > length) {
    (void)!ftruncate(fd, static_cast<off_t>(length));
  }
}

absl::Status Env::Damaged(uint8_t kind) const {
  return DataLossError(path_, ": table ", KindName(kind),
                       " is damaged (a checksum does not fit); restore the file from a backup");
}

bool Env::Check(uint8_t kind, std::string_view key, std::string_view stored, uint64_t* hash) const {
  if (stored.size() < kChecksumBytes) return false;
  const size_t size = stored.size() - kChecksumBytes;
  *hash = HashEntry(kind, key, stored.substr(0, size));
  return LoadFixed<uint32_t>(stored.data() + size) == static_cast<uint32_t>(*hash);
}

absl::StatusOr<std::string_view> Env::Checked(MDB_dbi table, std::string_view key,
                                              std::string_view stored) const {
  uint64_t hash;
  if (!Check(kind(table), key, stored, &hash)) return Damaged(kind(table));
  return stored.substr(0, stored.size() - kChecksumBytes);
}

absl::StatusOr<std::unique_ptr<WriteTxn>> WriteTxn::Begin(Env* env) {
  MDB_txn* txn = nullptr;
  if (const int code = mdb_txn_begin(env->raw(), nullptr, 0, &txn); code != 0) {
    return env->Error(code, "beginning to write");
  }
  return std::unique_ptr<WriteTxn>(new WriteTxn(env, txn));
}

WriteTxn::~WriteTxn() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

absl::StatusOr<MDB_dbi> WriteTxn::OpenTable(const std::string& name, unsigned flags) {
  MDB_dbi table;
  if (const int code = mdb_dbi_open(txn_, name.c_str(), flags, &table); code != 0) {
    return env_->Error(code, Concat("table ", name));
  }
  env_->SetKind(table, name);
  pages_ += 8;
  return table;
}

void WriteTxn::Fill(MDB_dbi table, std::string_view key, std::string_view value,
                    const MDB_val& space) {
  const uint8_t kind = env_->kind(table);
  const uint64_t hash = HashEntry(kind, key, value);
  const auto checksum = static_cast<uint32_t>(hash);
  char* const out = static_cast<char*>(space.mv_data);
  if (!value.empty()) std::memcpy(out, value.data(), value.size());
  std::memcpy(out + value.size(), &checksum, kChecksumBytes);
  if (kind < kTables) sums_[kind] += hash;
}

absl::Status WriteTxn::Forget(MDB_dbi table, std::string_view key, const uint64_t* old) {
  const uint8_t kind = env_->kind(table);
  if (kind >= kTables) return absl::OkStatus();
  if (old != nullptr) {
    sums_[kind] -= *old;
    return absl::OkStatus();
  }
  MDB_val k = ToVal(key), v;
  const int code = mdb_get(txn_, table, &k, &v);
  if (code == MDB_NOTFOUND) return absl::OkStatus();
  if (code != 0) return env_->Error(code, "reading");
  uint64_t hash;
  if (!env_->Check(kind, key, FromVal(v), &hash)) return env_->Damaged(kind);
  sums_[kind] -= hash;
  return absl::OkStatus();
}

absl::Status WriteTxn::Put(MDB_dbi table, std::string_view key, std::string_view value) {
  UNDULA_RETURN_IF_ERROR(Forget(table, key));
  MDB_val k = ToVal(key), v{value.size() + kChecksumBytes, nullptr};
  if (const int code = mdb_put(txn_, table, &k, &v, MDB_RESERVE); code != 0) {
    return env_->Error(code, "writing");
  }
  Written(table, key, value, v);
  return absl::OkStatus();
}

absl::Status WriteTxn::PutAt(MDB_cursor* cursor, MDB_dbi table, std::string_view key,
                             std::string_view value, const uint64_t* old) {
  UNDULA_RETURN_IF_ERROR(Forget(table, key, old));
  MDB_val k = ToVal(key), v{value.size() + kChecksumBytes, nullptr};
  if (const int code = mdb_cursor_put(cursor, &k, &v, MDB_RESERVE); code != 0) {
    return env_->Error(code, "writing");
  }
  Written(table, key, value, v);
  return absl::OkStatus();
}

void WriteTxn::Written(MDB_dbi table, std::string_view key, std::string_view value,
                       const MDB_val& space) {
  Fill(table, key, value, space);
  bytes_ += key.size() + value.size() + 16;
  pages_ += 8 + value.size() / env_->page_bytes();  // a path of copied pages, splits, overflow
}

absl::Status WriteTxn::PutBare(MDB_dbi table, std::string_view key, std::string_view value) {
  MDB_val k = ToVal(key), v = ToVal(value);
  const int code = mdb_put(txn_, table, &k, &v, 0);
  pages_ += 8;
  return code == 0 ? absl::OkStatus() : env_->Error(code, "writing");
}

absl::Status WriteTxn::Append(MDB_dbi table, std::string_view key, std::string_view value) {
  MDB_cursor*& cursor = cursors_[table];
  if (cursor == nullptr) {
    if (const int code = mdb_cursor_open(txn_, table, &cursor); code != 0) {
      return env_->Error(code, "writing");
    }
    pages_ += 8;
  }
  MDB_val k = ToVal(key), v{value.size() + kChecksumBytes, nullptr};
  if (const int code = mdb_cursor_put(cursor, &k, &v, MDB_APPEND | MDB_RESERVE); code != 0) {
    if (code == MDB_KEYEXIST) return InternalError(env_->path(), ": keys appended out of order");
    return env_->Error(code, "writing");
  }
  Fill(table, key, value, v);
  const uint64_t before = bytes_;
  bytes_ += key.size() + value.size() + 16;
  pages_ += 2 * (bytes_ / env_->page_bytes() - before / env_->page_bytes());
  if (value.size() > env_->page_bytes() / 2 - 32) pages_ += 1;
  return absl::OkStatus();
}

absl::Status WriteTxn::Delete(MDB_dbi table, std::string_view key) {
  return DeleteKnown(table, key, nullptr);
}

absl::Status WriteTxn::DeleteKnown(MDB_dbi table, std::string_view key, const uint64_t* old) {
  UNDULA_RETURN_IF_ERROR(Forget(table, key, old));
  MDB_val k = ToVal(key);
  const int code = mdb_del(txn_, table, &k, nullptr);
  if (code != 0 && code != MDB_NOTFOUND) return env_->Error(code, "deleting");
  pages_ += 16;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string_view>> WriteTxn::Get(MDB_dbi table,
                                                              std::string_view key) const {
  MDB_val k = ToVal(key), v;
  const int code = mdb_get(txn_, table, &k, &v);
  if (code == MDB_NOTFOUND) return std::optional<std::string_view>();
  if (code != 0) return env_->Error(code, "reading");
  UNDULA_ASSIGN_OR_RETURN(const std::string_view value, env_->Checked(table, key, FromVal(v)));
  return std::optional<std::string_view>(value);
}

absl::Status WriteTxn::Drop(MDB_dbi table) {
  MDB_stat stat;
  int code = mdb_stat(txn_, table, &stat);
  if (code == 0) {
    // The freed pages' numbers are written to the list of free pages.
    pages_ += 16 + (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) / 128;
    code = mdb_drop(txn_, table, 1);
  }
  return code == 0 ? absl::OkStatus() : env_->Error(code, "dropping a table");
}

absl::Status WriteTxn::Clear(MDB_dbi table) {
  const uint8_t kind = env_->kind(table);
  {
    UNDULA_ASSIGN_OR_RETURN(const auto cursor, Cursor::Open(*env_, txn_, table));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
    while (more) {
      if (kind < kTables) sums_[kind] -= HashEntry(kind, cursor->key(), cursor->value());
      UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
    }
  }
  MDB_stat stat;
  int code = mdb_stat(txn_, table, &stat);
  if (code == 0) {
    pages_ += 16 + (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) / 128;
    code = mdb_drop(txn_, table, 0);
  }
  return code == 0 ? absl::OkStatus() : env_->Error(code, "clearing a table");
}

absl::Status WriteTxn::Commit() {
  env_->ExtendFile(pages_);
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  cursors_.clear();
  env_->TrimFile();
  return code == 0 ? absl::OkStatus() : env_->Error(code, "committing");
}

absl::StatusOr<std::unique_ptr<Cursor>> Cursor::Open(const Env& env, MDB_txn* txn, MDB_dbi table) {
  MDB_cursor* cursor = nullptr;
  if (const int code = mdb_cursor_open(txn, table, &cursor); code != 0) {
    return env.Error(code, "reading");
  }
  return std::unique_ptr<Cursor>(new Cursor(env, cursor, env.kind(table)));
}

Cursor::~Cursor() { mdb_cursor_close(cursor_); }

absl::StatusOr<bool> Cursor::Move(MDB_cursor_op op) {
  const int code = mdb_cursor_get(cursor_, &key_, &value_, op);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return env_.Error(code, "reading");
  return Read();
}

absl::StatusOr<bool> Cursor::NextWithin(std::string_view prefix) {
  const int code = mdb_cursor_get(cursor_, &key_, &value_, MDB_NEXT);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return env_.Error(code, "reading");
  if (!key().starts_with(prefix)) return false;
  return Read();
}

absl::StatusOr<bool> Cursor::Read() {
  uint64_t hash;
  if (!env_.Check(kind_, FromVal(key_), FromVal(value_), &hash)) return env_.Damaged(kind_);
  value_.mv_size -= kChecksumBytes;
  return true;
}

}  // namespace undula::kgstore::internal
