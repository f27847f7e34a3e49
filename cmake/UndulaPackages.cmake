# Third-party packages; each is linked by the module that uses it (DESIGN: folders and layers).
# undulaConfig.cmake.in finds the same link packages again for consumers: keep the two in step.
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(TBB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(SERD REQUIRED IMPORTED_TARGET serd-0)
pkg_check_modules(LIBARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)

# Header-only; used inside .cc files only, so consumers of the library do not need them.
find_package(Boost REQUIRED)
find_path(UNDULA_TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)
find_path(UNDULA_NLOHMANN_JSON_INCLUDE nlohmann/json.hpp REQUIRED)
find_path(UNDULA_HNSWLIB_INCLUDE hnswlib/hnswlib.h REQUIRED)  # libhnswlib-dev
if(UNDULA_BUILD_CLI)
  find_path(UNDULA_CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
endif()
if(UNDULA_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
