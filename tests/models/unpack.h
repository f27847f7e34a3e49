// Compressed text of the shared data.
#ifndef UNDULA_TESTS_MODELS_UNPACK_H_
#define UNDULA_TESTS_MODELS_UNPACK_H_

#include <cstdio>
#include <memory>
#include <string>

namespace undula::models {

// The unpacked text of an .xz file, or nothing where the program xz is missing.
inline std::string Unpack(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
      popen(("xz -dc '" + path + "' 2>/dev/null").c_str(), "r"), &pclose);
  std::string text;
  char buffer[1 << 16];
  while (pipe != nullptr) {
    const size_t n = fread(buffer, 1, sizeof(buffer), pipe.get());
    if (n == 0) break;
    text.append(buffer, n);
  }
  return text;
}

}  // namespace undula::models

#endif  // UNDULA_TESTS_MODELS_UNPACK_H_
