// The libFuzzer entry of one target; the build defines UNDULA_FUZZ_TARGET.
#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  undula::fuzz::UNDULA_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
