// Adds and removes triples in the stored tables of one adjacency (kgstore/adjacency.h).
#ifndef UNDULA_KGSTORE_EDIT_ADJACENCY_H_
#define UNDULA_KGSTORE_EDIT_ADJACENCY_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/edit_cursor.h"
#include "kgstore/lmdb_env.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

// One triple in the order of the table.
struct TripleEdit {
  Triple triple;
  bool add;           // else remove
  bool done = false;  // set where it made a difference
};

// The tables of a state within a write transaction.
struct OpenTables {
  const Store& store;
  WriteTxn* txn;
  const TableSet& tables;

  MDB_dbi operator[](Table table) const { return tables[table]; }
  absl::Status Damaged(Table table) const;
};

class AdjacencyEditor {
 public:
  AdjacencyEditor(const OpenTables& open, Table table) : open_(open), table_(table) {}

  // `edits`: ascending, distinct triples. Each bucket and each block of a hub is read and written
  // once.
  absl::Status Apply(std::vector<TripleEdit>* edits);
  // f(b, c) over the list of `a` as it stands in the transaction.
  absl::Status ForEach(uint32_t a, const std::function<void(uint32_t, uint32_t)>& f);

 private:
  using Pairs = std::vector<IdPair>;
  struct Slot {
    bool hub = false;
    uint64_t degree = 0;    // of a hub
    std::string_view list;  // else: of the stored bucket, or `edited`
    std::string edited;
  };
  using Edits = std::vector<TripleEdit>::iterator;

  absl::Status ApplyToBucket(uint32_t bucket, Edits begin, Edits end);
  absl::Status ApplyToList(Edits begin, Edits end, Slot* slot);
  absl::Status ApplyToHub(Edits begin, Edits end, Slot* slot);
  // Takes the blocks of a hub out of their table and back into one list, if that is short enough.
  absl::Status ShrinkHub(uint32_t a, Slot* slot);
  absl::Status PutBlocks(uint32_t a, std::span<const IdPair> pairs);
  absl::Status PutBucket(uint32_t bucket, bool stored, std::array<Slot, kBucketIds>* slots);
  absl::Status OpenCursors();
  // Sets pairs_; false where the list is damaged.
  bool Decode(std::string_view list, size_t readable);
  // Merges pairs_ with edits into merged_; sets their `done`.
  void Merge(Edits begin, Edits end);
  // merged_ as the list of a slot; false where it is too long.
  bool EncodeInline(Slot* slot);

  const OpenTables& open_;
  Table table_;
  std::unique_ptr<EditCursor> buckets_, hubs_;
  Pairs pairs_, merged_;
  std::string stored_;  // a bucket, copied: writing may move what the transaction has read
  uint8_t encoded_[kMaxHubBlock + 32];
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_EDIT_ADJACENCY_H_
