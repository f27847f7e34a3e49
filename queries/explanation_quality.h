// Are the reasons there, true and different? The measures of ExplanationQuality
// (undula/recommender.h) over the top k of a sample of users.
//   recency (LIR): exponential moving average, beta .3, over the times of the user's interactions
//   in
//     order, min-max to [0, 1], at the item where the path starts.
//   popularity (SEP): the same average over the degrees of the entities that the path's last
//   relation
//     leads to, in ascending order, at the last vertex between.
// Both after Balloccu, Boratto, Fenu, Marras, "Post processing recommender systems with
// knowledge graphs for recency, popularity, and diversity of explanations", SIGIR 2022.
#ifndef UNDULA_QUERIES_EXPLANATION_QUALITY_H_
#define UNDULA_QUERIES_EXPLANATION_QUALITY_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "queries/context.h"
#include "undula/progress.h"
#include "undula/recommender.h"

namespace undula::queries {

// InvalidArgument for k or reasons < 1; FailedPrecondition where no user has a history; Cancelled
// through `progress` (may be null).
absl::StatusOr<std::vector<ExplanationQuality>> MeasureExplanations(
    const Context& context, const ExplanationQualityOptions& options, Progress* progress);

// The moving average with weight .3 for the new value over `ascending`, min-max to [0, 1]; all 1
// where all values are equal.
std::vector<double> SmoothedRanks(std::span<const double> ascending);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_EXPLANATION_QUALITY_H_
