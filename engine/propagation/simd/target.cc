#include "propagation/simd/target.h"

#include <cstdlib>

#include "base/status.h"
#include "propagation/simd/request.h"

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

std::string_view Requested() {
  const char* value = std::getenv("UNDULA_SIMD");
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

Target SupportedTarget() {
  static const Target target = Detect();
  return target;
}

Target BestTarget() {
  static const Target target = FindTarget(Requested()).value_or(SupportedTarget());
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

absl::StatusOr<Target> FindTarget(std::string_view name) {
  if (name.empty()) return SupportedTarget();
  for (const Target target : {Target::kScalar, Target::kAvx2, Target::kAvx512}) {
    if (name != TargetName(target)) continue;
    if (target <= SupportedTarget()) return target;
    return FailedPreconditionError("UNDULA_SIMD=", name, ": this processor or this build has only ",
                                   TargetName(SupportedTarget()),
                                   "; unset UNDULA_SIMD to use that");
  }
  return InvalidArgumentError("UNDULA_SIMD=", name, ": use scalar, avx2 or avx512, or unset it");
}

absl::Status CheckRequest() { return FindTarget(Requested()).status(); }

std::string DescribeTarget() {
  const absl::Status request = CheckRequest();
  if (!request.ok()) return Concat(TargetName(BestTarget()), " (", Message(request), ")");
  if (Requested().empty()) return TargetName(BestTarget());
  return Concat(TargetName(BestTarget()), " (forced by UNDULA_SIMD; the processor has ",
                TargetName(SupportedTarget()), ")");
}

}  // namespace undula::propagation::simd
