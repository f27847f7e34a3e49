#include "models/kgcn/batch_index.h"

#include <algorithm>
#include <numeric>

namespace undula::models {

void PairNumbers::Clear(size_t expected) {
  size_t capacity = 64;
  while (capacity < 2 * expected) capacity *= 2;
  key_.assign(capacity, kEmpty);
  number_.resize(capacity);
  size_ = 0;
}

uint32_t PairNumbers::Insert(uint32_t user, uint32_t entity, bool* added) {
  if (size_t{size_} * 2 >= key_.size()) Grow();
  const uint64_t key = uint64_t{user} << 32 | entity;
  const size_t mask = key_.size() - 1;
  size_t at = static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 20) & mask;
  while (key_[at] != kEmpty && key_[at] != key) at = (at + 1) & mask;
  *added = key_[at] == kEmpty;
  if (*added) {
    key_[at] = key;
    number_[at] = size_++;
  }
  return number_[at];
}

void PairNumbers::Grow() {
  std::vector<uint64_t> keys(key_.size() * 2, kEmpty);
  std::vector<uint32_t> numbers(keys.size());
  const size_t mask = keys.size() - 1;
  for (size_t i = 0; i < key_.size(); ++i) {
    if (key_[i] == kEmpty) continue;
    size_t at = static_cast<size_t>((key_[i] * 0x9E3779B97F4A7C15u) >> 20) & mask;
    while (keys[at] != kEmpty) at = (at + 1) & mask;
    keys[at] = key_[i];
    numbers[at] = number_[i];
  }
  key_.swap(keys);
  number_.swap(numbers);
}

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

void KgcnBatchIndex::Collect(const Batch& batch, std::span<const uint32_t> item_row) {
  const size_t n = batch.users.size();
  const int hops = static_cast<int>(layers_.size());
  for (Layer& layer : layers_) layer.Clear();
  Layer& top = layers_.back();
  top.row.resize(n);
  std::iota(top.row.begin(), top.row.end(), 0u);
  top.entity.resize(n);
  for (size_t i = 0; i < n; ++i) top.entity[i] = item_row[batch.items[i]];

  users.assign(batch.users.begin(), batch.users.end());
  for (int l = hops; l >= 2; --l) CollectAbove(l);
  GroupFirst();
  CollectFirst();

  order = hops == 1 ? layers_[0].row : top.row;
  labels.resize(n);
  for (size_t i = 0; i < n; ++i) {
    users[i] = batch.users[order[i]];
    labels[i] = batch.labels[order[i]];
  }
  if (hops == 1) std::iota(top.row.begin(), top.row.end(), 0u);
}

void KgcnBatchIndex::CollectAbove(int l) {
  Layer& layer = layers_[l - 1];
  Layer& below = layers_[l - 2];
  const size_t n = layer.entity.size();
  pairs_.Clear(n * 4);
  const auto node = [&](uint32_t row, uint32_t entity) {
    bool added = false;
    const uint32_t number = pairs_.Insert(users[row], entity, &added);
    if (added) {
      below.row.push_back(row);
      below.entity.push_back(entity);
    }
    return number;
  };
  for (size_t i = 0; i < n; ++i) {
    const uint32_t row = layer.row[i], e = layer.entity[i];
    layer.self.push_back(node(row, e));
    if (messages_) {
      for (int64_t s = slots_->ptr[e]; s < slots_->ptr[e + 1]; ++s) {
        layer.relation.push_back(slots_->relation[s]);
        layer.count.push_back(slots_->count[s]);
        layer.value_row.push_back(node(row, slots_->entity[s]));
      }
    }
    layer.row_ptr.push_back(static_cast<int64_t>(i) + 1);
    layer.slot_ptr.push_back(static_cast<int64_t>(layer.relation.size()));
  }
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
