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
  triple_position_.assign(n_triples, 0);
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
      for (int64_t s = memory.slot_ptr[r]; s < memory.slot_ptr[r + 1]; ++s) {
        triples_.Insert(memory.triple[s]);
        triple_weight_by_number_[memory.triple[s]] += memory.count[s] * rows;
      }
      slots += memory.slot_ptr[r + 1] - memory.slot_ptr[r];
    }
    slot_ptr_.push_back(slots);
  }

  // Distinct triples -> distinct pairs and entities.
  triple_pair.clear();
  triple_tail_row_.clear();
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
    triple_position_[t] = static_cast<uint32_t>(triple_pair.size());
    triple_pair.push_back(static_cast<uint32_t>(pair_head_row_.size() - 1));
    triple_tail_row_.push_back(memory.triple_tail[t]);
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
  triple_tail.resize(triple_tail_row_.size());
  entity_weight.assign(entity.size(), 0);
  for (size_t t = 0; t < triple_tail.size(); ++t) {
    triple_tail[t] = entity_position_[triple_tail_row_[t]];
    entity_weight[triple_tail[t]] += triple_weight[t];
    entity_weight[pair_head[triple_pair[t]]] += triple_weight[t];
  }
  item.resize(batch.items.size());
  for (size_t i = 0; i < item.size(); ++i) item[i] = entity_position_[item_row[batch.items[i]]];

  key.resize(static_cast<size_t>(slots));
  value.resize(static_cast<size_t>(slots));
  count.resize(static_cast<size_t>(slots));
  size_t at = 0;
  for (int hop = 0; hop < hops; ++hop) {
    for (int64_t c = 0; c < chunks_; ++c) {
      const uint32_t user = batch.users[batch.chunk_ptr[c]];
      if (user >= memory.n_users()) continue;
      const int64_t r = int64_t{user} * hops + hop;
      for (int64_t s = memory.slot_ptr[r]; s < memory.slot_ptr[r + 1]; ++s, ++at) {
        const uint32_t t = triple_position_[memory.triple[s]];
        key[at] = triple_pair[t];
        value[at] = triple_tail[t];
        count[at] = memory.count[s];
      }
    }
  }
}

}  // namespace undula::models
