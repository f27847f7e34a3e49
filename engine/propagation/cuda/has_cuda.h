// Whether this build has the CUDA bodies of the operators. UNDULA_HAS_CUDA comes from CMake
// (cmake/UndulaTargets.cmake); tests that compile the sources for the emulator have them too. Code
// of operators writes `if constexpr (kHasCuda)` around what calls propagation/cuda: in a build
// without CUDA nothing of that folder is linked. Include this from .cc files only.
#ifndef UNDULA_PROPAGATION_CUDA_HAS_CUDA_H_
#define UNDULA_PROPAGATION_CUDA_HAS_CUDA_H_

namespace undula::propagation {

#ifdef UNDULA_SIMT_EMULATOR
inline constexpr bool kHasCuda = true;
#else
inline constexpr bool kHasCuda = UNDULA_HAS_CUDA != 0;
#endif

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_CUDA_HAS_CUDA_H_
