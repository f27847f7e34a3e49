// What one training batch needs: the distinct (user, entity) pairs of every layer, and for each
// where its message comes from. Layer l (1 .. H) computes h^l of its pairs. Layer H has the rows of
// the batch; layer l - 1 the pairs of layer l and all neighbors of their entities under the same
// user. Pairs of layer 1 are grouped by entity, because there everything but the attention depends
// on the entity alone: groups share their own vector and the mean vector of their neighbors behind
// each relation.
#ifndef UNDULA_MODELS_KGCN_BATCH_INDEX_H_
#define UNDULA_MODELS_KGCN_BATCH_INDEX_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/data/bit_set.h"
#include "models/model.h"
#include "propagation/sample/neighbors.h"

namespace undula::models {

class KgcnBatchIndex {
 public:
  struct Layer {
    // The pair of each node: the batch row (a position in `users`) whose user it has, and entity.
    std::vector<uint32_t> row, entity;
    std::vector<uint32_t> self;  // the same pair's node in the layer below; layers 2 .. H
    // Of RelationMix. Layer 1: a group per distinct entity, slots are its relations, and slot s has
    // value s. Above: a group per node, slots are neighbors, values nodes of the layer below.
    std::vector<int64_t> row_ptr, slot_ptr;
    std::vector<uint32_t> relation, value_row;
    std::vector<float> count;

    int64_t nodes() const { return static_cast<int64_t>(entity.size()); }
    void Clear();
  };

  // slots must outlive the index; with messages = false no layer has slots.
  void Reset(const propagation::NeighborSlots* slots, int hops, bool messages);
  // item_row: the entity row of each item.
  void Collect(const Batch& batch, std::span<const uint32_t> item_row);

  const Layer& layer(int l) const { return layers_[l - 1]; }
  // Rows of the batch in the order in which the index works them (with one hop: by item; else by
  // user), and their users and labels in that order.
  std::vector<uint32_t> order, users;
  std::vector<float> labels;
  // Distinct rows of the entity table, ascending.
  std::vector<uint32_t> entity;
  // Per group of layer 1: its entity as a position in `entity`.
  std::vector<uint32_t> group;
  // Per slot of layer 1: the neighbors whose mean it stands for, as positions in `entity`, each
  // repeated in proportion to how often it was drawn.
  std::vector<int64_t> member_ptr;
  std::vector<uint32_t> member;

 private:
  void OrderByUser(const Batch& batch);
  void CollectAbove(int l);  // slots of layer l >= 2 and the nodes of layer l - 1
  void GroupFirst();         // orders the nodes of layer 1 by entity
  void CollectFirst();       // slots of layer 1

  const propagation::NeighborSlots* slots_ = nullptr;
  bool messages_ = true;
  std::vector<Layer> layers_;
  std::vector<uint64_t> keys_;  // (user, row of the batch), ascending
  // By entity row: the last user that had it as a node of the layer below, counted over all layers
  // and batches, and that node. Such marks cannot collide, whatever the numbers of users are.
  struct Mark {
    uint64_t user = 0;
    uint32_t node = 0;
  };
  std::vector<Mark> marks_;
  uint64_t marked_users_ = 0;
  std::vector<uint32_t> repeats_;  // of each neighbor of the sample among the members
  BitSet entities_;
  std::vector<uint32_t> position_;  // by entity row: its group, then its position in `entity`
  std::vector<uint32_t> distinct_;  // entities of the groups
  std::vector<uint32_t> rank_;      // of the nodes of layer 1, before and after ordering
  std::vector<uint32_t> unordered_row_, unordered_entity_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGCN_BATCH_INDEX_H_
