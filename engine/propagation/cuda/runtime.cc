#include "propagation/cuda/runtime.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace undula::propagation::cuda::runtime {
namespace {

cudaStream_t StreamOf(const Queue& queue) { return static_cast<cudaStream_t>(queue.stream); }

}  // namespace

int CountDevices(int* count, std::string* why) {
  *count = 0;
  const cudaError_t error = cudaGetDeviceCount(count);
  if (error == cudaSuccess) return 0;
  static_cast<void>(cudaGetLastError());  // the runtime keeps the error otherwise
  int driver = 0, runtime = 0;
  static_cast<void>(cudaDriverGetVersion(&driver));
  static_cast<void>(cudaRuntimeGetVersion(&runtime));
  if (driver == 0) {
    *why = "no NVIDIA driver (libcuda.so.1) on this machine; install one";
  } else if (error == cudaErrorInsufficientDriver) {
    *why = "the NVIDIA driver supports CUDA " + std::to_string(driver / 1000) + "." +
           std::to_string(driver % 1000 / 10) + ", this build needs " +
           std::to_string(runtime / 1000) + "." + std::to_string(runtime % 1000 / 10) +
           "; update the driver";
  } else if (error == cudaErrorNoDevice) {
    *why = "the NVIDIA driver finds no GPU (see CUDA_VISIBLE_DEVICES)";
  } else {
    *why = ErrorName(error);
  }
  return error;
}

int Describe(int ordinal, DeviceFacts* facts) {
  cudaDeviceProp properties;
  const cudaError_t error = cudaGetDeviceProperties(&properties, ordinal);
  if (error != cudaSuccess) return error;
  facts->name = properties.name;
  facts->major = properties.major;
  facts->minor = properties.minor;
  facts->multiprocessors = properties.multiProcessorCount;
  facts->memory_bytes = properties.totalGlobalMem;
  facts->shared_bytes = properties.sharedMemPerBlockOptin;
  return 0;
}

int CreateStream(int ordinal, void** stream) {
  cudaError_t error = cudaSetDevice(ordinal);
  if (error != cudaSuccess) return error;
  cudaMemPool_t pool = nullptr;
  error = cudaDeviceGetDefaultMemPool(&pool, ordinal);
  if (error != cudaSuccess) return error;
  uint64_t keep = UINT64_MAX;  // freed memory stays with the process
  error = cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep);
  if (error != cudaSuccess) return error;
  cudaStream_t created = nullptr;
  error = cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking);
  *stream = created;
  return error;
}

void DestroyStream(int ordinal, void* stream) {
  static_cast<void>(cudaSetDevice(ordinal));
  static_cast<void>(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)));
  static_cast<void>(cudaStreamDestroy(static_cast<cudaStream_t>(stream)));
}

int Synchronize(const Queue& queue) { return cudaStreamSynchronize(StreamOf(queue)); }

int Allocate(const Queue& queue, size_t bytes, void** memory) {
  const cudaError_t error = cudaSetDevice(queue.ordinal);
  if (error != cudaSuccess) return error;
  // An allocation on a recorded stream would belong to the recording.
  cudaStream_t const stream =
      queue.recording ? static_cast<cudaStream_t>(queue.side_stream) : StreamOf(queue);
  cudaError_t result = cudaMallocAsync(memory, bytes, stream);
  if (result == cudaSuccess && queue.recording) result = cudaStreamSynchronize(stream);
  if (result != cudaSuccess) static_cast<void>(cudaGetLastError());
  return result;
}

void Free(const Queue& queue, void* memory) {
  static_cast<void>(cudaFreeAsync(memory, StreamOf(queue)));
}

int AllocatePinned(const Queue& queue, size_t bytes, void** memory) {
  const cudaError_t error = cudaSetDevice(queue.ordinal);
  if (error != cudaSuccess) return error;
  const cudaError_t result = cudaHostAlloc(memory, bytes, cudaHostAllocDefault);
  if (result != cudaSuccess) static_cast<void>(cudaGetLastError());
  return result;
}

void FreePinned(const Queue&, void* memory) { static_cast<void>(cudaFreeHost(memory)); }

int CreateEvent(const Queue& queue, void** event) {
  const cudaError_t error = cudaSetDevice(queue.ordinal);
  if (error != cudaSuccess) return error;
  cudaEvent_t created = nullptr;
  const cudaError_t result = cudaEventCreateWithFlags(&created, cudaEventDisableTiming);
  *event = created;
  return result;
}

void DestroyEvent(const Queue&, void* event) {
  static_cast<void>(cudaEventDestroy(static_cast<cudaEvent_t>(event)));
}

int RecordEvent(const Queue& queue, void* event) {
  return cudaEventRecord(static_cast<cudaEvent_t>(event), StreamOf(queue));
}

int WaitForEvent(const Queue&, void* event) {
  return cudaEventSynchronize(static_cast<cudaEvent_t>(event));
}

int BeginRecording(const Queue& queue) {
  return cudaStreamBeginCapture(StreamOf(queue), cudaStreamCaptureModeRelaxed);
}

int EndRecording(const Queue& queue, void** recording) {
  cudaGraph_t graph = nullptr;
  const cudaError_t error = cudaStreamEndCapture(StreamOf(queue), &graph);
  *recording = graph;
  return error;
}

void FreeRecording(void* recording) {
  static_cast<void>(cudaGraphDestroy(static_cast<cudaGraph_t>(recording)));
}

int Prepare(const Queue&, void* recording, void** program) {
  cudaGraphExec_t made = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&made, static_cast<cudaGraph_t>(recording), 0);
  *program = made;
  return error;
}

int Exchange(const Queue&, void* program, void* recording, bool* fits) {
  cudaGraphExecUpdateResultInfo info{};
  const cudaError_t error = cudaGraphExecUpdate(static_cast<cudaGraphExec_t>(program),
                                                static_cast<cudaGraph_t>(recording), &info);
  *fits = error == cudaSuccess;
  if (error != cudaErrorGraphExecUpdateFailure) return error;
  static_cast<void>(cudaGetLastError());
  return 0;
}

int RunProgram(const Queue& queue, void* program) {
  return cudaGraphLaunch(static_cast<cudaGraphExec_t>(program), StreamOf(queue));
}

void FreeProgram(void* program) {
  static_cast<void>(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(program)));
}

int CopyIn(const Queue& queue, void* device, const void* host, size_t bytes) {
  return cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, StreamOf(queue));
}

int CopyOut(const Queue& queue, void* host, const void* device, size_t bytes) {
  const cudaError_t error =
      cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, StreamOf(queue));
  return error != cudaSuccess ? error : cudaStreamSynchronize(StreamOf(queue));
}

int CopyWithin(const Queue& queue, void* to, const void* from, size_t bytes) {
  return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, StreamOf(queue));
}

int Zero(const Queue& queue, void* device, size_t bytes) {
  return cudaMemsetAsync(device, 0, bytes, StreamOf(queue));
}

std::string ErrorName(int code) {
  const auto error = static_cast<cudaError_t>(code);
  return std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error);
}

bool IsOutOfMemory(int code) { return code == cudaErrorMemoryAllocation; }

}  // namespace undula::propagation::cuda::runtime
