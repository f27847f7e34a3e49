#include "kgstore/store.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/status.h"
#include "kgstore/create_file.h"
#include "kgstore/file_check.h"
#include "kgstore/live_page_check.h"
#include "kgstore/varint.h"
#include "kgstore/verify.h"

namespace undula::kgstore::internal {
namespace {

constexpr int kRetries = 100;  // of reads that meet a commit between two steps

unsigned FlagsOf(Table table) { return SpecOf(table).integer_key ? MDB_INTEGERKEY : 0u; }

}  // namespace

WriteTurn::~WriteTurn() { store_->writing_.store(false); }

absl::StatusOr<std::shared_ptr<Store>> Store::Open(const std::string& path,
                                                   const OpenOptions& options) {
  if (options.read_only && options.mode != OpenMode::kOpen) {
    return FailedPreconditionError(path, ": a read-only database cannot be created; use kOpen");
  }
  if (options.mode != OpenMode::kOpen) {
    UNDULA_RETURN_IF_ERROR(
        CreateFile(path, options.mode == OpenMode::kOpenOrCreate, options.compact_dictionary));
  }
  std::shared_ptr<Store> store(new Store(path, options));
  UNDULA_RETURN_IF_ERROR(store->Initialize(options));
  if (options.compact_dictionary) {
    UNDULA_ASSIGN_OR_RETURN(const auto view, store->BeginView());
    if (!view->state().compact_dictionary) {
      return FailedPreconditionError(path, " has a plain dictionary; change it by 'undula compact ",
                                     "--dictionary compact' first, or leave the option out");
    }
  }
  return store;
}

absl::Status Store::Initialize(const OpenOptions& options) {
  UNDULA_ASSIGN_OR_RETURN(claim_,
                          FileClaim::Take(path_, read_only_ ? ClaimKind::kRead : ClaimKind::kWrite,
                                          options.wait_seconds));
  UNDULA_RETURN_IF_ERROR(CheckFile(claim_->fd(), path_));
  UNDULA_RETURN_IF_ERROR(CheckFileSystem(claim_->fd(), path_));
  EnvOptions env_options;
  env_options.map_bytes = options.map_bytes;
  env_options.read_only = read_only_;
  auto env = Env::Open(path_, env_options);
  if (!env.ok() && Env::IsNoLockFile(env.status())) {
    UNDULA_RETURN_IF_ERROR(claim_->LockForUnlockedReading(options.wait_seconds));
    env_options.no_lock = true;
    env = Env::Open(path_, env_options);
  }
  if (!env.ok()) return env.status();
  env_ = *std::move(env);
  if (options.check != OpenCheck::kQuick) {
    UNDULA_RETURN_IF_ERROR(CheckPagesOf(*env_, claim_->fd(), nullptr).status());
  }
  UNDULA_RETURN_IF_ERROR(ReadMeta());
  if (options.check == OpenCheck::kFull) {
    UNDULA_ASSIGN_OR_RETURN(const auto view, BeginView());
    uint64_t entries = 0;
    UNDULA_RETURN_IF_ERROR(CheckValues(*this, *view, &entries, nullptr));
  }
  if (!read_only_) {
    RemoveAbandonedFiles(path_);
    int dead = 0;
    mdb_reader_check(env_->raw(), &dead);  // slots of killed readers would pin old pages
    env_->TrimFile();
    // Left for later where the disk is full: the data is whole, and reads and small writes may
    // work.
    const absl::Status status = DropDeadTables();
    if (!absl::IsResourceExhausted(status)) return status;
  }
  return absl::OkStatus();
}

absl::Status Store::ReadMeta() {
  MDB_txn* txn = nullptr;
  int code = env_->BeginRead(&txn);
  if (code != 0) return env_->Error(code, "opening");
  const auto get = [&](std::string_view key) -> std::string {
    MDB_val k = ToVal(key), v;
    return mdb_get(txn, meta_, &k, &v) == 0 ? std::string(FromVal(v)) : std::string();
  };
  code = mdb_dbi_open(txn, nullptr, 0, &main_);
  if (code == 0) code = mdb_dbi_open(txn, std::string(kMetaTable).c_str(), 0, &meta_);
  const std::string header = code == 0 ? get(kHeaderKey) : "";
  const std::string id_space = code == 0 ? get(kIdSpaceKey) : "";
  if (code == 0) code = mdb_dbi_open(txn, std::string(kModelsTable).c_str(), 0, &models_);
  if (code == MDB_NOTFOUND || code == MDB_INCOMPATIBLE) {
    mdb_txn_abort(txn);
    return InvalidArgumentError(path_, " is an LMDB file, but not an Undula database");
  }
  if (code != 0) {
    mdb_txn_abort(txn);
    return env_->Error(code, "opening");
  }
  code = mdb_txn_commit(txn);
  if (code != 0) return env_->Error(code, "opening");
  env_->SetKind(meta_, kMetaTable);
  env_->SetKind(models_, kModelsTable);
  UNDULA_RETURN_IF_ERROR(CheckHeader(header, path_));
  if (id_space.size() != sizeof(id_space_)) {
    return DataLossError(path_, ": the id-space record is damaged");
  }
  id_space_ = LoadFixed<uint64_t>(id_space.data());
  return absl::OkStatus();
}

Store::~Store() {
  for (MDB_txn* txn : idle_) mdb_txn_abort(txn);
}

absl::Status Store::AdoptNewSize() {
  // Another process has grown the file beyond this map.
  const std::lock_guard<std::mutex> lock(pool_mutex_);
  if (active_ > 0) {
    return ResourceExhaustedError(path_,
                                  " has grown beyond the reserved address space; close all "
                                  "views of it, or open it with a larger map_bytes");
  }
  return env_->Grow(2 * env_->used_bytes());
}

absl::StatusOr<MDB_txn*> Store::BeginRead() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    MDB_txn* txn = nullptr;
    int code;
    {
      const std::lock_guard<std::mutex> lock(pool_mutex_);
      if (!idle_.empty()) {
        txn = idle_.back();
        idle_.pop_back();
      }
      code = env_->BeginRead(&txn);
      if (code == 0) {
        ++active_;
        return txn;
      }
      if (txn != nullptr) mdb_txn_abort(txn);
    }
    if (code != MDB_MAP_RESIZED || attempt > 0) return env_->Error(code, "beginning to read");
    UNDULA_RETURN_IF_ERROR(AdoptNewSize());
  }
  return InternalError(path_, ": cannot begin to read");
}

void Store::EndRead(MDB_txn* txn) {
  const std::lock_guard<std::mutex> lock(pool_mutex_);
  mdb_txn_reset(txn);
  idle_.push_back(txn);
  --active_;
}

absl::StatusOr<std::unique_ptr<ViewState>> Store::BeginView() {
  size_t first = 0, last = 0;  // transactions
  bool missing = false;
  for (int attempt = 0; attempt < kRetries; ++attempt) {
    UNDULA_ASSIGN_OR_RETURN(MDB_txn * txn, BeginRead());
    last = mdb_txn_id(txn);
    if (attempt == 0) first = last;
    bool opened = false;
    auto tables = TablesOf(txn, &opened, &missing);
    if (!tables.ok() || opened) {
      EndRead(txn);
      if (!tables.ok()) return tables.status();
      if (attempt > kRetries / 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    return std::make_unique<ViewState>(shared_from_this(), txn, *std::move(tables));
  }
  if (first == last && missing) {
    return DataLossError(path_, ": the state record names tables that are not there; ",
                         "restore the file from a backup");
  }
  return UnavailableError(path_, ": the tables change faster than they can be opened; try again");
}

absl::StatusOr<std::shared_ptr<const TableSet>> Store::TablesOf(MDB_txn* txn, bool* opened,
                                                                bool* missing) {
  *missing = false;
  MDB_val key = ToVal(kStateKey), value;
  if (const int code = mdb_get(txn, meta_, &key, &value); code != 0) {
    return DataLossError(path_, ": the state record is missing");
  }
  UNDULA_ASSIGN_OR_RETURN(const std::string_view record,
                          env_->Checked(meta_, kStateKey, FromVal(value)));
  const std::lock_guard<std::mutex> lock(tables_mutex_);
  // `txn` may have begun before the handles were opened; then it does not know them. Asking also
  // loads the tables' roots, so that several cursors may then read from different threads.
  const auto unknown_to_txn = [&] {
    MDB_stat stat;
    return std::any_of(current_->handle.begin(), current_->handle.end(),
                       [&](MDB_dbi handle) { return mdb_stat(txn, handle, &stat) != 0; });
  };
  if (current_ != nullptr && current_->record == record) {
    *opened = unknown_to_txn();
    return current_;
  }
  auto tables = std::make_shared<TableSet>();
  tables->record = std::string(record);
  auto state = DecodeState(record);
  if (!state.ok()) return DataLossError(path_, ": ", Message(state.status()));
  tables->state = *std::move(state);
  *opened = true;
  // `txn` is older than what another thread has seen: look again with a new one.
  if (current_ != nullptr && tables->state.change < current_->state.change) return current_;
  const absl::Status status = OpenHandles(tables.get());
  *missing = absl::IsNotFound(status);
  if (*missing) return current_;  // an import was faster: look again
  if (!status.ok()) return status;
  if (current_ != nullptr) older_.push_back(current_);
  for (size_t s = 0; s < kSpaces; ++s) {
    const auto texts = static_cast<size_t>(TextsOf(static_cast<Space>(s)));
    const bool same = current_ != nullptr && current_->state.table_generation[texts] ==
                                                 tables->state.table_generation[texts];
    tables->codecs[s] = same ? current_->codecs[s] : std::make_shared<TermCodecSlot>();
  }
  // After an update in place the tables are the same ones.
  const bool same_tables = current_ != nullptr && current_->handle == tables->handle;
  current_ = std::move(tables);
  CloseUnusedHandles(*current_);
  if (same_tables) *opened = unknown_to_txn();
  return current_;
}

absl::Status Store::OpenHandles(TableSet* tables) {
  bool all_open = true;
  for (int i = 0; i < kTables && all_open; ++i) {
    const auto at = static_cast<size_t>(i);
    const auto it =
        handles_.find(TableName(static_cast<Table>(i), tables->state.table_generation[at]));
    all_open = it != handles_.end();
    if (all_open) tables->handle[at] = it->second;
  }
  if (all_open) return absl::OkStatus();
  MDB_txn* txn = nullptr;
  int code = env_->BeginRead(&txn);
  if (code != 0) return env_->Error(code, "opening tables");
  std::vector<std::pair<std::string, MDB_dbi>> fresh;
  for (int i = 0; i < kTables && code == 0; ++i) {
    const auto table = static_cast<Table>(i);
    std::string name = TableName(table, tables->state.table_generation[static_cast<size_t>(i)]);
    MDB_dbi& handle = tables->handle[static_cast<size_t>(i)];
    if (const auto it = handles_.find(name); it != handles_.end()) {
      handle = it->second;
      continue;
    }
    code = mdb_dbi_open(txn, name.c_str(), FlagsOf(table), &handle);
    if (code == 0) fresh.emplace_back(std::move(name), handle);
  }
  if (code != 0) {
    mdb_txn_abort(txn);
    return code == MDB_NOTFOUND ? NotFoundError(path_, ": a table is missing")
                                : env_->Error(code, "opening tables");
  }
  if (code = mdb_txn_commit(txn); code != 0) return env_->Error(code, "opening tables");
  for (auto& [name, handle] : fresh) {
    env_->SetKind(handle, name);
    handles_.emplace(std::move(name), handle);
  }
  return absl::OkStatus();
}

void Store::CloseUnusedHandles(const TableSet& current) {
  std::set<MDB_dbi> used(current.handle.begin(), current.handle.end());
  for (auto it = older_.begin(); it != older_.end();) {
    if (const auto tables = it->lock()) {
      used.insert(tables->handle.begin(), tables->handle.end());
      ++it;
    } else {
      it = older_.erase(it);
    }
  }
  if (writing_.load()) return;  // the writer holds handles of tables that no state names yet
  for (auto it = handles_.begin(); it != handles_.end();) {
    if (used.count(it->second) > 0) {
      ++it;
    } else {
      mdb_dbi_close(env_->raw(), it->second);
      it = handles_.erase(it);
    }
  }
}

absl::StatusOr<std::unique_ptr<WriteTurn>> Store::TakeWriteTurn() {
  if (read_only_) {
    return FailedPreconditionError(path_, " is open read-only; open it for writing");
  }
  bool expected = false;
  if (!writing_.compare_exchange_strong(expected, true)) {
    return FailedPreconditionError(path_,
                                   ": another import or write is under way in this process; "
                                   "finish it first");
  }
  auto turn = std::make_unique<WriteTurn>(shared_from_this());
  int dead = 0;
  mdb_reader_check(env_->raw(), &dead);  // readers that were killed since the file was opened
  return turn;
}

absl::Status Store::EnsureRoom(uint64_t bytes) {
  const uint64_t needed = env_->used_bytes() + bytes;
  if (needed <= env_->map_bytes()) return absl::OkStatus();
  const std::lock_guard<std::mutex> lock(pool_mutex_);
  if (active_ > 0) {
    return ResourceExhaustedError(path_, ": the reserved address space (", env_->map_bytes() >> 20,
                                  " MiB) is full; close all views of the database, or open it "
                                  "with a larger map_bytes");
  }
  return env_->Grow(needed + needed / 2);
}

absl::StatusOr<std::unique_ptr<WriteTxn>> Store::BeginWrite(uint64_t bytes) {
  UNDULA_RETURN_IF_ERROR(EnsureRoom(2 * bytes + (uint64_t{1} << 20)));
  return WriteTxn::Begin(env_.get());
}

absl::StatusOr<std::array<MDB_dbi, kTables>> Store::CreateTables(
    uint32_t generation, const std::bitset<kTables>& tables) {
  std::array<MDB_dbi, kTables> result{};
  // Locked before the transaction begins: it copies the number of handles then, and a reader that
  // opened one in between would have its slot taken over (LMDB's rule for mdb_dbi_open).
  const std::lock_guard<std::mutex> lock(tables_mutex_);
  UNDULA_ASSIGN_OR_RETURN(std::unique_ptr<WriteTxn> txn, BeginWrite(1 << 20));
  std::vector<std::pair<std::string, MDB_dbi>> fresh;
  for (int i = 0; i < kTables; ++i) {
    if (!tables[static_cast<size_t>(i)]) continue;
    const auto table = static_cast<Table>(i);
    const std::string name = TableName(table, generation);
    UNDULA_ASSIGN_OR_RETURN(result[static_cast<size_t>(i)],
                            txn->OpenTable(name, MDB_CREATE | FlagsOf(table)));
    fresh.emplace_back(name, result[static_cast<size_t>(i)]);
  }
  UNDULA_RETURN_IF_ERROR(txn->Commit());
  for (auto& [name, handle] : fresh) handles_[std::move(name)] = handle;
  return result;
}

absl::Status Store::DropDeadTables() {
  std::set<std::string> keep = {std::string(kMetaTable), std::string(kModelsTable)};
  std::vector<std::string> dead;
  const std::lock_guard<std::mutex> lock(tables_mutex_);
  const auto keep_tables_of = [&](const State& state) {
    for (int i = 0; i < kTables; ++i) {
      keep.insert(TableName(static_cast<Table>(i), state.table_generation[static_cast<size_t>(i)]));
    }
  };
  // What open views read.
  if (current_ != nullptr) keep_tables_of(current_->state);
  for (const auto& older : older_) {
    if (const auto tables = older.lock()) keep_tables_of(tables->state);
  }
  {
    MDB_txn* txn = nullptr;
    if (const int code = env_->BeginRead(&txn); code != 0) {
      return env_->Error(code, "listing tables");
    }
    // What the file itself names, from the same transaction that lists the tables: no other
    // thread's idea of the newest state decides what is dead.
    MDB_val state_key = ToVal(kStateKey), record;
    absl::StatusOr<State> newest = DataLossError(path_, ": the state record is missing");
    if (mdb_get(txn, meta_, &state_key, &record) == 0) {
      const auto bytes = env_->Checked(meta_, kStateKey, FromVal(record));
      newest = bytes.ok() ? DecodeState(*bytes) : bytes.status();
    }
    if (!newest.ok()) {
      mdb_txn_abort(txn);
      return DataLossError(path_, ": ", Message(newest.status()));
    }
    keep_tables_of(*newest);
    MDB_dbi main;
    MDB_cursor* cursor = nullptr;
    MDB_val key, value;
    int code = mdb_dbi_open(txn, nullptr, 0, &main);
    if (code == 0) code = mdb_cursor_open(txn, main, &cursor);
    while (code == 0 && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
      std::string name(FromVal(key));
      if (keep.count(name) == 0) dead.push_back(std::move(name));
    }
    if (cursor != nullptr) mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    if (code != MDB_NOTFOUND) return env_->Error(code, "listing tables");
  }
  for (const std::string& name : dead) {
    UNDULA_ASSIGN_OR_RETURN(std::unique_ptr<WriteTxn> txn, BeginWrite(1 << 20));
    // The stored flags of the table hold, whatever is asked for here.
    UNDULA_ASSIGN_OR_RETURN(const MDB_dbi handle, txn->OpenTable(name, 0));
    handles_.erase(name);
    UNDULA_RETURN_IF_ERROR(txn->Drop(handle));
    UNDULA_RETURN_IF_ERROR(txn->Commit());
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
