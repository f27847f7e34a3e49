// Ranking among drawn candidates.
#ifndef UNDULA_MODELS_EVAL_CANDIDATES_H_
#define UNDULA_MODELS_EVAL_CANDIDATES_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "models/data/negatives.h"
#include "models/data/split.h"
#include "models/data/training_data.h"
#include "models/score/tile_scorer.h"

namespace undula::models {

// The candidates of KSR's protocol. Immutable, thread-safe; the same for every model.
class KsrCandidates {
 public:
  KsrCandidates(const TrainingData& data, const Split& split, uint64_t seed);
  // `positives` and 50 + 50 distinct items that the user has in no part, fewer where fewer are
  // left; ascending.
  void Draw(UserId user, std::span<const ItemId> positives, std::vector<ItemId>* items) const;

 private:
  UserItems touched_;
  ItemSampler uniform_, popular_;
  uint64_t seed_;
};

// RankAll among the items that `candidates` gives for a query; it is called from many threads. The
// job's masks are not looked at.
absl::Status RankCandidates(
    const Scorer& scorer, const RankJob& job, const TileOptions& options,
    const std::function<void(int64_t i, std::vector<ItemId>* items)>& candidates,
    TaskArena& workers, const std::function<absl::Status(int64_t i, const RankedList& list)>& emit);

}  // namespace undula::models

#endif  // UNDULA_MODELS_EVAL_CANDIDATES_H_
