// The labels of KGNN-LS. For a row (user u, item v) of a batch, labels spread from the training
// rows of u over the neighbor sample to v, whose own label is held out:
//   known(e) = the label of (u, e), where it is a training row, it is not 1/2 and e is not v
//   L(e, H) = known(e), else 1/2;  L(e, t) = known(e), else g sum_k p_{u,e,k} L(neighbor k, t + 1)
//   prediction = L(v, 0), never clamped
// Source: Wang et al., "KGNN-LS", KDD 2019, section 4.3, as the authors' program runs it: H sweeps.
// Known labels block the gradient. Nodes whose value does not depend on the weights (all children
// equal) become constants here, so they cost nothing and have no gradient at all.
#ifndef UNDULA_MODELS_KGCN_LABEL_TREE_H_
#define UNDULA_MODELS_KGCN_LABEL_TREE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/data/training_data.h"
#include "propagation/sample/neighbors.h"

namespace undula::models {

// Labels of the training rows, by user and entity row. Two rows of one pair (items of one entity):
// the larger label counts. Immutable once made; thread-safe.
class KnownLabels {
 public:
  static constexpr float kUnknown = 0.5f;

  KnownLabels() = default;
  KnownLabels(std::span<const LabeledPair> train, std::span<const uint32_t> item_row,
              uint32_t n_users, uint32_t entity_rows);

  // 0 or 1 (or what the row says), or kUnknown.
  float of(uint32_t user, uint32_t entity) const;
  // Some user has a known label for the entity.
  bool any(uint32_t entity) const { return any_[entity] != 0; }

 private:
  std::vector<int64_t> ptr_ = {0};
  std::vector<uint32_t> entity_;
  std::vector<float> label_;
  std::vector<uint8_t> any_;
};

class LabelTree {
 public:
  // Nodes of depth t, as RelationMix reads them with one group per node and values of one column:
  // a constant has no slots and its value as base, another node base 0.
  struct Depth {
    std::vector<uint32_t> row;  // the row of the batch whose user weighs the node's neighbors
    std::vector<double> base;
    std::vector<int64_t> row_ptr, slot_ptr;
    std::vector<uint32_t> relation, value_row;  // value_row: nodes of depth t + 1
    std::vector<float> count;

    void Clear();
  };

  // Both must outlive the tree. gain is g.
  void Reset(const propagation::NeighborSlots* slots, const KnownLabels* labels, int hops,
             double gain);
  // Rows (users[i], entity[i]); depth 0 then has node i for row i.
  void Collect(std::span<const uint32_t> users, std::span<const uint32_t> entity);

  // Depths 0 .. H; depth H has constants only.
  const Depth& depth(int t) const { return depths_[t]; }
  // Neighbors seen by the last Collect, and those among them with a known label.
  int64_t seen() const { return seen_; }
  int64_t known() const { return known_; }

  // True where a known label can reach an item that has a training row.
  static bool CanReach(const propagation::NeighborSlots& slots, const KnownLabels& labels, int hops,
                       std::span<const LabeledPair> train, std::span<const uint32_t> item_row);

 private:
  struct Value {
    bool constant = true;
    double value = 0;
    uint32_t node = 0;  // at its depth
  };
  Value Visit(uint32_t row, uint32_t user, uint32_t item, uint32_t entity, int t);
  uint32_t Constant(int t, double value);

  const propagation::NeighborSlots* slots_ = nullptr;
  const KnownLabels* labels_ = nullptr;
  int hops_ = 1;
  double gain_ = 1;
  std::vector<Depth> depths_;
  std::vector<std::vector<std::pair<double, uint32_t>>> constants_;  // by depth
  std::vector<std::vector<Value>> children_;                         // scratch, by depth
  int64_t seen_ = 0, known_ = 0;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGCN_LABEL_TREE_H_
