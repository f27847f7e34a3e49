#include "models/ripplenet/scorer.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/rng.h"
#include "base/status.h"
#include "propagation/sample/ripple_set.h"

namespace undula::models {

using propagation::Arena;
using propagation::AttentionSlots;
using propagation::PadTo16;
using propagation::Tensor;

namespace {

// Items worked at a time: their vectors and weights stay in the first cache.
constexpr int64_t kTileRows = 64;

float At(const Tensor& t, int64_t i) {
  return t.dtype == DType::kF64 ? static_cast<float>(t.as<double>()[i]) : t.as<float>()[i];
}

std::vector<float> PadTransform(const Tensor& transform, int64_t dim, int64_t pad) {
  std::vector<float> out;
  if (transform.empty()) return out;
  out.assign(static_cast<size_t>(dim * pad), 0);
  for (int64_t i = 0; i < dim * dim; ++i) out[i / dim * pad + i % dim] = At(transform, i);
  return out;
}

}  // namespace

void AppendSeeds(const RippleNetState& state, std::span<const ItemId> history,
                 std::vector<EntityId>* seeds) {
  const size_t first = seeds->size();
  for (const ItemId item : history) {
    if (Index(item) >= state.n_items || state.item_row[Index(item)] >= state.n_entities) continue;
    seeds->push_back(EntityId{state.item_row[Index(item)]});
  }
  std::sort(seeds->begin() + first, seeds->end());
  seeds->erase(std::unique(seeds->begin() + first, seeds->end()), seeds->end());
}

void AppendSlots(const EdgeCsr& graph, int hops, int memory, const uint32_t* edge,
                 std::vector<int64_t>* slot_ptr, std::vector<RippleTriple>* slots) {
  for (int hop = 0; hop < hops; ++hop) {
    for (int i = 0; i < memory; ++i) {
      const uint32_t e = edge[hop * memory + i];
      if (e == kNoIndex) continue;
      const auto head = std::upper_bound(graph.ptr.begin(), graph.ptr.end(), int64_t{e}) - 1;
      slots->push_back({Index(graph.relation[e]), static_cast<uint32_t>(head - graph.ptr.begin()),
                        Index(graph.entity[e])});
    }
    slot_ptr->push_back(static_cast<int64_t>(slots->size()));
  }
}

RippleNetScorer::RippleNetScorer(std::shared_ptr<const RippleNetState> state, const Tensor& entity,
                                 const Tensor& relation, const Tensor& transform,
                                 std::optional<ScoreForm> form)
    : state_(std::move(state)),
      dim_(state_->options.dim),
      pad_(PadTo16(dim_)),
      transform_(PadTransform(transform, dim_, pad_)),
      form_(form),
      block_(&state_->options, dim_, transform_.empty() ? nullptr : transform_.data()) {
  entity_.resize(static_cast<size_t>(entity.size()));
  for (int64_t i = 0; i < entity.size(); ++i) entity_[i] = At(entity, i);
  relation_t_.assign(static_cast<size_t>(relation.rows() * dim_ * pad_), 0);
  for (int64_t r = 0; r < relation.rows(); ++r) {
    for (int64_t i = 0; i < dim_; ++i) {
      for (int64_t j = 0; j < dim_; ++j) {
        relation_t_[(r * dim_ + j) * pad_ + i] = At(relation, (r * dim_ + i) * dim_ + j);
      }
    }
  }
  items_.assign(static_cast<size_t>(int64_t{state_->n_items} * pad_), 0);
  for (uint32_t i = 0; i < state_->n_items; ++i) {
    std::memcpy(items_.data() + int64_t{i} * pad_,
                entity_.data() + int64_t{state_->item_row[i]} * dim_,
                static_cast<size_t>(dim_) * sizeof(float));
  }
}

absl::StatusOr<std::span<RippleNetScorer::Hop>> RippleNetScorer::Recall(const UserQuery& query,
                                                                        Arena& arena) const {
  const int hops = static_cast<int>(state_->options.hops);
  const RippleMemory* from = &state_->memory;
  std::optional<RippleMemory> folded;  // a RippleMemory allocates even where it is empty
  int64_t user = Index(query.user);
  if (query.user != kNone<UserId>) {
    if (!KnowsUser(query.user)) {
      return NotFoundError("ripplenet: user ", user,
                           " has no ripple set in this model; use a history instead");
    }
  } else {
    if (state_->graph == nullptr) {
      return FailedPreconditionError("ripplenet: loaded without a graph, cannot score histories");
    }
    std::vector<EntityId> seeds;
    AppendSeeds(*state_, query.history, &seeds);
    const int memory = static_cast<int>(state_->options.memory);
    std::vector<uint32_t> edge(static_cast<size_t>(hops) * memory);
    // All histories draw from one stream: the same history gives the same scores.
    if (propagation::SampleRippleSet(*state_->graph, seeds, hops, memory,
                                     Rng(state_->seed, RngStream::kRippleSet, kNoIndex),
                                     edge.data()) < 0) {
      return FailedPreconditionError(
          "ripplenet: no item of the history is known to the model, linked and has an edge");
    }
    std::vector<int64_t> slot_ptr = {0};
    std::vector<RippleTriple> slots;
    AppendSlots(*state_->graph, hops, memory, edge.data(), &slot_ptr, &slots);
    folded = MakeRippleMemory(hops, slot_ptr, slots, {}, OrderOf(state_->options));
    from = &*folded;
    user = 0;
  }
  const auto n_hops = static_cast<size_t>(hops);
  const std::span<Hop> out(arena.New<Hop>(n_hops), n_hops);
  for (int hop = 0; hop < hops; ++hop) {
    const int64_t r = user * hops + hop;
    const int64_t begin = from->slot_ptr[r];
    const auto n = static_cast<size_t>(from->slot_ptr[r + 1] - begin);
    out[hop] = {{arena.New<RippleTriple>(n), n}, {arena.New<float>(n), n}};
    for (size_t i = 0; i < n; ++i) {
      out[hop].triples[i] = from->TripleOf(from->triple[begin + static_cast<int64_t>(i)]);
      out[hop].counts[i] = from->count[begin + static_cast<int64_t>(i)];
    }
  }
  return out;
}

RippleNetScorer::UserMemory RippleNetScorer::LayOut(std::span<const Hop> hops, Arena& arena) const {
  const auto& kernels = propagation::GetAttentionKernels();
  const size_t n_hops = hops.size();
  UserMemory memory;
  const std::span<int64_t> slot_pads(arena.New<int64_t>(n_hops), n_hops);
  for (size_t hop = 0; hop < n_hops; ++hop) {
    slot_pads[hop] = PadTo16(static_cast<int64_t>(hops[hop].triples.size()));
  }
  memory.direct = form_.value_or(ChooseForm(state_->options, pad_, slot_pads)) != ScoreForm::kBlock;
  const unsigned arrays =
      propagation::kForwardArrays | (memory.direct ? 0u : unsigned{propagation::kValueT});
  memory.slots = {arena.New<AttentionSlots>(n_hops), n_hops};
  float* padded = arena.New<float>(static_cast<size_t>(pad_));
  for (size_t hop = 0; hop < n_hops; ++hop) {
    const auto triples = hops[hop].triples;
    const int64_t n = static_cast<int64_t>(triples.size());
    float* keys = arena.New<float>(static_cast<size_t>(n * dim_));
    uint32_t* tails = arena.New<uint32_t>(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      kernels.multiply(entity_.data() + int64_t{triples[i].head} * dim_, dim_, 1,
                       relation_t_.data() + int64_t{triples[i].relation} * dim_ * pad_, dim_, pad_,
                       padded, pad_);
      std::memcpy(keys + i * dim_, padded, static_cast<size_t>(dim_) * sizeof(float));
      tails[i] = triples[i].tail;
    }
    AttentionSlots slots = propagation::AllocateAttentionSlots(n, dim_, dim_, arrays, arena);
    propagation::FillAttentionSlots(keys, nullptr, entity_.data(), tails, hops[hop].counts.data(),
                                    n, &slots);
    memory.slots[hop] = slots;
  }
  if (!memory.direct) memory.block = block_.Prepare(memory.slots, arena);
  return memory;
}

void RippleNetScorer::ScoreRows(const UserMemory& memory, const float* items, int64_t rows,
                                float* out, float* const* weights, Arena& scratch) const {
  if (memory.direct) {
    ScoreDirect(memory, items, rows, out, weights, scratch);
  } else {
    block_.Score(memory.block, items, rows, out, weights, scratch);
  }
}

void RippleNetScorer::ScoreDirect(const UserMemory& memory, const float* items, int64_t rows,
                                  float* out, float* const* weights, Arena& scratch) const {
  const RippleNetOptions& o = state_->options;
  const auto& kernels = propagation::GetAttentionKernels();
  int64_t slot_pad = 0;
  for (const AttentionSlots& s : memory.slots) slot_pad = std::max(slot_pad, s.slot_pad);
  const auto floats = [&](int64_t n) { return scratch.New<float>(static_cast<size_t>(n)); };
  float* tile_weights = floats(kTileRows * slot_pad);
  float* answer = floats(kTileRows * pad_);
  float* user = floats(kTileRows * pad_);
  float* address = floats(kTileRows * pad_);
  float* product = floats(kTileRows * pad_);
  const size_t hops = memory.slots.size();
  for (int64_t row = 0; row < rows; row += kTileRows) {
    const int64_t n = std::min(kTileRows, rows - row);
    const int64_t size = n * pad_;
    const float* item = items + row * pad_;
    const float* at = item;
    for (size_t hop = 0; hop < hops; ++hop) {
      const AttentionSlots& slots = memory.slots[hop];
      float* w = weights == nullptr ? tile_weights : weights[hop] + row * slots.slot_pad;
      kernels.forward(slots, at, pad_, n, w, slots.slot_pad, answer, pad_);
      const float* latest = answer;
      if (o.using_all_hops && hop > 0) {
        for (int64_t i = 0; i < size; ++i) user[i] += answer[i];
      } else {
        std::swap(user, answer);
        latest = user;
      }
      if (hop + 1 == hops && PaperScoring(o)) break;
      if (AddsAddress(o)) {
        for (int64_t i = 0; i < size; ++i) address[i] = at[i] + latest[i];
        latest = address;
      }
      if (HasTransform(o)) {
        kernels.multiply(latest, pad_, n, transform_.data(), dim_, pad_, product, pad_);
        std::swap(address, product);
      } else if (latest != address) {
        std::memcpy(address, latest, static_cast<size_t>(size) * sizeof(float));
      }
      at = address;
    }
    kernels.row_dot(PaperScoring(o) ? item : at, pad_, user, pad_, n, pad_, out + row);
  }
}

absl::Status RippleNetScorer::Score(const UserQuery& query, ItemRange range, std::span<float> out,
                                    Arena& scratch) const {
  if (range.begin > range.end || range.end > n_items() || out.size() != range.size()) {
    return InvalidArgumentError("ripplenet: items [", range.begin, ", ", range.end,
                                ") are out of range: the model knows ", n_items());
  }
  UNDULA_ASSIGN_OR_RETURN(const std::span<Hop> hops, Recall(query, scratch));
  const UserMemory memory = LayOut(hops, scratch);
  ScoreRows(memory, ItemRow(range.begin), range.size(), out.data(), nullptr, scratch);
  return absl::OkStatus();
}

absl::Status RippleNetScorer::ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                                         std::span<float> out, Arena& scratch) const {
  if (out.size() != items.size()) {
    return InvalidArgumentError("ripplenet: ", items.size(), " items but room for ", out.size());
  }
  float* rows = scratch.New<float>(items.size() * static_cast<size_t>(pad_));
  for (size_t i = 0; i < items.size(); ++i) {
    if (Index(items[i]) >= n_items()) {
      return InvalidArgumentError("ripplenet: item ", Index(items[i]),
                                  " is out of range: the model knows ", n_items());
    }
    std::memcpy(rows + static_cast<int64_t>(i) * pad_, ItemRow(Index(items[i])),
                static_cast<size_t>(pad_) * sizeof(float));
  }
  UNDULA_ASSIGN_OR_RETURN(const std::span<Hop> hops, Recall(query, scratch));
  const UserMemory memory = LayOut(hops, scratch);
  ScoreRows(memory, rows, static_cast<int64_t>(items.size()), out.data(), nullptr, scratch);
  return absl::OkStatus();
}

AttentionSlot RippleNetScorer::Stored(const RippleTriple& t, float weight) const {
  if (t.relation < state_->n_relations) {
    return {EntityId{t.head}, RelationId{t.relation}, EntityId{t.tail}, weight};
  }
  return {EntityId{t.tail}, RelationId{t.relation - state_->n_relations}, EntityId{t.head}, weight,
          true};
}

absl::StatusOr<Explanation> RippleNetScorer::Explain(const UserQuery& query, ItemId item) const {
  if (Index(item) >= n_items()) {
    return NotFoundError("ripplenet: item ", Index(item), " is unknown to this model");
  }
  Arena scratch;
  UNDULA_ASSIGN_OR_RETURN(const std::span<Hop> hops, Recall(query, scratch));
  const UserMemory memory = LayOut(hops, scratch);
  std::vector<float*> weights;
  for (const AttentionSlots& s : memory.slots) {
    weights.push_back(scratch.New<float>(static_cast<size_t>(s.slot_pad)));
  }
  Explanation out;
  ScoreRows(memory, ItemRow(Index(item)), 1, &out.score, weights.data(), scratch);
  for (size_t hop = 0; hop < weights.size(); ++hop) {
    std::map<RippleTriple, float> merged;
    for (size_t i = 0; i < hops[hop].triples.size(); ++i) {
      merged[hops[hop].triples[i]] += weights[hop][i];
    }
    auto& slots = out.hops.emplace_back();
    for (const auto& [t, weight] : merged) slots.push_back(Stored(t, weight));
    std::stable_sort(
        slots.begin(), slots.end(),
        [](const AttentionSlot& a, const AttentionSlot& b) { return a.weight > b.weight; });
  }
  if (query.user == kNone<UserId>) {
    out.seeds.assign(query.history.begin(), query.history.end());
  } else {
    const uint32_t u = Index(query.user);
    out.seeds.assign(state_->history.begin() + state_->history_ptr[u],
                     state_->history.begin() + state_->history_ptr[u + 1]);
  }
  return out;
}

absl::StatusOr<float> RippleNetScorer::ScoreWithout(const UserQuery& query, ItemId item, int hop,
                                                    std::span<const AttentionSlot> removed) const {
  if (Index(item) >= n_items()) {
    return NotFoundError("ripplenet: item ", Index(item), " is unknown to this model");
  }
  if (hop < 0 || hop > state_->options.hops) {
    return InvalidArgumentError("ripplenet: hop ", hop, " is not in 0..", state_->options.hops);
  }
  Arena scratch;
  UNDULA_ASSIGN_OR_RETURN(const std::span<Hop> hops, Recall(query, scratch));
  for (size_t h = 0; h < hops.size(); ++h) {
    if (hop != 0 && h + 1 != static_cast<size_t>(hop)) continue;
    auto& [triples, counts] = hops[h];
    size_t kept = 0;
    for (size_t i = 0; i < triples.size(); ++i) {
      const AttentionSlot s = Stored(triples[i], 0);
      const bool drop = std::any_of(removed.begin(), removed.end(), [&](const AttentionSlot& r) {
        return r.head == s.head && r.relation == s.relation && r.tail == s.tail;
      });
      if (drop) continue;
      triples[kept] = triples[i];
      counts[kept++] = counts[i];
    }
    triples = triples.first(kept);
    counts = counts.first(kept);
  }
  const UserMemory memory = LayOut(hops, scratch);
  float score = 0;
  ScoreRows(memory, ItemRow(Index(item)), 1, &score, nullptr, scratch);
  return score;
}

std::span<const float> RippleNetScorer::ItemVector(ItemId item) const {
  if (Index(item) >= n_items()) return {};
  return {ItemRow(Index(item)), static_cast<size_t>(dim_)};
}

}  // namespace undula::models
