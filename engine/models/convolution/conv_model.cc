#include "models/convolution/conv_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/status.h"
#include "models/convolution/scorer.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/linear.h"
#include "propagation/ops/linear_cross_entropy.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/row_normalize.h"
#include "propagation/ops/shared_negatives.h"
#include "propagation/ops/spmm.h"

namespace undula::models {

using propagation::AddScaled;
using propagation::GatherRows;
using propagation::Init;
using propagation::PairForm;
using propagation::RowDot;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

// Items of a pool of hard negatives, drawn once.
constexpr int64_t kPool = 64;

// A draw number for lists of one batch: a mix of its first row, the epoch and the layer. The upper
// bit keeps them apart from the draws of epochs.
uint32_t BatchDraw(const Batch& batch, int64_t epoch, int64_t layer) {
  uint64_t x = static_cast<uint64_t>(epoch) * 0x9E3779B97F4A7C15u + static_cast<uint64_t>(layer);
  x ^= (uint64_t{batch.users[0]} << 32) | batch.items[0];
  x *= 0xBF58476D1CE4E5B9u;
  return static_cast<uint32_t>(x >> 32) | 0x80000000u;
}

// The latest distinct items of every user, oldest first.
void FillHistories(const TrainingData& data, int64_t most, ConvState* state) {
  std::vector<uint32_t> latest;
  std::vector<uint8_t> seen(data.n_items(), 0);
  for (uint32_t u = 0; u < data.n_users(); ++u) {
    latest.clear();
    const auto row = data.positives.row(u);
    for (size_t k = row.size(); k > 0; --k) {
      if (most > 0 && static_cast<int64_t>(latest.size()) == most) break;
      const uint32_t item = Index(row[k - 1]);
      if (seen[item] != 0) continue;
      seen[item] = 1;
      latest.push_back(item);
    }
    for (const uint32_t item : latest) seen[item] = 0;
    state->history.insert(state->history.end(), latest.rbegin(), latest.rend());
    state->history_ptr.push_back(static_cast<int64_t>(state->history.size()));
  }
}

}  // namespace

ConvModel::ConvModel(const ModelSpec* spec, const ConvOptions& options, DType dtype)
    : spec_(spec), parameters_(dtype), state_(std::make_shared<ConvState>()) {
  state_->options = options;
  state_->sage = spec == &kGraphSageSpec;
}

void ConvModel::AddParameters(uint64_t seed) {
  seed_ = seed;
  const ConvState& s = *state_;
  const Init normal{Init::Kind::kNormal, s.options.init_scale};
  item_ = parameters_.Add("item", {s.n_items, s.options.dim}, true, normal, seed);
  if (s.sage) user_ = parameters_.Add("user", {s.n_users, s.options.dim}, true, normal, seed);
  if (s.feature_dim > 0) {
    const double glorot = std::sqrt(6.0 / static_cast<double>(s.options.dim + s.feature_dim));
    feature_ = parameters_.Add("feature", {s.options.dim, s.feature_dim}, false,
                               Init{Init::Kind::kUniform, glorot}, seed);
  }
  layers_.AddParameters(LayerOptionsOf(s.options, s.sage), s.types(), 1, seed, &parameters_);
}

absl::Status ConvModel::TakeFeatures(const TrainingData& data) {
  ConvState& s = *state_;
  if (s.options.entity_vectors.empty()) return absl::OkStatus();
  UNDULA_ASSIGN_OR_RETURN(const std::shared_ptr<const GraphVectors> vectors,
                          ReadVectors(data, s.options.entity_vectors));
  s.feature_dim = vectors->dim;
  s.features.assign(static_cast<size_t>(s.n_items * s.feature_dim), 0.0f);
  int64_t found = 0;
  for (uint32_t i = 0; i < s.n_items; ++i) {
    // The item's own vector, else that of the entity it is linked to.
    const float* row = nullptr;
    if (i < vectors->has_item.size() && vectors->has_item[i] != 0) {
      row = vectors->item.data() + int64_t{i} * s.feature_dim;
    } else if (!vectors->has_entity.empty() && i < data.snapshot->links.rows()) {
      const EntityId entity = data.snapshot->links.best(ItemId{i});
      if (entity != kNone<EntityId> && vectors->has_entity[Index(entity)] != 0) {
        row = vectors->entity.data() + int64_t{Index(entity)} * s.feature_dim;
      }
    }
    if (row == nullptr) continue;
    std::copy_n(row, s.feature_dim, s.features.begin() + int64_t{i} * s.feature_dim);
    ++found;
  }
  if (found > 0) return absl::OkStatus();
  return FailedPreconditionError(
      "'", s.options.entity_vectors,
      "' has a vector for no item and for no entity that an item is linked to; link items first "
      "(undula link)");
}

absl::Status ConvModel::Build(const TrainingData& data, TaskArena& workers) {
  ConvState& s = *state_;
  s.n_users = data.n_users();
  s.n_items = data.n_items();
  s.known.ptr.clear();
  s.known.ptr.push_back(0);
  for (uint32_t u = 0; u < s.n_users; ++u) {
    const auto row = data.positives.row(u);
    const size_t first = s.known.items.size();
    s.known.items.insert(s.known.items.end(), row.begin(), row.end());
    const auto begin = s.known.items.begin() + static_cast<int64_t>(first);
    std::sort(begin, s.known.items.end());
    s.known.items.erase(std::unique(begin, s.known.items.end()), s.known.items.end());
    s.known.ptr.push_back(static_cast<int64_t>(s.known.items.size()));
  }
  FillHistories(data, s.options.recent, &s);
  UNDULA_RETURN_IF_ERROR(TakeFeatures(data));
  auto neighborhoods = std::make_shared<Neighborhoods>();
  UNDULA_RETURN_IF_ERROR(neighborhoods->Build(s.options, s.sage, data));
  s.lists = neighborhoods->Draw(0, workers, sampler_);
  int64_t entries = 0, empty = 0, rows = 0;
  for (const NodeLists& lists : s.lists) {
    entries += static_cast<int64_t>(lists.item.size());
    rows += lists.rows();
    for (int64_t r = 0; r < lists.rows(); ++r) empty += lists.ptr[r] == lists.ptr[r + 1];
  }
  description_ = Concat(rows, " nodes with ", entries, " neighbors, ", empty, " without");
  if (!s.sage && s.options.hard_negatives > 0) {
    pools_ = neighborhoods->HardNegatives(kPool, workers);
    description_ += Concat("; hard negatives for all but ", pools_.without, " items");
  }
  neighborhoods_ = std::move(neighborhoods);
  workers_ = &workers;
  AddParameters(data.seed);
  if (s.options.in_batch) {
    popularity_ = data.item_popularity;
    interactions_ = std::accumulate(popularity_.begin(), popularity_.end(), 0.0);
  }
  return absl::OkStatus();
}

absl::Status ConvModel::BeginEpoch(int64_t epoch) {
  epoch_ = epoch;
  const ConvOptions& o = state_->options;
  const bool draw = state_->sage ? o.fanout > 0 : o.redraw == "epoch";
  epoch_lists_.clear();
  for (int64_t k = 0; draw && k < o.layers; ++k) {
    const auto number = static_cast<uint32_t>(epoch * o.layers + k);
    epoch_lists_.push_back(neighborhoods_->Draw(number, *workers_, sampler_));
  }
  return absl::OkStatus();
}

std::vector<std::vector<const NodeLists*>> ConvModel::ListsOf(
    const std::vector<NodeLists>& lists) const {
  std::vector<const NodeLists*> one;
  for (const NodeLists& l : lists) one.push_back(&l);
  return std::vector<std::vector<const NodeLists*>>(static_cast<size_t>(state_->options.layers),
                                                    one);
}

Var ConvModel::ItemInputs(Tape& tape, std::span<const uint32_t> items) {
  const Var embedding = GatherRows(tape, item_, tape.Indices(items));
  const int64_t dim = state_->feature_dim;
  if (dim == 0) return embedding;
  feature_rows_.clear();
  for (const uint32_t item : items) {
    const auto row = state_->features.begin() + int64_t{item} * dim;
    feature_rows_.insert(feature_rows_.end(), row, row + dim);
  }
  Tensor rows = tape.Floats(feature_rows_);
  rows.rank = 2;
  rows.shape[0] = static_cast<int64_t>(items.size());
  rows.shape[1] = dim;
  const Var mapped =
      Linear(tape, tape.Constant(rows), tape.Use(feature_), Var{}, propagation::Activation::kNone);
  return Add(tape, embedding, mapped);
}

// Inputs of the first layer, the layers, and what follows them.
std::vector<Var> ConvModel::Run(Tape& tape, const ConvPlanner& plan, std::vector<Var>* trace) {
  const ConvState& s = *state_;
  std::vector<Var> inputs = {ItemInputs(tape, plan.level(0, 0))};
  if (s.sage) inputs.push_back(GatherRows(tape, user_, tape.Indices(plan.level(0, 1))));
  Var own = inputs[0];
  if (trace != nullptr) trace->push_back(own);
  std::vector<Var> out = layers_.Forward(tape, plan, std::move(inputs), &scratch_, trace);
  if (s.sage) return out;
  if (s.options.residual) {
    for (int k = 0; k < plan.layers(); ++k) {
      const ConvLayer& layer = plan.layer(k, 0);
      if (!layer.all_of_below) own = GatherRows(tape, own, tape.Indices(layer.self));
    }
    out[0] = Add(tape, out[0], own);
  }
  if (s.options.normalize) out[0] = RowNormalize(tape, out[0]);
  return out;
}

std::vector<Var> ConvModel::Outputs(Tape& tape, std::span<const std::vector<uint32_t>> wanted,
                                    ConvPlanner* plan, std::vector<Var>* trace) {
  const auto lists = ListsOf(state_->lists);
  plan->Plan(wanted, lists, {});
  return Run(tape, *plan, trace);
}

Var ConvModel::Queries(Tape& tape, const ConvBatchPlan& plan, const std::vector<Var>& outputs) {
  if (state_->sage) return GatherRows(tape, outputs[1], tape.Indices(plan.query_row));
  const ConvPairs& pairs = *plan.pairs;
  const Var mean =
      Spmm(tape, outputs[0], tape.Constant(tape.Floats(pairs.query_weight)),
           {tape.Offsets(pairs.query_ptr), tape.Indices(plan.query_row), tape.Offsets(plan.in_ptr),
            tape.Indices(plan.in_row), tape.Indices(plan.in_entry)});
  return state_->options.normalize ? RowNormalize(tape, mean) : mean;
}

Var ConvModel::HardLoss(Tape& tape, const Batch& batch, const ConvBatchPlan& plan, Var query,
                        Var items) {
  const ConvOptions& o = state_->options;
  if (plan.hard_row.empty() || o.hard_weight == 0) return Var{};
  const Var q = GatherRows(tape, query, tape.Indices(plan.pairs->hard_row));
  const Var good = RowDot(tape, q, GatherRows(tape, items, tape.Indices(plan.hard_positive)));
  const Var bad = RowDot(tape, q, GatherRows(tape, items, tape.Indices(plan.hard_row)));
  // A mean over what each row could have had, so that rows without a band weigh nothing.
  const double n = static_cast<double>(batch.rows()) *
                   static_cast<double>(std::min(epoch_ - 1, o.hard_negatives)) / o.hard_weight;
  return o.loss == "margin" ? MarginLoss(tape, bad, good, o.margin, n)
                            : PairLoss(tape, good, bad, n);
}

Var ConvModel::PairLosses(Tape& tape, const Batch& batch, const ConvBatchPlan& plan, Var query,
                          Var items) {
  const ConvOptions& o = state_->options;
  const auto rows = static_cast<double>(batch.rows());
  if (o.loss == "softmax") {
    const propagation::SampledCandidates candidates{tape.Floats(plan.offset),
                                                    tape.Floats(plan.target_offset)};
    const Var table = GatherRows(tape, items, tape.Indices(plan.candidate_row));
    return LinearCrossEntropy(tape, Scale(tape, query, 1 / o.temperature), table,
                              tape.Indices(plan.target), candidates, rows);
  }
  const Var positive =
      RowDot(tape, query, GatherRows(tape, items, tape.Indices(plan.positive_row)));
  const Var negatives = GatherRows(tape, items, tape.Indices(plan.negative_row));
  propagation::ExcludedNegatives excluded;
  if (o.exclude_known) {
    excluded = {tape.Offsets(plan.pairs->excluded_ptr), tape.Indices(plan.pairs->excluded)};
  }
  const PairForm form = o.loss == "margin" ? PairForm::kMargin
                        : o.loss == "bpr"  ? PairForm::kBpr
                                           : PairForm::kLogistic;
  const Var loss = SharedNegativeLoss(tape, query, positive, negatives, excluded, form, o.margin,
                                      rows * static_cast<double>(plan.pairs->negatives.size()));
  if (form != PairForm::kLogistic) return loss;
  ones_.assign(static_cast<size_t>(batch.rows()), 1.0f);
  return AddScaled(tape, loss, 1, BceLogits(tape, positive, tape.Floats(ones_), rows), 1);
}

std::unique_ptr<BatchPlans::Plan> ConvModel::NewPlan() const {
  return std::make_unique<ConvBatchPlan>(state_->options, state_->sage, seed_, state_->nodes());
}

void ConvModel::Fill(const Batch& batch, Plan* to) const {
  auto* plan = static_cast<ConvBatchPlan*>(to);
  const ConvState& s = *state_;
  const ConvOptions& o = s.options;
  const bool hard = !s.sage && o.hard_negatives > 0;
  const ConvPairs& pairs = plan->maker.Make(batch, epoch_, s.known, hard ? &pools_ : nullptr);
  plan->pairs = &pairs;
  plan->wanted.assign(static_cast<size_t>(s.types()), {});
  for (const auto* part : {&pairs.query_item, &pairs.negatives, &pairs.hard_item}) {
    plan->wanted[0].insert(plan->wanted[0].end(), part->begin(), part->end());
  }
  plan->wanted[0].insert(plan->wanted[0].end(), batch.items.begin(), batch.items.end());
  if (s.sage) plan->wanted[1].assign(batch.users.begin(), batch.users.end());
  std::vector<std::vector<const NodeLists*>> lists = ListsOf(s.lists);
  for (size_t k = 0; k < epoch_lists_.size(); ++k) {
    for (size_t t = 0; t < lists[k].size(); ++t) lists[k][t] = &epoch_lists_[k][t];
  }
  if (!s.sage && o.redraw == "batch") DrawForBatch(batch, plan, &lists);
  plan->planner.Plan(plan->wanted, lists, pairs.removed);
  plan->PlaceItems(batch);
  if (s.sage) {
    plan->query_row.clear();
    for (const uint32_t user : batch.users) plan->query_row.push_back(plan->planner.place(1, user));
  } else {
    plan->PlaceQueries();
  }
  if (o.loss == "softmax") plan->PlaceCandidates(batch, o, popularity_, interactions_);
}

Var ConvModel::Prepare(Tape& tape, const Batch& batch, std::vector<Var>* shared) {
  shared->clear();
  const ConvBatchPlan* plan = std::exchange(given_, nullptr);
  if (plan == nullptr) {
    if (own_plan_ == nullptr) own_plan_.reset(static_cast<ConvBatchPlan*>(NewPlan().release()));
    Fill(batch, own_plan_.get());
    plan = own_plan_.get();
  }
  const ConvState& s = *state_;
  const ConvOptions& o = s.options;
  const std::vector<Var> outputs = Run(tape, plan->planner, nullptr);
  const Var query = Queries(tape, *plan, outputs);
  Var loss = PairLosses(tape, batch, *plan, query, outputs[0]);
  loss = AddScaled(tape, loss, 1, HardLoss(tape, batch, *plan, query, outputs[0]), 1);
  if (o.l2 > 0) {
    const double scale = o.l2 / static_cast<double>(batch.rows());
    const auto add = [&](propagation::Parameter* table, std::span<const uint32_t> rows) {
      const Var norm =
          WeightedSquaredNorm(tape, GatherRows(tape, table, tape.Indices(rows)), Tensor{}, scale);
      loss = AddScaled(tape, loss, 1, norm, 1);
    };
    add(item_, plan->planner.level(0, 0));
    if (s.sage) add(user_, plan->planner.level(0, 1));
  }
  return loss;
}

// Lists of the nodes that each layer needs, drawn for this batch alone.
void ConvModel::DrawForBatch(const Batch& batch, ConvBatchPlan* plan,
                             std::vector<std::vector<const NodeLists*>>* lists) const {
  const int64_t layers = state_->options.layers;
  plan->lists.resize(static_cast<size_t>(layers));
  std::vector<uint32_t> nodes = plan->wanted[0];
  for (int64_t k = layers - 1; k >= 0; --k) {
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    plan->lists[k] = neighborhoods_->DrawFor(nodes, BatchDraw(batch, epoch_, k), workers_);
    (*lists)[k][0] = &plan->lists[k];
    nodes.insert(nodes.end(), plan->lists[k].item.begin(), plan->lists[k].item.end());
  }
}

absl::StatusOr<std::unique_ptr<Scorer>> ConvModel::MakeScorer(TaskArena& workers) const {
  if (item_ == nullptr) {
    return FailedPreconditionError(spec_->name, " is neither trained nor loaded");
  }
  auto copy = std::make_unique<ConvModel>(spec_, state_->options, parameters_.dtype());
  TensorMap map;
  Save(&map);
  UNDULA_RETURN_IF_ERROR(copy->Load(map, nullptr));
  return ConvScorer::Create(std::move(copy), workers);
}

std::string ConvModel::Describe() const { return description_; }

}  // namespace undula::models
