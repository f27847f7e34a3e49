// A short way to one entry of a table with integer keys: the leaf pages of its tree with their
// lowest keys, held in memory, so that a look-up reads one leaf instead of a path of pages (a third
// of mdb_get's time); and the places of the entries that were found, so that finding one again
// reads the entry alone. Facts of the page format: page_check.h.
#ifndef UNDULA_KGSTORE_LEAF_INDEX_H_
#define UNDULA_KGSTORE_LEAF_INDEX_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
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

// Thread-safe; one for all transactions that see the same state of the table, as its pages then are
// the same. About 12 bytes a leaf page and, where keys are dense, 8 bytes a key.
class LeafIndex {
 public:
  // Reads the branch pages. Nothing where they are damaged or the tree is empty: LMDB is to be
  // asked.
  static std::optional<LeafIndex> Build(const PageMap& map, const TreeRecord& tree);

  enum class Outcome : uint8_t { kFound, kAbsent, kElsewhere };
  // The value under `key`, which refers to the map. kElsewhere: in overflow pages, or the leaf is
  // not one: LMDB is to be asked.
  Outcome Find(const PageMap& map, uint32_t key, std::string_view* value) const;

  // Brings what Find() of these keys will read into the processor's cache, all at the same time: a
  // page that is not there costs more than the rest of a look-up. No more than kPrefetched keys.
  static constexpr size_t kPrefetched = 16;
  void Prefetch(const PageMap& map, std::span<const uint32_t> keys) const;

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  using Places = std::unique_ptr<std::atomic<uint64_t>[], Free>;

  LeafIndex() = default;
  void MakePlaces();
  Outcome Search(const PageMap& map, uint32_t key, const char** entry,
                 std::string_view* value) const;
  size_t LeafOf(uint32_t key) const;
  bool AddBranch(const PageMap& map, uint64_t page, uint32_t lowest, int depth);

  std::vector<uint32_t> lowest_;  // of each leaf a key that no key of it is below; ascending
  std::vector<uint64_t> page_;
  // By key: where its entry is in the map, kUnknown where nobody has looked yet.
  static constexpr uint64_t kUnknown = 0, kNowhere = 1;
  Places places_;
  size_t known_keys_ = 0;  // of places_
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_LEAF_INDEX_H_
