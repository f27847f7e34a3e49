// The layers of PinSAGE and GraphSAGE over a plan (plan.h): parameters and forward pass.
//
// PinSAGE (Ying et al., KDD 2018, algorithm 1), per layer k:
//   y_v = ReLU(Q_k h_v + q_k);  n_u = pool over N(u) of y_v;
//   h_u' = normalise(ReLU(Ws_k h_u + Wn_k n_u + w_k))
//   head: z_u = G2 ReLU(G1 h_u^K + g)
// pool: "importance" sum of alpha_uv y_v, "mean", "max" (elementwise), "lstm" (last state over the
// list in its order). W of the paper is [Ws, Wn]: its product with a concatenation is two products.
//
// GraphSAGE (Hamilton, Ying, Leskovec, NIPS 2017, algorithm 1), sum form of the combination:
//   h_u' = act(Ws_k h_u + Wn_k AGG_u), act = ReLU, none in the last layer
//   AGG: "mean" of h_v; "gcn" mean of h_u and h_v, without the Ws term; "max_pool", "mean_pool" of
//   ReLU(P_k h_v + p_k); "lstm" last state over h_v in list order
//   then rows of length 1, after every layer or only after the last one
//
// An empty list pools to zero (gcn: to h_u alone). Zero rows stay zero. The two types of a
// bipartite GraphSAGE have weights of their own.
#ifndef UNDULA_MODELS_CONVOLUTION_LAYERS_H_
#define UNDULA_MODELS_CONVOLUTION_LAYERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "models/convolution/plan.h"
#include "propagation/ops/lstm.h"
#include "propagation/parameters.h"
#include "propagation/tape.h"

namespace undula::models {

enum class Pooling : uint8_t { kImportance, kMean, kMax, kLstm };
enum class Aggregator : uint8_t { kMean, kGcn, kMaxPool, kMeanPool, kLstm };

struct LayerOptions {
  bool sage = false;
  int64_t layers = 2, in_dim = 64, hidden = 64, dim = 64;
  Pooling pooling = Pooling::kImportance;     // PinSAGE
  bool head = true;                           // PinSAGE
  Aggregator aggregator = Aggregator::kMean;  // GraphSAGE
  bool normalize_every = false;               // GraphSAGE: after every layer, not only the last
};

// Host memory of one layer and type that the tensors of a tape refer to.
struct ConvScratch {
  propagation::LstmScratch lstm;
  std::vector<float> shares, own_shares;
  std::vector<uint32_t> own;
  std::vector<int64_t> own_ptr;
};

// Const calls are thread-safe, each with scratch memory and a tape of its own.
class ConvLayers {
 public:
  // Adds the parameters: "q_K", "q_bias_K", "self_K", "pooled_K", "bias_K" for K = 0 .. layers - 1,
  // "head_1", "head_bias", "head_2"; GraphSAGE "self_K", "neighbor_K" and, by aggregator,
  // "pool_K", "pool_bias_K" or "lstm_*_K". With two types those of type 1 begin with "user_".
  // Lstm pooling adds "lstm_*_K" too.
  void AddParameters(const LayerOptions& options, int types, double scale, uint64_t seed,
                     propagation::ParameterSet* set);

  // From now on parameters are constants of a tape: for passes without a gradient, whose layers
  // need no transpose.
  void Freeze() { frozen_ = true; }

  // inputs[t]: rows of planner.level(0, t). Returns the outputs, one per type, for the rows of the
  // last level; PinSAGE's of type 0 after the head. `trace`, where given, gets every layer's output
  // of type 0. The plan and the scratch memory must stay until the tape is reset.
  std::vector<propagation::Var> Forward(propagation::Tape& tape, const ConvPlanner& plan,
                                        std::vector<propagation::Var> inputs,
                                        std::vector<std::vector<ConvScratch>>* scratch,
                                        std::vector<propagation::Var>* trace = nullptr) const;
  // One layer k of nodes of one type, from the rows of the level below of that type and of their
  // neighbors' type; and what follows the last layer.
  propagation::Var Layer(propagation::Tape& tape, int k, int type, const ConvLayer& layer,
                         propagation::Var own, propagation::Var below, ConvScratch* scratch) const;
  propagation::Var Head(propagation::Tape& tape, propagation::Var h) const;
  // The two halves of a PinSAGE layer: y of every row below, and what a row makes of its own vector
  // and of the y of its neighbors.
  propagation::Var Project(propagation::Tape& tape, int k, propagation::Var below) const;
  propagation::Var Update(propagation::Tape& tape, int k, const ConvLayer& layer,
                          propagation::Var own, propagation::Var y, ConvScratch* scratch) const;
  int64_t layers() const { return options_.layers; }

 private:
  struct Weights {
    propagation::Parameter *self = nullptr, *neighbor = nullptr, *bias = nullptr;
    propagation::Parameter *pool = nullptr, *pool_bias = nullptr;  // Q, q or P, p
    propagation::Parameter* lstm[4] = {};                          // w_ih, w_hh, b_ih, b_hh
  };
  propagation::Var SageLayer(propagation::Tape& tape, const Weights& w, const ConvLayer& layer,
                             bool last, propagation::Var own, propagation::Var below,
                             ConvScratch* scratch) const;
  // With `own`: of the list and the own row.
  propagation::Var Mean(propagation::Tape& tape, const ConvLayer& layer, propagation::Var x,
                        propagation::Var own, ConvScratch* scratch) const;
  propagation::Var Lstm(propagation::Tape& tape, const Weights& w, const ConvLayer& layer,
                        propagation::Var x, ConvScratch* scratch) const;

  propagation::Var Value(propagation::Tape& tape, propagation::Parameter* parameter) const;

  LayerOptions options_;
  bool frozen_ = false;
  std::vector<std::vector<Weights>> weights_;  // [layer][type]
  propagation::Parameter *head1_ = nullptr, *head_bias_ = nullptr, *head2_ = nullptr;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_LAYERS_H_
