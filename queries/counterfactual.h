// "Without these films it would not be in your top 10": the smallest part of a history, as far as a
// greedy search finds it, without which an item leaves the list.
#ifndef UNDULA_QUERIES_COUNTERFACTUAL_H_
#define UNDULA_QUERIES_COUNTERFACTUAL_H_

#include "absl/status/statusor.h"
#include "models/scorer.h"
#include "queries/context.h"
#include "undula/recommender.h"

namespace undula::queries {

// Takes away the item of the history whose loss costs `item` most, again and again, until it is not
// among the first options.top of what has not been seen; then looks for the smallest part of what
// was taken that is enough, so that nothing of it can go back. What is taken away stays seen.
// Unimplemented where the model cannot score histories; FailedPrecondition where the history is
// empty or the item is not in the list to begin with; InvalidArgument for options below 1, and
// options.most above 10.
absl::StatusOr<Counterfactual> FindCounterfactual(const Context& context,
                                                  const models::UserQuery& query, ItemId item,
                                                  const CounterfactualOptions& options);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_COUNTERFACTUAL_H_
