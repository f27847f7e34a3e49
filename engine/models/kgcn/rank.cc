// KGCN's ranking on a GPU, with one hop: the folded first layer of the scorer, item by item.
#include <algorithm>

#include "base/status.h"
#include "models/kgcn/scorer.h"
#include "propagation/ops/rank.h"

namespace undula::models {

absl::StatusOr<std::unique_ptr<propagation::DeviceRanker>> KgcnScorer::MakeDeviceRanker(
    propagation::Exec* exec) const {
  if (state_->options.hops != 1) {
    return UnimplementedError(state_->name, " with ", state_->options.hops,
                              " hops is ranked on the cpu; the GPU ranks one hop");
  }
  const uint32_t items = n_items(), relations = state_->relation_rows();
  std::vector<float> base(static_cast<size_t>(items * pad_));
  std::vector<float> value, count, relation(static_cast<size_t>(relations * dim_));
  std::vector<uint32_t> slot_relation;
  std::vector<int64_t> slot_ptr = {0};
  for (uint32_t i = 0; i < items; ++i) {
    const int64_t row = state_->item_row[i];
    std::copy_n(base_.begin() + row * pad_, pad_, base.begin() + int64_t{i} * pad_);
    const int64_t begin = slot_ptr_[row], end = slot_ptr_[row + 1];
    value.insert(value.end(), slot_value_.begin() + begin * pad_, slot_value_.begin() + end * pad_);
    count.insert(count.end(), slot_count_.begin() + begin, slot_count_.begin() + end);
    slot_relation.insert(slot_relation.end(), slot_relation_.begin() + begin,
                         slot_relation_.begin() + end);
    slot_ptr.push_back(static_cast<int64_t>(slot_relation.size()));
  }
  for (int64_t r = 0; r < relations; ++r) {
    for (int64_t j = 0; j < dim_; ++j) {
      relation[r * dim_ + j] = relation_t_[j * relation_pad_ + r];
    }
  }
  propagation::MixRankModel model;
  model.dim = dim_;
  model.users = {user_.data(), n_users(), dim_};
  model.relations = {relation.data(), relations, dim_};
  model.base = {base.data(), items, pad_};
  model.slot_value = {value.data(), static_cast<int64_t>(count.size()), pad_};
  model.slot_ptr = slot_ptr;
  model.slot_relation = slot_relation;
  model.slot_count = count;
  model.scale = scale_;
  model.gain = gain_;
  return propagation::MakeRanker(exec, model);
}

}  // namespace undula::models
