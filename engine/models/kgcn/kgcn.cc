#include "models/kgcn/kgcn.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/status.h"
#include "models/data/item_rows.h"
#include "models/kgcn/scorer.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_mix.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/weight_sum.h"

namespace undula::models {

using propagation::Activation;
using propagation::Init;
using propagation::NeighborSlots;
using propagation::RelationSlots;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

absl::StatusOr<std::unique_ptr<Model>> Make(const ModelSpec& spec, const OptionMap& values,
                                            DType dtype) {
  KgcnOptions options;
  UNDULA_RETURN_IF_ERROR(SetOptions(spec.options, &options, values));
  UNDULA_RETURN_IF_ERROR(CheckKgcnOptions(spec.name, options));
  return std::unique_ptr<Model>(std::make_unique<Kgcn>(&spec, options, dtype));
}

absl::StatusOr<std::unique_ptr<Model>> MakeKgcn(const OptionMap& values, DType dtype) {
  return Make(kKgcnSpec, values, dtype);
}
absl::StatusOr<std::unique_ptr<Model>> MakeKgnnLs(const OptionMap& values, DType dtype) {
  return Make(kKgnnLsSpec, values, dtype);
}

constexpr EntityTensor kEntityTensors[] = {
    {"param/entity", EntityUse::kRows},
    {"state/item_row", EntityUse::kValues},
    {"state/neighbor_ptr", EntityUse::kRowStarts},
    {"state/neighbor_entity", EntityUse::kSlotValues},
    {"state/neighbor_relation", EntityUse::kSlots},
    {"state/neighbor_count", EntityUse::kSlots},
    {"state/neighbor_inverse", EntityUse::kSlots},
};

constexpr ParameterRows kParameterRows[] = {
    {"user", RowOwner::kUser},
    {"entity", RowOwner::kEntity},
    {"relation", RowOwner::kRelation},
};

// Uniform with Glorot's limit.
Init Glorot(double scale, int64_t rows, int64_t cols) {
  return Init{Init::Kind::kUniform, scale * std::sqrt(6.0 / static_cast<double>(rows + cols))};
}

// `rows`: the layer's nodes are not the rows of the batch one by one.
RelationSlots SlotsOf(Tape& tape, const KgcnBatchIndex::Layer& layer, bool rows) {
  RelationSlots slots;
  slots.row_ptr = tape.Offsets(layer.row_ptr);
  slots.slot_ptr = tape.Offsets(layer.slot_ptr);
  slots.relation = tape.Indices(layer.relation);
  if (!layer.value_row.empty()) slots.value_row = tape.Indices(layer.value_row);
  slots.count = tape.Floats(layer.count);
  if (rows) slots.query_row = tape.Indices(layer.row);
  return slots;
}

// The numbers as the tape's floats.
Tensor Column(Tape& tape, const std::vector<double>& values) {
  if (tape.float_type() == DType::kF64) {
    const Tensor t = tape.NewTensor({static_cast<int64_t>(values.size())});
    std::copy(values.begin(), values.end(), t.as<double>());
    return t;
  }
  float* rounded = tape.arena().New<float>(values.size());
  std::copy(values.begin(), values.end(), rounded);
  return tape.Floats({rounded, values.size()});
}

}  // namespace

const ModelSpec kKgcnSpec = {
    .name = "kgcn",
    .title = "KGCN",
    .paper =
        "Wang et al., Knowledge Graph Convolutional Networks for Recommender Systems, WWW 2019",
    .batch_kind = BatchKind::kPointwise,
    .capabilities = {.explains = true, .factors = true, .uses_graph = true},
    .options = kKgcnOptions,
    .make = &MakeKgcn,
    .entity_tensors = kEntityTensors,
    .parameter_rows = kParameterRows,
};

const ModelSpec kKgnnLsSpec = {
    .name = "kgnn_ls",
    .title = "KGNN-LS",
    .paper =
        "Wang et al., Knowledge-aware Graph Neural Networks with Label Smoothness Regularization "
        "for Recommender Systems, KDD 2019",
    .batch_kind = BatchKind::kPointwise,
    .capabilities = {.explains = true, .factors = true, .uses_graph = true},
    .options = kKgnnLsOptions,
    .make = &MakeKgnnLs,
    .entity_tensors = kEntityTensors,
    .parameter_rows = kParameterRows,
};

Kgcn::Kgcn(const ModelSpec* spec, const KgcnOptions& options, DType dtype)
    : spec_(spec), parameters_(dtype) {
  auto state = std::make_shared<KgcnState>();
  state->options = options;
  state->name = spec->name;
  state_ = std::move(state);
}

void Kgcn::AddParameters(uint64_t seed) {
  const KgcnOptions& o = state_->options;
  const int64_t d = o.dim, users = state_->n_users, entities = state_->sample.rows(),
                relations = state_->relation_rows();
  const bool sparse = !TablesL2(o);
  user_ = parameters_.Add("user", {users, d}, sparse, Glorot(o.init_scale, users, d), seed);
  entity_ =
      parameters_.Add("entity", {entities, d}, sparse, Glorot(o.init_scale, entities, d), seed);
  relation_ =
      parameters_.Add("relation", {relations, d}, false, Glorot(o.init_scale, relations, d), seed);
  const int64_t in = o.aggregator == "concat" ? 2 * d : d;
  for (int64_t l = 0; l < o.hops; ++l) {
    weight_.push_back(
        parameters_.Add(Concat("weight_", l), {in, d}, false, Glorot(1, in, d), seed));
    bias_.push_back(parameters_.Add(Concat("bias_", l), {1, d}, false, Init{}, seed));
  }
}

absl::Status Kgcn::Build(const TrainingData& data, TaskArena& /*workers*/) {
  if (data.positives.size() == 0) {
    return FailedPreconditionError(
        state_->name,
        ": no training positive; import interactions, or lower the positive threshold");
  }
  const Snapshot& snapshot = *data.snapshot;
  auto state = std::make_shared<KgcnState>(*state_);
  state->n_entities = snapshot.n_entities;
  state->n_relations = snapshot.n_relations;
  state->n_users = snapshot.n_users;
  state->n_items = snapshot.n_items;
  state->id_space = snapshot.id_space;
  state->seed = data.seed;
  const uint32_t linked = MapItems(snapshot, &state->item_row);
  if (linked == 0 && state->options.kg) {
    return FailedPreconditionError(state_->name, ": none of the ", snapshot.n_items,
                                   " items is linked to an entity of the graph; run `undula link`");
  }
  state->known.assign(state->n_users, 0);
  for (uint32_t u = 0; u < state->n_users; ++u) {
    state->known[u] = data.positives.ptr[u + 1] > data.positives.ptr[u];
  }
  state->sample =
      propagation::SampleNeighbors(snapshot, EntityRows(state->n_entities, state->item_row),
                                   static_cast<int>(state->options.neighbors), data.seed, 0);
  state_ = std::move(state);
  snapshot_ = data.snapshot;
  train_ = data.train;
  AddParameters(data.seed);
  if (spec_ == &kKgnnLsSpec) {
    known_labels_ = KnownLabels(train_, state_->item_row, state_->n_users, state_->sample.rows());
  }
  CountVisits();
  UseSample(&state_->sample);
  DescribeSample();
  return absl::OkStatus();
}

void Kgcn::CountVisits() {
  const NeighborSlots& s = state_->sample;
  user_visits_.assign(state_->n_users, 0);
  entity_visits_.assign(s.rows(), 0);
  for (const LabeledPair& pair : train_) {
    ++user_visits_[Index(pair.user)];
    ++entity_visits_[state_->item_row[Index(pair.item)]];
  }
  if (!state_->options.kg) return;
  for (int64_t hop = 0; hop < state_->options.hops; ++hop) {
    std::vector<float> next = entity_visits_;
    for (uint32_t e = 0; e < s.rows(); ++e) {
      for (int64_t i = s.ptr[e]; i < s.ptr[e + 1]; ++i) {
        if (s.entity[i] != e) next[s.entity[i]] += entity_visits_[e];
      }
    }
    entity_visits_.swap(next);
  }
}

void Kgcn::UseSample(const NeighborSlots* sample) {
  const KgcnOptions& o = state_->options;
  const int hops = static_cast<int>(o.hops);
  index_.Reset(sample, hops, o.kg);
  smooth_ = spec_ == &kKgnnLsSpec && o.ls_weight > 0 && o.kg && ScoreScale(o) != 0 &&
            LabelTree::CanReach(*sample, known_labels_, hops, train_, state_->item_row);
  // As a probability a label must be a mean of labels.
  if (smooth_) tree_.Reset(sample, &known_labels_, hops, o.ls_prob ? 1 : MessageScale(o));
}

absl::Status Kgcn::BeginEpoch(int64_t epoch) {
  const KgcnOptions& o = state_->options;
  if (!o.resample || snapshot_ == nullptr || o.neighbors == 0) return absl::OkStatus();
  epoch_sample_ = propagation::SampleNeighbors(*snapshot_, state_->sample.rows(),
                                               static_cast<int>(o.neighbors), state_->seed, epoch);
  UseSample(&epoch_sample_);
  return absl::OkStatus();
}

void Kgcn::DescribeSample() {
  const KgcnState& s = *state_;
  int64_t item_slots = 0, isolated = 0, unlinked = 0;
  for (const uint32_t row : s.item_row) {
    const int64_t n = s.sample.ptr[row + 1] - s.sample.ptr[row];
    const bool alone = n == 1 && s.sample.entity[s.sample.ptr[row]] == row;
    item_slots += alone ? 0 : n;
    unlinked += row >= s.n_entities;
    isolated += row < s.n_entities && alone;
  }
  const double items = static_cast<double>(std::max<size_t>(1, s.item_row.size()));
  description_ = s.options.neighbors == 0
                     ? Concat("whole neighborhoods")
                     : Concat(s.options.neighbors, " neighbors drawn per entity",
                              s.options.resample ? ", anew every epoch" : "");
  description_ +=
      Concat(", ", static_cast<double>(item_slots) / items, " distinct ones per item; ", unlinked,
             " of ", s.n_items, " items have no link, ", isolated, " linked ones no edge");
  if (!s.options.kg) description_ += "; graph off";
  if (spec_ != &kKgnnLsSpec) return;
  description_ += smooth_                      ? "; label smoothness on"
                  : s.options.ls_weight == 0   ? "; label smoothness off"
                  : !s.options.kg              ? "; label smoothness off: no graph"
                  : ScoreScale(s.options) == 0 ? "; label smoothness left out: attention is uniform"
                                               : "; label smoothness left out: no known label is "
                                                 "within reach of an item, so its loss is constant";
}

absl::Status Kgcn::SetNeighbors(int64_t k, std::span<const uint32_t> entity,
                                std::span<const uint32_t> relation) {
  auto state = std::make_shared<KgcnState>(*state_);
  const uint32_t rows = state->sample.rows();
  if (k < 1 || entity.size() != size_t{rows} * k || relation.size() != entity.size()) {
    return InvalidArgumentError(state->name, ": a neighbor sample needs ", rows, " rows of ", k);
  }
  NeighborSlots sample;
  std::vector<propagation::Neighbor> row;
  for (size_t i = 0; i < entity.size(); ++i) {
    if (entity[i] >= rows || relation[i] >= state->relation_rows()) {
      return InvalidArgumentError(state->name, ": neighbor ", entity[i], " over relation ",
                                  relation[i], " is out of range");
    }
    row.push_back({relation[i], entity[i], 0});
    if ((i + 1) % static_cast<size_t>(k) == 0) {
      propagation::AppendNeighbors(&row, &sample);
      row.clear();
    }
  }
  state->sample = std::move(sample);
  state_ = std::move(state);
  CountVisits();
  UseSample(&state_->sample);
  DescribeSample();
  return absl::OkStatus();
}

Var Kgcn::Bias(Tape& tape, int l, int64_t rows) {
  return propagation::GatherRows(tape, bias_[l],
                                 tape.Indices(std::span(zeros_).first(static_cast<size_t>(rows))));
}

Var Kgcn::Weight(Tape& tape, int l, int half) {
  if (state_->options.aggregator != "concat") return tape.Use(weight_[l]);
  const int64_t d = state_->options.dim;
  uint32_t* rows = tape.arena().New<uint32_t>(static_cast<size_t>(d));
  for (int64_t i = 0; i < d; ++i) rows[i] = static_cast<uint32_t>(half * d + i);
  return propagation::GatherRows(tape, weight_[l], tape.Indices({rows, static_cast<size_t>(d)}));
}

Var Kgcn::FirstLayer(Tape& tape, Var users, Var relations, Var entities, Var* weights) {
  const KgcnOptions& o = state_->options;
  const KgcnBatchIndex::Layer& layer = index_.layer(1);
  const auto groups = static_cast<int64_t>(index_.group.size());
  Var base = Bias(tape, 0, groups);
  if (o.aggregator != "neighbor") {
    const Var own = propagation::GatherRows(tape, entities, tape.Indices(index_.group));
    base = propagation::Add(tape, propagation::MatMul(tape, own, Weight(tape, 0, 0)), base);
  }
  Var values = tape.Constant(tape.NewTensor({0, o.dim}));
  if (!layer.relation.empty()) {
    const Var mean =
        propagation::SegmentReduce(tape, entities, tape.Offsets(index_.member_ptr),
                                   tape.Indices(index_.member), propagation::Reduce::kMean);
    values = propagation::MatMul(tape, mean, Weight(tape, 0, 1));
  }
  return propagation::RelationMix(tape, users, relations, values, base,
                                  SlotsOf(tape, layer, o.hops > 1), ScoreScale(o), MessageScale(o),
                                  o.hops == 1 ? Activation::kTanh : Activation::kRelu, weights);
}

Var Kgcn::LayerAbove(Tape& tape, int l, Var users, Var relations, Var below, Var* weights) {
  const KgcnOptions& o = state_->options;
  const KgcnBatchIndex::Layer& layer = index_.layer(l);
  const bool concat = o.aggregator == "concat";
  const Var own = o.aggregator == "neighbor"
                      ? Var{}
                      : propagation::GatherRows(tape, below, tape.Indices(layer.self));
  Var z = own;
  if (o.kg) {
    const Var mix = propagation::RelationMix(tape, users, relations, below, concat ? Var{} : own,
                                             SlotsOf(tape, layer, l < o.hops), ScoreScale(o),
                                             MessageScale(o), Activation::kNone, weights);
    z = propagation::MatMul(tape, mix, Weight(tape, l - 1, 1));
    if (concat) {
      z = propagation::Add(tape, z, propagation::MatMul(tape, own, Weight(tape, l - 1, 0)));
    }
  } else {
    z = propagation::MatMul(tape, own, Weight(tape, l - 1, 0));
  }
  z = propagation::Add(tape, z, Bias(tape, l - 1, layer.nodes()));
  return l == o.hops ? propagation::Tanh(tape, z) : propagation::Relu(tape, z);
}

Var Kgcn::L2(Tape& tape, Var users, Var relations, Var entities) {
  const KgcnOptions& o = state_->options;
  const double scale = o.l2_weight / 2;
  Var sum = propagation::WeightedSquaredNorm(tape, relations, Tensor(), scale);
  const auto add = [&](Var x, const Tensor& weights) {
    sum = propagation::AddScaled(tape, sum, 1,
                                 propagation::WeightedSquaredNorm(tape, x, weights, scale), 1);
  };
  for (propagation::Parameter* w : weight_) add(tape.Use(w), Tensor());
  if (TablesL2(o)) {
    add(tape.Use(user_), Tensor());
    add(tape.Use(entity_), Tensor());
    return sum;
  }
  // Each visit stands for the steps since the last one, in expectation.
  const auto rows = static_cast<double>(train_.size());
  const auto batch = static_cast<double>(index_.users.size());
  user_weight_.resize(index_.users.size());
  for (size_t i = 0; i < user_weight_.size(); ++i) {
    const double visits = std::max(1.0f, user_visits_[index_.users[i]]);
    user_weight_[i] = static_cast<float>(rows / (batch * visits));
  }
  // The weight is a function of the number of visits alone; the common ones are remembered.
  constexpr size_t kRemembered = 4096;
  if (remembered_batch_ != index_.users.size()) {
    remembered_batch_ = index_.users.size();
    weight_of_visits_.assign(kRemembered, 0);
  }
  entity_weight_.resize(index_.entity.size());
  for (size_t i = 0; i < entity_weight_.size(); ++i) {
    const float visits = std::max(1.0f, entity_visits_[index_.entity[i]]);
    const auto weight = [&] {
      return 1 / -std::expm1(static_cast<float>(-batch * static_cast<double>(visits) / rows));
    };
    if (visits >= static_cast<float>(kRemembered)) {
      entity_weight_[i] = weight();
      continue;
    }
    float& remembered = weight_of_visits_[static_cast<size_t>(visits)];
    if (remembered == 0) remembered = weight();
    entity_weight_[i] = remembered;
  }
  add(users, tape.Floats(user_weight_));
  add(entities, tape.Floats(entity_weight_));
  return sum;
}

Var Kgcn::Smoothness(Tape& tape, std::span<const Var> weights, KgcnTrace* trace) {
  const KgcnOptions& o = state_->options;
  const int hops = static_cast<int>(o.hops);
  const auto n = static_cast<int64_t>(index_.order.size());
  tree_.Collect(index_);
  Var labels;
  for (int t = hops - 1; t >= 0; --t) {
    const LabelTree::Depth& depth = tree_.depth(t);
    const propagation::WeightTerms terms = {tape.Offsets(depth.ptr), tape.Indices(depth.weight),
                                            Column(tape, depth.coefficient),
                                            tape.Indices(depth.child)};
    labels = propagation::WeightSum(tape, weights[hops - t - 1], labels, terms,
                                    o.ls_prob ? 1 : MessageScale(o));
  }
  constants_.assign(static_cast<size_t>(n), tree_.constant(0));
  labels = propagation::Add(tape, labels, tape.Constant(Column(tape, constants_)));
  if (trace != nullptr) trace->labels = labels;
  const Tensor y = tape.Floats(index_.labels);
  return o.ls_prob ? propagation::BceProbabilities(tape, labels, y, static_cast<double>(n))
                   : propagation::BceLogits(tape, labels, y, static_cast<double>(n));
}

Var Kgcn::Forward(Tape& tape, const Batch& batch, KgcnTrace* trace) {
  const KgcnOptions& o = state_->options;
  for (int64_t i = 0; i < batch.rows(); ++i) {
    if (batch.items[i] >= state_->n_items || batch.users[i] >= state_->n_users) {
      return tape.Fail(
          InvalidArgumentError(state_->name, ": user ", batch.users[i], " or item ", batch.items[i],
                               " of a batch is not known to the model (", state_->n_users,
                               " users, ", state_->n_items, " items)"));
    }
  }
  if (batch.rows() == 0) return {};
  index_.Collect(batch, state_->item_row);
  for (int l = 1; l <= o.hops; ++l) {  // all at once: the tape keeps views of it
    zeros_.resize(std::max(zeros_.size(), index_.layer(l).entity.size()), 0);
  }
  const auto n = static_cast<double>(batch.rows());
  const Var users = propagation::GatherRows(tape, user_, tape.Indices(index_.users));
  const Var entities = propagation::GatherRows(tape, entity_, tape.Indices(index_.entity));
  const Var relations = tape.Use(relation_);
  Var h;
  std::array<Var, 3> weights;  // by layer
  for (int l = 1; l <= o.hops; ++l) {
    Var* const kept = smooth_ ? &weights[l - 1] : nullptr;
    h = l == 1 ? FirstLayer(tape, users, relations, entities, kept)
               : LayerAbove(tape, l, users, relations, h, kept);
  }
  const Var scores = propagation::RowDot(tape, users, h);
  if (trace != nullptr) *trace = KgcnTrace{h, scores, {}};
  Var loss = propagation::BceLogits(tape, scores, tape.Floats(index_.labels), n);
  if (o.l2_weight > 0) {
    loss = propagation::AddScaled(tape, loss, 1, L2(tape, users, relations, entities), 1);
  }
  if (smooth_) {
    loss = propagation::AddScaled(tape, loss, 1, Smoothness(tape, weights, trace), o.ls_weight);
  }
  return loss;
}

Var Kgcn::Prepare(Tape& tape, const Batch& batch, std::vector<Var>* shared) {
  shared->clear();
  return Forward(tape, batch, nullptr);
}

absl::StatusOr<std::unique_ptr<Scorer>> Kgcn::MakeScorer(TaskArena&) const {
  if (entity_ == nullptr) {
    return FailedPreconditionError(state_->name, ": the model is not built");
  }
  return std::unique_ptr<Scorer>(std::make_unique<KgcnScorer>(state_, parameters_));
}

}  // namespace undula::models
