// The few calls of the CUDA runtime that host code makes, without its headers. runtime.cc is the
// CUDA runtime; simt_runtime.cc (tests) is the emulated device. Functions return 0 or an error
// code, whose words are ErrorName(code).
#ifndef UNDULA_PROPAGATION_CUDA_RUNTIME_H_
#define UNDULA_PROPAGATION_CUDA_RUNTIME_H_

#include <cstddef>
#include <string>

#include "propagation/cuda/queue.h"

namespace undula::propagation::cuda {

struct DeviceFacts {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  size_t memory_bytes = 0;
  size_t shared_bytes = 0;      // of a block, after opting in
  bool watches_bounds = false;  // the emulated device: see Arena
};

namespace runtime {

// Machines without a driver or a device: an error code, with the reason in *why.
int CountDevices(int* count, std::string* why);
int Describe(int ordinal, DeviceFacts* facts);
// The stream and everything enqueued on it belong to one device.
int CreateStream(int ordinal, void** stream);
void DestroyStream(int ordinal, void* stream);
int Synchronize(const Queue& queue);

// Stream-ordered, from the device's memory pool, which keeps freed memory for the next request.
int Allocate(const Queue& queue, size_t bytes, void** memory);
void Free(const Queue& queue, void* memory);

// Page-locked host memory. kNoPinnedMemory: the code of cudaErrorMemoryAllocation.
inline constexpr int kNoPinnedMemory = 2;
int AllocatePinned(const Queue& queue, size_t bytes, void** memory);
void FreePinned(const Queue& queue, void* memory);
// A point in the order of the stream, set by RecordEvent.
int CreateEvent(const Queue& queue, void** event);
void DestroyEvent(const Queue& queue, void* event);
int RecordEvent(const Queue& queue, void* event);
int WaitForEvent(const Queue& queue, void* event);  // the host waits

// From host memory; ordinary memory may be changed when the call returns, page-locked memory when
// the stream has passed the copy.
int CopyIn(const Queue& queue, void* device, const void* host, size_t bytes);
// To host memory; waits for the stream.
int CopyOut(const Queue& queue, void* host, const void* device, size_t bytes);
int CopyWithin(const Queue& queue, void* to, const void* from, size_t bytes);
int Zero(const Queue& queue, void* device, size_t bytes);

// A recording: what is enqueued between the two calls, which is then not run. Copies in read their
// (page-locked) source when the recording runs. Copies out and waits are errors meanwhile; memory
// may be allocated, not freed. The caller keeps queue->recording. End frees nothing on an error.
int BeginRecording(const Queue& queue);
int EndRecording(const Queue& queue, void** recording);
void FreeRecording(void* recording);
// A recording made ready to run, in stream order, as often as wanted.
int Prepare(const Queue& queue, void* recording, void** program);
// Makes `program` run another recording. *fits is false, and nothing changed, where its kernels or
// their order differ; sizes, addresses and arguments may.
int Exchange(const Queue& queue, void* program, void* recording, bool* fits);
int RunProgram(const Queue& queue, void* program);
void FreeProgram(void* program);

std::string ErrorName(int code);
bool IsOutOfMemory(int code);

}  // namespace runtime
}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_RUNTIME_H_
