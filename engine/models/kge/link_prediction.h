// Link prediction: how high the true tail of (h, r, ?) and the true head of (?, r, t) stand among
// all entities. Filtered (Bordes et al., NIPS 2013): the other true answers are left out.
#ifndef UNDULA_MODELS_KGE_LINK_PREDICTION_H_
#define UNDULA_MODELS_KGE_LINK_PREDICTION_H_

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "base/csr.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "models/kge/kge.h"
#include "models/kge/triples.h"

namespace undula::models {

struct LinkMetrics {
  int64_t queries = 0;  // two a triple
  double mrr = 0;       // mean of 1 / rank
  double mean_rank = 0;
  double hits1 = 0, hits3 = 0, hits10 = 0;  // shares of queries with a rank of at most k
};

// Ranks of the triples' tails and heads. `known` and `known_in` are the edges of the whole graph,
// by head and by tail: other true answers are left out. Entities with equal scores share the mean
// of their places, so that a model that tells nothing apart does not look good. The values do not
// depend on threads. InvalidArgument for an id that the model does not have; Cancelled from
// `progress` (queries).
absl::StatusOr<LinkMetrics> EvaluateLinks(const Kge& model, std::span<const Triple> triples,
                                          const EdgeCsr& known, const EdgeCsr& known_in,
                                          TaskArena& workers, Progress* progress);

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGE_LINK_PREDICTION_H_
