// The forward pass of KGCN and KGNN-LS: layers, L2 and label smoothness on one tape.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/status.h"
#include "models/kgcn/kgcn.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_mix.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/weight_sum.h"

namespace undula::models {

using propagation::Activation;
using propagation::RelationSlots;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

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

}  // namespace undula::models
