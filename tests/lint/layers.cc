#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "tests/lint/lint.h"

namespace undula::lint {
namespace {

using Names = std::vector<std::string_view>;

// DESIGN 2, column "may include"; the first prefix that fits a path counts; every module may
// include itself. "undula" = include/undula. A name with a slash is that one header.
struct Module {
  std::string_view name;
  std::string_view prefix;
  Names may_include;
};
const std::array<Module, 13> kModules = {{
    // The SIMT emulator runs kernels in the tests; it is not part of the library (DESIGN 6).
    {"simt", "engine/propagation/cuda/fiber.", {"base", "propagation"}},
    {"simt", "engine/propagation/cuda/simt_emulator.", {"base", "propagation"}},
    {"simt", "engine/propagation/cuda/simt_memory.", {"base", "propagation"}},
    {"undula", "engine/include/undula/", {}},
    // Progress is one class for the engine and its users; base/progress.h passes it on.
    {"base", "engine/base/", {"undula/common.h", "undula/progress.h"}},
    {"kgstore", "engine/kgstore/", {"base"}},
    {"linking", "engine/linking/", {"base", "kgstore"}},
    {"propagation", "engine/propagation/", {"base"}},
    {"models", "engine/models/", {"base", "propagation"}},
    {"queries", "queries/", {"undula", "base", "kgstore", "propagation", "models"}},
    {"api",
     "engine/api/",
     {"undula", "base", "kgstore", "linking", "propagation", "models", "queries"}},
    {"cli", "cli/", {"undula"}},
    {"examples", "examples/", {"undula"}},
}};

// DESIGN 2, column "third party allowed". one_file: in one .cc of the module and in no header.
struct ThirdParty {
  std::string_view prefix;
  Names modules;
  bool one_file = false;
};
const std::vector<ThirdParty>& ThirdParties() {
  static const std::vector<ThirdParty> table = {
      {"absl/status/",
       {"undula", "base", "kgstore", "linking", "propagation", "models", "queries", "api", "cli",
        "examples"}},
      {"absl/", {"base", "kgstore", "linking", "propagation", "models", "queries", "api"}},
      {"oneapi/tbb/", {"base"}, true},
      {"toml++/", {"base"}, true},
      {"nlohmann/", {"base"}, true},
      {"utf8proc.h", {"base"}, true},
      {"lmdb.h", {"kgstore"}},
      {"serd/", {"kgstore"}},
      {"archive.h", {"kgstore"}},
      {"archive_entry.h", {"kgstore"}},
      {"zstd.h", {"kgstore"}},
      {"zdict.h", {"kgstore"}},
      {"boost/graph/", {"linking", "queries"}},
      {"marisa.h", {"linking"}},
      {"hwy/", {"propagation"}},
      {"boost/context/", {"simt"}},
      {"sanitizer/", {"base", "simt"}},
      {"cuda", {"propagation"}},
      {"cublas", {"propagation"}},
      {"cub/", {"propagation"}},
      {"hnswlib/", {"models"}},
      {"faiss/", {"models"}},
      {"CLI/", {"cli"}},
  };
  return table;
}

// System headers with ".h" or "/" in the name: the C library's and POSIX, processor intrinsics.
bool IsSystemHeader(std::string_view name) {
  static const std::set<std::string_view> kSystem = {
      "dirent.h",  "dlfcn.h",    "errno.h",  "fcntl.h",     "immintrin.h", "poll.h",
      "pthread.h", "sched.h",    "signal.h", "stdint.h",    "stdlib.h",    "termios.h",
      "time.h",    "ucontext.h", "unistd.h", "x86intrin.h", "cpuid.h",     "arm_neon.h"};
  return kSystem.contains(name) || name.starts_with("sys/") || name.starts_with("linux/");
}

// Standard C++ headers are the only ones that have neither a dot nor a slash.
bool IsStandardHeader(std::string_view name) {
  return name.find_first_of("./") == std::string_view::npos;
}

struct Include {
  int line;
  std::string name;
  bool quoted;
};

std::vector<Include> Includes(const SourceFile& file) {
  const std::vector<std::string> code = CodeLines(file);
  std::vector<Include> includes;
  for (size_t i = 0; i < code.size(); ++i) {
    const size_t hash = code[i].find_first_not_of(" \t");
    if (hash == std::string::npos || code[i][hash] != '#') continue;
    const size_t word = code[i].find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || code[i].compare(word, 7, "include") != 0) continue;
    // The stripper empties quoted names: take the name from the file's own line.
    const std::string& line = file.lines[i];
    const size_t open = line.find_first_of("<\"", line.find("include"));
    if (open == std::string::npos) continue;
    const size_t close = line.find(line[open] == '<' ? '>' : '"', open + 1);
    includes.push_back(
        {static_cast<int>(i) + 1, line.substr(open + 1, close - open - 1), line[open] == '"'});
  }
  return includes;
}

const Module* ModuleOf(std::string_view path) {
  for (const Module& module : kModules) {
    if (path.starts_with(module.prefix)) return &module;
  }
  return nullptr;
}

const ThirdParty* ThirdPartyOf(std::string_view include) {
  for (const ThirdParty& third : ThirdParties()) {
    if (include.starts_with(third.prefix)) return &third;
  }
  return nullptr;
}

bool Has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Why `module` may not have this include; nullopt if it may.
std::optional<std::string> Refusal(const Module& module, const Include& include) {
  const std::string_view name = include.name;
  if (const ThirdParty* third = ThirdPartyOf(name); third != nullptr) {
    if (Has(third->modules, module.name)) return std::nullopt;
    return std::string(module.name) + " may not include <" + include.name + ">";
  }
  if (!include.quoted) {
    if (IsStandardHeader(name) || (IsSystemHeader(name) && module.name != "undula")) {
      return std::nullopt;
    }
    return "<" + include.name + "> is not in the third-party table of tests/lint/layers.cc";
  }
  const std::string_view target = name.substr(0, name.find('/'));
  if (target == name) {
    return "\"" + include.name + "\": write the path from the include root, as in \"base/ids.h\"";
  }
  if (target == module.name || Has(module.may_include, target) || Has(module.may_include, name)) {
    return std::nullopt;
  }
  return std::string(module.name) + " may not include \"" + include.name + "\"";
}

}  // namespace

std::vector<Violation> CheckLayers(const std::vector<SourceFile>& files) {
  std::vector<Violation> violations;
  std::map<std::string_view, std::string> first_user;  // third-party prefix -> its one .cc
  for (const SourceFile& file : files) {
    const Module* module = ModuleOf(file.path);
    if (module == nullptr) {
      violations.push_back({file.path, 0, "belongs to no module of tests/lint/layers.cc"});
      continue;
    }
    for (const Include& include : Includes(file)) {
      if (std::optional<std::string> refusal = Refusal(*module, include)) {
        violations.push_back({file.path, include.line, *refusal});
        continue;
      }
      const ThirdParty* third = ThirdPartyOf(include.name);
      if (third == nullptr || !third->one_file) continue;
      const auto [user, is_new] = first_user.emplace(third->prefix, file.path);
      if (user->second != file.path) {
        violations.push_back({file.path, include.line,
                              "<" + include.name + "> belongs in one .cc: " + user->second});
      } else if (is_new && file.path.ends_with(".h")) {
        violations.push_back({file.path, include.line, "<" + include.name + "> in a header"});
      }
    }
  }
  return violations;
}

std::vector<Violation> CheckPublicHeaders(const std::vector<SourceFile>& files) {
  constexpr size_t kMaxFiles = 8;
  constexpr size_t kMaxLines = 1300;
  const std::string folder = "engine/include/undula";
  std::vector<Violation> violations;
  size_t lines = 0;
  for (const SourceFile& file : files) {
    lines += file.lines.size();
    if (!file.path.starts_with(folder + "/") || !file.path.ends_with(".h")) {
      violations.push_back({file.path, 0, "is not a header of " + folder});
    }
    for (const Include& include : Includes(file)) {
      const bool allowed = include.quoted ? include.name.starts_with("undula/") ||
                                                include.name == "absl/status/status.h" ||
                                                include.name == "absl/status/statusor.h"
                                          : IsStandardHeader(include.name);
      if (!allowed) {
        violations.push_back({file.path, include.line,
                              "a public header includes only the standard library, undula/ and "
                              "absl/status, not " +
                                  include.name});
      }
    }
  }
  if (files.size() > kMaxFiles) {
    violations.push_back({folder, 0, std::to_string(files.size()) + " headers, at most 8"});
  }
  if (lines > kMaxLines) {
    violations.push_back({folder, 0, std::to_string(lines) + " lines, at most 1300"});
  }
  return violations;
}

}  // namespace undula::lint
