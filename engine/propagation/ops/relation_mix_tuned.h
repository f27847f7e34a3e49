// The tuned float32 CPU path of RelationMix (ops/relation_mix.h): kernels of
// relation_mix_train_simd.h over tiles of groups. Not part of the interface.
#ifndef UNDULA_PROPAGATION_OPS_RELATION_MIX_TUNED_H_
#define UNDULA_PROPAGATION_OPS_RELATION_MIX_TUNED_H_

#include "propagation/ops/relation_mix.h"

namespace undula::propagation {

struct RelationMixContext {
  Var q, relations, values, base;
  RelationSlots slots;
  Tensor weight_ptr, weights;
  Var weights_var, out;
  int64_t max_slots;
  double scale, gain;
  Activation activation;
  // exp(scale query . relation) of every query with every relation, up to a factor of the query, in
  // rows of TableWidth columns: the attention is looked up there and the gradient goes through such
  // a table, too. Null: each row has its own query and works its own dot products.
  const float* table;
};

// For float32 on the CPU, q and values of a multiple of 16 columns, no sigmoid.
bool IsTunedMix(Tape& tape, int64_t d, int64_t m, Activation activation);
// The table, or null where it would be larger than what is read from it, or where scores of a query
// lie so far apart (e^69) that it would not hold them all.
const float* TunedMixTable(Tape& tape, const Tensor& q, const Tensor& relations, int64_t n_weights,
                           double scale);
void TunedMixForward(Tape& tape, const RelationMixContext& c, const Tensor& out);
void TunedMixBackward(Tape& tape, Var output, const RelationMixContext& c);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_RELATION_MIX_TUNED_H_
