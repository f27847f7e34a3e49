#include "models/sequence/memory.h"

#include <algorithm>

#include "models/sequence/encoder.h"
#include "propagation/lane_group.h"
#include "propagation/math_row.h"
#include "propagation/ops/bias.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/key_value_memory.h"
#include "propagation/ops/matmul.h"
#include "propagation/ops/segment_reduce.h"
#include "propagation/ops/segment_softmax_row.h"

namespace undula::models {

using propagation::Init;
using propagation::Parameter;
using propagation::ParameterSet;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

void Fill(std::span<const float> values, int64_t first, Parameter* p) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (p->value.dtype == DType::kF64) {
      p->value.as<double>()[first + static_cast<int64_t>(i)] = static_cast<double>(values[i]);
    } else {
      p->value.as<float>()[first + static_cast<int64_t>(i)] = values[i];
    }
  }
}

Tensor Matrix(Tape& tape, std::span<const float> values, int64_t rows, int64_t cols) {
  Tensor t = tape.Floats(values);
  t.rank = 2;
  t.shape[0] = rows;
  t.shape[1] = cols;
  return t;
}

}  // namespace

void KnowledgeMemory::AddParameters(const SequenceOptions& options, int64_t state_dim,
                                    const KnowledgeBase& base, Init init, uint64_t seed,
                                    ParameterSet* set) {
  options_ = &options;
  base_ = &base;
  const int64_t k = base.dim, d = options.dim;
  const auto add = [&](const char* name, int64_t rows, int64_t cols) {
    return set->Add(name, {rows, cols}, false, init, seed);
  };
  learned_row_.assign(base.linked.size(), 0);
  uint32_t unlinked = 0;
  for (size_t i = 0; i < base.linked.size(); ++i) {
    if (base.linked[i] == 0) learned_row_[i] = unlinked++;
  }
  if (options.kb_trainable == "none") {
    if (unlinked > 0) unlinked_ = add("unlinked_entity", unlinked, k);
  } else {
    entity_ = add("entity", base.items(), k);
    for (int64_t i = 0; i < base.items(); ++i) {
      if (base.linked[i] == 0) continue;
      Fill(std::span(base.entity).subspan(i * k, k), i * k, entity_);
    }
  }
  if (options.kb_trainable == "all") {
    relation_ = add("relation", base.relations(), k);
    Fill(base.relation, 0, relation_);
  }
  if (options.write == "transformed") {
    write_ = add("write", k, k);
    write_bias_ = add("write_bias", 1, k);
  }
  query_ = add("query", k, state_dim);
  query_bias_ = add("query_bias", 1, k);
  from_memory_ = add("user_memory", d, k);
  if (options.combine != "sum") {
    from_state_ = add("user_state", d, state_dim);
    user_bias_ = add("user_bias", 1, d);
  }
  if (options.output_layer) {
    output_ = add("user_output", d, d);
    output_bias_ = add("user_output_bias", 1, d);
  }
  if (options.item_side != "item") {
    item_ = add("item_side", d, d);
    item_entity_ = add("item_side_entity", d, k);
    item_bias_ = add("item_side_bias", 1, d);
  }
}

Var KnowledgeMemory::Entities(Tape& tape, std::span<const uint32_t> items) const {
  if (entity_ != nullptr) {
    return propagation::GatherRows(tape, tape.Use(entity_), tape.Indices(items));
  }
  const int64_t k = base_->dim, n = static_cast<int64_t>(items.size());
  float* fixed = tape.arena().New<float>(static_cast<size_t>(n * k));
  int64_t* learned_ptr = tape.arena().New<int64_t>(static_cast<size_t>(n + 1));
  uint32_t* learned_src = tape.arena().New<uint32_t>(static_cast<size_t>(n));
  int64_t learned = learned_ptr[0] = 0;
  for (int64_t i = 0; i < n; ++i) {
    std::copy_n(base_->entity.begin() + int64_t{items[i]} * k, k, fixed + i * k);
    if (base_->linked[items[i]] == 0) learned_src[learned++] = learned_row_[items[i]];
    learned_ptr[i + 1] = learned;
  }
  const Var known = tape.Constant(Matrix(tape, {fixed, static_cast<size_t>(n * k)}, n, k));
  if (unlinked_ == nullptr || learned == 0) return known;
  return propagation::Add(
      tape, known,
      propagation::SegmentReduce(
          tape, tape.Use(unlinked_), tape.Offsets({learned_ptr, static_cast<size_t>(n + 1)}),
          tape.Indices({learned_src, static_cast<size_t>(learned)}), propagation::Reduce::kSum));
}

MemoryTables KnowledgeMemory::Tables(Tape& tape, Var entities) const {
  MemoryTables out;
  out.events = entities;
  if (write_ != nullptr) {
    out.events = propagation::Tanh(tape, Linear(tape, entities, write_, write_bias_));
  }
  out.keys = relation_ != nullptr
                 ? tape.Use(relation_)
                 : tape.Constant(Matrix(tape, base_->relation, base_->relations(), base_->dim));
  out.products = propagation::MatMul(tape, out.events, out.keys, true);
  return out;
}

Var KnowledgeMemory::ItemSide(Tape& tape, Var vectors, std::span<const uint32_t> items) const {
  if (item_ == nullptr) return vectors;
  const Var y = propagation::AddBias(
      tape,
      propagation::Add(tape, Linear(tape, vectors, item_, nullptr),
                       Linear(tape, Entities(tape, items), item_entity_, nullptr)),
      tape.Use(item_bias_));
  return options_->item_side == "tanh" ? propagation::Tanh(tape, y) : y;
}

Var KnowledgeMemory::Query(Tape& tape, Var state) const {
  const Var query = Linear(tape, state, query_, query_bias_);
  return options_->query == "tanh" ? propagation::Tanh(tape, query) : query;
}

Var KnowledgeMemory::ReadOnly(Tape& tape, const MemoryTables& tables, Var state,
                              const SequencePlan& plan, Tensor* weights) const {
  const Var query = Query(tape, state);
  const Tensor rows = tape.Indices(plan.event_row);
  const propagation::MemoryPlan reads{tape.Offsets(plan.event_ptr), tape.Offsets(plan.row_ptr),
                                      tape.Indices(plan.row_event), options_->truncation};
  return propagation::MemoryRead(tape, propagation::GatherRows(tape, tables.events, rows),
                                 propagation::GatherRows(tape, tables.products, rows), tables.keys,
                                 query, options_->gamma, reads, weights);
}

Var KnowledgeMemory::Read(Tape& tape, const MemoryTables& tables, Var state,
                          const SequencePlan& plan) const {
  return Combine(tape, state, ReadOnly(tape, tables, state, plan, nullptr));
}

Var KnowledgeMemory::Combine(Tape& tape, Var state, Var memory) const {
  const Var part = Linear(tape, memory, from_memory_, nullptr);
  if (from_state_ == nullptr) return propagation::Add(tape, state, part);
  Var y = propagation::AddBias(
      tape, propagation::Add(tape, Linear(tape, state, from_state_, nullptr), part),
      tape.Use(user_bias_));
  if (options_->combine == "concat_tanh") y = propagation::Tanh(tape, y);
  if (output_ != nullptr) y = propagation::Tanh(tape, Linear(tape, y, output_, output_bias_));
  return y;
}

void KnowledgeMemory::Write(const float* event, const Tensor& keys, std::span<float> values) {
  const int64_t k = keys.cols();
  const propagation::LaneGroup lanes;
  for (int64_t a = 0; a < keys.rows(); ++a) {
    const float* key = keys.as<float>() + a * k;
    float* v = values.data() + a * k;
    const float gate =
        propagation::SigmoidOf(lanes.Sum(k, [&](int64_t c) { return v[c] * (event[c] + key[c]); }));
    lanes.ForEach(k, [&](int64_t c) { v[c] += gate * (event[c] + key[c] - v[c]); });
  }
}

Var KnowledgeMemory::ReadValues(Tape& tape, Var state, Var keys,
                                std::span<const float> values) const {
  const Tensor query = tape.value(Query(tape, state)), key = tape.value(keys);
  if (!tape.status().ok()) return Var{};
  const int64_t k = key.cols(), relations = key.rows();
  const propagation::LaneGroup lanes;
  float* weights = tape.arena().New<float>(static_cast<size_t>(relations));
  for (int64_t a = 0; a < relations; ++a) {
    const float *q = query.as<float>(), *r = key.as<float>() + a * k;
    weights[a] =
        static_cast<float>(options_->gamma) * lanes.Sum(k, [&](int64_t c) { return q[c] * r[c]; });
  }
  propagation::SoftmaxInPlace(lanes, weights, relations, static_cast<const float*>(nullptr));
  const Tensor out = tape.NewZero({1, k});
  lanes.AddRows(
      out.as<float>(), k, relations, [&](int64_t a) { return weights[a]; },
      [&](int64_t a) { return values.data() + a * k; });
  return tape.Constant(out);
}

}  // namespace undula::models
