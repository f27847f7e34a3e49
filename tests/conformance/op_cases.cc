#include "tests/conformance/op_cases.h"

#include <utility>

#include "propagation/ops/attention_read.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/gru.h"
#include "propagation/ops/key_value_memory.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/lstm.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/row_normalize.h"
#include "propagation/ops/segment_attention.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/segment_softmax.h"
#include "propagation/ops/spmm.h"

namespace undula::propagation {
namespace {

Values ToValues(const OracleTensor& t) { return Values{t.shape, t.data}; }

// The parameter as a leaf, remembered for its gradient.
Var Parameter(const Oracle& oracle, OpRun& run, OpCaseRun* out, const std::string& name) {
  return out->parameters[name] = run.Leaf(ToValues(oracle.parameters.at(name)));
}
Tensor Ids(const Oracle& oracle, OpRun& run, const std::string& name) {
  return run.Ids(oracle.inputs.at(name).ids());
}
Tensor Offsets(const Oracle& oracle, OpRun& run, const std::string& name) {
  return run.Offsets(oracle.inputs.at(name).integers());
}
Var Upstream(const Oracle& oracle, OpRun& run, Var output, const std::string& name = "upstream") {
  return run.Weighted(output, oracle.inputs.at(name).data);
}
double Rows(const Oracle& oracle, const std::string& parameter) {
  return static_cast<double>(oracle.parameters.at(parameter).shape[0]);
}

void Gather(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const Var table = Parameter(oracle, run, out, "table");
  const Var y = GatherRows(run.tape(), table, Ids(oracle, run, "rows"));
  out->outputs["output"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
  // The row-sparse form, from an embedding table of the same values.
  ParameterSet set(run.tape().float_type());
  propagation::Parameter* sparse =
      set.Add("table", oracle.parameters.at("table").shape, true, Init{}, 0);
  const std::vector<double>& values = oracle.parameters.at("table").data;
  for (size_t i = 0; i < values.size(); ++i) {
    if (run.tape().float_type() == DType::kF64) {
      sparse->value.as<double>()[i] = values[i];
    } else {
      sparse->value.as<float>()[i] = static_cast<float>(values[i]);
    }
  }
  Exec exec(nullptr);
  Tape tape(&exec, &run.arena(), run.tape().float_type());
  const Var z = GatherRows(tape, sparse, Ids(oracle, run, "rows"));
  tape.AddGradient(z, run.Floats(ToValues(oracle.inputs.at("upstream"))));
  tape.BackwardAll();
  const SparseGradient& gradient = sparse->sparse.at(0);
  const uint32_t* rows = gradient.rows.as<uint32_t>();
  out->outputs["unique_rows"].assign(rows, rows + gradient.rows.size());
  out->outputs["summed"] = OpRun::Read(gradient.values);
}

void RelationGemvCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const Var R = Parameter(oracle, run, out, "R"), x = Parameter(oracle, run, out, "x");
  const Var y = RelationGemv(run.tape(), R, x, Ids(oracle, run, "edge_relations"),
                             Ids(oracle, run, "edge_sources"), false);
  out->outputs["output"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
}

void AttentionReadCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const Var q = Parameter(oracle, run, out, "queries"), k = Parameter(oracle, run, out, "keys");
  const Var memory = Parameter(oracle, run, out, "memory");
  Tensor weights;
  const Var y = AttentionRead(run.tape(), q, k, memory, oracle.number("gamma"), &weights);
  out->outputs["weights"] = OpRun::Read(weights);
  out->outputs["output"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
}

void SegmentReduceCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  Tape& tape = run.tape();
  const Var x = Parameter(oracle, run, out, "x");
  const Tensor ptr = Offsets(oracle, run, "ptr"), src = Ids(oracle, run, "src");
  const std::pair<const char*, Reduce> forms[] = {
      {"sum", Reduce::kSum}, {"mean", Reduce::kMean}, {"max", Reduce::kMax}};
  for (const auto& [name, reduce] : forms) {
    const Var y = SegmentReduce(tape, x, ptr, src, reduce);
    out->outputs[name] = run.Value(y);
    out->loss =
        AddScaled(tape, out->loss, 1, Upstream(oracle, run, y, std::string("upstream_") + name), 1);
  }
}

void SegmentSoftmaxCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const Var logits = Parameter(oracle, run, out, "logits");
  const Var y = SegmentSoftmax(run.tape(), logits, Offsets(oracle, run, "ptr"));
  out->outputs["weights"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
}

void SegmentAttentionCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const Var q = Parameter(oracle, run, out, "queries"), k = Parameter(oracle, run, out, "keys");
  const Var v = Parameter(oracle, run, out, "values");
  Tensor weights;
  const Var y = SegmentAttention(run.tape(), q, k, v, Offsets(oracle, run, "ptr"),
                                 Ids(oracle, run, "src"), oracle.number("scale"), &weights);
  out->outputs["weights"] = OpRun::Read(weights);
  out->outputs["output"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
}

void RowNormalizeCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const Var y = RowNormalize(run.tape(), Parameter(oracle, run, out, "x"));
  out->outputs["output"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
}

// The loss of every row alone, by one call per row.
template <class Loss>
void PerRow(OpRun& run, int64_t rows, std::vector<double>* out, const Loss& loss) {
  for (int64_t i = 0; i < rows; ++i) {
    out->push_back(run.Value(loss(run.Ids({static_cast<uint32_t>(i)}), i))[0]);
  }
}

void BceLogitsCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  Tape& tape = run.tape();
  const Var x = Parameter(oracle, run, out, "logits");
  const std::vector<double>& labels = oracle.inputs.at("labels").data;
  const auto n = static_cast<int64_t>(labels.size());
  out->loss = BceLogits(tape, x, run.Floats(labels), static_cast<double>(n));
  PerRow(run, n, &out->outputs["per_row"], [&](const Tensor& row, int64_t i) {
    return BceLogits(tape, GatherRows(tape, x, row), run.Floats(std::vector<double>{labels[i]}), 1);
  });
}

void PairLossCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  Tape& tape = run.tape();
  const Var pos = Parameter(oracle, run, out, "pos_scores");
  const Var neg = Parameter(oracle, run, out, "neg_scores");
  const double n = Rows(oracle, "pos_scores");
  out->loss = PairLoss(tape, pos, neg, n);
  PerRow(run, static_cast<int64_t>(n), &out->outputs["per_pair"], [&](const Tensor& row, int64_t) {
    return PairLoss(tape, GatherRows(tape, pos, row), GatherRows(tape, neg, row), 1);
  });
}

void SoftmaxCrossEntropyCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  Tape& tape = run.tape();
  const Var x = Parameter(oracle, run, out, "logits");
  const std::vector<uint32_t> targets = oracle.inputs.at("targets").ids();
  out->loss = SoftmaxCrossEntropy(tape, x, run.Ids(targets), Rows(oracle, "logits"));
  PerRow(run, static_cast<int64_t>(targets.size()), &out->outputs["per_row"],
         [&](const Tensor& row, int64_t i) {
           return SoftmaxCrossEntropy(tape, GatherRows(tape, x, row), run.Ids({targets[i]}), 1);
         });
}

void GruCellCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const auto parameter = [&](const char* name) { return Parameter(oracle, run, out, name); };
  const Var x = parameter("x"), h = parameter("h");
  const Var w_ih = parameter("w_ih"), w_hh = parameter("w_hh");
  const Var y = GruCell(run.tape(), x, h, w_ih, w_hh, parameter("b_ih"), parameter("b_hh"),
                        UpdateGate::kKeepsOld);
  out->outputs["h_next"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
}

void LstmCellCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const auto parameter = [&](const char* name) { return Parameter(oracle, run, out, name); };
  const Var x = parameter("x");
  const LstmState before = {parameter("h"), parameter("c")};
  const Var w_ih = parameter("w_ih"), w_hh = parameter("w_hh");
  const LstmState after =
      LstmCell(run.tape(), x, before, {w_ih, w_hh, parameter("b_ih"), parameter("b_hh")});
  out->outputs["h_next"] = run.Value(after.h);
  out->outputs["c_next"] = run.Value(after.c);
  out->loss = AddScaled(run.tape(), Upstream(oracle, run, after.h, "upstream_h"), 1,
                        Upstream(oracle, run, after.c, "upstream_c"), 1);
}

void SpmmCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const Var x = Parameter(oracle, run, out, "x");
  const std::vector<int64_t> ptr = oracle.inputs.at("ptr").integers();
  const std::vector<uint32_t> src = oracle.inputs.at("src").ids();
  std::vector<int64_t> in_ptr = {0};
  std::vector<uint32_t> in_row, in_entry;
  for (uint32_t j = 0; j < run.tape().value(x).rows(); ++j) {
    for (uint32_t i = 0; i + 1 < ptr.size(); ++i) {
      for (int64_t e = ptr[i]; e < ptr[i + 1]; ++e) {
        if (src[e] != j) continue;
        in_row.push_back(i);
        in_entry.push_back(static_cast<uint32_t>(e));
      }
    }
    in_ptr.push_back(static_cast<int64_t>(in_row.size()));
  }
  const Var y = Spmm(
      run.tape(), x, Parameter(oracle, run, out, "weights"),
      {run.Offsets(ptr), run.Ids(src), run.Offsets(in_ptr), run.Ids(in_row), run.Ids(in_entry)});
  out->outputs["output"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
}

// Their memories are [memory, slot, d]: here one list of values.
void MemoryWriteCase(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  const OracleTensor& updates = oracle.parameters.at("updates");
  const auto& shape = updates.shape;
  const Var x = run.Leaf(Values{{shape[0], shape[1] * shape[2], shape[3]}, updates.data});
  out->parameters["updates"] = x;
  const Var y = MemoryWrite(run.tape(), x);
  out->outputs["output"] = run.Value(y);
  out->loss = Upstream(oracle, run, y);
}

// Compositions of the operators above.

void InfoNce(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  Tape& tape = run.tape();
  const Var a = RowNormalize(tape, Parameter(oracle, run, out, "view1"));
  const Var b = RowNormalize(tape, Parameter(oracle, run, out, "view2"));
  const Var logits = Scale(tape, MatMul(tape, a, b, true), 1 / oracle.number("tau"));
  std::vector<uint32_t> diagonal;
  for (int64_t i = 0; i < tape.value(logits).rows(); ++i) {
    diagonal.push_back(static_cast<uint32_t>(i));
  }
  out->outputs["logits"] = run.Value(logits);
  out->loss = SoftmaxCrossEntropy(tape, logits, run.Ids(diagonal), Rows(oracle, "view1"));
}

void BilinearDiscriminator(const Oracle& oracle, OpRun& run, OpCaseRun* out) {
  Tape& tape = run.tape();
  const Var h = Parameter(oracle, run, out, "h"), B = Parameter(oracle, run, out, "B");
  const Var corrupted = Parameter(oracle, run, out, "h_corrupted");
  const int64_t n = tape.value(h).rows();
  const Var summary =
      Sigmoid(tape, SegmentReduce(tape, h, run.Offsets({0, n}), Tensor{}, Reduce::kMean));
  const Var projected = MatMul(tape, summary, B, true);  // (B s)^T
  const Var repeated = GatherRows(tape, projected, run.Ids(std::vector<uint32_t>(n, 0)));
  const Var good = RowDot(tape, h, repeated), bad = RowDot(tape, corrupted, repeated);
  out->outputs["summary"] = run.Value(summary);
  out->outputs["logits"] = run.Value(good);
  out->outputs["logits_corrupted"] = run.Value(bad);
  const double rows = static_cast<double>(n);
  out->loss = AddScaled(tape, BceLogits(tape, good, run.Floats(std::vector<double>(n, 1)), rows), 1,
                        BceLogits(tape, bad, run.Floats(std::vector<double>(n, 0)), rows), 1);
}

constexpr OpCase kCases[] = {
    {"attention_read", AttentionReadCase},
    {"bce_logits", BceLogitsCase},
    {"bilinear_discriminator", BilinearDiscriminator},
    {"gather", Gather},
    {"gru_cell", GruCellCase},
    {"infonce", InfoNce},
    {"lstm_cell", LstmCellCase},
    {"memory_write", MemoryWriteCase},
    {"pair_loss", PairLossCase},
    {"relation_gemv", RelationGemvCase},
    {"row_normalize", RowNormalizeCase},
    {"segment_attention", SegmentAttentionCase},
    {"segment_reduce", SegmentReduceCase},
    {"segment_softmax", SegmentSoftmaxCase},
    {"softmax_cross_entropy", SoftmaxCrossEntropyCase},
    {"spmm", SpmmCase},
};

}  // namespace

std::span<const OpCase> OpCases() { return kCases; }

const OpCase* FindOpCase(std::string_view name) {
  for (const OpCase& c : kCases) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

}  // namespace undula::propagation
