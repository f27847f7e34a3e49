// All of a step of the convolutions that does not depend on parameters: the pairs of the batch, the
// plan of the convolutions for their nodes, and where the rows of both stand.
#ifndef UNDULA_MODELS_CONVOLUTION_BATCH_PLAN_H_
#define UNDULA_MODELS_CONVOLUTION_BATCH_PLAN_H_

#include <cstdint>
#include <vector>

#include "models/batch_plans.h"
#include "models/convolution/pairs.h"
#include "models/convolution/plan.h"

namespace undula::models {

struct ConvBatchPlan final : BatchPlans::Plan {
  ConvBatchPlan(const ConvOptions& options, bool sage, uint64_t seed, std::vector<uint32_t> nodes)
      : maker(options, sage, seed), planner(std::move(nodes)) {}

  // Rows of the outputs: of batch rows' positives, of the shared and of the hard negatives.
  void PlaceItems(const Batch& batch);
  // PinSAGE: the means of items that the rows' queries are, and the transpose.
  void PlaceQueries();
  // The candidates of the sampled softmax: the shared negatives, then the batch's positives that
  // are not among them. popularity [items] and its sum `interactions` are looked at with in_batch.
  void PlaceCandidates(const Batch& batch, const ConvOptions& options,
                       std::span<const uint32_t> popularity, double interactions);

  PairMaker maker;
  const ConvPairs* pairs = nullptr;
  std::vector<std::vector<uint32_t>> wanted;  // by type
  std::vector<NodeLists> lists;               // [layer], drawn for the batch
  ConvPlanner planner;
  std::vector<uint32_t> positive_row, negative_row, hard_row, hard_positive;
  std::vector<uint32_t> query_row;  // of entries; GraphSAGE: of users
  std::vector<int64_t> in_ptr;
  std::vector<uint32_t> in_row, in_entry;
  std::vector<uint32_t> candidate_row, target;
  std::vector<float> offset, target_offset;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_BATCH_PLAN_H_
