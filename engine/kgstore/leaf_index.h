// A short way to one entry of a table with integer keys: the leaf pages of its tree with their
// lowest keys, held in memory, so that a look-up reads one leaf instead of a path of pages (a third
// of mdb_get's time). Facts of the page format: page_check.h.
#ifndef UNDULA_KGSTORE_LEAF_INDEX_H_
#define UNDULA_KGSTORE_LEAF_INDEX_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kgstore/meta_page.h"

namespace undula::kgstore::internal {

// The pages of a state, mapped. Valid while a read transaction of that state is active.
struct PageMap {
  const char* base = nullptr;
  uint64_t pages = 0;  // that may be read
  uint32_t page_bytes = 0;
};

// Immutable; one for all transactions that see the same state of the table, as its pages then are
// the same. About 12 bytes a leaf page.
class LeafIndex {
 public:
  // Reads the branch pages. Nothing where they are damaged or the tree is empty: LMDB is to be
  // asked.
  static std::optional<LeafIndex> Build(const PageMap& map, const TreeRecord& tree);

  enum class Outcome : uint8_t { kFound, kAbsent, kElsewhere };
  // The value under `key`, which refers to the map. kElsewhere: in overflow pages, or the leaf is
  // not one: LMDB is to be asked.
  Outcome Find(const PageMap& map, uint32_t key, std::string_view* value) const;

 private:
  LeafIndex() = default;
  bool AddBranch(const PageMap& map, uint64_t page, uint32_t lowest, int depth);

  std::vector<uint32_t> lowest_;  // of each leaf a key that no key of it is below; ascending
  std::vector<uint64_t> page_;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_LEAF_INDEX_H_
