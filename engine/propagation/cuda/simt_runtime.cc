// The runtime of the emulated device: one device whose memory is the emulator's (tests only).
#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "propagation/cuda/runtime.h"
#include "propagation/cuda/simt.h"
#include "propagation/cuda/simt_memory.h"

namespace undula::propagation::cuda::runtime {

namespace emulator = simt::emulator;

namespace {

using Recording = std::vector<emulator::Work>;
bool misused = false;  // the present recording

// Copies and fills, by the address of a tag of their kind.
template <class Run>
int Enqueue(const void* kind, const Run& run) {
  if (emulator::recording == nullptr) return run();
  emulator::recording->push_back({kind, run});
  return 0;
}
int NotWhileRecording(const char* what) {
  misused = true;
  return emulator::Report(emulator::kNotWhileRecording,
                          std::string(what) + " while the stream is recorded");
}
const char kCopyIn = 1, kCopyWithin = 2, kZero = 3;

}  // namespace

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
  if (emulator::recording != nullptr) return NotWhileRecording("a wait");
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
  if (emulator::recording != nullptr) return NotWhileRecording("a wait");
  ++emulator::counts.host_waits;
  return 0;
}

int Allocate(const Queue&, size_t bytes, void** memory) {
  ++emulator::counts.allocations;
  *memory = emulator::Allocate(bytes);
  return *memory != nullptr ? 0 : emulator::Report(emulator::kOutOfMemory, "out of device memory");
}
void Free(const Queue&, void* memory) {
  if (emulator::recording != nullptr) NotWhileRecording("freed memory");
  emulator::Free(memory);
}

int CopyIn(const Queue&, void* device, const void* host, size_t bytes) {
  return Enqueue(&kCopyIn, [=] { return emulator::Copy(device, host, bytes, true, false); });
}
int CopyOut(const Queue&, void* host, const void* device, size_t bytes) {
  if (emulator::recording != nullptr) return NotWhileRecording("a copy out");
  ++emulator::counts.host_waits;
  return emulator::Copy(host, device, bytes, false, true);
}
int CopyWithin(const Queue&, void* to, const void* from, size_t bytes) {
  return Enqueue(&kCopyWithin, [=] { return emulator::Copy(to, from, bytes, true, true); });
}
int Zero(const Queue&, void* device, size_t bytes) {
  return Enqueue(&kZero, [=] { return emulator::Fill(device, 0, bytes); });
}

int BeginRecording(const Queue&) {
  misused = false;
  emulator::recording = new Recording;
  return 0;
}
int EndRecording(const Queue&, void** recording) {
  *recording = emulator::recording;
  emulator::recording = nullptr;
  return misused ? emulator::kNotWhileRecording : 0;
}
void FreeRecording(void* recording) { delete static_cast<Recording*>(recording); }
int Prepare(const Queue&, void* recording, void** program) {
  *program = new Recording(*static_cast<Recording*>(recording));
  return 0;
}
int Exchange(const Queue&, void* program, void* recording, bool* fits) {
  auto& to = *static_cast<Recording*>(program);
  const auto& from = *static_cast<Recording*>(recording);
  *fits =
      std::equal(to.begin(), to.end(), from.begin(), from.end(),
                 [](const emulator::Work& a, const emulator::Work& b) { return a.kind == b.kind; });
  if (*fits) to = from;
  return 0;
}
int RunProgram(const Queue&, void* program) {
  for (const emulator::Work& work : *static_cast<Recording*>(program)) {
    if (const int code = work.run(); code != 0) return code;
  }
  return 0;
}
void FreeProgram(void* program) { delete static_cast<Recording*>(program); }

std::string ErrorName(int code) { return emulator::ErrorText(code); }
bool IsOutOfMemory(int code) { return code == emulator::kOutOfMemory; }

}  // namespace undula::propagation::cuda::runtime
