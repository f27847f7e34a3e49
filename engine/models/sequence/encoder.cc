#include "models/sequence/encoder.h"

#include "propagation/ops/bias.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gate_simd.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/gru_last_states.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/soft_read.h"

namespace undula::models {

using propagation::Init;
using propagation::ParameterSet;
using propagation::Reduce;
using propagation::Tape;
using propagation::Tensor;
using propagation::UpdateGate;
using propagation::Var;

Var Linear(Tape& tape, Var x, propagation::Parameter* w, propagation::Parameter* bias) {
  const Var y = propagation::MatMul(tape, x, tape.Use(w), true);
  return bias == nullptr ? y : propagation::AddBias(tape, y, tape.Use(bias));
}

void GraphEncoder::AddParameters(int64_t dim, Init init, uint64_t seed, ParameterSet* set) {
  const auto add = [&](const char* name, std::vector<int64_t> shape) {
    return set->Add(name, std::move(shape), false, init, seed);
  };
  w_in_ = add("gate_in", {3 * dim, dim});
  w_out_ = add("gate_out", {3 * dim, dim});
  w_hh_ = add("gate_hidden", {3 * dim, dim});
  b_ih_ = add("gate_bias", {1, 3 * dim});
  b_hh_ = add("gate_hidden_bias", {1, 3 * dim});
  b_in_ = add("edge_sum_in_bias", {1, dim});
  b_out_ = add("edge_sum_out_bias", {1, dim});
  edge_in_ = add("edge_in", {dim, dim});
  edge_in_bias_ = add("edge_in_bias", {1, dim});
  edge_out_ = add("edge_out", {dim, dim});
  edge_out_bias_ = add("edge_out_bias", {1, dim});
  one_ = add("attention_last", {dim, dim});
  one_bias_ = add("attention_last_bias", {1, dim});
  two_ = add("attention_node", {dim, dim});
  two_bias_ = add("attention_node_bias", {1, dim});
  three_ = add("attention", {1, dim});
  from_sum_ = add("session_sum", {dim, dim});
  from_last_ = add("session_last", {dim, dim});
  transform_bias_ = add("session_bias", {1, dim});
}

GraphTables GraphEncoder::Tables(Tape& tape, Var h) const {
  const Var w_in = tape.Use(w_in_), w_out = tape.Use(w_out_);
  const auto fold = [&](Var gate, propagation::Parameter* edge, propagation::Parameter* bias) {
    const Var weights = propagation::MatMul(tape, gate, tape.Use(edge));  // [3 d, d]
    const Var shift = propagation::MatMul(tape, tape.Use(bias), gate, true);
    return propagation::AddBias(tape, propagation::MatMul(tape, h, weights, true), shift);
  };
  GraphTables out;
  out.in = fold(w_in, edge_in_, edge_in_bias_);
  out.out = fold(w_out, edge_out_, edge_out_bias_);
  out.hidden = Linear(tape, h, w_hh_, b_hh_);
  out.state = h;
  out.bias = propagation::Add(
      tape, tape.Use(b_ih_),
      propagation::Add(tape, propagation::MatMul(tape, tape.Use(b_in_), w_in, true),
                       propagation::MatMul(tape, tape.Use(b_out_), w_out, true)));
  return out;
}

namespace {

// One step without gradients: all operators in one kernel, where there is one.
Var StepForScoring(Tape& tape, const GraphTables& tables, const SessionGraph& graph,
                   UpdateGate gate) {
  const Tensor state = tape.value(tables.state);
  const Tensor out = tape.NewTensor({graph.nodes(), state.cols()});
  const auto values = [&](Var v) { return tape.value(v).as<float>(); };
  propagation::GetGateKernels().graph_gates(
      {values(tables.in), values(tables.out), values(tables.bias), values(tables.hidden),
       state.as<float>(), graph.in_ptr.data(), graph.out_ptr.data(), graph.in_row.data(),
       graph.out_row.data(), graph.node_row.data(), out.as<float>(), state.cols(),
       gate == UpdateGate::kKeepsOld},
      0, graph.nodes());
  return tape.Constant(out);
}

bool HasScoringStep(Tape& tape, const GraphTables& tables) {
  return tape.only_scores() && tape.float_type() == DType::kF32 && !tape.exec().on_gpu() &&
         tape.value(tables.state).cols() % 16 == 0;
}

}  // namespace

Var GraphEncoder::Propagate(Tape& tape, const GraphTables& first, const SessionGraph& graph,
                            const SequenceOptions& options) const {
  const UpdateGate gate = options.gate == "paper" ? UpdateGate::kTakesNew : UpdateGate::kKeepsOld;
  if (options.steps == 1 && HasScoringStep(tape, first)) {
    return StepForScoring(tape, first, graph, gate);
  }
  const Tensor in_ptr = tape.Offsets(graph.in_ptr), out_ptr = tape.Offsets(graph.out_ptr);
  GraphTables tables = first;
  for (int64_t step = 0; step < options.steps; ++step) {
    const Tensor in = tape.Indices(step == 0 ? graph.in_row : graph.in_node);
    const Tensor out = tape.Indices(step == 0 ? graph.out_row : graph.out_node);
    const Var messages =
        propagation::Add(tape, SegmentReduce(tape, tables.in, in_ptr, in, Reduce::kMean),
                         SegmentReduce(tape, tables.out, out_ptr, out, Reduce::kMean));
    Var hidden = tables.hidden, state = tables.state;
    if (step == 0) {
      const Tensor rows = tape.Indices(graph.node_row);
      hidden = propagation::GatherRows(tape, hidden, rows);
      state = propagation::GatherRows(tape, state, rows);
    }
    const Var gi = propagation::AddBias(tape, messages, tables.bias);
    const Var h = propagation::GruGates(tape, gi, hidden, state, gate);
    if (step + 1 == options.steps) return h;
    tables = Tables(tape, h);
  }
  return Var{};
}

Var GraphEncoder::Encode(Tape& tape, const GraphTables& tables, const SessionGraph& graph,
                         const SequenceOptions& options) const {
  const Var h = Propagate(tape, tables, graph, options);
  return ReadOut(tape, h, Keys(tape, h), graph);
}

Var GraphEncoder::Keys(Tape& tape, Var h) const { return Linear(tape, h, two_, nullptr); }

Var GraphEncoder::ReadOut(Tape& tape, Var h, Var keys, const SessionGraph& graph) const {
  const Var last = propagation::GatherRows(tape, h, tape.Indices(graph.last_node));
  const Var query =
      propagation::AddBias(tape, Linear(tape, last, one_, one_bias_), tape.Use(two_bias_));
  const Var sum =
      propagation::SoftRead(tape, query, keys, h, tape.Use(three_), tape.Offsets(graph.slot_ptr),
                            tape.Indices(graph.slot_node), tape.Floats(graph.slot_count));
  return propagation::AddBias(tape,
                              propagation::Add(tape, Linear(tape, sum, from_sum_, nullptr),
                                               Linear(tape, last, from_last_, nullptr)),
                              tape.Use(transform_bias_));
}

void RecurrentEncoder::AddParameters(int64_t dim, int64_t hidden, Init init, uint64_t seed,
                                     ParameterSet* set) {
  w_ih_ = set->Add("gru_input", {3 * hidden, dim}, false, init, seed);
  w_hh_ = set->Add("gru_hidden", {hidden, 3 * hidden}, false, init, seed);
}

Var RecurrentEncoder::Table(Tape& tape, Var h) const { return Linear(tape, h, w_ih_, nullptr); }

Var RecurrentEncoder::Encode(Tape& tape, Var table, const SequencePlan& plan) const {
  if (tape.only_scores() && !tape.exec().on_gpu()) {  // a row for each history, after its end
    return propagation::GruLastStates(tape, table, tape.Indices(plan.event_row), tape.Use(w_hh_),
                                      tape.Offsets(plan.event_ptr), UpdateGate::kKeepsOld);
  }
  const Var gi = propagation::GatherRows(tape, table, tape.Indices(plan.event_row));
  const Var states = propagation::GruSequence(tape, gi, tape.Use(w_hh_), Var{},
                                              tape.Offsets(plan.event_ptr), UpdateGate::kKeepsOld);
  return propagation::GatherRows(tape, states, tape.Indices(plan.row_event));
}

Var RecurrentEncoder::Next(Tape& tape, Var table, uint32_t item, Var state) const {
  uint32_t* row = tape.arena().New<uint32_t>(1);
  *row = item;
  const Var gi = propagation::GatherRows(tape, table, tape.Indices({row, 1}));
  const Var gh = propagation::MatMul(tape, state, tape.Use(w_hh_));
  return propagation::GruGates(tape, gi, gh, state, UpdateGate::kKeepsOld);
}

}  // namespace undula::models
