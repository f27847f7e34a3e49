#include "propagation/cuda/vector.h"

#include "base/hd.h"
#include "propagation/cuda/warp_group.h"

namespace undula::propagation::cuda {
namespace {

struct AddVector {
  const float* x;
  float* out;
  UNDULA_HD void operator()(int64_t i) const { out[i] += x[i]; }
};
struct AddScalar {
  float constant;
  float* out;
  UNDULA_HD void operator()(int64_t i) const { out[i] += constant; }
};

}  // namespace

int AddTo(const Queue& queue, const float* x, float* out, int64_t n) {
  return ForEach(queue, n, AddVector{x, out});
}

int AddConstant(const Queue& queue, float constant, float* out, int64_t n) {
  return ForEach(queue, n, AddScalar{constant, out});
}

}  // namespace undula::propagation::cuda
