// The runtime of the emulated device: one device whose memory is the emulator's (tests only).
#include <new>

#include "propagation/cuda/runtime.h"
#include "propagation/cuda/simt.h"
#include "propagation/cuda/simt_memory.h"

namespace undula::propagation::cuda::runtime {

namespace emulator = simt::emulator;

int CountDevices(int* count, std::string*) {
  *count = 1;
  return 0;
}

int Describe(int, DeviceFacts* facts) {
  *facts = {"SIMT emulator", 9, 0, 2, size_t{1} << 30, emulator::kMaxSharedBytes, true};
  return 0;
}

int CreateStream(int, void** stream) {
  *stream = nullptr;
  return 0;
}
void DestroyStream(int, void*) {}
int Synchronize(const Queue&) {
  ++emulator::counts.host_waits;
  return 0;
}

int AllocatePinned(const Queue&, size_t bytes, void** memory) {
  *memory = ::operator new(bytes);
  return 0;
}
void FreePinned(const Queue&, void* memory) { ::operator delete(memory); }
int CreateEvent(const Queue&, void** event) {
  *event = nullptr;
  return 0;
}
void DestroyEvent(const Queue&, void*) {}
int RecordEvent(const Queue&, void*) { return 0; }
int WaitForEvent(const Queue&, void*) {
  ++emulator::counts.host_waits;
  return 0;
}

int Allocate(const Queue&, size_t bytes, void** memory) {
  ++emulator::counts.allocations;
  *memory = emulator::Allocate(bytes);
  return *memory != nullptr ? 0 : emulator::Report(emulator::kOutOfMemory, "out of device memory");
}
void Free(const Queue&, void* memory) { emulator::Free(memory); }

int CopyIn(const Queue&, void* device, const void* host, size_t bytes) {
  return emulator::Copy(device, host, bytes, true, false);
}
int CopyOut(const Queue&, void* host, const void* device, size_t bytes) {
  ++emulator::counts.host_waits;
  return emulator::Copy(host, device, bytes, false, true);
}
int CopyWithin(const Queue&, void* to, const void* from, size_t bytes) {
  return emulator::Copy(to, from, bytes, true, true);
}
int Zero(const Queue&, void* device, size_t bytes) { return emulator::Fill(device, 0, bytes); }

std::string ErrorName(int code) { return emulator::ErrorText(code); }
bool IsOutOfMemory(int code) { return code == emulator::kOutOfMemory; }

}  // namespace undula::propagation::cuda::runtime
