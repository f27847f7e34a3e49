// From the attention a model used to reasons a person can read. Every edge shown is an edge of the
// stored graph, every weight is the forward pass's own (models/scorer.h).
#ifndef UNDULA_QUERIES_EXPLAIN_H_
#define UNDULA_QUERIES_EXPLAIN_H_

#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "models/scorer.h"
#include "queries/context.h"
#include "undula/recommender.h"

namespace undula::queries {

// InvalidArgument unless 1 <= steps <= kMostSteps.
absl::Status CheckSteps(int steps);

// All slots of all hops for (query, item), by descending weight; `options.slots` per hop, 0 = all;
// and the connections. Unimplemented where the model has no slots and no connections are asked for.
absl::StatusOr<Explanation> Explain(const Context& context, const models::UserQuery& query,
                                    ItemId item, const ExplainOptions& options);

// What triples are worth to the model for (query, item): the score less the score without them.
// Nothing where the model cannot score without some of its triples.
class EffectOf {
 public:
  static absl::StatusOr<EffectOf> Make(const Context& context, const models::UserQuery& query,
                                       ItemId item);
  absl::StatusOr<std::optional<double>> operator()(
      std::span<const models::AttentionSlot> triples) const;
  double score() const { return score_; }

 private:
  EffectOf(const Context& context, const models::UserQuery& query, ItemId item)
      : context_(&context), query_(query), item_(item) {}

  const Context* context_;
  models::UserQuery query_;
  ItemId item_;
  bool known_ = false;
  double score_ = 0;  // as worked when nothing is left out
};

struct ModelReason {
  Reason reason;
  models::AttentionSlot slot;  // the attended triple
};

// The `count` best reasons over all hops: first those whose path ends at an entity that the item
// itself touches, then by weight; at most one reason per last edge. Where the model's attention
// starts at the item itself (KGCN), by what the score loses without the slot, of the 64 heaviest.
absl::StatusOr<std::vector<ModelReason>> ModelReasons(const Context& context,
                                                      const models::UserQuery& query, ItemId item,
                                                      int count);
absl::StatusOr<std::vector<Reason>> BestReasons(const Context& context,
                                                const models::UserQuery& query, ItemId item,
                                                int count);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_EXPLAIN_H_
