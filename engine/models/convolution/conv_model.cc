#include "models/convolution/conv_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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
  s.lists = neighborhoods->Draw(0, workers);
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
  pair_maker_ = std::make_unique<PairMaker>(s.options, s.sage, data.seed);
  planner_ = std::make_unique<ConvPlanner>(s.nodes());
  return absl::OkStatus();
}

absl::Status ConvModel::BeginEpoch(int64_t epoch) {
  epoch_ = epoch;
  const ConvOptions& o = state_->options;
  const bool draw = state_->sage ? o.fanout > 0 : o.redraw == "epoch";
  epoch_lists_.clear();
  for (int64_t k = 0; draw && k < o.layers; ++k) {
    const auto number = static_cast<uint32_t>(epoch * o.layers + k);
    epoch_lists_.push_back(neighborhoods_->Draw(number, *workers_));
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

Var ConvModel::ItemInputs(Tape& tape, const ConvPlanner& plan) {
  const std::span<const uint32_t> items = plan.level(0, 0);
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
  std::vector<Var> inputs = {ItemInputs(tape, plan)};
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

Var ConvModel::Queries(Tape& tape, const Batch& batch, const ConvPairs& pairs,
                       const std::vector<Var>& outputs) {
  if (state_->sage) {
    user_row_.clear();
    for (const uint32_t user : batch.users) user_row_.push_back(planner_->place(1, user));
    return GatherRows(tape, outputs[1], tape.Indices(user_row_));
  }
  query_row_.clear();
  for (const uint32_t item : pairs.query_item) query_row_.push_back(planner_->place(0, item));
  const int64_t rows = tape.value(outputs[0]).rows();
  in_ptr_.assign(static_cast<size_t>(rows) + 1, 0);
  for (const uint32_t row : query_row_) ++in_ptr_[size_t{row} + 1];
  std::partial_sum(in_ptr_.begin(), in_ptr_.end(), in_ptr_.begin());
  in_row_.resize(query_row_.size());
  in_entry_.resize(query_row_.size());
  std::vector<int64_t> next(in_ptr_.begin(), in_ptr_.end() - 1);
  for (size_t b = 0; b + 1 < pairs.query_ptr.size(); ++b) {
    for (int64_t e = pairs.query_ptr[b]; e < pairs.query_ptr[b + 1]; ++e) {
      const int64_t at = next[query_row_[e]]++;
      in_row_[at] = static_cast<uint32_t>(b);
      in_entry_[at] = static_cast<uint32_t>(e);
    }
  }
  return Spmm(tape, outputs[0], tape.Constant(tape.Floats(pairs.query_weight)),
              {tape.Offsets(pairs.query_ptr), tape.Indices(query_row_), tape.Offsets(in_ptr_),
               tape.Indices(in_row_), tape.Indices(in_entry_)});
}

Var ConvModel::Softmax(Tape& tape, const Batch& batch, const ConvPairs& pairs, Var query,
                       Var items) {
  // Candidates: the shared negatives, then the positives that are not among them. A positive that
  // was not drawn counts for its own row only.
  candidate_row_ = negative_row_;
  offset_.assign(candidate_row_.size(), 0.0f);
  std::vector<uint32_t> others;
  for (const uint32_t item : batch.items) {
    if (!std::binary_search(pairs.negatives.begin(), pairs.negatives.end(), item)) {
      others.push_back(item);
    }
  }
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  for (const uint32_t item : others) candidate_row_.push_back(planner_->place(0, item));
  offset_.resize(candidate_row_.size(), -std::numeric_limits<float>::infinity());
  target_offset_.assign(static_cast<size_t>(batch.rows()), 0.0f);
  target_.clear();
  for (const uint32_t item : batch.items) {
    const auto drawn = std::lower_bound(pairs.negatives.begin(), pairs.negatives.end(), item);
    if (drawn != pairs.negatives.end() && *drawn == item) {
      target_.push_back(static_cast<uint32_t>(drawn - pairs.negatives.begin()));
    } else {
      const auto at = std::lower_bound(others.begin(), others.end(), item) - others.begin();
      target_.push_back(static_cast<uint32_t>(negative_row_.size()) + static_cast<uint32_t>(at));
    }
  }
  const propagation::SampledCandidates candidates{tape.Floats(offset_),
                                                  tape.Floats(target_offset_)};
  const Var table = GatherRows(tape, items, tape.Indices(candidate_row_));
  return LinearCrossEntropy(tape, Scale(tape, query, 1 / state_->options.temperature), table,
                            tape.Indices(target_), candidates, static_cast<double>(batch.rows()));
}

Var ConvModel::HardLoss(Tape& tape, const Batch& batch, const ConvPairs& pairs, Var query,
                        Var items) {
  const ConvOptions& o = state_->options;
  if (pairs.hard_row.empty() || o.hard_weight == 0) return Var{};
  hard_place_.clear();
  for (const uint32_t item : pairs.hard_item) hard_place_.push_back(planner_->place(0, item));
  hard_positive_.clear();
  for (const uint32_t row : pairs.hard_row) hard_positive_.push_back(positive_row_[row]);
  const Var q = GatherRows(tape, query, tape.Indices(pairs.hard_row));
  const Var good = RowDot(tape, q, GatherRows(tape, items, tape.Indices(hard_positive_)));
  const Var bad = RowDot(tape, q, GatherRows(tape, items, tape.Indices(hard_place_)));
  // A mean over what each row could have had, so that rows without a band weigh nothing.
  const double n = static_cast<double>(batch.rows()) *
                   static_cast<double>(std::min(epoch_ - 1, o.hard_negatives)) / o.hard_weight;
  return o.loss == "margin" ? MarginLoss(tape, bad, good, o.margin, n)
                            : PairLoss(tape, good, bad, n);
}

Var ConvModel::PairLosses(Tape& tape, const Batch& batch, const ConvPairs& pairs, Var query,
                          Var items) {
  const ConvOptions& o = state_->options;
  const auto rows = static_cast<double>(batch.rows());
  if (o.loss == "softmax") return Softmax(tape, batch, pairs, query, items);
  const Var positive = RowDot(tape, query, GatherRows(tape, items, tape.Indices(positive_row_)));
  const Var negatives = GatherRows(tape, items, tape.Indices(negative_row_));
  propagation::ExcludedNegatives excluded;
  if (o.exclude_known) {
    excluded = {tape.Offsets(pairs.excluded_ptr), tape.Indices(pairs.excluded)};
  }
  const PairForm form = o.loss == "margin" ? PairForm::kMargin
                        : o.loss == "bpr"  ? PairForm::kBpr
                                           : PairForm::kLogistic;
  const Var loss = SharedNegativeLoss(tape, query, positive, negatives, excluded, form, o.margin,
                                      rows * static_cast<double>(pairs.negatives.size()));
  if (form != PairForm::kLogistic) return loss;
  ones_.assign(static_cast<size_t>(batch.rows()), 1.0f);
  return AddScaled(tape, loss, 1, BceLogits(tape, positive, tape.Floats(ones_), rows), 1);
}

Var ConvModel::Prepare(Tape& tape, const Batch& batch, std::vector<Var>* shared) {
  shared->clear();
  const ConvState& s = *state_;
  const ConvOptions& o = s.options;
  const bool hard = !s.sage && o.hard_negatives > 0;
  const ConvPairs& pairs = pair_maker_->Make(batch, epoch_, s.known, hard ? &pools_ : nullptr);
  wanted_.assign(static_cast<size_t>(s.types()), {});
  for (const auto* part : {&pairs.query_item, &pairs.negatives, &pairs.hard_item}) {
    wanted_[0].insert(wanted_[0].end(), part->begin(), part->end());
  }
  wanted_[0].insert(wanted_[0].end(), batch.items.begin(), batch.items.end());
  if (s.sage) wanted_[1].assign(batch.users.begin(), batch.users.end());
  std::vector<std::vector<const NodeLists*>> lists = ListsOf(s.lists);
  for (size_t k = 0; k < epoch_lists_.size(); ++k) {
    for (size_t t = 0; t < lists[k].size(); ++t) lists[k][t] = &epoch_lists_[k][t];
  }
  if (!s.sage && o.redraw == "batch") DrawForBatch(batch, &lists);
  planner_->Plan(wanted_, lists, pairs.removed);
  const std::vector<Var> outputs = Run(tape, *planner_, nullptr);
  positive_row_.clear();
  for (const uint32_t item : batch.items) positive_row_.push_back(planner_->place(0, item));
  negative_row_.clear();
  for (const uint32_t item : pairs.negatives) negative_row_.push_back(planner_->place(0, item));
  const Var query = Queries(tape, batch, pairs, outputs);
  Var loss = PairLosses(tape, batch, pairs, query, outputs[0]);
  loss = AddScaled(tape, loss, 1, HardLoss(tape, batch, pairs, query, outputs[0]), 1);
  if (o.l2 > 0) {
    const double scale = o.l2 / static_cast<double>(batch.rows());
    const auto add = [&](propagation::Parameter* table, std::span<const uint32_t> rows) {
      const Var norm =
          WeightedSquaredNorm(tape, GatherRows(tape, table, tape.Indices(rows)), Tensor{}, scale);
      loss = AddScaled(tape, loss, 1, norm, 1);
    };
    add(item_, planner_->level(0, 0));
    if (s.sage) add(user_, planner_->level(0, 1));
  }
  return loss;
}

// Lists of the nodes that each layer needs, drawn for this batch alone.
void ConvModel::DrawForBatch(const Batch& batch,
                             std::vector<std::vector<const NodeLists*>>* lists) {
  const int64_t layers = state_->options.layers;
  batch_lists_.resize(static_cast<size_t>(layers));
  std::vector<uint32_t> nodes = wanted_[0];
  for (int64_t k = layers - 1; k >= 0; --k) {
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    batch_lists_[k] = neighborhoods_->DrawFor(nodes, BatchDraw(batch, epoch_, k), workers_);
    (*lists)[k][0] = &batch_lists_[k];
    nodes.insert(nodes.end(), batch_lists_[k].item.begin(), batch_lists_[k].item.end());
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
