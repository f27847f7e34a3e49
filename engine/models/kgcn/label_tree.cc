#include "models/kgcn/label_tree.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace undula::models {

using propagation::NeighborSlots;

KnownLabels::KnownLabels(std::span<const LabeledPair> train, std::span<const uint32_t> item_row,
                         uint32_t n_users, uint32_t entity_rows)
    : ptr_(size_t{n_users} + 1, 0), filter_ptr_(size_t{n_users} + 1, 0), any_(entity_rows, 0) {
  using Label = std::pair<uint32_t, float>;
  std::vector<int64_t> next(size_t{n_users} + 1, 0);
  for (const LabeledPair& pair : train) ++next[Index(pair.user) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<Label> rows(train.size());
  for (const LabeledPair& pair : train) {
    rows[next[Index(pair.user)]++] = {item_row[Index(pair.item)], pair.label};
  }
  entity_.reserve(train.size());
  label_.reserve(train.size());
  for (uint32_t u = 0; u < n_users; ++u) {
    Label* const begin = rows.data() + (u == 0 ? 0 : next[u - 1]);
    Label* const end = rows.data() + next[u];
    std::sort(begin, end);
    for (Label* at = begin; at != end; ++at) {
      if (at + 1 != end && at[1].first == at->first) continue;  // the larger follows
      if (at->second == kUnknown) continue;
      entity_.push_back(at->first);
      label_.push_back(at->second);
      any_[at->first] = 1;
    }
    ptr_[u + 1] = static_cast<int64_t>(entity_.size());
    const auto bits = std::bit_ceil(std::max<uint64_t>(64, 16 * (entity_.size() - ptr_[u])));
    filter_ptr_[u + 1] = filter_ptr_[u] + static_cast<int64_t>(bits / 64);
  }
  filter_.assign(static_cast<size_t>(filter_ptr_.back()), 0);
  for (uint32_t u = 0; u < n_users; ++u) {
    const uint32_t shift = of(u).shift_;
    for (int64_t i = ptr_[u]; i < ptr_[u + 1]; ++i) {
      const uint32_t bit = User::Hash(entity_[i]) >> shift;
      filter_[filter_ptr_[u] + (bit >> 6)] |= uint64_t{1} << (bit & 63);
    }
  }
}

KnownLabels::User KnownLabels::of(uint32_t user) const {
  User labels;
  labels.filter_ = filter_.data() + filter_ptr_[user];
  const auto words = static_cast<uint64_t>(filter_ptr_[user + 1] - filter_ptr_[user]);
  labels.shift_ = 32 - static_cast<uint32_t>(std::bit_width(words * 64) - 1);
  labels.entity_ = entity_.data() + ptr_[user];
  labels.label_ = label_.data() + ptr_[user];
  labels.size_ = static_cast<size_t>(ptr_[user + 1] - ptr_[user]);
  return labels;
}

void KnownLabels::Prefetch(uint32_t user) const {
  constexpr int64_t kLine = 64;  // bytes
  for (int64_t i = filter_ptr_[user]; i < filter_ptr_[user + 1]; i += kLine / 8) {
    __builtin_prefetch(filter_.data() + i);
  }
  for (int64_t i = ptr_[user]; i < ptr_[user + 1]; i += kLine / 4) {
    __builtin_prefetch(entity_.data() + i);
  }
}

float KnownLabels::User::Find(uint32_t entity) const {
  if (size_ == 0) return kUnknown;
  const uint32_t* at = entity_;
  for (size_t n = size_; n > 1;) {  // the last one that is not greater; no branch on the data
    const size_t half = n / 2;
    at += at[half] <= entity ? half : 0;
    n -= half;
  }
  return *at == entity ? label_[at - entity_] : kUnknown;
}

void LabelTree::Depth::Clear() {
  ptr.assign(1, 0);
  weight.clear();
  child.clear();
  coefficient.clear();
}

void LabelTree::Reset(const NeighborSlots* slots, const KnownLabels* labels, int hops,
                      double gain) {
  slots_ = slots;
  labels_ = labels;
  hops_ = hops;
  gain_ = gain;
  depths_.resize(static_cast<size_t>(hops));
  constants_.assign(static_cast<size_t>(hops) + 1, static_cast<double>(KnownLabels::kUnknown));
  for (int t = hops - 1; t >= 0; --t) constants_[t] = gain * constants_[t + 1];
  rated_ptr_.assign(1, 0);
  rated_entity_.clear();
  rated_bucket_.clear();
  rated_share_.clear();
  int64_t most = 0;
  for (uint32_t e = 0; e < slots->rows(); ++e) {
    uint32_t bucket = 0;
    for (int64_t s = slots->ptr[e], end = s; s < slots->ptr[e + 1]; s = end, ++bucket) {
      double draws = 0;
      for (; end < slots->ptr[e + 1] && slots->relation[end] == slots->relation[s]; ++end) {
        draws += static_cast<double>(slots->count[end]);
      }
      for (int64_t i = s; i < end; ++i) {
        if (!labels->any(slots->entity[i])) continue;
        rated_entity_.push_back(slots->entity[i]);
        rated_bucket_.push_back(bucket);
        rated_share_.push_back(static_cast<double>(slots->count[i]) / draws);
      }
    }
    rated_ptr_.push_back(static_cast<int64_t>(rated_entity_.size()));
    most = std::max(most, rated_ptr_[e + 1] - rated_ptr_[e]);
  }
  maybe_.resize(static_cast<size_t>(most));
}

void LabelTree::CountFirstWeights(const KgcnBatchIndex::Layer& first) {
  first_weight_.resize(first.entity.size());
  int64_t weight = 0;
  for (size_t g = 0; g + 1 < first.row_ptr.size(); ++g) {
    const int64_t slots = first.slot_ptr[g + 1] - first.slot_ptr[g];
    for (int64_t i = first.row_ptr[g]; i < first.row_ptr[g + 1]; ++i, weight += slots) {
      first_weight_[i] = weight;
    }
  }
}

void LabelTree::SumFirst(const Row& row, Depth* depth, uint32_t entity, int64_t weight) {
  const int64_t begin = rated_ptr_[entity], end = rated_ptr_[entity + 1];
  rated_ += end - begin;
  size_t candidates = 0;  // few: found without a branch on the data
  for (int64_t i = begin; i < end; ++i) {
    maybe_[candidates] = static_cast<uint32_t>(i - begin);
    candidates += row.user.Maybe(rated_entity_[i]) ? 1 : 0;
  }
  for (size_t c = 0; c < candidates; ++c) {
    const int64_t i = begin + maybe_[c];
    const float label = row.user.Find(rated_entity_[i]);
    if (label == KnownLabels::kUnknown || rated_entity_[i] == row.item) continue;
    ++known_;
    depth->weight.push_back(static_cast<uint32_t>(weight + rated_bucket_[i]));
    depth->coefficient.push_back((static_cast<double>(label) - constants_[hops_]) *
                                 rated_share_[i]);
    depth->child.push_back(0);
  }
}

void LabelTree::PrefetchNeighbors(uint32_t entity) const {
  const uint32_t* const begin = slots_->entity.data() + slots_->ptr[entity];
  const uint32_t* const end = slots_->entity.data() + slots_->ptr[entity + 1];
  for (const uint32_t* child = begin; child != end; ++child) {
    __builtin_prefetch(rated_ptr_.data() + *child);
    __builtin_prefetch(slots_->ptr.data() + *child);
  }
  for (const uint32_t* child = begin; child != end; ++child) {
    __builtin_prefetch(rated_entity_.data() + rated_ptr_[*child]);
  }
}

bool LabelTree::Sum(const KgcnBatchIndex& index, const Row& row, int t, uint32_t node) {
  const KgcnBatchIndex::Layer& layer = index.layer(hops_ - t);
  const uint32_t entity = layer.entity[node];
  Depth& depth = depths_[t];
  seen_ += slots_->ptr[entity + 1] - slots_->ptr[entity];
  if (t + 1 == hops_) {
    SumFirst(row, &depth, entity, first_weight_[node]);
  } else {
    if (t + 2 == hops_) PrefetchNeighbors(entity);
    const int64_t begin = layer.slot_ptr[node];
    for (int64_t s = begin; s < layer.slot_ptr[node + 1]; ++s) {
      const uint32_t child = slots_->entity[slots_->ptr[entity] + (s - begin)];
      const bool rated = labels_->any(child);
      rated_ += rated ? 1 : 0;
      const float label = rated && child != row.item && row.user.Maybe(child)
                              ? row.user.Find(child)
                              : KnownLabels::kUnknown;
      const bool known = label != KnownLabels::kUnknown;
      if (!known && !Sum(index, row, t + 1, layer.value_row[s])) continue;
      known_ += known ? 1 : 0;
      depth.weight.push_back(static_cast<uint32_t>(s));
      depth.coefficient.push_back(known ? static_cast<double>(label) - constants_[t + 1] : 1);
      depth.child.push_back(known ? 0 : static_cast<uint32_t>(depths_[t + 1].nodes()));
    }
  }
  const auto end = static_cast<int64_t>(depth.weight.size());
  if (t > 0 && end == depth.ptr.back()) return false;
  depth.ptr.push_back(end);
  return true;
}

void LabelTree::Collect(const KgcnBatchIndex& index) {
  for (Depth& depth : depths_) depth.Clear();
  seen_ = rated_ = known_ = 0;
  CountFirstWeights(index.layer(1));
  const KgcnBatchIndex::Layer& top = index.layer(hops_);
  constexpr size_t kAhead = 2;  // rows
  for (uint32_t i = 0; i < top.entity.size(); ++i) {
    if (i + kAhead < top.entity.size()) labels_->Prefetch(index.users[i + kAhead]);
    Sum(index, {labels_->of(index.users[i]), top.entity[i]}, 0, i);
  }
}

bool LabelTree::CanReach(const NeighborSlots& slots, const KnownLabels& labels, int hops,
                         std::span<const LabeledPair> train, std::span<const uint32_t> item_row) {
  std::vector<uint8_t> visited(slots.rows(), 0);  // by item
  const auto reaches = [&](const auto& self, uint32_t item, uint32_t entity, int left) -> bool {
    for (int64_t s = slots.ptr[entity]; s < slots.ptr[entity + 1]; ++s) {
      const uint32_t child = slots.entity[s];
      if (child != item && labels.any(child)) return true;
      if (left > 1 && self(self, item, child, left - 1)) return true;
    }
    return false;
  };
  for (const LabeledPair& pair : train) {
    const uint32_t item = item_row[Index(pair.item)];
    if (visited[item]) continue;
    visited[item] = 1;
    if (reaches(reaches, item, item, hops)) return true;
  }
  return false;
}

}  // namespace undula::models
