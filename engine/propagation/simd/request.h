// The environment variable UNDULA_SIMD, which forces an instruction set. Not for kernel bodies:
// they include simd/target.h only (simd/v16.h says why).
#ifndef UNDULA_PROPAGATION_SIMD_REQUEST_H_
#define UNDULA_PROPAGATION_SIMD_REQUEST_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "propagation/simd/target.h"

namespace undula::propagation::simd {

// The target of this name. InvalidArgument: no such name; FailedPrecondition: this processor or
// this build lacks it. An empty name gives SupportedTarget().
absl::StatusOr<Target> FindTarget(std::string_view name);

// What is wrong with UNDULA_SIMD, if something is: FindTarget's error. Thread-safe.
absl::Status CheckRequest();

// For `undula --version`: the target in use, whether it is forced, and what the processor has.
std::string DescribeTarget();

}  // namespace undula::propagation::simd

#endif  // UNDULA_PROPAGATION_SIMD_REQUEST_H_
