// The labels of KGNN-LS. For a row (user u, item v) of a batch, labels spread from the training
// rows of u over the neighbor sample to v, whose own label is held out:
//   known(e) = the label of (u, e), where it is a training row, it is not 1/2 and e is not v
//   L(e, H) = known(e), else 1/2;  L(e, t) = known(e), else g sum_k p_{u,e,k} L(neighbor k, t + 1)
//   prediction = L(v, 0), never clamped
// Source: Wang et al., "KGNN-LS", KDD 2019, section 4.3, as the authors' program runs it: H sweeps.
// Known labels block the gradient.
//
// Without a known label in reach, L(e, t) is c_t = g^(H - t) / 2 whatever the weights, since they
// sum to 1. So only the differences D = L - c are worked, and only where there are any:
//   D(e, t) = known(e) - c_t, else g sum_k p_{u,e,k} D(neighbor k, t + 1)
// The weights p of (u, e) at depth t are those that layer H - t of the model has computed already.
#ifndef UNDULA_MODELS_KGCN_LABEL_TREE_H_
#define UNDULA_MODELS_KGCN_LABEL_TREE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/data/training_data.h"
#include "models/kgcn/batch_index.h"
#include "propagation/sample/neighbors.h"

namespace undula::models {

// Labels of the training rows, by user and entity row. Two rows of one pair (items of one entity):
// the larger label counts. Immutable once made; thread-safe.
class KnownLabels {
 public:
  static constexpr float kUnknown = 0.5f;

  // The labels of one user.
  class User {
   public:
    // False only where the label of the entity is not known; true for about 1 in 16 others, too.
    bool Maybe(uint32_t entity) const {
      const uint32_t bit = Hash(entity) >> shift_;
      return (filter_[bit >> 6] >> (bit & 63) & 1) != 0;
    }
    // 0 or 1 (or what the row says), or kUnknown.
    float Find(uint32_t entity) const;

   private:
    friend class KnownLabels;
    static uint32_t Hash(uint32_t entity) { return entity * 0x9E3779B1u; }
    const uint64_t* filter_ = nullptr;
    uint32_t shift_ = 0;
    const uint32_t* entity_ = nullptr;
    const float* label_ = nullptr;
    size_t size_ = 0;
  };

  KnownLabels() = default;
  KnownLabels(std::span<const LabeledPair> train, std::span<const uint32_t> item_row,
              uint32_t n_users, uint32_t entity_rows);

  User of(uint32_t user) const;
  // Asks for the labels of a user that is worked soon.
  void Prefetch(uint32_t user) const;
  // Some user has a known label for the entity.
  bool any(uint32_t entity) const { return any_[entity] != 0; }

 private:
  std::vector<int64_t> ptr_ = {0};
  std::vector<uint32_t> entity_;  // of each user ascending
  std::vector<float> label_;
  // A bit set of 16 to 32 bits per label of the user; the hash's top bits number its bits.
  std::vector<uint64_t> filter_;
  std::vector<int64_t> filter_ptr_ = {0};
  std::vector<uint8_t> any_;
};

class LabelTree {
 public:
  // Nodes of depth t that differ from c_t (at depth 0: all rows, in order), as WeightSum reads them
  // with the weights of layer H - t and the nodes of depth t + 1.
  struct Depth {
    std::vector<int64_t> ptr;
    std::vector<uint32_t> weight, child;
    std::vector<double> coefficient;

    void Clear();
    int64_t nodes() const { return static_cast<int64_t>(ptr.size()) - 1; }
  };

  // Both must outlive the tree. gain is g.
  void Reset(const propagation::NeighborSlots* slots, const KnownLabels* labels, int hops,
             double gain);
  // Of the rows of the index, which was made over the same sample.
  void Collect(const KgcnBatchIndex& index);

  const Depth& depth(int t) const { return depths_[t]; }  // 0 .. H - 1
  double constant(int t) const { return constants_[t]; }  // c_t, t = 0 .. H
  // Neighbors seen by the last Collect, those that some user has a label for, and those whose label
  // is known.
  int64_t seen() const { return seen_; }
  int64_t rated() const { return rated_; }
  int64_t known() const { return known_; }

  // True where a known label can reach an item that has a training row.
  static bool CanReach(const propagation::NeighborSlots& slots, const KnownLabels& labels, int hops,
                       std::span<const LabeledPair> train, std::span<const uint32_t> item_row);

 private:
  // The row of the batch that is worked.
  struct Row {
    KnownLabels::User user;
    uint32_t item = 0;
  };
  void CountFirstWeights(const KgcnBatchIndex::Layer& first);
  // Adds what `node` of layer H - t sums to its depth; false where that is nothing.
  bool Sum(const KgcnBatchIndex& index, const Row& row, int t, uint32_t node);
  void SumFirst(const Row& row, Depth* depth, uint32_t entity, int64_t weight);
  // Asks for what SumFirst reads of the neighbors of an entity.
  void PrefetchNeighbors(uint32_t entity) const;

  const propagation::NeighborSlots* slots_ = nullptr;
  const KnownLabels* labels_ = nullptr;
  int hops_ = 1;
  double gain_ = 1;
  std::vector<double> constants_;
  // Neighbors of each row that have a label of some user: the entity, which of the row's relations
  // it stands behind, in order, and its share of that relation's draws.
  std::vector<int64_t> rated_ptr_;
  std::vector<uint32_t> rated_entity_, rated_bucket_;
  std::vector<double> rated_share_;

  std::vector<uint32_t> maybe_;        // scratch
  std::vector<int64_t> first_weight_;  // of each node of layer 1, its first packed weight
  std::vector<Depth> depths_;
  int64_t seen_ = 0, rated_ = 0, known_ = 0;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGCN_LABEL_TREE_H_
