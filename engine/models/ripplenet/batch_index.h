// Which parameter rows one training batch needs: the distinct triples, (relation, head) pairs and
// entity rows of its users' ripple sets, with the number of (row, slot) occurrences behind each,
// and for every slot where to find its key and value. Work is linear in the slots of the batch's
// chunks (plus a bitmap scan of all triples, pairs and entities, 1 bit each); nothing is sorted or
// hashed, and every list comes out ascending.
#ifndef UNDULA_MODELS_RIPPLENET_BATCH_INDEX_H_
#define UNDULA_MODELS_RIPPLENET_BATCH_INDEX_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/data/bit_set.h"
#include "models/model.h"
#include "models/ripplenet/memory.h"

namespace undula::models {

class BatchIndex {
 public:
  // memory must outlive the index.
  void Reset(const RippleMemory* memory, uint32_t entity_rows, uint32_t n_relations);
  // item_row: the entity row of each item.
  void Collect(const Batch& batch, std::span<const uint32_t> item_row);

  // Distinct rows of the entity table, ascending, and how often a slot has the entity as head or
  // tail (0 for rows that are there as items only).
  std::vector<uint32_t> entity;
  std::vector<float> entity_weight;
  std::vector<float> relation_weight;  // [n_relations], slots of each relation
  // Distinct pairs, ascending by relation; the head as a position in `entity`.
  std::vector<uint32_t> pair_relation, pair_head;
  // Distinct triples: position of the pair (ascending), tail as a position in `entity`,
  // occurrences.
  std::vector<uint32_t> triple_pair, triple_tail;
  std::vector<float> triple_weight;
  std::vector<uint32_t> item;  // [rows], each row's item as a position in `entity`

  // Slots of all hops and chunks, hop-major. slot_ptr(k)[c]: the first slot of chunk c at hop k.
  std::vector<uint32_t> key, value;  // positions in the pairs, in `entity`
  std::vector<float> count;
  std::span<const int64_t> slot_ptr(int hop) const {
    return std::span<const int64_t>(slot_ptr_).subspan(static_cast<size_t>(hop * (chunks_ + 1)),
                                                       static_cast<size_t>(chunks_ + 1));
  }

 private:
  const RippleMemory* memory_ = nullptr;
  int64_t chunks_ = 0;
  std::vector<int64_t> slot_ptr_;
  BitSet triples_, entities_;
  struct KeyValue {
    uint32_t key, value;
  };
  // By number in the whole memory or table: the weight while the batch is read, then the positions.
  std::vector<float> triple_weight_by_number_;
  std::vector<KeyValue> key_value_by_number_;
  std::vector<uint32_t> entity_position_;
  std::vector<uint32_t> triple_number_, pair_head_row_;  // of the batch's triples, pairs
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RIPPLENET_BATCH_INDEX_H_
