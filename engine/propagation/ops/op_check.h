// What the .cc files of operators share: checks of their inputs, which leave a sticky error on the
// tape that names the operator and the shapes, and the loop over rows. Not part of the interface.
#ifndef UNDULA_PROPAGATION_OPS_OP_CHECK_H_
#define UNDULA_PROPAGATION_OPS_OP_CHECK_H_

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#include "propagation/cuda/kernels.h"
#include "propagation/lane_group.h"
#include "propagation/row_order.h"
#include "propagation/simd/target.h"
#include "propagation/tape.h"

namespace undula::propagation {

// "float32 [3, 4]".
std::string Describe(const Tensor& tensor);

// True where the tape has no error and every Var is a value of the tape's float type.
bool Ready(Tape& tape, std::string_view op, std::initializer_list<Var> inputs);

// InvalidArgument "op: ..." on the tape.
template <class... Parts>
Var BadInput(Tape& tape, std::string_view op, const Parts&... parts) {
  return tape.Fail(InvalidArgumentError(op, ": ", parts...));
}

// u32 [n] with every value < limit; else an error on the tape and false. The values of a tensor in
// GPU memory are not read.
bool CheckRows(Tape& tape, std::string_view op, std::string_view name, const Tensor& rows,
               int64_t limit);
// i64 [n >= 1], ascending, last value <= end, first value 0 (or >= 0 with any_start).
bool CheckOffsets(Tape& tape, std::string_view op, std::string_view name, const Tensor& ptr,
                  int64_t end, bool any_start = false);
// The tape's float type, rank 1, n elements.
bool CheckFloats(Tape& tape, std::string_view op, std::string_view name, const Tensor& values,
                 int64_t n);

// Positions sorted by row, where the tape's operators run. On a GPU `distinct` is a bound: past the
// distinct rows, rows[s] is kNoRow (cuda/row_segments.h) and the segment is empty.
RowOrder SortRows(Tape& tape, const Tensor& ids, int64_t limit);

// Calls f(float{}) or f(double{}).
template <class F>
decltype(auto) WithFloat(DType dtype, F&& f) {
  return dtype == DType::kF64 ? f(double{}) : f(float{});
}

// range(begin, end) for parts of [0, n), in parallel as ForRows below. For tuned kernels.
template <class Range>
void ForRanges(TaskArena* workers, int64_t n, int64_t work_per_row, const Range& range) {
  constexpr int64_t kWorkPerTask = 1 << 15;
  const int64_t grain = std::max<int64_t>(1, kWorkPerTask / std::max<int64_t>(1, work_per_row));
  if (workers == nullptr || workers->threads() == 1 || n <= grain) {
    if (n > 0) range(int64_t{0}, n);
  } else {
    workers->For(n, grain, range);
  }
}

// body(LaneGroup, row) for the rows [begin, end), compiled once per instruction set. Row bodies are
// rounded operation by operation (-ffp-contract=off), so that all three give the same bits; what
// the compiler does not inline runs as baseline code.
template <class Body>
void RunRows(const Body& body, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) body(LaneGroup(), row);
}
#if defined(__x86_64__)
template <class Body>
[[gnu::target("avx2")]] void RunRowsAvx2(const Body& body, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) body(LaneGroup(), row);
}
template <class Body>
[[gnu::target("avx512f")]] void RunRowsAvx512(const Body& body, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) body(LaneGroup(), row);
}
#endif
template <class Body>
auto ChooseRunRows(simd::Target target = simd::BestTarget()) {
#if defined(__x86_64__)
  if (target == simd::Target::kAvx512) return &RunRowsAvx512<Body>;
  if (target == simd::Target::kAvx2) return &RunRowsAvx2<Body>;
#endif
  return &RunRows<Body>;
}

// body(LaneGroup, row) for all rows < n, in parallel where the Exec has workers and the work
// (`work_per_row` elementary operations) pays for it. Rows must not depend on each other.
template <class Body>
void ForRows(TaskArena* workers, int64_t n, int64_t work_per_row, const Body& body) {
  const auto run = ChooseRunRows<Body>();
  ForRanges(workers, n, work_per_row, [&](int64_t begin, int64_t end) { run(body, begin, end); });
}
// On a GPU the body's kernel; Unimplemented where it has none.
template <class Body>
void ForRows(Tape& tape, int64_t n, int64_t work_per_row, const Body& body) {
  if (tape.exec().on_gpu()) {
    if constexpr (kHasCuda && cuda::kHasKernel<Body>) {
      if (tape.status().ok() && n > 0) {
        tape.Check(cuda::RunRows(tape.exec().device()->queue(), n, body), "kernel launch");
      }
    } else {
      tape.Fail(UnimplementedError("this operator has no CUDA kernel for its type; use the cpu"));
    }
    return;
  }
  ForRows(tape.exec().workers(), n, work_per_row, body);
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_OP_CHECK_H_
