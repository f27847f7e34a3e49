// Tuned float32 CPU kernels of GruGates, SoftRead and the forward pass of MemoryRead, for widths
// that are multiples of 16; their row bodies (gru_row.h, soft_read_row.h, key_value_memory_row.h)
// are their oracles, to 1e-5. The same bits on every instruction set.
#ifndef UNDULA_PROPAGATION_OPS_GATE_SIMD_H_
#define UNDULA_PROPAGATION_OPS_GATE_SIMD_H_

#include <cstdint>

#include "propagation/ops/gru_row.h"
#include "propagation/ops/key_value_memory_row.h"
#include "propagation/ops/soft_read_row.h"
#include "propagation/simd/target.h"

namespace undula::propagation {

// The states of nodes of a graph after one step from the rows of tables
// (models/sequence/encoder.h), the sum of operators SegmentReduce (means), Add, AddBias, GatherRows
// and GruGates in one go and with their bits. For scoring: it has no backward.
struct GraphGatesRow {
  const float *in, *out;             // [m, 3 d]
  const float* bias;                 // [3 d]
  const float *hidden, *state;       // [m, 3 d], [m, d]
  const int64_t *in_ptr, *out_ptr;   // [P + 1]
  const uint32_t *in_row, *out_row;  // rows of `in` and `out`
  const uint32_t* node_row;          // [P], rows of `hidden` and `state`
  float* to;                         // [P, d]
  int64_t d;
  bool keeps_old;
};

inline constexpr int64_t kMaxMemoryKeys = 128;

// The rows [begin, end) of the row bodies.
struct GateKernels {
  void (*gates)(const GruGatesRow<float>& args, int64_t begin, int64_t end);
  void (*gates_backward)(const GruGatesBackwardRow<float>& args, int64_t begin, int64_t end);
  // At most kMaxMemoryKeys keys. padded: scratch, 2 floats for each event and key, keys rounded up
  // to a multiple of 16.
  void (*memory_scan)(const MemoryScanRow<float>& args, float* padded, int64_t begin, int64_t end);
  // key_columns [d, keys rounded up as above]: the keys, transposed, zeros behind them.
  // args.scratch is not used.
  void (*memory_read)(const MemoryReadRow<float>& args, const float* key_columns, int64_t begin,
                      int64_t end);
  void (*graph_gates)(const GraphGatesRow& args, int64_t begin, int64_t end);
  void (*read)(const SoftReadRow<float>& args, int64_t begin, int64_t end);
  void (*read_backward)(const SoftReadBackwardRow<float>& args, int64_t begin, int64_t end);
};

const GateKernels& GetGateKernels(simd::Target target = simd::BestTarget());

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GATE_SIMD_H_
