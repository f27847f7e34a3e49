#include <regex>

#include "tests/lint/lint.h"

namespace undula::lint {
namespace {

// The SIMT emulator, linked into tests only: it leaves a failed kernel's fibers by an exception.
bool IsTestMachinery(const std::string& path) {
  return path == "engine/propagation/cuda/fiber.cc" ||
         path == "engine/propagation/cuda/simt_emulator.cc" ||
         path == "engine/propagation/cuda/simt_memory.cc";
}

}  // namespace

std::vector<Violation> CheckLength(const std::vector<SourceFile>& files) {
  constexpr size_t kMaxLines = 500;
  std::vector<Violation> violations;
  for (const SourceFile& file : files) {
    if (file.lines.size() <= kMaxLines) continue;
    violations.push_back({file.path, static_cast<int>(kMaxLines) + 1,
                          std::to_string(file.lines.size()) + " lines, at most 500: split it"});
  }
  return violations;
}

std::vector<Violation> CheckForbiddenCalls(const std::vector<SourceFile>& files) {
  struct Rule {
    std::regex pattern;
    const char* message;
  };
  static const Rule kRules[] = {
      {std::regex(R"(\bstd::(cout|cerr|clog|puts|putchar)\b)"), "the library never prints"},
      {std::regex(R"((^|[^\w.>])(f|v|vf)?printf\s*\(|\b(fputs|perror)\s*\()"),
       "the library never prints"},
      {std::regex(R"((^|[^\w.>])(abort|exit|_exit|_Exit|quick_exit|terminate|assert)\s*\()"),
       "the library never ends the process; return a status"},
      {std::regex(R"(\bthrow\b)"), "nothing of ours throws; return a status"},
  };
  std::vector<Violation> violations;
  for (const SourceFile& file : files) {
    if (IsTestMachinery(file.path)) continue;
    const std::vector<std::string> code = CodeLines(file);
    for (size_t i = 0; i < code.size(); ++i) {
      for (const Rule& rule : kRules) {
        if (!std::regex_search(code[i], rule.pattern)) continue;
        violations.push_back({file.path, static_cast<int>(i) + 1, rule.message});
      }
    }
  }
  return violations;
}

}  // namespace undula::lint
