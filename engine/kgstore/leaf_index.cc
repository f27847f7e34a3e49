#include "kgstore/leaf_index.h"

#include <algorithm>
#include <array>
#include <bit>

#include "kgstore/page_format.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

// A page of nodes; null where it is not of the kind that is asked for.
const char* NodesOf(const PageMap& map, uint64_t number, uint16_t kind, size_t* count) {
  if (number < kMetaPages || number >= map.pages) return nullptr;
  const char* const page = map.base + number * map.page_bytes;
  const size_t lower = LoadFixed<uint16_t>(page + kLowerAt);
  if (LoadFixed<uint64_t>(page) != number || LoadFixed<uint16_t>(page + kFlagsAt) != kind ||
      lower <= kPageHeader || lower > map.page_bytes) {
    return nullptr;
  }
  *count = (lower - kPageHeader) / 2;
  return page;
}

// The node, with room for its header and an integer key; null where it is out of bounds.
const char* NodeAt(const PageMap& map, const char* page, size_t i) {
  const size_t offset = LoadFixed<uint16_t>(page + kPageHeader + 2 * i);
  return offset + kNodeHeader + sizeof(uint32_t) <= map.page_bytes ? page + offset : nullptr;
}

uint32_t KeyOf(const char* node) { return LoadFixed<uint32_t>(node + kNodeHeader); }

// The value of a leaf's node, which has room for its header and a key; false where it is not that
// of `key` or does not lie within the page.
bool ValueAt(const PageMap& map, const char* node, uint32_t key, std::string_view* value) {
  const uint64_t in_page = static_cast<uint64_t>(node - map.base) & (map.page_bytes - 1);
  const uint64_t room = map.page_bytes - in_page - kNodeHeader - sizeof(uint32_t);
  const uint64_t bytes = LoadFixed<uint32_t>(node);
  if (LoadFixed<uint16_t>(node + 4) != 0 || KeyOf(node) != key || bytes > room) return false;
  *value = std::string_view(node + kNodeHeader + sizeof(uint32_t), bytes);
  return true;
}

}  // namespace

std::optional<LeafIndex> LeafIndex::Build(const PageMap& map, const TreeRecord& tree) {
  if (!std::has_single_bit(map.page_bytes) || tree.root == kNoPage || tree.depth == 0 ||
      tree.depth > kMaxTreeDepth || tree.leaf_pages > map.pages) {
    return std::nullopt;
  }
  LeafIndex index;
  index.lowest_.reserve(tree.leaf_pages);
  index.page_.reserve(tree.leaf_pages);
  if (!index.AddBranch(map, tree.root, 0, tree.depth) || index.page_.empty()) return std::nullopt;
  index.MakePlaces();
  return index;
}

// Memory that nobody has looked into costs nothing: calloc takes it from the system as it is.
void LeafIndex::MakePlaces() {
  constexpr size_t kMostOfLeaf = 256;  // entries
  constexpr size_t kKeysPerLeaf = 64;  // beyond, places would take more than an eighth of the table
  const size_t keys = size_t{lowest_.back()} + kMostOfLeaf;
  if (keys - kMostOfLeaf > kKeysPerLeaf * lowest_.size()) return;
  places_.reset(static_cast<std::atomic<uint64_t>*>(std::calloc(keys, sizeof(uint64_t))));
  known_keys_ = places_ == nullptr ? 0 : keys;
}

bool LeafIndex::AddBranch(const PageMap& map, uint64_t page_number, uint32_t lowest, int depth) {
  if (depth == 1) {
    if (page_.size() >= map.pages) return false;  // damage: a page that is its own descendant
    lowest_.push_back(lowest);
    page_.push_back(page_number);
    return true;
  }
  size_t count = 0;
  const char* const page = NodesOf(map, page_number, kBranchPage, &count);
  if (page == nullptr) return false;
  for (size_t i = 0; i < count; ++i) {
    const size_t offset = LoadFixed<uint16_t>(page + kPageHeader + 2 * i);
    if (offset + kNodeHeader > map.page_bytes) return false;
    const char* const node = page + offset;
    const uint64_t child =
        LoadFixed<uint32_t>(node) | (uint64_t{LoadFixed<uint16_t>(node + 4)} << 32);
    if (i > 0) {  // the key of the first node counts for nothing
      if (NodeAt(map, page, i) == nullptr || KeyOf(node) < lowest) return false;
      lowest = KeyOf(node);
    }
    if (!AddBranch(map, child, lowest, depth - 1)) return false;
  }
  return true;
}

// The last leaf whose lowest key is not above `key`, without branches that cannot be foreseen.
size_t LeafIndex::LeafOf(uint32_t key) const {
  size_t leaf = 0;
  for (size_t n = lowest_.size(); n > 1;) {
    const size_t half = n / 2;
    leaf += lowest_[leaf + half] <= key ? half : 0;
    n -= half;
  }
  return leaf;
}

void LeafIndex::Prefetch(const PageMap& map, std::span<const uint32_t> keys) const {
  constexpr size_t kLine = 64, kLines = 6;
  struct Place {
    const char* page = nullptr;
    size_t entry = 0;  // where Search() looks first
  };
  std::array<Place, kPrefetched> places;
  const size_t count = std::min(keys.size(), kPrefetched);
  const auto fetch = [&](const char* entry) {
    const char* const end = map.base + map.pages * map.page_bytes;
    for (size_t i = 0; i < kLines && entry < end; ++i, entry += kLine) __builtin_prefetch(entry);
  };
  for (size_t i = 0; i < count; ++i) {
    if (keys[i] < known_keys_) {
      const uint64_t place = places_[keys[i]].load(std::memory_order_relaxed);
      if (place > kNowhere) fetch(map.base + place);
      if (place != kUnknown) continue;
    }
    const size_t leaf = LeafOf(keys[i]);
    const uint64_t number = page_[leaf];
    if (number >= map.pages || keys[i] < lowest_[leaf]) continue;
    places[i] = {map.base + number * map.page_bytes, keys[i] - lowest_[leaf]};
    __builtin_prefetch(places[i].page);
  }
  for (size_t i = 0; i < count; ++i) {
    const auto& [page, entry] = places[i];
    if (page == nullptr) continue;
    const size_t entries = (LoadFixed<uint16_t>(page + kLowerAt) - kPageHeader) / 2;
    if (entries == 0 || entries > map.page_bytes / 2) continue;
    fetch(page + LoadFixed<uint16_t>(page + kPageHeader + 2 * std::min(entry, entries - 1)));
  }
}

LeafIndex::Outcome LeafIndex::Find(const PageMap& map, uint32_t key,
                                   std::string_view* value) const {
  if (key < known_keys_) {
    const uint64_t place = places_[key].load(std::memory_order_relaxed);
    if (place == kNowhere) return Outcome::kAbsent;
    // Looked at once more: a file can be damaged while it is open.
    if (place != kUnknown && ValueAt(map, map.base + place, key, value)) return Outcome::kFound;
  }
  const char* node = nullptr;
  const Outcome outcome = Search(map, key, &node, value);
  if (outcome != Outcome::kElsewhere && key < known_keys_) {
    const uint64_t place =
        outcome == Outcome::kFound ? static_cast<uint64_t>(node - map.base) : kNowhere;
    places_[key].store(place, std::memory_order_relaxed);
  }
  return outcome;
}

LeafIndex::Outcome LeafIndex::Search(const PageMap& map, uint32_t key, const char** entry,
                                     std::string_view* value) const {
  const size_t leaf = LeafOf(key);
  size_t count = 0;
  const char* const page = NodesOf(map, page_[leaf], kLeafPage, &count);
  if (page == nullptr) return Outcome::kElsewhere;
  // Keys are distinct integers, and dense in most tables: an entry stands no further behind the
  // first than its key is above that.
  if (key < lowest_[leaf]) return Outcome::kAbsent;
  size_t begin = 0;
  size_t end = std::min<size_t>(count, size_t{key - lowest_[leaf]} + 1);
  for (size_t i = end - 1; begin < end; i = (begin + end) / 2) {
    const char* const node = NodeAt(map, page, i);
    if (node == nullptr || LoadFixed<uint16_t>(node + 6) != sizeof(uint32_t)) {
      return Outcome::kElsewhere;
    }
    const uint32_t found = KeyOf(node);
    if (found == key) {
      *entry = node;
      return ValueAt(map, node, key, value) ? Outcome::kFound : Outcome::kElsewhere;
    }
    if (found < key) {
      begin = i + 1;
    } else {
      end = i;
    }
  }
  return Outcome::kAbsent;
}

}  // namespace undula::kgstore::internal
