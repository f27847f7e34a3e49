// The best items for one user or history, with reasons.
#ifndef UNDULA_QUERIES_RECOMMEND_H_
#define UNDULA_QUERIES_RECOMMEND_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/score/tile_scorer.h"
#include "models/scorer.h"
#include "queries/context.h"
#include "queries/pattern/prepared.h"
#include "undula/recommender.h"

namespace undula::queries {

// An ItemFilter with names resolved.
struct ResolvedFilter {
  std::unique_ptr<models::ItemSet> allow, deny;   // null: no restriction
  std::unique_ptr<pattern::ItemPattern> pattern;  // null: none
  bool exclude_seen = true;
};

// NotFound for an unknown item, naming the nearest; the errors of ItemPattern::Make.
absl::StatusOr<ResolvedFilter> ResolveFilter(const Context& context, const ItemFilter& filter);

// What the pattern of the filter and its `allow` leave for a user, in *storage where they are not
// the same for all users; null: no restriction.
absl::StatusOr<const models::ItemSet*> AllowedItems(const Context& context, ResolvedFilter* filter,
                                                    UserId user,
                                                    std::unique_ptr<models::ItemSet>* storage);

// What `query` has seen: the user's items in the snapshot, or the history; ascending, distinct.
std::vector<ItemId> SeenItems(const Context& context, const models::UserQuery& query);

// InvalidArgument for k < 1; otherwise the scorer's errors. Fewer than k items where fewer may be
// recommended. `seen_by` (none: query.user): whose items count as seen, beside the query's history.
absl::StatusOr<std::vector<Recommendation>> Recommend(const Context& context,
                                                      const models::UserQuery& query,
                                                      const RecommendOptions& options,
                                                      UserId seen_by = kNone<UserId>);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_RECOMMEND_H_
