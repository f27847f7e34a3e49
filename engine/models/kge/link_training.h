// Training of knowledge-graph embeddings: the one trainer (train/trainer.h) over batches of
// triples, the epoch chosen by filtered link prediction on the validation triples.
#ifndef UNDULA_MODELS_KGE_LINK_TRAINING_H_
#define UNDULA_MODELS_KGE_LINK_TRAINING_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/snapshot.h"
#include "models/kge/kge.h"
#include "models/kge/triples.h"
#include "models/train/trainer.h"

namespace undula::models {

// Options of TrainOptions that a training on triples has: epochs, batch_size (triples), slices (of
// no effect), optimizer, learning_rate, weight_decay, momentum, per_row_steps, average, metric
// ("auto" and "mrr" are the filtered MRR on the validation triples, where there are any; "none"),
// eval_every, patience, checkpoints, keep_optimizer and seed. The others must have their defaults.
//
// Builds and trains `model`, which must be new. Of `triples` the corruption and filter_negatives
// count: the cut is made. Errors: as of Train.
absl::StatusOr<TrainReport> TrainOnTriples(Kge* model, std::shared_ptr<const Snapshot> snapshot,
                                           const TripleSplit& split, const TripleOptions& triples,
                                           const TrainOptions& options,
                                           const TrainContext& context);

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGE_LINK_TRAINING_H_
