#include "propagation/cuda/blas.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include "propagation/cuda/runtime.h"

namespace undula::propagation::cuda {
namespace {

// The entry points that are used, resolved once per process.
struct Cublas {
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasDestroy_v2) destroy = nullptr;
  decltype(&cublasSetStream_v2) set_stream = nullptr;
  decltype(&cublasSetWorkspace_v2) set_workspace = nullptr;
  decltype(&cublasSetMathMode) set_math_mode = nullptr;
  decltype(&cublasSgemm_v2) sgemm = nullptr;
  std::string why;

  Cublas() {
    void* library = nullptr;
    for (const char* name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so"}) {
      library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library != nullptr) break;
    }
    if (library == nullptr) {
      why = "cuBLAS (libcublas.so.13 or .12) not found; put its folder on LD_LIBRARY_PATH";
      return;
    }
    const auto find = [&](auto* function, const char* name) {
      *function = reinterpret_cast<std::decay_t<decltype(*function)>>(dlsym(library, name));
      if (*function == nullptr) why = std::string("cuBLAS has no ") + name;
    };
    find(&create, "cublasCreate_v2");
    find(&destroy, "cublasDestroy_v2");
    find(&set_stream, "cublasSetStream_v2");
    find(&set_workspace, "cublasSetWorkspace_v2");
    find(&set_math_mode, "cublasSetMathMode");
    find(&sgemm, "cublasSgemm_v2");
  }
};

// A handle with its own workspace: cuBLAS would allocate one inside every recording.
struct Blas {
  Queue queue;
  cublasHandle_t handle = nullptr;
  void* workspace = nullptr;
};
constexpr size_t kWorkspaceBytes = size_t{32} << 20;

const Cublas& Library() {
  static const Cublas library;
  return library;
}

}  // namespace

void* OpenBlas(const Queue& queue, std::string* why) {
  const Cublas& cublas = Library();
  if (!cublas.why.empty()) {
    *why = cublas.why;
    return nullptr;
  }
  Blas* const blas = new Blas{queue};
  cublasStatus_t status = cublas.create(&blas->handle);
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = cublas.set_stream(blas->handle, static_cast<cudaStream_t>(queue.stream));
  }
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = cublas.set_math_mode(blas->handle,
                                  queue.tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH);
  }
  if (status == CUBLAS_STATUS_SUCCESS) {
    status = runtime::Allocate(queue, kWorkspaceBytes, &blas->workspace) == 0
                 ? cublas.set_workspace(blas->handle, blas->workspace, kWorkspaceBytes)
                 : CUBLAS_STATUS_ALLOC_FAILED;
  }
  if (status == CUBLAS_STATUS_SUCCESS) return blas;
  CloseBlas(blas);
  *why = "cuBLAS cannot start (status " + std::to_string(static_cast<int>(status)) + ")";
  return nullptr;
}

void CloseBlas(void* blas) {
  if (blas == nullptr) return;
  Blas* const own = static_cast<Blas*>(blas);
  if (own->handle != nullptr) Library().destroy(own->handle);
  if (own->workspace != nullptr) runtime::Free(own->queue, own->workspace);
  delete own;
}

int Gemm(const Queue& queue, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
         const float* a, const float* b, float beta, float* c) {
  if (m == 0 || n == 0) return 0;
  const float alpha = 1;
  // cuBLAS is column-major: c^T = op(b)^T op(a)^T, and a row-major matrix is its own transpose.
  const cublasStatus_t status = Library().sgemm(
      static_cast<Blas*>(queue.blas)->handle, transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
      transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, static_cast<int>(n), static_cast<int>(m),
      static_cast<int>(k), &alpha, b, static_cast<int>(transpose_b ? (k > 0 ? k : 1) : n), a,
      static_cast<int>(transpose_a ? m : (k > 0 ? k : 1)), &beta, c, static_cast<int>(n));
  if (status == CUBLAS_STATUS_SUCCESS) return 0;
  return status == CUBLAS_STATUS_ALLOC_FAILED ? cudaErrorMemoryAllocation : cudaErrorUnknown;
}

}  // namespace undula::propagation::cuda
