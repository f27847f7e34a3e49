// Tuned float32 CPU kernels of group attention (ops/group_attention.h): what the operator runs for
// float32, and what RippleNet's scorer runs over all items. A group's slots are first laid out
// twice
// ([columns][slots] and [slots][columns], padded to 16); then every row is a fixed sequence of
// fused multiply-adds, whatever block of rows it is worked in. So the bits of a row depend on its
// query and its slots only, and are equal on the scalar, AVX2 and AVX-512 targets.
#ifndef UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_SIMD_H_
#define UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_SIMD_H_

#include <cstdint>

#include "propagation/arena.h"
#include "propagation/simd/target.h"

namespace undula::propagation {

constexpr int64_t PadTo16(int64_t n) { return (n + 15) / 16 * 16; }

// The slots of one group, laid out for the kernels. Padding is zero (bias: a large negative
// number).
struct AttentionSlots {
  int64_t slots = 0, slot_pad = 0;  // slot_pad = PadTo16(slots)
  int64_t key_cols = 0, key_pad = 0;
  int64_t value_cols = 0, value_pad = 0;
  float* key_t = nullptr;    // [key_cols][slot_pad]
  float* value = nullptr;    // [slot_pad][value_pad]
  float* key = nullptr;      // [slot_pad][key_pad]
  float* value_t = nullptr;  // [value_cols][slot_pad]
  float* count = nullptr;    // [slot_pad], 0 in padding
  float* bias = nullptr;     // [slot_pad], 0; -3e38 in padding
};

// Which of the four arrays are wanted; the others stay null.
enum SlotArrays : unsigned {
  kKeyT = 1,
  kValue = 2,
  kKey = 4,
  kValueT = 8,
  kForwardArrays = kKeyT | kValue,
  kBackwardArrays = kKey | kValueT,
};

// Room for up to max_slots slots, in the arena.
AttentionSlots AllocateAttentionSlots(int64_t max_slots, int64_t key_cols, int64_t value_cols,
                                      unsigned arrays, Arena& arena);
// Lays out n slots: slot i has the key keys[key_row[i]] and the value values[value_row[i]]; a null
// row array means row i, a null count means 1.
void FillAttentionSlots(const float* keys, const uint32_t* key_row, const float* values,
                        const uint32_t* value_row, const float* count, int64_t n,
                        AttentionSlots* slots, simd::Target target = simd::BestTarget());

// One kernel set per instruction set. Matrices are row-major with the given leading dimensions;
// pointers need no alignment. n_slots may be 0: outputs are then zero.
struct AttentionKernels {
  // Reads key_t and value. weights[r] = attention of query row r over the slots (columns [0,
  // slot_pad); zero in padding), out[r] = its mean value, value_pad columns are written. ldw >=
  // slot_pad.
  void (*forward)(const AttentionSlots& slots, const float* q, int64_t ldq, int64_t rows,
                  float* weights, int64_t ldw, float* out, int64_t ldo);
  // Reads key and value_t. Adds to dq [rows][key_pad], dkey [slot_pad][key_pad] and dvalue
  // [slot_pad][value_pad]. q and dout must be readable for key_pad and value_pad columns (zero
  // beyond key_cols, value_cols); scratch: rows * slot_pad floats.
  void (*backward)(const AttentionSlots& slots, const float* q, int64_t ldq, const float* weights,
                   int64_t ldw, const float* dout, int64_t ldo, int64_t rows, float* dq,
                   int64_t lddq, float* dkey, float* dvalue, float* scratch);
  // out[r] = sum_j x[r][j] m[j], j ascending: rows times a matrix of `in` rows and `out_pad` (a
  // multiple of 16) columns.
  void (*multiply)(const float* x, int64_t ldx, int64_t rows, const float* m, int64_t in,
                   int64_t out_pad, float* out, int64_t ldo);
  // out[r] = a[r] . b[r] over `cols` (a multiple of 16) columns.
  void (*row_dot)(const float* a, int64_t lda, const float* b, int64_t ldb, int64_t rows,
                  int64_t cols, float* out);
  // As multiply, but adds to out.
  void (*multiply_add)(const float* x, int64_t ldx, int64_t rows, const float* m, int64_t in,
                       int64_t out_pad, float* out, int64_t ldo);
  // Gathers n rows of x [.., cols], row row[i] (null: i), into to [slot_pad][PadTo16(cols)] and,
  // transposed, into to_t [cols][slot_pad]; zero in padding. Either may be null.
  void (*lay_out)(const float* x, const uint32_t* row, int64_t n, int64_t cols, int64_t slot_pad,
                  float* to, float* to_t);
  // out[row[i]] += x[i], i ascending: rows of `cols` columns, ldx apart in x.
  void (*add_rows)(const float* x, int64_t ldx, int64_t n, int64_t cols, const uint32_t* row,
                   float* out);
  // Turns rows of logits [slot_pad] into the slots' weights, in place: forward's, bit for bit.
  void (*softmax)(const AttentionSlots& slots, int64_t rows, float* logits, int64_t ld);
};

// Falls back to the scalar set where the build or the processor lacks the target.
const AttentionKernels& GetAttentionKernels(simd::Target target = simd::BestTarget());

// The whole operator. Arrays as in GroupSlots; count may be null (all 1).
struct GroupAttentionArgs {
  int64_t groups = 0;
  const int64_t* row_ptr = nullptr;   // [groups + 1]; query rows are row_ptr - row_ptr[0]
  const int64_t* slot_ptr = nullptr;  // [groups + 1]
  const uint32_t* key_row = nullptr;
  const uint32_t* value_row = nullptr;
  const float* count = nullptr;
  int64_t key_cols = 0, value_cols = 0;
  const float* q = nullptr;       // [n, key_cols]
  const float* keys = nullptr;    // [P, key_cols]
  const float* values = nullptr;  // [U, value_cols]
};

// Writes out [n, value_cols] and weights (packed: rows of a group one after the other, each with
// the group's slots; needed by the backward pass).
void GroupAttentionForward(const GroupAttentionArgs& args, float* out, float* weights,
                           Arena& scratch, simd::Target target = simd::BestTarget());
// Adds to dq, dkeys and dvalues (any of them may be null: not wanted), groups and slots in order.
void GroupAttentionBackward(const GroupAttentionArgs& args, const float* weights, const float* dout,
                            float* dq, float* dkeys, float* dvalues, Arena& scratch,
                            simd::Target target = simd::BestTarget());

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GROUP_ATTENTION_SIMD_H_
