#include "kgstore/leaf_index.h"

#include <algorithm>

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

}  // namespace

std::optional<LeafIndex> LeafIndex::Build(const PageMap& map, const TreeRecord& tree) {
  if (tree.root == kNoPage || tree.depth == 0 || tree.depth > kMaxTreeDepth ||
      tree.leaf_pages > map.pages) {
    return std::nullopt;
  }
  LeafIndex index;
  index.lowest_.reserve(tree.leaf_pages);
  index.page_.reserve(tree.leaf_pages);
  if (!index.AddBranch(map, tree.root, 0, tree.depth)) return std::nullopt;
  return index;
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

LeafIndex::Outcome LeafIndex::Find(const PageMap& map, uint32_t key,
                                   std::string_view* value) const {
  // The last leaf whose lowest key is not above `key`, without branches that cannot be foreseen.
  size_t leaf = 0;
  for (size_t n = lowest_.size(); n > 1;) {
    const size_t half = n / 2;
    leaf += lowest_[leaf + half] <= key ? half : 0;
    n -= half;
  }
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
      const uint64_t bytes = LoadFixed<uint32_t>(node);
      const char* const data = node + kNodeHeader + sizeof(uint32_t);
      if (LoadFixed<uint16_t>(node + 4) != 0 ||
          bytes > static_cast<uint64_t>(page + map.page_bytes - data)) {
        return Outcome::kElsewhere;
      }
      *value = std::string_view(data, bytes);
      return Outcome::kFound;
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
