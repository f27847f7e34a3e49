#include "models/kgcn/batch_index.h"

#include <algorithm>
#include <numeric>

namespace undula::models {

void KgcnBatchIndex::Layer::Clear() {
  row.clear();
  entity.clear();
  self.clear();
  row_ptr.assign(1, 0);
  slot_ptr.assign(1, 0);
  relation.clear();
  value_row.clear();
  count.clear();
}

void KgcnBatchIndex::Reset(const propagation::NeighborSlots* slots, int hops, bool messages) {
  slots_ = slots;
  messages_ = messages;
  layers_.assign(static_cast<size_t>(hops), Layer());
  entities_.Resize(slots->rows());
  position_.assign(slots->rows(), 0);
  marks_.assign(hops > 1 ? slots->rows() : 0, Mark());
  // A mean needs the counts' proportions only: without their common divisor there is less to add.
  repeats_.resize(slots->entity.size());
  for (uint32_t e = 0; e < slots->rows(); ++e) {
    for (int64_t s = slots->ptr[e], end = s; s < slots->ptr[e + 1]; s = end) {
      uint32_t divisor = 0;
      for (; end < slots->ptr[e + 1] && slots->relation[end] == slots->relation[s]; ++end) {
        divisor = std::gcd(divisor, static_cast<uint32_t>(slots->count[end]));
      }
      for (int64_t i = s; i < end; ++i) {
        repeats_[i] = static_cast<uint32_t>(slots->count[i]) / divisor;
      }
    }
  }
}

void KgcnBatchIndex::OrderByUser(const Batch& batch) {
  const size_t n = batch.users.size();
  keys_.resize(n);
  for (size_t i = 0; i < n; ++i) keys_[i] = uint64_t{batch.users[i]} << 32 | i;
  std::sort(keys_.begin(), keys_.end());
  for (size_t i = 0; i < n; ++i) order[i] = static_cast<uint32_t>(keys_[i]);
}

void KgcnBatchIndex::Collect(const Batch& batch, std::span<const uint32_t> item_row) {
  const size_t n = batch.users.size();
  const int hops = static_cast<int>(layers_.size());
  for (Layer& layer : layers_) layer.Clear();
  order.resize(n);
  if (hops == 1) {
    std::iota(order.begin(), order.end(), 0u);
  } else {
    OrderByUser(batch);
  }
  Layer& top = layers_.back();
  top.row.resize(n);
  std::iota(top.row.begin(), top.row.end(), 0u);
  top.entity.resize(n);
  users.resize(n);
  for (size_t i = 0; i < n; ++i) {
    top.entity[i] = item_row[batch.items[order[i]]];
    users[i] = batch.users[order[i]];
  }
  for (int l = hops; l >= 2; --l) CollectAbove(l);
  GroupFirst();
  CollectFirst();
  if (hops == 1) {
    order.swap(top.row);
    for (size_t i = 0; i < n; ++i) users[i] = batch.users[order[i]];
    std::iota(top.row.begin(), top.row.end(), 0u);
  }
  labels.resize(n);
  for (size_t i = 0; i < n; ++i) labels[i] = batch.labels[order[i]];
}

void KgcnBatchIndex::CollectAbove(int l) {
  Layer& layer = layers_[l - 1];
  Layer& below = layers_[l - 2];
  const size_t n = layer.entity.size();
  int64_t slots = 0;
  for (const uint32_t e : layer.entity) slots += slots_->ptr[e + 1] - slots_->ptr[e];
  if (!messages_) slots = 0;
  layer.relation.resize(static_cast<size_t>(slots));
  layer.count.resize(static_cast<size_t>(slots));
  layer.value_row.resize(static_cast<size_t>(slots));
  layer.self.resize(n);
  layer.row_ptr.resize(n + 1);
  layer.slot_ptr.resize(n + 1);
  below.row.resize(n + static_cast<size_t>(slots));
  below.entity.resize(n + static_cast<size_t>(slots));
  uint32_t nodes = 0;
  uint32_t row = 0;
  // Nodes of one user stand together, in every layer: a mark per entity finds equal pairs.
  const auto node = [&](uint32_t entity) {
    Mark& mark = marks_[entity];
    below.row[nodes] = row;
    below.entity[nodes] = entity;
    const bool added = mark.user != marked_users_;
    mark.node = added ? nodes : mark.node;
    mark.user = marked_users_;
    nodes += added ? 1 : 0;
    return mark.node;
  };
  int64_t at = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t e = layer.entity[i];
    if (i == 0 || users[layer.row[i]] != users[row]) ++marked_users_;
    row = layer.row[i];
    layer.self[i] = node(e);
    for (int64_t s = slots_->ptr[e]; messages_ && s < slots_->ptr[e + 1]; ++s, ++at) {
      layer.relation[at] = slots_->relation[s];
      layer.count[at] = slots_->count[s];
      layer.value_row[at] = node(slots_->entity[s]);
    }
    layer.row_ptr[i + 1] = static_cast<int64_t>(i) + 1;
    layer.slot_ptr[i + 1] = at;
  }
  below.row.resize(nodes);
  below.entity.resize(nodes);
}

void KgcnBatchIndex::GroupFirst() {
  Layer& first = layers_[0];
  const size_t n = first.entity.size();
  for (const uint32_t e : first.entity) entities_.Insert(e);
  distinct_.clear();
  entities_.Drain([&](uint32_t e) {
    position_[e] = static_cast<uint32_t>(distinct_.size());
    distinct_.push_back(e);
  });
  first.row_ptr.assign(distinct_.size() + 1, 0);
  for (const uint32_t e : first.entity) ++first.row_ptr[position_[e] + 1];
  std::partial_sum(first.row_ptr.begin(), first.row_ptr.end(), first.row_ptr.begin());
  // A stable counting sort; row_ptr[g] runs through the places of group g and is put back.
  rank_.resize(n);
  for (size_t i = 0; i < n; ++i) {
    rank_[i] = static_cast<uint32_t>(first.row_ptr[position_[first.entity[i]]]++);
  }
  for (size_t g = distinct_.size(); g > 0; --g) first.row_ptr[g] = first.row_ptr[g - 1];
  first.row_ptr[0] = 0;
  unordered_row_.swap(first.row);
  unordered_entity_.swap(first.entity);
  first.row.resize(n);
  first.entity.resize(n);
  for (size_t i = 0; i < n; ++i) {
    first.row[rank_[i]] = unordered_row_[i];
    first.entity[rank_[i]] = unordered_entity_[i];
  }
  if (layers_.size() == 1) return;
  for (uint32_t& v : layers_[1].value_row) v = rank_[v];
  for (uint32_t& v : layers_[1].self) v = rank_[v];
}

void KgcnBatchIndex::CollectFirst() {
  Layer& first = layers_[0];
  member_ptr.assign(1, 0);
  member.clear();
  for (const uint32_t e : distinct_) {
    entities_.Insert(e);
    if (messages_) {
      const int64_t begin = slots_->ptr[e], end = slots_->ptr[e + 1];
      for (int64_t s = begin; s < end; ++s) {
        if (s == begin || slots_->relation[s] != slots_->relation[s - 1]) {
          if (s > begin) member_ptr.push_back(static_cast<int64_t>(member.size()));
          first.relation.push_back(slots_->relation[s]);
          first.count.push_back(0);
        }
        first.count.back() += slots_->count[s];
        const uint32_t neighbor = slots_->entity[s];
        entities_.Insert(neighbor);
        member.insert(member.end(), repeats_[s], neighbor);
      }
      member_ptr.push_back(static_cast<int64_t>(member.size()));
    }
    first.slot_ptr.push_back(static_cast<int64_t>(first.relation.size()));
  }
  entity.clear();
  entities_.Drain([&](uint32_t e) {
    position_[e] = static_cast<uint32_t>(entity.size());
    entity.push_back(e);
  });
  group.resize(distinct_.size());
  for (size_t g = 0; g < group.size(); ++g) group[g] = position_[distinct_[g]];
  for (uint32_t& e : member) e = position_[e];
}

}  // namespace undula::models
