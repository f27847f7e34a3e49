#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/lint/lint.h"

namespace undula::lint {

std::ostream& operator<<(std::ostream& out, const Violation& violation) {
  return out << violation.file << ":" << violation.line << ": " << violation.message;
}

SourceFile MakeSource(std::string path, std::string_view text) {
  SourceFile file{std::move(path), {}};
  while (!text.empty()) {
    const size_t end = text.find('\n');
    file.lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return file;
}

std::vector<SourceFile> ReadTree(const std::string& root, const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<SourceFile> files;
  const fs::path top = fs::path(root) / folder;
  if (!fs::is_directory(top)) return files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(top)) {
    const std::string extension = entry.path().extension().string();
    if (!entry.is_regular_file()) continue;
    if (extension != ".h" && extension != ".cc" && extension != ".cu") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    files.push_back(MakeSource(fs::relative(entry.path(), root).generic_string(), text.str()));
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

namespace {

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Blanks comments and literals across lines; what it keeps between lines is one of three states.
class Stripper {
 public:
  std::string Line(std::string_view line) {
    std::string code;
    for (size_t i = 0; i < line.size();) {
      const std::string_view rest = line.substr(i);
      if (in_comment_) {
        in_comment_ = !rest.starts_with("*/");
        i += in_comment_ ? 1 : 2;
      } else if (!raw_end_.empty()) {
        const bool ends = rest.starts_with(raw_end_);
        i += ends ? raw_end_.size() : 1;
        if (ends) raw_end_.clear();
      } else if (rest.starts_with("//")) {
        break;
      } else if (rest.starts_with("/*")) {
        in_comment_ = true;
        i += 2;
      } else if (rest.starts_with("R\"") && (code.empty() || !IsWord(code.back()))) {
        const size_t open = rest.find('(');
        if (open == std::string_view::npos) return code;
        raw_end_ = ")" + std::string(rest.substr(2, open - 2)) + "\"";
        code += "\"\"";
        i += open + 1;
      } else if (rest[0] == '"' || (rest[0] == '\'' && (code.empty() || !IsWord(code.back())))) {
        code += {rest[0], rest[0]};
        i += LiteralLength(rest);
      } else {
        code += rest[0];
        ++i;
      }
    }
    return code;
  }

 private:
  static size_t LiteralLength(std::string_view text) {
    size_t i = 1;
    while (i < text.size() && text[i] != text[0]) i += text[i] == '\\' ? 2 : 1;
    return std::min(i + 1, text.size());
  }

  bool in_comment_ = false;
  std::string raw_end_;  // what closes the raw string we are in
};

}  // namespace

std::vector<std::string> CodeLines(const SourceFile& file) {
  Stripper stripper;
  std::vector<std::string> code;
  code.reserve(file.lines.size());
  for (const std::string& line : file.lines) code.push_back(stripper.Line(line));
  return code;
}

}  // namespace undula::lint
