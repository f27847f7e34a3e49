// Whether this build has the CUDA bodies of the operators. UNDULA_HAS_CUDA comes from CMake
// (cmake/UndulaTargets.cmake; the emulator's test build sets it to 1). Code of operators writes
// `if constexpr (kHasCuda)` around what calls propagation/cuda: in a build without CUDA nothing of
// that folder is linked. Include this from .cc files only.
#ifndef UNDULA_PROPAGATION_CUDA_HAS_CUDA_H_
#define UNDULA_PROPAGATION_CUDA_HAS_CUDA_H_

namespace undula::propagation {

inline constexpr bool kHasCuda = UNDULA_HAS_CUDA != 0;

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_CUDA_HAS_CUDA_H_
