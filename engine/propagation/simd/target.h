// Which instruction set tuned float32 kernels use. All give the same bits (simd/v16.h), so this is
// a matter of speed only.
#ifndef UNDULA_PROPAGATION_SIMD_TARGET_H_
#define UNDULA_PROPAGATION_SIMD_TARGET_H_

#include <cstdint>

namespace undula::propagation::simd {

enum class Target : uint8_t { kScalar = 0, kAvx2 = 1, kAvx512 = 2 };

// The best target that this processor and this build have; found once. Thread-safe.
Target SupportedTarget();
// The target that kernels use unless a call names one: that of the environment variable UNDULA_SIMD
// (scalar, avx2 or avx512), read once, where it names one that is supported (simd/request.h says
// what is wrong where it does not); else SupportedTarget(). Thread-safe.
Target BestTarget();
const char* TargetName(Target target);

}  // namespace undula::propagation::simd

#endif  // UNDULA_PROPAGATION_SIMD_TARGET_H_
