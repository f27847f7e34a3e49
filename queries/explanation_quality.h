// Are the reasons there, true and different? The measures of ExplanationQuality
// (undula/recommender.h) over the top k of a sample of users; those that need nothing but the paths
// are in path_metrics.h.
#ifndef UNDULA_QUERIES_EXPLANATION_QUALITY_H_
#define UNDULA_QUERIES_EXPLANATION_QUALITY_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "queries/context.h"
#include "undula/progress.h"
#include "undula/recommender.h"

namespace undula::queries {

// `others`: the same family of model trained with other seeds. InvalidArgument for k or reasons <
// 1, steps out of range, or another family; FailedPrecondition where no user has a history;
// Cancelled through `progress` (may be null).
absl::StatusOr<std::vector<ExplanationQuality>> MeasureExplanations(
    const Context& context, const ExplanationQualityOptions& options,
    std::span<const Context* const> others, Progress* progress);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_EXPLANATION_QUALITY_H_
