// From the events of a batch to a vector for each of its rows: the gated session graph of SR-GNN in
// folded form, or a gated recurrent unit. The scorer uses the same code with one row.
#ifndef UNDULA_MODELS_SEQUENCE_ENCODER_H_
#define UNDULA_MODELS_SEQUENCE_ENCODER_H_

#include <cstdint>

#include "models/sequence/options.h"
#include "models/sequence/sequences.h"
#include "models/sequence/session_graph.h"
#include "propagation/ops/gru.h"
#include "propagation/parameters.h"
#include "propagation/tape.h"

namespace undula::models {

// One layer of gates over a session graph, folded: the products with the edge layer's weights and
// the gates' input weights are one, so that a node's gates are means of rows of a table:
//   gi_p = mean over predecessors of in_table + mean over successors of out_table + bias
//   gh_p = row p of hidden_table
// (docs/models/srgnn.md has the algebra.)
struct GraphTables {
  propagation::Var in, out;  // [m, 3 d], with their biases
  propagation::Var hidden;   // [m, 3 d]
  propagation::Var state;    // [m, d]
  propagation::Var bias;     // [3 d]
};

// Which of the encoders a model has, and its parameters. Parameters belong to `set`.
class GraphEncoder {
 public:
  void AddParameters(int64_t dim, propagation::Init init, uint64_t seed,
                     propagation::ParameterSet* set);
  // Tables for the rows of h [m, d].
  GraphTables Tables(propagation::Tape& tape, propagation::Var h) const;
  // The session vectors [B, d] of the graph's rows; `tables` are of the items' vectors.
  propagation::Var Encode(propagation::Tape& tape, const GraphTables& tables,
                          const SessionGraph& graph, const SequenceOptions& options) const;
  // The state of each node after the steps, [P, d].
  propagation::Var Propagate(propagation::Tape& tape, const GraphTables& tables,
                             const SessionGraph& graph, const SequenceOptions& options) const;
  // What Encode does after that: the keys of nodes [P, d], then the session vectors of the graph's
  // rows from the nodes' states and keys.
  propagation::Var Keys(propagation::Tape& tape, propagation::Var h) const;
  propagation::Var ReadOut(propagation::Tape& tape, propagation::Var h, propagation::Var keys,
                           const SessionGraph& graph) const;

 private:
  propagation::Parameter *w_in_, *w_out_, *w_hh_, *b_ih_, *b_hh_, *b_in_, *b_out_;
  propagation::Parameter *edge_in_, *edge_in_bias_, *edge_out_, *edge_out_bias_;
  propagation::Parameter *one_, *one_bias_, *two_, *two_bias_, *three_;
  propagation::Parameter *from_sum_, *from_last_, *transform_bias_;
};

class RecurrentEncoder {
 public:
  void AddParameters(int64_t dim, int64_t hidden, propagation::Init init, uint64_t seed,
                     propagation::ParameterSet* set);
  // The input part of the gates for item vectors h [m, d]: [m, 3 hidden].
  propagation::Var Table(propagation::Tape& tape, propagation::Var h) const;
  // The states after the rows' last events, [B, hidden].
  propagation::Var Encode(propagation::Tape& tape, propagation::Var table,
                          const SequencePlan& plan) const;
  // The state [1, hidden] after one more event, of `item`, from that before it.
  propagation::Var Next(propagation::Tape& tape, propagation::Var table, uint32_t item,
                        propagation::Var state) const;

 private:
  propagation::Parameter *w_ih_, *w_hh_;
};

// x W^T (+ bias): a linear layer, W [out, in].
propagation::Var Linear(propagation::Tape& tape, propagation::Var x, propagation::Parameter* w,
                        propagation::Parameter* bias);

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_ENCODER_H_
