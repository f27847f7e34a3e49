#include "models/convolution/layers.h"

#include <cmath>
#include <numeric>

#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/linear.h"
#include "propagation/ops/row_normalize.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/spmm.h"

namespace undula::models {

using propagation::Activation;
using propagation::Init;
using propagation::Linear;
using propagation::Parameter;
using propagation::ParameterSet;
using propagation::SparseRows;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

SparseRows RowsOf(Tape& tape, const ConvLayer& layer) {
  return {tape.Offsets(layer.ptr), tape.Indices(layer.src), tape.Offsets(layer.in_ptr),
          tape.Indices(layer.in_row), tape.Indices(layer.in_entry)};
}

}  // namespace

Var ConvLayers::Value(Tape& tape, Parameter* parameter) const {
  return frozen_ ? tape.Constant(parameter->value) : tape.Use(parameter);
}

void ConvLayers::AddParameters(const LayerOptions& options, int types, double scale, uint64_t seed,
                               ParameterSet* set) {
  options_ = options;
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t cols) {
    const double glorot = std::sqrt(6.0 / static_cast<double>(rows + cols));
    return set->Add(name, {rows, cols}, false, Init{Init::Kind::kUniform, scale * glorot}, seed);
  };
  const auto vector = [&](const std::string& name, int64_t n) {
    return set->Add(name, {n}, false, Init{}, seed);
  };
  weights_.assign(static_cast<size_t>(options.layers), std::vector<Weights>(types));
  for (int64_t k = 0; k < options.layers; ++k) {
    for (int t = 0; t < types; ++t) {
      const std::string prefix = t == 0 ? "" : "user_", layer = "_" + std::to_string(k);
      const auto name = [&](const char* part) { return prefix + part + layer; };
      const int64_t in = k == 0 ? options.in_dim : options.dim;
      Weights& w = weights_[k][t];
      const auto lstm = [&](int64_t inputs, int64_t d) {
        w.lstm[0] = matrix(name("lstm_input"), 4 * d, inputs);
        w.lstm[1] = matrix(name("lstm_hidden"), 4 * d, d);
        w.lstm[2] = vector(name("lstm_input_bias"), 4 * d);
        w.lstm[3] = vector(name("lstm_hidden_bias"), 4 * d);
      };
      if (!options.sage) {
        w.pool = matrix(name("q"), options.hidden, in);
        w.pool_bias = vector(name("q_bias"), options.hidden);
        if (options.pooling == Pooling::kLstm) lstm(options.hidden, options.hidden);
        w.self = matrix(name("self"), options.dim, in);
        w.neighbor = matrix(name("pooled"), options.dim, options.hidden);
        w.bias = vector(name("bias"), options.dim);
        continue;
      }
      const bool pools =
          options.aggregator == Aggregator::kMaxPool || options.aggregator == Aggregator::kMeanPool;
      if (pools) {
        w.pool = matrix(name("pool"), options.hidden, in);
        w.pool_bias = vector(name("pool_bias"), options.hidden);
      }
      const bool is_lstm = options.aggregator == Aggregator::kLstm;
      if (is_lstm) lstm(in, options.hidden);
      if (options.aggregator != Aggregator::kGcn) w.self = matrix(name("self"), options.dim, in);
      w.neighbor = matrix(name("neighbor"), options.dim, pools || is_lstm ? options.hidden : in);
    }
  }
  if (options.sage || !options.head) return;
  head1_ = matrix("head_1", options.dim, options.dim);
  head_bias_ = vector("head_bias", options.dim);
  head2_ = matrix("head_2", options.dim, options.dim);
}

Var ConvLayers::Lstm(Tape& tape, const Weights& w, const ConvLayer& layer, Var x,
                     ConvScratch* scratch) const {
  return propagation::LstmLastStates(tape, x, layer.ptr, layer.src,
                                     {Value(tape, w.lstm[0]), Value(tape, w.lstm[1]),
                                      Value(tape, w.lstm[2]), Value(tape, w.lstm[3])},
                                     &scratch->lstm);
}

Var ConvLayers::Mean(Tape& tape, const ConvLayer& layer, Var x, Var own,
                     ConvScratch* scratch) const {
  const int64_t extra = own.valid() ? 1 : 0;
  scratch->shares.clear();
  scratch->own_shares.clear();
  for (int64_t row = 0; row < layer.rows(); ++row) {
    const int64_t n = layer.ptr[row + 1] - layer.ptr[row];
    const float share = 1.0f / static_cast<float>(n + extra);
    scratch->shares.insert(scratch->shares.end(), static_cast<size_t>(n), share);
    scratch->own_shares.push_back(share);
  }
  const Var mean = Spmm(tape, x, tape.Constant(tape.Floats(scratch->shares)), RowsOf(tape, layer));
  if (!own.valid()) return mean;
  // The own rows as a matrix with one entry a row.
  scratch->own.resize(static_cast<size_t>(layer.rows()));
  std::iota(scratch->own.begin(), scratch->own.end(), 0u);
  scratch->own_ptr.resize(scratch->own.size() + 1);
  std::iota(scratch->own_ptr.begin(), scratch->own_ptr.end(), int64_t{0});
  const Tensor ptr = tape.Offsets(scratch->own_ptr), rows = tape.Indices(scratch->own);
  const Var scaled = Spmm(tape, own, tape.Constant(tape.Floats(scratch->own_shares)),
                          {ptr, rows, ptr, rows, rows});
  return Add(tape, scaled, mean);
}

Var ConvLayers::Project(Tape& tape, int k, Var below) const {
  const Weights& w = weights_[k][0];
  return Linear(tape, below, Value(tape, w.pool), Value(tape, w.pool_bias), Activation::kRelu);
}

Var ConvLayers::Update(Tape& tape, int k, const ConvLayer& layer, Var own, Var y,
                       ConvScratch* scratch) const {
  const Weights& w = weights_[k][0];
  Var n;
  switch (options_.pooling) {
    case Pooling::kImportance:
      n = Spmm(tape, y, tape.Constant(tape.Floats(layer.weight)), RowsOf(tape, layer));
      break;
    case Pooling::kMean:
      n = Mean(tape, layer, y, Var{}, scratch);
      break;
    case Pooling::kMax:
      n = SegmentReduce(tape, y, tape.Offsets(layer.ptr), tape.Indices(layer.src),
                        propagation::Reduce::kMax);
      break;
    case Pooling::kLstm:
      n = Lstm(tape, w, layer, y, scratch);
      break;
  }
  const Var r = Linear(tape, own, Value(tape, w.self), n, Value(tape, w.neighbor),
                       Value(tape, w.bias), Activation::kRelu);
  return RowNormalize(tape, r);
}

Var ConvLayers::SageLayer(Tape& tape, const Weights& w, const ConvLayer& layer, bool last, Var own,
                          Var below, ConvScratch* scratch) const {
  const Activation act = last ? Activation::kNone : Activation::kRelu;
  Var aggregate, out;
  switch (options_.aggregator) {
    case Aggregator::kGcn:
      aggregate = Mean(tape, layer, below, own, scratch);
      out = Linear(tape, aggregate, Value(tape, w.neighbor), Var{}, act);
      return last || options_.normalize_every ? RowNormalize(tape, out) : out;
    case Aggregator::kMean:
      aggregate = Mean(tape, layer, below, Var{}, scratch);
      break;
    case Aggregator::kMaxPool:
    case Aggregator::kMeanPool: {
      const Var y =
          Linear(tape, below, Value(tape, w.pool), Value(tape, w.pool_bias), Activation::kRelu);
      aggregate = options_.aggregator == Aggregator::kMeanPool
                      ? Mean(tape, layer, y, Var{}, scratch)
                      : SegmentReduce(tape, y, tape.Offsets(layer.ptr), tape.Indices(layer.src),
                                      propagation::Reduce::kMax);
      break;
    }
    case Aggregator::kLstm:
      aggregate = Lstm(tape, w, layer, below, scratch);
      break;
  }
  out = Linear(tape, own, Value(tape, w.self), aggregate, Value(tape, w.neighbor), Var{}, act);
  return last || options_.normalize_every ? RowNormalize(tape, out) : out;
}

Var ConvLayers::Layer(Tape& tape, int k, int type, const ConvLayer& layer, Var own, Var below,
                      ConvScratch* scratch) const {
  if (!layer.all_of_below) {
    own = propagation::GatherRows(tape, own, tape.Indices(layer.self));
  }
  const Weights& w = weights_[k][type];
  return options_.sage ? SageLayer(tape, w, layer, k + 1 == options_.layers, own, below, scratch)
                       : Update(tape, k, layer, own, Project(tape, k, below), scratch);
}

Var ConvLayers::Head(Tape& tape, Var h) const {
  if (head1_ == nullptr) return h;
  const Var hidden =
      Linear(tape, h, Value(tape, head1_), Value(tape, head_bias_), Activation::kRelu);
  return Linear(tape, hidden, Value(tape, head2_), Var{}, Activation::kNone);
}

std::vector<Var> ConvLayers::Forward(Tape& tape, const ConvPlanner& plan, std::vector<Var> inputs,
                                     std::vector<std::vector<ConvScratch>>* scratch,
                                     std::vector<Var>* trace) const {
  scratch->resize(static_cast<size_t>(plan.layers()));
  for (int k = 0; k < plan.layers(); ++k) {
    std::vector<Var> outputs;
    (*scratch)[k].resize(static_cast<size_t>(plan.types()));
    for (int t = 0; t < plan.types(); ++t) {
      outputs.push_back(Layer(tape, k, t, plan.layer(k, t), inputs[t], inputs[plan.NeighborType(t)],
                              &(*scratch)[k][t]));
    }
    inputs = std::move(outputs);
    if (trace != nullptr) trace->push_back(inputs[0]);
  }
  inputs[0] = Head(tape, inputs[0]);
  return inputs;
}

}  // namespace undula::models
