// Distinct tuples of values, numbered in the order of their first appearance.
#ifndef UNDULA_QUERIES_PATTERN_TUPLE_SET_H_
#define UNDULA_QUERIES_PATTERN_TUPLE_SET_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "queries/pattern/row_store.h"
#include "queries/pattern/value.h"

namespace undula::queries::pattern {

inline uint64_t HashValues(std::span<const Value> values) {
  uint64_t hash = 0x9E3779B97F4A7C15u;
  for (const Value value : values) {
    hash = (hash ^ value) * 0xFF51AFD7ED558CCDu;
    hash ^= hash >> 32;
  }
  return hash;
}

// A hash table, from kSplit tuples on one for each of 256 parts of the hashes: when a table grows,
// only its part is looked at, so that no step takes long.
class TupleSet {
 public:
  explicit TupleSet(size_t width) : rows_(width), parts_(1) {}

  // Empty, for tuples of this width; memory stays where it is not much.
  void Clear(size_t width) {
    if (parts_.size() != 1 || width != rows_.width()) {
      *this = TupleSet(width);
      return;
    }
    if (parts_[0].count > 0) std::fill(parts_[0].slots.begin(), parts_[0].slots.end(), 0);
    parts_[0].count = 0;
    rows_.Shrink(0);
  }
  // The number of the tuple; *is_new where it was not there.
  size_t Add(std::span<const Value> tuple, bool* is_new) {
    const uint64_t hash = HashValues(tuple);
    size_t* place = Place(&PartOf(hash), hash, tuple);
    *is_new = place == nullptr || *place == 0;
    if (!*is_new) return *place - 1;
    Part* part = &PartOf(hash);
    if (2 * (part->count + 1) > part->slots.size()) {
      if (parts_.size() == 1 && rows_.size() >= kSplit) {
        Split();
        part = &PartOf(hash);
      }
      if (2 * (part->count + 1) > part->slots.size()) Grow(part);
      place = Place(part, hash, tuple);
    }
    ++part->count;
    rows_.Add(tuple);
    *place = rows_.size();
    return rows_.size() - 1;
  }
  // Its number; size() where it is not there.
  size_t Find(std::span<const Value> tuple) {
    const uint64_t hash = HashValues(tuple);
    const size_t* const place = Place(&PartOf(hash), hash, tuple);
    return place == nullptr || *place == 0 ? rows_.size() : *place - 1;
  }
  std::span<const Value> Row(size_t number) const { return {rows_.Row(number), rows_.width()}; }
  size_t size() const { return rows_.size(); }

 private:
  static constexpr size_t kSplit = 65536, kParts = 256;
  struct Part {
    size_t count = 0;
    std::vector<size_t> slots;  // number + 1; 0 = free
  };

  Part& PartOf(uint64_t hash) { return parts_[parts_.size() == 1 ? 0 : hash >> 56]; }
  // Where the tuple stands, or the free slot where it would; null where there are no slots yet.
  size_t* Place(Part* part, uint64_t hash, std::span<const Value> tuple) const {
    if (part->slots.empty()) return nullptr;
    const size_t mask = part->slots.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      size_t& slot = part->slots[at];
      if (slot == 0 || std::equal(tuple.begin(), tuple.end(), rows_.Row(slot - 1))) return &slot;
    }
  }
  static void Insert(Part* part, uint64_t hash, size_t slot) {
    const size_t mask = part->slots.size() - 1;
    size_t at = hash & mask;
    while (part->slots[at] != 0) at = (at + 1) & mask;
    part->slots[at] = slot;
  }
  void Grow(Part* part) {
    std::vector<size_t> old(std::max<size_t>(2 * part->slots.size(), 64), 0);
    old.swap(part->slots);
    for (const size_t slot : old) {
      if (slot != 0) Insert(part, HashValues(Row(slot - 1)), slot);
    }
  }
  void Split() {
    std::vector<Part> parts(kParts);
    for (Part& part : parts) part.slots.assign(4 * kSplit / kParts, 0);
    parts_.swap(parts);
    for (size_t i = 0; i < rows_.size(); ++i) {
      const uint64_t hash = HashValues(Row(i));
      Part& part = PartOf(hash);
      if (2 * (part.count + 1) > part.slots.size()) Grow(&part);
      ++part.count;
      Insert(&part, hash, i + 1);
    }
  }

  RowStore rows_;
  std::vector<Part> parts_;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_TUPLE_SET_H_
