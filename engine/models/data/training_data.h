// What a model is built from: the snapshot, the training positives and how items stand in the graph.
#ifndef UNDULA_MODELS_DATA_TRAINING_DATA_H_
#define UNDULA_MODELS_DATA_TRAINING_DATA_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/csr.h"
#include "base/snapshot.h"
#include "models/data/split.h"

namespace undula::models {

// Immutable once made; shareable between threads.
struct TrainingData {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<LabeledPair> train;          // rows of the loss (pointwise models)
  InteractionCsr<ItemId> positives;        // training positives by user, in time order, with repeats
  std::vector<uint32_t> item_popularity;   // training positives per item
  uint64_t seed = 1;

  uint32_t n_users() const { return snapshot->n_users; }
  uint32_t n_items() const { return snapshot->n_items; }
};

TrainingData MakeTrainingData(std::shared_ptr<const Snapshot> snapshot,
                              std::span<const LabeledPair> train, uint64_t seed);

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_TRAINING_DATA_H_
