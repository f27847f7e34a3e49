#include "models/kgcn/kgcn.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "models/data/item_rows.h"
#include "models/kgcn/scorer.h"

namespace undula::models {

using propagation::Init;
using propagation::NeighborSlots;

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

absl::StatusOr<std::unique_ptr<Scorer>> Kgcn::MakeScorer(TaskArena&) const {
  if (entity_ == nullptr) {
    return FailedPreconditionError(state_->name, ": the model is not built");
  }
  return std::unique_ptr<Scorer>(std::make_unique<KgcnScorer>(state_, parameters_));
}

}  // namespace undula::models
