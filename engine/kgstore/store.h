// The open file behind Database: environment, table handles by generation, read transactions,
// and the one writer's side. Only kgstore's .cc files include this header.
#ifndef UNDULA_KGSTORE_STORE_H_
#define UNDULA_KGSTORE_STORE_H_

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "kgstore/database.h"
#include "kgstore/file_claim.h"
#include "kgstore/leaf_index.h"
#include "kgstore/lmdb_env.h"
#include "kgstore/state.h"
#include "kgstore/term_block.h"

namespace undula::kgstore::internal {

// One generation: its state record and the handles of its tables. Shared by views; the tables are
// not dropped while it lives.
struct TableSet {
  std::string record;  // as stored
  State state;
  std::array<MDB_dbi, kTables> handle{};
  // Short ways into the tables that are read often; made by the views.
  struct Leaves {
    std::atomic<uint64_t> reads{0};  // until there is an index
    std::atomic<const LeafIndex*> index{nullptr};
    std::unique_ptr<const LeafIndex> owner;  // set once
  };
  mutable std::array<Leaves, kTables> leaves;
  mutable std::mutex leaves_mutex;  // for making one
  // Shared by the states of one generation of a space's terms.
  std::array<std::shared_ptr<TermCodecSlot>, kSpaces> codecs;

  MDB_dbi operator[](Table table) const { return handle[static_cast<size_t>(table)]; }
  // How the terms of a space are stored; `read` reads the trained dictionary of the texts table
  // where it is needed. DataLoss, of the file `path`, where it is damaged.
  absl::StatusOr<const TermCodec*> Codec(
      Space space, const std::string& path,
      const std::function<absl::StatusOr<std::optional<std::string_view>>()>& read) const;
};

class Store;

// An active read transaction; returned to the pool of its store when it goes.
class ViewState {
 public:
  ViewState(std::shared_ptr<Store> store, MDB_txn* txn, std::shared_ptr<const TableSet> tables);
  ~ViewState();
  ViewState(const ViewState&) = delete;
  ViewState& operator=(const ViewState&) = delete;

  Store& store() const { return *store_; }
  MDB_txn* txn() const { return txn_; }
  const TableSet& tables() const { return *tables_; }
  std::shared_ptr<const TableSet> shared_tables() const { return tables_; }
  const State& state() const { return tables_->state; }

  // The value, or nothing; valid while the view lives.
  absl::StatusOr<std::optional<std::string_view>> Get(MDB_dbi table, std::string_view key) const;
  absl::StatusOr<std::optional<std::string_view>> Get(Table table, std::string_view key) const {
    return Get((*tables_)[table], key);
  }
  // The same of a table with integer keys, faster.
  absl::StatusOr<std::optional<std::string_view>> Row(Table table, uint32_t key) const;
  // Before Row() of these keys, at most LeafIndex::kPrefetched: see there.
  void Prefetch(Table table, std::span<const uint32_t> keys) const;
  absl::StatusOr<std::unique_ptr<Cursor>> Walk(Table table) const;
  absl::StatusOr<const TermCodec*> Codec(Space space) const;

 private:
  const LeafIndex* MakeIndex(Table table) const;

  std::shared_ptr<Store> store_;
  MDB_txn* txn_;
  std::shared_ptr<const TableSet> tables_;
  PageMap pages_;
};

// Who may write: one call at a time. Released when it goes.
class WriteTurn {
 public:
  explicit WriteTurn(std::shared_ptr<Store> store) : store_(std::move(store)) {}
  ~WriteTurn();
  WriteTurn(const WriteTurn&) = delete;
  WriteTurn& operator=(const WriteTurn&) = delete;

 private:
  std::shared_ptr<Store> store_;
};

// Thread-safe; the members below "writer" need the WriteTurn.
class Store : public std::enable_shared_from_this<Store> {
 public:
  static absl::StatusOr<std::shared_ptr<Store>> Open(const std::string& path,
                                                     const OpenOptions& options);
  ~Store();

  const std::string& path() const { return path_; }
  bool read_only() const { return read_only_; }
  uint64_t id_space() const { return id_space_; }
  Env& env() const { return *env_; }
  TaskArena& arena() { return arena_; }
  MDB_dbi meta() const { return meta_; }
  MDB_dbi models() const { return models_; }
  MDB_dbi main() const { return main_; }  // names of tables -> their records

  absl::StatusOr<std::unique_ptr<ViewState>> BeginView();

  // FailedPrecondition: read-only, or another writing call is under way in this process.
  absl::StatusOr<std::unique_ptr<WriteTurn>> TakeWriteTurn();

  // --- writer ---
  // Makes sure that `bytes` more fit into the map; grows it where no view is open in this process.
  absl::Status EnsureRoom(uint64_t bytes);
  // A write transaction with room for about `bytes`.
  absl::StatusOr<std::unique_ptr<WriteTxn>> BeginWrite(uint64_t bytes);
  // Creates the given tables of a generation, empty. Handles are by table; others are unset.
  absl::StatusOr<std::array<MDB_dbi, kTables>> CreateTables(uint32_t generation,
                                                            const std::bitset<kTables>& tables);
  // Drops every table that is neither in the current state nor in use by a view of this process.
  absl::Status DropDeadTables();

 private:
  friend class ViewState;
  friend class WriteTurn;
  Store(std::string path, const OpenOptions& options)
      : path_(std::move(path)), read_only_(options.read_only), arena_(options.threads) {}

  absl::Status Initialize(const OpenOptions& options);
  absl::Status ReadMeta();
  absl::StatusOr<MDB_txn*> BeginRead();
  absl::Status AdoptNewSize();
  void EndRead(MDB_txn* txn);
  // The handles of the state record that `txn` sees, opened if need be; null where they had to be
  // opened: `txn` does not know the new handles and must be renewed. Sets *missing where a table
  // that the record names was gone.
  absl::StatusOr<std::shared_ptr<const TableSet>> TablesOf(MDB_txn* txn, bool* opened,
                                                           bool* missing);
  absl::Status OpenHandles(TableSet* tables);
  void CloseUnusedHandles(const TableSet& current);

  std::string path_;
  bool read_only_;
  uint64_t id_space_ = 0;
  MDB_dbi meta_ = 0;
  MDB_dbi models_ = 0;
  MDB_dbi main_ = 0;
  std::unique_ptr<FileClaim> claim_;  // outlives env_
  std::unique_ptr<Env> env_;
  TaskArena arena_;

  // LMDB allows one transaction at a time to open table handles: it holds this mutex.
  std::mutex tables_mutex_;
  std::map<std::string, MDB_dbi> handles_;            // open handles by table name
  std::shared_ptr<const TableSet> current_;           // of the newest state seen
  std::vector<std::weak_ptr<const TableSet>> older_;  // may still be in use by views

  std::mutex pool_mutex_;
  std::vector<MDB_txn*> idle_;  // reset read transactions
  int active_ = 0;              // read transactions in use

  std::atomic<bool> writing_{false};
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_STORE_H_
