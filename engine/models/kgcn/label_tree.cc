#include "models/kgcn/label_tree.h"

#include <algorithm>
#include <utility>

namespace undula::models {

using propagation::NeighborSlots;

KnownLabels::KnownLabels(std::span<const LabeledPair> train, std::span<const uint32_t> item_row,
                         uint32_t n_users, uint32_t entity_rows)
    : any_(entity_rows, 0) {
  std::vector<std::vector<std::pair<uint32_t, float>>> rows(n_users);
  for (const LabeledPair& pair : train) {
    rows[Index(pair.user)].emplace_back(item_row[Index(pair.item)], pair.label);
  }
  for (auto& row : rows) {
    std::sort(row.begin(), row.end());
    for (size_t i = 0; i < row.size(); ++i) {
      if (i + 1 < row.size() && row[i + 1].first == row[i].first) continue;  // the larger follows
      entity_.push_back(row[i].first);
      label_.push_back(row[i].second);
      if (row[i].second != kUnknown) any_[row[i].first] = 1;
    }
    ptr_.push_back(static_cast<int64_t>(entity_.size()));
  }
}

float KnownLabels::of(uint32_t user, uint32_t entity) const {
  if (!any(entity)) return kUnknown;
  const auto begin = entity_.begin() + ptr_[user], end = entity_.begin() + ptr_[user + 1];
  const auto at = std::lower_bound(begin, end, entity);
  return at != end && *at == entity ? label_[at - entity_.begin()] : kUnknown;
}

void LabelTree::Depth::Clear() {
  row.clear();
  base.clear();
  row_ptr.assign(1, 0);
  slot_ptr.assign(1, 0);
  relation.clear();
  value_row.clear();
  count.clear();
}

void LabelTree::Reset(const NeighborSlots* slots, const KnownLabels* labels, int hops,
                      double gain) {
  slots_ = slots;
  labels_ = labels;
  hops_ = hops;
  gain_ = gain;
  depths_.resize(static_cast<size_t>(hops) + 1);
  constants_.resize(depths_.size());
  children_.resize(depths_.size());
}

uint32_t LabelTree::Constant(int t, double value) {
  for (const auto& [known, node] : constants_[t]) {
    if (known == value) return node;
  }
  Depth& depth = depths_[t];
  const auto node = static_cast<uint32_t>(depth.base.size());
  depth.row.push_back(0);
  depth.base.push_back(value);
  depth.row_ptr.push_back(depth.row_ptr.back() + 1);
  depth.slot_ptr.push_back(depth.slot_ptr.back());
  constants_[t].emplace_back(value, node);
  return node;
}

LabelTree::Value LabelTree::Visit(uint32_t row, uint32_t user, uint32_t item, uint32_t entity,
                                  int t) {
  const int64_t begin = slots_->ptr[entity], end = slots_->ptr[entity + 1];
  std::vector<Value>& children = children_[t];
  children.clear();
  bool equal = true;
  for (int64_t s = begin; s < end; ++s) {
    const uint32_t child = slots_->entity[s];
    ++seen_;
    const float label = child == item ? KnownLabels::kUnknown : labels_->of(user, child);
    Value value{true, static_cast<double>(label), 0};
    if (label != KnownLabels::kUnknown) {
      ++known_;
    } else if (t + 1 < hops_) {
      value = Visit(row, user, item, child, t + 1);
    }
    equal = equal && value.constant && (s == begin || value.value == children.front().value);
    children.push_back(value);
  }
  if (equal && begin < end) return {true, gain_ * children.front().value, 0};
  Depth& depth = depths_[t];
  for (int64_t s = begin; s < end; ++s) {
    const Value& value = children[static_cast<size_t>(s - begin)];
    depth.relation.push_back(slots_->relation[s]);
    depth.count.push_back(slots_->count[s]);
    depth.value_row.push_back(value.constant ? Constant(t + 1, value.value) : value.node);
  }
  const auto node = static_cast<uint32_t>(depth.base.size());
  depth.row.push_back(row);
  depth.base.push_back(0);
  depth.row_ptr.push_back(depth.row_ptr.back() + 1);
  depth.slot_ptr.push_back(static_cast<int64_t>(depth.relation.size()));
  return {false, 0, node};
}

void LabelTree::Collect(std::span<const uint32_t> users, std::span<const uint32_t> entity) {
  for (Depth& depth : depths_) depth.Clear();
  for (auto& constants : constants_) constants.clear();
  seen_ = known_ = 0;
  for (size_t i = 0; i < users.size(); ++i) {
    const Value value = Visit(static_cast<uint32_t>(i), users[i], entity[i], entity[i], 0);
    constants_[0].clear();  // every row has a node of its own
    if (value.constant) Constant(0, value.value);
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
