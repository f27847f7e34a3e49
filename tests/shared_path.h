// Where tests find data and oracles that are not part of the repository.
#ifndef UNDULA_TESTS_SHARED_PATH_H_
#define UNDULA_TESTS_SHARED_PATH_H_

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace undula {

// The path of `relative` under the environment variable UNDULA_SHARED, or under ../shared beside
// the repository where it is not set; "" where there is no such file or directory. Use:
//   const std::string path = SharedPath("oracles");
//   if (path.empty()) GTEST_SKIP() << "no oracles in UNDULA_SHARED";
inline std::string SharedPath(std::string_view relative) {
  const char* const root = std::getenv("UNDULA_SHARED");
  const std::filesystem::path base =
      root != nullptr && *root != '\0' ? std::filesystem::path(root)
                                       : std::filesystem::path(UNDULA_SOURCE_DIR) / ".." / "shared";
  const std::filesystem::path path = base / relative;
  std::error_code error;
  return std::filesystem::exists(path, error) ? path.lexically_normal().string() : "";
}

}  // namespace undula

#endif  // UNDULA_TESTS_SHARED_PATH_H_
