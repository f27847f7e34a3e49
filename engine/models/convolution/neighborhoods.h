// The neighbor lists of PinSAGE and GraphSAGE, made from the training positives: item lists by
// importance (propagation/sample/random_walk.h, exact_visits.h), or the neighbors of users and
// items, all of them or a sample.
#ifndef UNDULA_MODELS_CONVOLUTION_NEIGHBORHOODS_H_
#define UNDULA_MODELS_CONVOLUTION_NEIGHBORHOODS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "base/parallel.h"
#include "models/convolution/options.h"
#include "models/convolution/plan.h"
#include "models/data/training_data.h"
#include "propagation/exec.h"

namespace undula::models {

// Immutable after Build.
class Neighborhoods {
 public:
  // FailedPrecondition without a training positive.
  absl::Status Build(const ConvOptions& options, bool bipartite, const TrainingData& data);
  // The lists by type: PinSAGE {of items}; GraphSAGE {of items: users, of users: items}. `draw` 0
  // are those that scores are made with. Walks are made by `exec` where it is a GPU on which they
  // fit: the same lists; it may be null.
  std::vector<NodeLists> Draw(uint32_t draw, TaskArena& workers, propagation::Exec* exec) const;
  // The same for some items only; other rows are empty (PinSAGE).
  NodeLists DrawFor(std::span<const uint32_t> items, uint32_t draw, TaskArena* workers) const;
  propagation::HardPools HardNegatives(int64_t pool, TaskArena& workers) const;

 private:
  ConvOptions options_;
  bool bipartite_ = false;
  uint64_t seed_ = 0;
  std::optional<propagation::WalkGraph> graph_;  // contexts are users
};

// At most `fanout` (0: all) of the entries [ptr[row], ptr[row + 1]) of every row, without
// replacement, by Rng(seed, kNeighbor, row); weights are equal.
NodeLists SampleFanout(std::span<const int64_t> ptr, std::span<const uint32_t> to, int64_t fanout,
                       uint64_t seed, uint32_t draw);

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_NEIGHBORHOODS_H_
