#include "models/ripplenet/batch_index.h"

#include <algorithm>

#include "base/ids.h"

namespace undula::models {

void BatchIndex::Reset(const RippleMemory* memory, uint32_t entity_rows, uint32_t n_relations) {
  memory_ = memory;
  const size_t n_triples = memory->triple_pair.size();
  triples_.Resize(static_cast<int64_t>(n_triples));
  entities_.Resize(entity_rows);
  triple_weight_by_number_.assign(n_triples, 0);
  key_value_by_number_.assign(n_triples, {0, 0});
  entity_position_.assign(entity_rows, 0);
  relation_weight.assign(n_relations, 0);
}

void BatchIndex::Collect(const Batch& batch, std::span<const uint32_t> item_row) {
  const RippleMemory& memory = *memory_;
  const int hops = memory.hops;
  chunks_ = batch.chunks();

  // Mark the triples, weighted by the rows of their chunks, and lay out the slots.
  slot_ptr_.clear();
  int64_t slots = 0;
  for (int hop = 0; hop < hops; ++hop) {
    for (int64_t c = 0; c < chunks_; ++c) {
      slot_ptr_.push_back(slots);
      const int64_t first = batch.chunk_ptr[c];
      const float rows = static_cast<float>(batch.chunk_ptr[c + 1] - first);
      const uint32_t user = batch.users[first];
      if (user >= memory.n_users()) continue;
      const int64_t r = int64_t{user} * hops + hop;
      const int64_t n = memory.slot_ptr[r + 1] - memory.slot_ptr[r];
      const uint32_t* triple = memory.triple.data() + memory.slot_ptr[r];
      const float* times = memory.count.data() + memory.slot_ptr[r];
      for (int64_t s = 0; s < n; ++s) {
        triples_.Insert(triple[s]);
        triple_weight_by_number_[triple[s]] += times[s] * rows;
      }
      slots += n;
    }
    slot_ptr_.push_back(slots);
  }

  // Distinct triples -> distinct pairs and entities.
  triple_pair.clear();
  triple_number_.clear();
  triple_weight.clear();
  pair_head_row_.clear();
  pair_relation.clear();
  std::fill(relation_weight.begin(), relation_weight.end(), 0.0f);
  uint32_t last_pair = kNoIndex;
  triples_.Drain([&](uint32_t t) {
    const uint32_t pair = memory.triple_pair[t];
    const float weight = triple_weight_by_number_[t];
    triple_weight_by_number_[t] = 0;
    if (pair != last_pair) {  // triples are ascending by pair
      last_pair = pair;
      pair_relation.push_back(memory.pair_relation[pair]);
      pair_head_row_.push_back(memory.pair_head[pair]);
      entities_.Insert(memory.pair_head[pair]);
    }
    triple_pair.push_back(static_cast<uint32_t>(pair_head_row_.size() - 1));
    triple_number_.push_back(t);
    triple_weight.push_back(weight);
    relation_weight[memory.pair_relation[pair]] += weight;
    entities_.Insert(memory.triple_tail[t]);
  });
  for (const uint32_t i : batch.items) entities_.Insert(item_row[i]);

  // Distinct entity rows and everything's position among them.
  entity.clear();
  entities_.Drain([&](uint32_t e) {
    entity_position_[e] = static_cast<uint32_t>(entity.size());
    entity.push_back(e);
  });
  pair_head.resize(pair_head_row_.size());
  for (size_t p = 0; p < pair_head.size(); ++p) pair_head[p] = entity_position_[pair_head_row_[p]];
  triple_tail.resize(triple_number_.size());
  entity_weight.assign(entity.size(), 0);
  for (size_t t = 0; t < triple_tail.size(); ++t) {
    const uint32_t tail = entity_position_[memory.triple_tail[triple_number_[t]]];
    triple_tail[t] = tail;
    key_value_by_number_[triple_number_[t]] = {triple_pair[t], tail};
    entity_weight[tail] += triple_weight[t];
    entity_weight[pair_head[triple_pair[t]]] += triple_weight[t];
  }
  item.resize(batch.items.size());
  for (size_t i = 0; i < item.size(); ++i) item[i] = entity_position_[item_row[batch.items[i]]];

  key.resize(static_cast<size_t>(slots));
  value.resize(static_cast<size_t>(slots));
  count.resize(static_cast<size_t>(slots));
  uint32_t* keys = key.data();
  uint32_t* values = value.data();
  float* counts = count.data();
  for (int hop = 0; hop < hops; ++hop) {
    for (int64_t c = 0; c < chunks_; ++c) {
      const uint32_t user = batch.users[batch.chunk_ptr[c]];
      if (user >= memory.n_users()) continue;
      const int64_t r = int64_t{user} * hops + hop;
      const int64_t n = memory.slot_ptr[r + 1] - memory.slot_ptr[r];
      const uint32_t* triple = memory.triple.data() + memory.slot_ptr[r];
      for (int64_t s = 0; s < n; ++s) {
        const KeyValue kv = key_value_by_number_[triple[s]];
        keys[s] = kv.key;
        values[s] = kv.value;
      }
      std::copy_n(memory.count.data() + memory.slot_ptr[r], n, counts);
      keys += n;
      values += n;
      counts += n;
    }
  }
}

}  // namespace undula::models
