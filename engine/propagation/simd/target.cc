#include "propagation/simd/target.h"

namespace undula::propagation::simd {
namespace {

Target Detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return Target::kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Target::kAvx2;
#endif
  return Target::kScalar;
}

}  // namespace

Target BestTarget() {
  static const Target target = Detect();
  return target;
}

const char* TargetName(Target target) {
  switch (target) {
    case Target::kAvx512:
      return "avx512";
    case Target::kAvx2:
      return "avx2";
    case Target::kScalar:
      break;
  }
  return "scalar";
}

}  // namespace undula::propagation::simd
