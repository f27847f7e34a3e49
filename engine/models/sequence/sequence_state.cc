#include "models/sequence/sequence_state.h"

#include <algorithm>

#include "base/status.h"

namespace undula::models {

using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

Var Matrix(Tape& tape, std::span<const float> values, int64_t cols) {
  Tensor t = tape.Floats(values);
  t.rank = 2;
  t.shape[0] = static_cast<int64_t>(values.size()) / cols;
  t.shape[1] = cols;
  return tape.Constant(t);
}

}  // namespace

SequenceState::SequenceState(const SequenceModel* model, BindTables bind)
    : model_(model),
      bind_(std::move(bind)),
      exec_(nullptr),
      graph_(model->sequence_options().max_length) {}

absl::Status SequenceState::Add(ItemId item) {
  if (Index(item) >= model_->n_items()) {
    return NotFoundError("item ", Index(item), " is not known to the model (", model_->n_items(),
                         " items); train again or leave it out");
  }
  arena_.Reset();
  Tape tape(&exec_, &arena_);
  tape.OnlyScore();
  const SequenceModel::Tables tables = bind_(tape);
  if (model_->recurrent()) {
    AddToRecurrence(tape, tables, Index(item));
  } else {
    UNDULA_RETURN_IF_ERROR(AddToGraph(tape, tables, Index(item)));
  }
  if (model_->memory() != nullptr) {
    const Tensor events = tape.value(tables.memory.events), keys = tape.value(tables.memory.keys);
    values_.resize(static_cast<size_t>(keys.size()), 0.0f);
    KnowledgeMemory::Write(events.as<float>() + int64_t{Index(item)} * events.cols(), keys,
                           values_);
  }
  vector_.clear();
  any_ = true;
  return tape.status();
}

void SequenceState::AddToRecurrence(Tape& tape, const SequenceModel::Tables& tables,
                                    uint32_t item) {
  const int64_t d = model_->sequence_options().hidden;
  hidden_.resize(static_cast<size_t>(d), 0.0f);
  const Tensor next =
      tape.value(model_->recurrent()->Next(tape, tables.recurrent, item, Matrix(tape, hidden_, d)));
  if (tape.status().ok()) std::copy_n(next.as<float>(), d, hidden_.begin());
}

absl::Status SequenceState::AddToGraph(Tape& tape, const SequenceModel::Tables& tables,
                                       uint32_t item) {
  graph_.Add(item);
  const SequenceOptions& options = model_->sequence_options();
  if (options.steps > 1) return absl::OkStatus();
  const int64_t d = options.dim;
  graph_.Nodes(graph_.touched(), &nodes_);
  const Var h = model_->graph()->Propagate(tape, tables.graph, nodes_, options);
  const Tensor states = tape.value(h), keys = tape.value(model_->graph()->Keys(tape, h));
  UNDULA_RETURN_IF_ERROR(tape.status());
  node_state_.resize(static_cast<size_t>(graph_.slots() * d));
  node_key_.resize(node_state_.size());
  for (size_t i = 0; i < graph_.touched().size(); ++i) {
    const int64_t from = static_cast<int64_t>(i) * d, to = int64_t{graph_.touched()[i]} * d;
    std::copy_n(states.as<float>() + from, d, node_state_.begin() + to);
    std::copy_n(keys.as<float>() + from, d, node_key_.begin() + to);
  }
  return absl::OkStatus();
}

Var SequenceState::GraphState(Tape& tape, const SequenceModel::Tables& tables) {
  const SequenceOptions& options = model_->sequence_options();
  if (options.steps > 1) return WindowState(tape, tables);
  graph_.Row(&row_);
  return model_->graph()->ReadOut(tape, Matrix(tape, node_state_, options.dim),
                                  Matrix(tape, node_key_, options.dim), row_);
}

Var SequenceState::WindowState(Tape& tape, const SequenceModel::Tables& tables) {
  std::vector<ItemId> window;
  for (const uint32_t item : graph_.events()) window.push_back(ItemId{item});
  const std::span<const ItemId> histories[] = {window};
  SequencePlanner::PlanHistories(histories, model_->n_items(), 0, &plan_);
  compiler_.Compile(plan_, false, &row_);
  return model_->graph()->Encode(tape, tables.graph, row_, model_->sequence_options());
}

absl::StatusOr<std::span<const float>> SequenceState::Vector() {
  if (!any_) return FailedPreconditionError("the sequence has no event; add at least one");
  if (!vector_.empty()) return vector_;
  arena_.Reset();
  Tape tape(&exec_, &arena_);
  tape.OnlyScore();
  const SequenceModel::Tables tables = bind_(tape);
  const Var state = model_->recurrent() != nullptr
                        ? Matrix(tape, hidden_, static_cast<int64_t>(hidden_.size()))
                        : GraphState(tape, tables);
  Var row = state;
  if (model_->memory() != nullptr) {
    const KnowledgeMemory& memory = *model_->memory();
    row = memory.Combine(tape, state, memory.ReadValues(tape, state, tables.memory.keys, values_));
  } else {
    row = model_->Output(tape, state);
  }
  const Tensor out = tape.value(row);
  UNDULA_RETURN_IF_ERROR(tape.status());
  vector_.assign(out.as<float>(), out.as<float>() + out.size());
  return vector_;
}

}  // namespace undula::models
