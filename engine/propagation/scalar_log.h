// Scalars of a tape that outlive its step: losses, which on a GPU stay there until somebody asks,
// so that no step waits for the device.
#ifndef UNDULA_PROPAGATION_SCALAR_LOG_H_
#define UNDULA_PROPAGATION_SCALAR_LOG_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "propagation/exec.h"
#include "propagation/memory.h"
#include "propagation/tape.h"

namespace undula::propagation {

// Not thread-safe. exec must outlive it.
class ScalarLog {
 public:
  static constexpr int64_t kOnDevice = 256;  // scalars; then they are read, which waits

  explicit ScalarLog(Exec* exec) : exec_(exec) {}

  // Appends the value of v, a scalar of a tape on `exec`. An error is the tape's.
  void Add(Tape& tape, Var v);
  // Reads the values so far where n more have no room on the device.
  absl::Status MakeRoom(int64_t n);
  // Puts all values since the last call into *out, in order, and takes its memory in exchange.
  absl::Status Take(std::vector<double>* out);

 private:
  absl::Status Read();

  Exec* exec_;
  Memory device_;      // float [kOnDevice]
  int64_t there_ = 0;  // values that are on the device only
  std::vector<double> values_;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_SCALAR_LOG_H_
