// What the .cc files of GruGates and SoftRead share: the tuned kernel in the place of ForRows where
// there is one (float32 on the CPU, whole vectors). Not part of the interface.
#ifndef UNDULA_PROPAGATION_OPS_GATE_ROWS_H_
#define UNDULA_PROPAGATION_OPS_GATE_ROWS_H_

#include <type_traits>

#include "propagation/ops/op_check.h"

namespace undula::propagation {

// whole: all widths are multiples of 16.
template <class Body, class Kernel>
void ForGateRows(Tape& tape, int64_t n, int64_t work_per_row, bool whole, const Body& body,
                 Kernel kernel) {
  if constexpr (std::is_invocable_v<Kernel, const Body&, int64_t, int64_t>) {
    if (whole && !tape.exec().on_gpu()) {
      ForRanges(tape.exec().workers(), n, work_per_row,
                [&](int64_t begin, int64_t end) { kernel(body, begin, end); });
      return;
    }
  }
  ForRows(tape, n, work_per_row, body);
}

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_GATE_ROWS_H_
