// Regular expressions of REGEX and REPLACE (XPath and XQuery Functions 3.0, section 5.6):
// characters, classes, groups, alternatives, greedy and reluctant repetition, anchors; flags i s m
// x q. Run by simulation of the automaton (Pike, "The text editor sam", 1987): time is at most
// length of the text x size of the expression, whatever the expression.
#ifndef UNDULA_QUERIES_PATTERN_REGEX_H_
#define UNDULA_QUERIES_PATTERN_REGEX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace undula::queries::pattern {

class Regex {
 public:
  // InvalidArgument says what is wrong: syntax, back references and \p{...} (not supported), an
  // expression that unfolds to more than 10,000 instructions, an unknown flag.
  static absl::StatusOr<Regex> Compile(std::string_view expression, std::string_view flags);

  bool Matches(std::string_view text) const;
  // Every match replaced; $0 to $9 are the groups, \$ and \\ the characters. Nothing where the
  // replacement is malformed or the expression matches the empty text.
  std::optional<std::string> Replace(std::string_view text, std::string_view replacement) const;

 private:
  friend class RegexParser;
  enum class Code : uint8_t {
    kChar,
    kAny,      // not a newline
    kAnyLine,  // flag s
    kClass,
    kSplit,  // to x first, then y
    kJump,
    kSave,
    kBegin,
    kEnd,
    kBeginLine,
    kEndLine,
    kMatch,
  };
  struct Instruction {
    Code code;
    uint32_t x = 0, y = 0;
  };
  struct Class {
    bool negated = false;
    std::vector<std::pair<uint32_t, uint32_t>> ranges;
    bool Has(uint32_t c) const;
  };
  // Leftmost match from `from` on; *groups gets begin and end offsets.
  bool Find(std::string_view text, size_t from, std::vector<size_t>* groups) const;
  bool Accepts(const Instruction& instruction, uint32_t c) const;

  std::vector<Instruction> program_;
  std::vector<Class> classes_;
  uint32_t groups_ = 1;
  bool ignore_case_ = false;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_REGEX_H_
