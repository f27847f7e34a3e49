// The state of one user whose events come one by one. What an event costs does not depend on how
// many came before it:
//   recurrent unit (gru4rec, ksr): one cell, O(hidden^2);
//   memory (ksr, kgsr): the value matrix in its direct form, O(relations kb_dim);
//   session graph of one step (sr_gnn, kgsr): at most four nodes anew, O(dim^2); its read-out goes
//   over the nodes of the window, O(max_length dim), when a vector is asked for. With more steps
//   the window's graph is rebuilt then.
// The recurrent state and the memory have seen every event since the state began, as with
// max_length = 0; the graph sees the latest max_length. Up to max_length events the vector is that
// of the history as a whole, to the rounding of its sums.
#ifndef UNDULA_MODELS_SEQUENCE_SEQUENCE_STATE_H_
#define UNDULA_MODELS_SEQUENCE_SEQUENCE_STATE_H_

#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/scorer.h"
#include "models/sequence/sequence_model.h"
#include "models/sequence/sliding_graph.h"
#include "propagation/arena.h"
#include "propagation/exec.h"

namespace undula::models {

// Belongs to one thread at a time.
class SequenceState final : public QueryState {
 public:
  // The model's tables over all items as constants of a tape.
  using BindTables = std::function<SequenceModel::Tables(propagation::Tape& tape)>;

  // `model` (of float32) and what `bind` reads must outlive it.
  SequenceState(const SequenceModel* model, BindTables bind);

  // NotFound: an item that the model does not know; the state is as before.
  absl::Status Add(ItemId item) override;
  absl::StatusOr<std::span<const float>> Vector() override;

 private:
  absl::Status AddToGraph(propagation::Tape& tape, const SequenceModel::Tables& tables,
                          uint32_t item);
  void AddToRecurrence(propagation::Tape& tape, const SequenceModel::Tables& tables, uint32_t item);
  propagation::Var GraphState(propagation::Tape& tape, const SequenceModel::Tables& tables);
  propagation::Var WindowState(propagation::Tape& tape, const SequenceModel::Tables& tables);

  const SequenceModel* model_;
  BindTables bind_;
  propagation::Exec exec_;
  propagation::Arena arena_;
  SlidingGraph graph_;
  std::vector<float> node_state_, node_key_;  // [slots, dim], of one step
  std::vector<float> hidden_;                 // of the recurrent unit
  std::vector<float> values_;                 // [relations, kb_dim]
  std::vector<float> vector_;                 // of the events so far; empty: not made yet
  SequencePlan plan_;
  SessionGraphCompiler compiler_;
  SessionGraph nodes_, row_;
  bool any_ = false;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_SEQUENCE_STATE_H_
