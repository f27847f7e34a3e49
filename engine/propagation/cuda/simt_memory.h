// The memory of the emulated device: poisoned, guarded, and (under AddressSanitizer) closed to host
// code. Internal to the emulator.
#ifndef UNDULA_PROPAGATION_CUDA_SIMT_MEMORY_H_
#define UNDULA_PROPAGATION_CUDA_SIMT_MEMORY_H_

#include <cstddef>
#include <memory>
#include <string>

namespace undula::propagation::simt::emulator {

inline constexpr size_t kMaxSharedBytes = 160 * 1024;

// One block's shared memory.
class SharedBuffer {
 public:
  explicit SharedBuffer(size_t bytes);
  ~SharedBuffer();
  unsigned char* data() const;
  void Poison();
  bool intact() const;  // the guard bytes; always true under AddressSanitizer, which traps at them

 private:
  size_t bytes_;
  std::unique_ptr<unsigned char[]> memory_;
};

// Kernels may touch device memory between the two calls.
void OpenDeviceMemory();
void CloseDeviceMemory();
// "" or which allocation's guard bytes were overwritten.
std::string CheckDeviceMemory();
// "" or that a word of the argument is the address of host memory (known only under
// AddressSanitizer).
std::string FindHostPointer(const void* argument, size_t bytes);
// Keeps the text for ErrorText and returns the code.
int Report(int code, std::string text);

}  // namespace undula::propagation::simt::emulator

#endif  // UNDULA_PROPAGATION_CUDA_SIMT_MEMORY_H_
