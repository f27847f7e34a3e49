// The one portability macro of code that runs on the CPU and in CUDA kernels: row bodies, the
// random generator, small numeric helpers. Such code uses no Abseil, no containers, no allocation.
#ifndef UNDULA_BASE_HD_H_
#define UNDULA_BASE_HD_H_

#ifdef __CUDACC__
#define UNDULA_HD __host__ __device__ inline
#else
#define UNDULA_HD inline
#endif

#endif  // UNDULA_BASE_HD_H_
