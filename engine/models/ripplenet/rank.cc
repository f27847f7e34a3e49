// RippleNet's ranking on a GPU: the key of every distinct (relation, head) pair once, and the slots
// of all users.
#include <cstring>

#include "models/ripplenet/scorer.h"
#include "propagation/ops/rank.h"

namespace undula::models {

absl::StatusOr<std::unique_ptr<propagation::DeviceRanker>> RippleNetScorer::MakeDeviceRanker(
    propagation::Exec* exec) const {
  const RippleMemory& memory = state_->memory;
  const auto pairs = static_cast<int64_t>(memory.pair_head.size());
  const auto& kernels = propagation::GetAttentionKernels();
  std::vector<float> keys(static_cast<size_t>(pairs * pad_));
  for (int64_t p = 0; p < pairs; ++p) {
    kernels.multiply(entity_.data() + int64_t{memory.pair_head[p]} * dim_, dim_, 1,
                     relation_t_.data() + int64_t{memory.pair_relation[p]} * dim_ * pad_, dim_,
                     pad_, keys.data() + p * pad_, pad_);
  }
  std::vector<uint32_t> key_row(memory.triple.size()), value_row(memory.triple.size());
  for (size_t s = 0; s < memory.triple.size(); ++s) {
    key_row[s] = memory.triple_pair[memory.triple[s]];
    value_row[s] = memory.triple_tail[memory.triple[s]];
  }
  propagation::RippleRankModel model;
  model.dim = dim_;
  model.hops = state_->options.hops;
  model.items = {items_.data(), state_->n_items, pad_};
  model.keys = {keys.data(), pairs, pad_};
  model.values = {entity_.data(), static_cast<int64_t>(entity_.size()) / dim_, dim_};
  if (!transform_.empty()) model.transform = {transform_.data(), dim_, pad_};
  model.slot_ptr = memory.slot_ptr;
  model.key_row = key_row;
  model.value_row = value_row;
  model.count = memory.count;
  model.add_address = AddsAddress(state_->options);
  model.all_hops = state_->options.using_all_hops;
  model.paper = PaperScoring(state_->options);
  return propagation::MakeRanker(exec, model);
}

}  // namespace undula::models
