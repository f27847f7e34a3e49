// Ward's clustering of many small sets of vectors on a GPU (ward_chain.h): the merges of
// models/pinnersage/ward.h for float32, bit for bit and tie by tie.
#ifndef UNDULA_PROPAGATION_OPS_WARD_H_
#define UNDULA_PROPAGATION_OPS_WARD_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "propagation/exec.h"
#include "propagation/uploads.h"

namespace undula::propagation {

inline constexpr int64_t kMostWardPoints = 1024;  // of a set, on a GPU

struct WardLink {
  uint32_t a, b;  // a point of each of the two clusters, counted within its set; a < b
  float height;
};

// Which vectors are clustered: set s has the points [ptr[s], ptr[s + 1]).
struct WardSets {
  std::span<const int64_t> ptr;     // [sets + 1], from 0 on
  std::span<const uint32_t> row;    // [points]
  std::span<const uint32_t> count;  // [points], how often each occurs
};

// One thread at a time, as the Exec, which must outlive it.
class DeviceWard {
 public:
  // rows: [n, dim], copied. Unavailable: exec is on the CPU; ResourceExhausted: out of GPU memory.
  static absl::StatusOr<std::unique_ptr<DeviceWard>> Create(Exec* exec, std::span<const float> rows,
                                                            int64_t dim);
  // Whether sets of so many points can be clustered here.
  bool Fits(int64_t points) const;
  // links: as many as points. The n - 1 merges of set s, in the order of the chain, begin at
  // ptr[s]; the place behind them has no meaning. Sets of similar size, largest first, go best
  // together. InvalidArgument: a set that does not fit, or spans that do not; rows are not checked.
  absl::Status Link(const WardSets& sets, std::vector<WardLink>* links);

 private:
  DeviceWard(Exec* exec, int64_t dim) : exec_(exec), dim_(dim), uploads_(exec->device()) {}

  Exec* exec_;
  int64_t dim_;
  Uploads uploads_;
  const float* rows_ = nullptr;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_WARD_H_
