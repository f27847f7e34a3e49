#include "models/ripplenet/ripplenet.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "models/data/item_rows.h"
#include "models/ripplenet/scorer.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/sample/ripple_set.h"

namespace undula::models {

using propagation::Init;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

absl::StatusOr<std::unique_ptr<Model>> MakeRippleNet(const OptionMap& values, DType dtype) {
  RippleNetOptions options;
  UNDULA_RETURN_IF_ERROR(SetOptions(kRippleNetOptions, &options, values));
  UNDULA_RETURN_IF_ERROR(CheckRippleNetOptions(options));
  return std::unique_ptr<Model>(std::make_unique<RippleNet>(options, dtype));
}

constexpr EntityTensor kEntityTensors[] = {
    {"param/entity", EntityUse::kRows},
    {"state/item_row", EntityUse::kValues},
    {"state/ripple_head", EntityUse::kValues},
    {"state/ripple_tail", EntityUse::kValues},
};

constexpr ParameterRows kParameterRows[] = {
    {"entity", RowOwner::kEntity},
    {"relation", RowOwner::kRelation},
};

Init Uniform(double limit) { return Init{Init::Kind::kUniform, limit}; }

}  // namespace

const ModelSpec kRippleNetSpec = {
    .name = "ripplenet",
    .title = "RippleNet",
    .paper =
        "Wang et al., RippleNet: Propagating User Preferences on the Knowledge Graph for "
        "Recommender Systems, CIKM 2018",
    .batch_kind = BatchKind::kPointwise,
    .capabilities = {.fold_in = true, .explains = true, .factors = true, .uses_graph = true},
    .options = kRippleNetOptions,
    .make = &MakeRippleNet,
    .entity_tensors = kEntityTensors,
    .parameter_rows = kParameterRows,
};

uint32_t RippleNetState::entity_rows() const { return EntityRows(n_entities, item_row); }

RippleNet::RippleNet(const RippleNetOptions& options, DType dtype) : parameters_(dtype) {
  auto state = std::make_shared<RippleNetState>();
  state->options = options;
  state->memory.hops = static_cast<int32_t>(options.hops);
  state_ = std::move(state);
}

// Limits of the authors' initialiser (Glorot uniform as TensorFlow computes fans: the leading axis
// of a rank-3 shape multiplies both).
void RippleNet::AddParameters(uint64_t seed) {
  const int64_t d = state_->options.dim;
  const int64_t entities = state_->entity_rows(), relations = state_->relation_rows();
  entity_ = parameters_.Add(
      "entity", {entities, d}, true,
      Uniform(state_->options.init_scale * std::sqrt(6.0 / static_cast<double>(entities + d))),
      seed);
  relation_ = parameters_.Add(
      "relation", {relations, d, d}, false,
      Uniform(std::sqrt(6.0 / static_cast<double>(2 * std::max<int64_t>(relations, 1) * d))), seed);
  if (HasTransform(state_->options)) {
    transform_ = parameters_.Add("transform", {d, d}, false,
                                 Uniform(std::sqrt(6.0 / static_cast<double>(2 * d))), seed);
  }
}

void RippleNet::SetState(std::shared_ptr<const RippleNetState> state) {
  state_ = std::move(state);
  index_.Reset(&state_->memory, state_->entity_rows(), state_->relation_rows());
}

absl::Status RippleNet::Build(const TrainingData& data, TaskArena& workers) {
  if (data.positives.size() == 0) {
    return FailedPreconditionError(
        "ripplenet: no training positive; import interactions, or lower the positive threshold");
  }
  UNDULA_RETURN_IF_ERROR(SampleMemory(data, workers));
  AddParameters(data.seed);
  return absl::OkStatus();
}

absl::Status RippleNet::SampleMemory(const TrainingData& data, TaskArena& workers) {
  const Snapshot& snapshot = *data.snapshot;
  auto state = std::make_shared<RippleNetState>(*state_);
  const int hops = static_cast<int>(state->options.hops);
  const int memory = static_cast<int>(state->options.memory);
  state->n_entities = snapshot.n_entities;
  state->n_relations = snapshot.n_relations;
  state->n_users = snapshot.n_users;
  state->n_items = snapshot.n_items;
  state->id_space = snapshot.id_space;
  state->seed = data.seed;
  const uint32_t linked = MapItems(snapshot, &state->item_row);
  if (linked == 0) {
    return FailedPreconditionError("ripplenet: none of the ", snapshot.n_items,
                                   " items is linked to an entity of the graph; run `undula link`");
  }
  state->graph = propagation::WalkableEdges(data.snapshot, state->n_entities, state->n_relations,
                                            state->options.inverse_edges);

  std::vector<int64_t> seed_ptr = {0};
  std::vector<EntityId> seeds;
  int64_t users = 0;
  for (uint32_t u = 0; u < state->n_users; ++u) {
    const auto positives = data.positives.row(u);
    state->history.insert(state->history.end(), positives.begin(), positives.end());
    const auto begin = state->history.begin() + state->history_ptr.back();
    std::sort(begin, state->history.end());
    state->history.erase(std::unique(begin, state->history.end()), state->history.end());
    AppendSeeds(*state, std::span(state->history).subspan(state->history_ptr.back()), &seeds);
    users += static_cast<int64_t>(state->history.size()) > state->history_ptr.back();
    state->history_ptr.push_back(static_cast<int64_t>(state->history.size()));
    seed_ptr.push_back(static_cast<int64_t>(seeds.size()));
  }
  const propagation::RippleSets sets = propagation::SampleRippleSets(
      *state->graph, seed_ptr, seeds, hops, memory, data.seed, workers);

  std::vector<int64_t> slot_ptr = {0};
  std::vector<RippleTriple> slots;
  int64_t without = 0;
  for (uint32_t u = 0; u < state->n_users; ++u) {
    const uint32_t* edge = sets.edge.data() + int64_t{u} * hops * memory;
    without += edge[0] == kNoIndex && state->history_ptr[u + 1] > state->history_ptr[u];
    AppendSlots(*state->graph, hops, memory, edge, &slot_ptr, &slots);
  }
  state->memory = MakeRippleMemory(hops, slot_ptr, slots, {}, OrderOf(state->options));

  int64_t items_without_edges = 0;
  for (const uint32_t row : state->item_row) {
    items_without_edges += row < state->n_entities && state->graph->degree(EntityId{row}) == 0;
  }
  description_ = Concat(
      "ripple sets of ", users, " users: ", hops, " hops of ", memory, " triples, ",
      state->memory.slots(), " slots after merging of ", slots.size(), ", ",
      state->memory.triple_pair.size(), " distinct triples, ", state->memory.pair_head.size(),
      " distinct (head, relation); ", sets.copied_hops, " hops copy the hop before; ", without,
      " users have no edge to start from (not scored); ", snapshot.n_items - linked, " of ",
      snapshot.n_items, " items have no link, ", items_without_edges, " linked ones no edge");
  SetState(std::move(state));
  return absl::OkStatus();
}

absl::Status RippleNet::SetRippleSets(std::span<const int64_t> slot_ptr,
                                      std::span<const RippleTriple> slots) {
  auto state = std::make_shared<RippleNetState>(*state_);
  const int hops = static_cast<int>(state->options.hops);
  if (slot_ptr.size() != size_t{state->n_users} * hops + 1 || slot_ptr.front() != 0 ||
      !std::is_sorted(slot_ptr.begin(), slot_ptr.end()) ||
      slot_ptr.back() != static_cast<int64_t>(slots.size())) {
    return InvalidArgumentError("ripplenet: ripple sets need ", state->n_users, " users x ", hops,
                                " hops of slots");
  }
  for (const RippleTriple& t : slots) {
    if (t.head >= state->n_entities || t.tail >= state->n_entities ||
        t.relation >= state->relation_rows()) {
      return InvalidArgumentError("ripplenet: triple (", t.head, ", ", t.relation, ", ", t.tail,
                                  ") of a ripple set is out of range");
    }
  }
  state->memory = MakeRippleMemory(hops, slot_ptr, slots, {}, OrderOf(state->options));
  SetState(std::move(state));
  return absl::OkStatus();
}

Var RippleNet::Prepare(Tape& tape, const Batch& batch, std::vector<Var>* shared) {
  const RippleNetOptions& o = state_->options;
  for (const uint32_t item : batch.items) {
    if (item >= state_->n_items) {
      return tape.Fail(InvalidArgumentError("ripplenet: item ", item,
                                            " of a batch, but the model knows ", state_->n_items));
    }
  }
  index_.Collect(batch, state_->item_row);
  const Tensor heads = tape.Indices(index_.pair_head);
  const Tensor relations = tape.Indices(index_.pair_relation);
  const Var entities = propagation::GatherRows(tape, entity_, tape.Indices(index_.entity));
  const Var matrices = tape.Use(relation_);
  const Var keys =
      propagation::RelationGemv(tape, matrices, entities, relations, heads, /*transpose=*/false);
  *shared = {entities, keys};
  if (transform_ != nullptr) shared->push_back(tape.Use(transform_));

  Var kge, l2;
  if (o.kge_weight != 0) {
    // h^T R t for each distinct triple, from R^T h for each distinct pair.
    const Var projected =
        propagation::RelationGemv(tape, matrices, entities, relations, heads, /*transpose=*/true);
    const Var left = propagation::GatherRows(tape, projected, tape.Indices(index_.triple_pair));
    const Var right = propagation::GatherRows(tape, entities, tape.Indices(index_.triple_tail));
    const double per_slot =
        o.kge_norm == "mean" ? static_cast<double>(batch.rows() * o.memory) : 1.0;
    kge =
        propagation::WeightedSigmoidSum(tape, propagation::RowDot(tape, left, right),
                                        tape.Floats(index_.triple_weight), o.kge_weight / per_slot);
  }
  if (o.l2_weight != 0) {
    l2 = propagation::AddScaled(
        tape,
        propagation::WeightedSquaredNorm(tape, entities, tape.Floats(index_.entity_weight),
                                         o.l2_weight),
        1,
        propagation::WeightedSquaredNorm(tape, matrices, tape.Floats(index_.relation_weight),
                                         o.l2_weight),
        1);
  }
  if (!kge.valid() && !l2.valid()) return Var();
  return propagation::AddScaled(tape, kge, -1, l2, 1);
}

Var RippleNet::Logits(Tape& tape, const Slice& slice, const Batch& batch,
                      std::span<const Var> leaves, RippleNetTrace* trace) const {
  const RippleNetOptions& o = state_->options;
  const size_t first = static_cast<size_t>(slice.chunk_begin);
  const size_t n = static_cast<size_t>(slice.chunk_end - slice.chunk_begin);
  propagation::GroupSlots slots;
  slots.row_ptr = tape.Offsets(batch.chunk_ptr.subspan(first, n + 1));

  const auto items = std::span<const uint32_t>(index_.item)
                         .subspan(static_cast<size_t>(slice.row_begin),
                                  static_cast<size_t>(slice.row_end - slice.row_begin));
  const Var item = propagation::GatherRows(tape, leaves[0], tape.Indices(items));
  Var address = item, user;
  for (int hop = 0; hop < o.hops; ++hop) {
    // The slots of this slice and hop only, with offsets from their first.
    const auto slot_ptr = index_.slot_ptr(hop).subspan(first, n + 1);
    const size_t begin = static_cast<size_t>(slot_ptr.front());
    const size_t count = static_cast<size_t>(slot_ptr.back()) - begin;
    int64_t* offsets = tape.arena().New<int64_t>(n + 1);
    for (size_t c = 0; c <= n; ++c) offsets[c] = slot_ptr[c] - slot_ptr.front();
    slots.slot_ptr = tape.Offsets({offsets, n + 1});
    slots.key_row = tape.Indices(std::span(index_.key).subspan(begin, count));
    slots.value_row = tape.Indices(std::span(index_.value).subspan(begin, count));
    slots.count = tape.Floats(std::span(index_.count).subspan(begin, count));
    Tensor* weights = trace == nullptr ? nullptr : &trace->weights.emplace_back();
    const Var answer =
        propagation::GroupAttention(tape, address, leaves[1], leaves[0], slots, weights);
    if (trace != nullptr) trace->outputs.push_back(answer);
    const bool last = hop + 1 == o.hops;
    user = o.using_all_hops && hop > 0 ? propagation::Add(tape, user, answer) : answer;
    if (last && PaperScoring(o)) break;  // the updated item is not used
    address = AddsAddress(o) ? propagation::Add(tape, address, answer) : answer;
    if (HasTransform(o)) address = propagation::MatMul(tape, address, leaves[2]);
  }
  return propagation::RowDot(tape, PaperScoring(o) ? item : address, user);
}

Var RippleNet::Loss(Tape& tape, const Batch& batch, const Slice& slice,
                    std::span<const Var> leaves) const {
  const auto labels = batch.labels.subspan(static_cast<size_t>(slice.row_begin),
                                           static_cast<size_t>(slice.row_end - slice.row_begin));
  return propagation::BceLogits(tape, Logits(tape, slice, batch, leaves, nullptr),
                                tape.Floats(labels), static_cast<double>(batch.rows()));
}

absl::StatusOr<std::unique_ptr<Scorer>> RippleNet::MakeScorer(TaskArena&) const {
  return MakeScorerOf(std::nullopt);
}

absl::StatusOr<std::unique_ptr<Scorer>> RippleNet::MakeScorerOf(
    std::optional<ScoreForm> form) const {
  if (entity_ == nullptr) return FailedPreconditionError("ripplenet: the model is not built");
  return std::unique_ptr<Scorer>(std::make_unique<RippleNetScorer>(
      state_, entity_->value, relation_->value,
      transform_ == nullptr ? Tensor() : transform_->value, form));
}

}  // namespace undula::models
