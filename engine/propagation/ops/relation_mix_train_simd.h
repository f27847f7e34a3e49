// Tuned float32 CPU kernels of RelationMix (ops/relation_mix.h), forward and backward, group by
// group; its row bodies are their oracle. For d and m multiples of 16.
// Every row is a fixed sequence of fused multiply-adds: equal bits on the scalar, AVX2 and AVX-512
// targets.
#ifndef UNDULA_PROPAGATION_OPS_RELATION_MIX_TRAIN_SIMD_H_
#define UNDULA_PROPAGATION_OPS_RELATION_MIX_TRAIN_SIMD_H_

#include <cstdint>

#include "propagation/ops/activation.h"
#include "propagation/simd/target.h"

namespace undula::propagation {

struct MixTrainArgs {
  const int64_t* row_ptr = nullptr;
  const int64_t* slot_ptr = nullptr;
  const int64_t* weight_ptr = nullptr;  // of each group's packed weights
  const uint32_t* relation = nullptr;
  const uint32_t* value_row = nullptr;  // null: slot s has value s
  const float* count = nullptr;         // null: all 1
  int64_t d = 0, m = 0;
  const float* q = nullptr;
  const float* relations = nullptr;
  const float* values = nullptr;
  const float* base = nullptr;  // null: 0
  // Null: the attention is computed from q and relations, row r with query r. Else it is looked up:
  // table [Q, table_width] has exp(scale q . relation) up to a factor of the query; row r has query
  // query_row[r] (null: r).
  const float* table = nullptr;
  int64_t table_width = 0;
  const uint32_t* query_row = nullptr;
  float scale = 1, gain = 1;
  Activation activation = Activation::kNone;  // not kSigmoid
  float* weights = nullptr;
  float* out = nullptr;
  // Of the backward pass. Gradients are added to; null: not wanted.
  const float* g_out = nullptr;
  const float* dweights = nullptr;  // packed as weights; null: 0
  float* dq = nullptr;
  float* dbase = nullptr;
  float* dslot = nullptr;      // of each slot's value, [S, m]
  float* drelation = nullptr;  // [R, d]
  float* dscore = nullptr;  // of each weight's q . relation, packed as weights, set; with a table
};

// Floats of scratch that groups of up to max_slots slots need.
int64_t MixTrainScratch(int64_t max_slots, int64_t d, int64_t m);

struct MixTrainKernels {
  // Groups [begin, end).
  void (*forward)(const MixTrainArgs& args, int64_t begin, int64_t end, float* scratch);
  void (*backward)(const MixTrainArgs& args, int64_t begin, int64_t end, float* scratch);
};

const MixTrainKernels& GetMixTrainKernels(simd::Target target = simd::BestTarget());

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_RELATION_MIX_TRAIN_SIMD_H_
