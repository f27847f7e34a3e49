// What a model is built from: the snapshot, the training positives and how items stand in the
// graph.
#ifndef UNDULA_MODELS_DATA_TRAINING_DATA_H_
#define UNDULA_MODELS_DATA_TRAINING_DATA_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/csr.h"
#include "base/snapshot.h"
#include "models/data/split.h"

namespace undula::models {

// Pre-computed vectors, of entities or of items (the others are empty), and where they have them of
// relations.
struct GraphVectors {
  int64_t dim = 0;
  std::vector<float> entity;        // [entities, dim]
  std::vector<uint8_t> has_entity;  // [entities]
  std::vector<float> item;          // [items, dim]
  std::vector<uint8_t> has_item;    // [items]
  int64_t relation_dim = 0;
  std::vector<float> relation;  // [relations, relation_dim]
  std::string description;
};

// The vectors stored under a name. NotFound; InvalidArgument for those of other things;
// FailedPrecondition where they do not fit the snapshot.
using VectorReader =
    std::function<absl::StatusOr<std::shared_ptr<const GraphVectors>>(const std::string& name)>;

// Immutable once made; shareable between threads.
struct TrainingData {
  std::shared_ptr<const Snapshot> snapshot;
  // Rows of the loss (pointwise models), in the order given, without the rows of users that have no
  // training positive: such users cannot be represented (the authors of RippleNet drop them too).
  std::vector<LabeledPair> train;
  InteractionCsr<ItemId> positives;       // training positives by user, in time order, with repeats
  std::vector<uint32_t> item_popularity;  // training positives per item, a pair counted once
  uint64_t seed = 1;
  VectorReader read_vectors;  // empty: none are stored
  // Users that have rows in train but no positive among them, and their rows.
  int64_t dropped_users = 0;
  int64_t dropped_rows = 0;

  uint32_t n_users() const { return snapshot->n_users; }
  uint32_t n_items() const { return snapshot->n_items; }
};

// data.read_vectors of `name`; FailedPrecondition where the data have none.
absl::StatusOr<std::shared_ptr<const GraphVectors>> ReadVectors(const TrainingData& data,
                                                                const std::string& name);

// Ids of `train` must be below the snapshot's counts (MakeSplit and SplitFromRows see to it).
TrainingData MakeTrainingData(std::shared_ptr<const Snapshot> snapshot,
                              std::span<const LabeledPair> train, uint64_t seed);

// Distinct items of some rows by user, ascending: what must not be drawn, what is already seen.
struct UserItems {
  std::vector<int64_t> ptr = {0};
  std::vector<ItemId> items;

  std::span<const ItemId> of(UserId user) const {
    const uint32_t u = Index(user);
    return std::span(items.data() + ptr[u], static_cast<size_t>(ptr[u + 1] - ptr[u]));
  }
  bool contains(UserId user, ItemId item) const;
};

// The pairs with label 1 of all the given parts.
UserItems PositivesByUser(uint32_t n_users,
                          std::initializer_list<std::span<const LabeledPair>> parts);

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_TRAINING_DATA_H_
