#include <utility>

#include "base/status.h"
#include "kgstore/store.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

// An index of L leaf pages pays after about L / 32 reads.
constexpr uint64_t kLeavesPerRead = 32;

}  // namespace

ViewState::ViewState(std::shared_ptr<Store> store, MDB_txn* txn,
                     std::shared_ptr<const TableSet> tables)
    : store_(std::move(store)), txn_(txn), tables_(std::move(tables)) {
  // The map begins where any page of it says that it begins; it stays while the transaction lives.
  MDB_val key = ToVal(kHeaderKey), value;
  if (mdb_get(txn_, store_->meta(), &key, &value) != 0) return;
  const auto at = reinterpret_cast<uintptr_t>(value.mv_data);
  const uint64_t page_bytes = store_->env().page_bytes();
  const char* const page = reinterpret_cast<const char*>(at - at % page_bytes);
  pages_.base = page - LoadFixed<uint64_t>(page) * page_bytes;
  pages_.pages = store_->env().used_bytes() / page_bytes;
  pages_.page_bytes = static_cast<uint32_t>(page_bytes);
}

ViewState::~ViewState() {
  tables_.reset();
  store_->EndRead(txn_);
}

absl::StatusOr<std::optional<std::string_view>> ViewState::Get(MDB_dbi table,
                                                               std::string_view key) const {
  MDB_val k = ToVal(key), v;
  const int code = mdb_get(txn_, table, &k, &v);
  if (code == MDB_NOTFOUND) return std::optional<std::string_view>();
  if (code != 0) return store_->env().Error(code, "reading");
  UNDULA_ASSIGN_OR_RETURN(const std::string_view value,
                          store_->env().Checked(table, key, FromVal(v)));
  return std::optional<std::string_view>(value);
}

absl::StatusOr<std::optional<std::string_view>> ViewState::Row(Table table, uint32_t key) const {
  TableSet::Leaves& leaves = tables_->leaves[static_cast<size_t>(table)];
  const LeafIndex* index = leaves.index.load(std::memory_order_acquire);
  if (index == nullptr) index = MakeIndex(table);
  if (index == nullptr) return Get(table, AsBytes(key));
  std::string_view stored;
  switch (index->Find(pages_, key, &stored)) {
    case LeafIndex::Outcome::kAbsent:
      return std::optional<std::string_view>();
    case LeafIndex::Outcome::kElsewhere:
      return Get(table, AsBytes(key));
    case LeafIndex::Outcome::kFound:
      break;
  }
  uint64_t hash;
  const auto kind = static_cast<uint8_t>(table);
  if (!store_->env().Check(kind, AsBytes(key), stored, &hash)) {
    return store_->env().Damaged(kind);
  }
  stored.remove_suffix(kChecksumBytes);
  return std::optional<std::string_view>(stored);
}

void ViewState::Prefetch(Table table, std::span<const uint32_t> keys) const {
  const TableSet::Leaves& leaves = tables_->leaves[static_cast<size_t>(table)];
  const LeafIndex* index = leaves.index.load(std::memory_order_acquire);
  if (index != nullptr) index->Prefetch(pages_, keys);
}

absl::StatusOr<std::unique_ptr<Cursor>> ViewState::Walk(Table table) const {
  return Cursor::Open(store_->env(), txn_, (*tables_)[table]);
}

absl::StatusOr<const TermCodec*> TableSet::Codec(
    Space space, const std::string& path,
    const std::function<absl::StatusOr<std::optional<std::string_view>>()>& read) const {
  const auto at = static_cast<size_t>(space);
  if (!state.compressed[at]) return TermCodec::Plain().get();
  return codecs[at]->Get([&]() -> absl::StatusOr<std::shared_ptr<const TermCodec>> {
    UNDULA_ASSIGN_OR_RETURN(const std::optional<std::string_view> trained, read());
    auto codec = TermCodec::OfTrained(trained.value_or(std::string_view()));
    if (codec.ok()) return codec;
    return DataLossError(path, ": the dictionary of ", SpaceName(space),
                         " names: ", Message(codec.status()), "; restore the file from a backup");
  });
}

absl::StatusOr<const TermCodec*> ViewState::Codec(Space space) const {
  return tables_->Codec(space, store_->path(),
                        [&] { return Get(TextsOf(space), AsBytes(kTrainedKey)); });
}

// Null while the table has not been read often enough, and where its pages are not as they should
// be (LMDB then says what it makes of them).
const LeafIndex* ViewState::MakeIndex(Table table) const {
  TableSet::Leaves& leaves = tables_->leaves[static_cast<size_t>(table)];
  const uint64_t reads = leaves.reads.fetch_add(1, std::memory_order_relaxed) + 1;
  MDB_stat stat;
  if (pages_.base == nullptr || mdb_stat(txn_, (*tables_)[table], &stat) != 0 ||
      reads * kLeavesPerRead < stat.ms_leaf_pages) {
    return nullptr;
  }
  const std::lock_guard<std::mutex> lock(tables_->leaves_mutex);
  if (leaves.owner != nullptr) return leaves.owner.get();
  const std::string name = TableName(table, state().table_generation[static_cast<size_t>(table)]);
  MDB_cursor* cursor = nullptr;
  if (mdb_cursor_open(txn_, store_->main(), &cursor) != 0) return nullptr;
  MDB_val key = ToVal(name), record;
  const int code = mdb_cursor_get(cursor, &key, &record, MDB_SET_KEY);
  mdb_cursor_close(cursor);
  if (code != 0 || record.mv_size != kTreeRecordBytes) return nullptr;
  std::optional<LeafIndex> index = LeafIndex::Build(pages_, DecodeTreeRecord(FromVal(record)));
  if (!index.has_value()) return nullptr;
  leaves.owner = std::make_unique<const LeafIndex>(*std::move(index));
  leaves.index.store(leaves.owner.get(), std::memory_order_release);
  return leaves.owner.get();
}

}  // namespace undula::kgstore::internal
