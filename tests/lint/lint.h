// The rules of the source tree that a compiler does not check: who may include whom, the budget of
// the public headers, file length, and calls a library must not make. DESIGN 2 is the source of
// the tables; a rule changes there first.
#ifndef UNDULA_TESTS_LINT_LINT_H_
#define UNDULA_TESTS_LINT_LINT_H_

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace undula::lint {

struct SourceFile {
  std::string path;                // relative to the repository root, '/' separated
  std::vector<std::string> lines;  // without line ends
};

struct Violation {
  std::string file;
  int line = 0;  // 1-based; 0 = the file or the folder as a whole
  std::string message;
};
std::ostream& operator<<(std::ostream& out, const Violation& violation);  // file:line: message

// Splits text at line ends.
SourceFile MakeSource(std::string path, std::string_view text);

// All .h, .cc and .cu files below root/folder, sorted by path. Empty where the folder is absent.
std::vector<SourceFile> ReadTree(const std::string& root, const std::string& folder);

// The file's lines with comments blanked and the contents of string and character literals
// (raw ones too) removed; same number of lines.
std::vector<std::string> CodeLines(const SourceFile& file);

// Includes of every file of engine/, queries/, cli/ and examples/ against DESIGN 2's table; also
// that the libraries DESIGN allows in one .cc only are in one .cc only.
std::vector<Violation> CheckLayers(const std::vector<SourceFile>& files);

// files = engine/include: at most 8 headers, at most 1,300 lines together, include only the
// standard library, undula/ and absl/status.
std::vector<Violation> CheckPublicHeaders(const std::vector<SourceFile>& files);

// No file over 500 lines.
std::vector<Violation> CheckLength(const std::vector<SourceFile>& files);

// No printing, ending of the process or throwing in what becomes part of the library (the SIMT
// emulator of the kernel tests does not).
std::vector<Violation> CheckForbiddenCalls(const std::vector<SourceFile>& files);

}  // namespace undula::lint

#endif  // UNDULA_TESTS_LINT_LINT_H_
