#include "propagation/cuda/simt_memory.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "propagation/cuda/simt.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace undula::propagation::simt::emulator {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
void Close(const void* p, size_t n) { __asan_poison_memory_region(p, n); }
void Open(const void* p, size_t n) { __asan_unpoison_memory_region(p, n); }
#else
constexpr bool kSanitized = false;
void Close(const void*, size_t) {}
void Open(const void*, size_t) {}
#endif

constexpr size_t kGuard = 256;  // also the alignment of allocations
constexpr unsigned char kGuardByte = 0xA5;
constexpr int kPoisonByte = 0xFF;

bool AllGuard(const unsigned char* p) {
  for (size_t i = 0; i < kGuard; ++i) {
    if (p[i] != kGuardByte) return false;
  }
  return true;
}

struct Memory {
  std::mutex mutex;
  std::map<unsigned char*, size_t> blocks;  // start -> bytes
  size_t used = 0;
  size_t limit = SIZE_MAX;

  // The allocation that holds [p, p + bytes), or end().
  std::map<unsigned char*, size_t>::iterator Find(const void* p, size_t bytes) {
    auto* address = const_cast<unsigned char*>(static_cast<const unsigned char*>(p));
    auto it = blocks.upper_bound(address);
    if (it == blocks.begin()) return blocks.end();
    --it;
    const size_t offset = static_cast<size_t>(address - it->first);
    return offset <= it->second && bytes <= it->second - offset ? it : blocks.end();
  }
};

Memory& TheMemory() {
  static Memory& memory = *new Memory;
  return memory;
}

}  // namespace

SharedBuffer::SharedBuffer(size_t bytes)
    : bytes_(bytes), memory_(new unsigned char[bytes + 3 * kGuard]) {
  Poison();
}
SharedBuffer::~SharedBuffer() { Open(memory_.get(), bytes_ + 3 * kGuard); }
unsigned char* SharedBuffer::data() const {
  const auto address = reinterpret_cast<uintptr_t>(memory_.get());
  return memory_.get() + ((address + kGuard - 1) / kGuard * kGuard - address) + kGuard;
}
void SharedBuffer::Poison() {
  unsigned char* const p = data();
  Open(p - kGuard, bytes_ + 2 * kGuard);
  std::memset(p - kGuard, kGuardByte, kGuard);
  std::memset(p, kPoisonByte, bytes_);
  std::memset(p + bytes_, kGuardByte, kGuard);
  Close(p - kGuard, kGuard);
  Close(p + bytes_, kGuard);
}
bool SharedBuffer::intact() const {
  return kSanitized || (AllGuard(data() - kGuard) && AllGuard(data() + bytes_));
}

void* Allocate(size_t bytes) {
  Memory& memory = TheMemory();
  const std::lock_guard<std::mutex> lock(memory.mutex);
  if (bytes > memory.limit || memory.used > memory.limit - bytes) return nullptr;
  const size_t all = (bytes + 2 * kGuard + kGuard - 1) / kGuard * kGuard;
  auto* raw = static_cast<unsigned char*>(std::aligned_alloc(kGuard, all));
  if (raw == nullptr) return nullptr;
  std::memset(raw, kGuardByte, all);
  unsigned char* const p = raw + kGuard;
  std::memset(p, kPoisonByte, bytes);
  Close(raw, all);
  memory.blocks[p] = bytes;
  memory.used += bytes;
  return p;
}

void Free(void* memory_block) {
  if (memory_block == nullptr) return;
  Memory& memory = TheMemory();
  const std::lock_guard<std::mutex> lock(memory.mutex);
  const auto it = memory.blocks.find(static_cast<unsigned char*>(memory_block));
  if (it == memory.blocks.end()) return;
  unsigned char* const raw = it->first - kGuard;
  Open(raw, (it->second + 2 * kGuard + kGuard - 1) / kGuard * kGuard);
  memory.used -= it->second;
  memory.blocks.erase(it);
  std::free(raw);
}

void SetMemoryLimit(size_t bytes) {
  const std::lock_guard<std::mutex> lock(TheMemory().mutex);
  TheMemory().limit = bytes;
}

int Copy(void* to, const void* from, size_t bytes, bool to_device, bool from_device) {
  if (bytes == 0) return kOk;
  Memory& memory = TheMemory();
  {
    const std::lock_guard<std::mutex> lock(memory.mutex);
    const bool fine = (!to_device || memory.Find(to, bytes) != memory.blocks.end()) &&
                      (!from_device || memory.Find(from, bytes) != memory.blocks.end());
    if (fine) {
      if (to_device) Open(to, bytes);
      if (from_device) Open(from, bytes);
      std::memmove(to, from, bytes);
      if (to_device) Close(to, bytes);
      if (from_device) Close(from, bytes);
      return kOk;
    }
  }
  return Report(kGlobalOutOfBounds,
                "a copy of " + std::to_string(bytes) + " bytes leaves its device allocation");
}

int Fill(void* target, int byte, size_t bytes) {
  if (bytes == 0) return kOk;
  Memory& memory = TheMemory();
  {
    const std::lock_guard<std::mutex> lock(memory.mutex);
    if (memory.Find(target, bytes) != memory.blocks.end()) {
      Open(target, bytes);
      std::memset(target, byte, bytes);
      Close(target, bytes);
      return kOk;
    }
  }
  return Report(kGlobalOutOfBounds,
                "a fill of " + std::to_string(bytes) + " bytes leaves its device allocation");
}

void OpenDeviceMemory() {
  const std::lock_guard<std::mutex> lock(TheMemory().mutex);
  for (const auto& [p, bytes] : TheMemory().blocks) Open(p, bytes);
}

void CloseDeviceMemory() {
  const std::lock_guard<std::mutex> lock(TheMemory().mutex);
  for (const auto& [p, bytes] : TheMemory().blocks) Close(p, bytes);
}

std::string CheckDeviceMemory() {
  if (kSanitized) return "";  // a wrong access has trapped
  const std::lock_guard<std::mutex> lock(TheMemory().mutex);
  for (const auto& [p, bytes] : TheMemory().blocks) {
    if (!AllGuard(p - kGuard) || !AllGuard(p + bytes)) {
      return "a write outside a device allocation of " + std::to_string(bytes) + " bytes";
    }
  }
  return "";
}

std::string FindHostPointer(const void* argument, size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  const auto* words = static_cast<const unsigned char*>(argument);
  for (size_t offset = 0; offset + sizeof(void*) <= bytes; offset += sizeof(void*)) {
    void* address = nullptr;
    std::memcpy(&address, words + offset, sizeof(address));
    // The lookup is slow; no mapping of a program lies that low, and user addresses have 47 bits.
    const auto value = reinterpret_cast<uintptr_t>(address);
    if (value < (1 << 16) || value >> 47 != 0) continue;
    {
      const std::lock_guard<std::mutex> lock(TheMemory().mutex);
      if (TheMemory().Find(address, 0) != TheMemory().blocks.end()) continue;
    }
    char name[8];
    void* region = nullptr;
    size_t region_bytes = 0;
    const std::string kind =
        __asan_locate_address(address, name, sizeof(name), &region, &region_bytes);
    if (kind == "heap" || kind == "stack" || kind == "global") {
      return "a kernel argument holds the address of host memory (" + kind + ", byte " +
             std::to_string(offset) + " of the argument)";
    }
  }
#else
  (void)argument;
  (void)bytes;
#endif
  return "";
}

}  // namespace undula::propagation::simt::emulator
