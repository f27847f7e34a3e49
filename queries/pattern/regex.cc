#include "queries/pattern/regex.h"

#include <algorithm>

#include "base/status.h"
#include "base/text/normalize.h"
#include "queries/pattern/lexer.h"

namespace undula::queries::pattern {
namespace {

constexpr size_t kMaxInstructions = 10000;
constexpr int kMaxDepth = 100;
using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;

const Ranges& Digits() {
  static const Ranges ranges = {{'0', '9'}};
  return ranges;
}
const Ranges& Spaces() {
  static const Ranges ranges = {{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}};
  return ranges;
}
// Letters, digits and marks; beyond ASCII everything but Latin-1 and general punctuation.
const Ranges& Words() {
  static const Ranges ranges = {
      {'0', '9'},       {'A', 'Z'},       {'_', '_'},       {'a', 'z'},        {0xAA, 0xAA},
      {0xB5, 0xB5},     {0xBA, 0xBA},     {0xC0, 0xD6},     {0xD8, 0xF6},      {0xF8, 0x1FFF},
      {0x2070, 0x2FFF}, {0x3004, 0x3007}, {0x3020, 0xDFFF}, {0xF900, 0x10FFFF}};
  return ranges;
}

Ranges Complement(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges out;
  uint32_t next = 0;
  for (const auto& [low, high] : ranges) {
    if (low > next) out.emplace_back(next, low - 1);
    next = std::max(next, high + 1);
  }
  if (next <= 0x10FFFF) out.emplace_back(next, 0x10FFFF);
  return out;
}

}  // namespace

// Recursive descent; each method appends the instructions of what it reads.
class RegexParser {
 public:
  RegexParser(std::string_view text, Regex* out) : text_(text), out_(out) {}

  absl::Status Flags(std::string_view flags) {
    for (const char flag : flags) {
      switch (flag) {
        case 'i':
          out_->ignore_case_ = true;
          break;
        case 's':
          dot_all_ = true;
          break;
        case 'm':
          multi_line_ = true;
          break;
        case 'x':
          skip_space_ = true;
          break;
        case 'q':
          literal_ = true;
          break;
        default:
          return InvalidArgumentError("unknown flag '", flag, "' of a regular expression");
      }
    }
    return absl::OkStatus();
  }

  absl::Status Run() {
    Emit(Regex::Code::kSave, 0);
    if (literal_) {
      while (at_ < text_.size()) EmitChar(NextCodePoint(text_, &at_));
    } else {
      UNDULA_RETURN_IF_ERROR(Alternatives());
      if (at_ < text_.size()) return Fail("an unmatched ')'");
    }
    Emit(Regex::Code::kSave, 1);
    Emit(Regex::Code::kMatch);
    return TooLarge() ? Fail("more than 10,000 instructions") : absl::OkStatus();
  }

 private:
  using Code = Regex::Code;

  absl::Status Fail(std::string_view what) const {
    return InvalidArgumentError("regular expression '", text_, "', byte ", at_ + 1, ": ", what);
  }
  bool TooLarge() const { return out_->program_.size() > kMaxInstructions; }
  uint32_t Here() const { return static_cast<uint32_t>(out_->program_.size()); }
  void Emit(Code code, uint32_t x = 0, uint32_t y = 0) { out_->program_.push_back({code, x, y}); }
  void EmitChar(uint32_t c) { Emit(Code::kChar, out_->ignore_case_ ? LowerCodePoint(c) : c); }
  void EmitClass(Regex::Class set) {
    Emit(Code::kClass, static_cast<uint32_t>(out_->classes_.size()));
    out_->classes_.push_back(std::move(set));
  }
  bool At(char c) {
    if (skip_space_) {
      while (at_ < text_.size() &&
             std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
        ++at_;
      }
    }
    return at_ < text_.size() && text_[at_] == c;
  }
  bool Take(char c) {
    if (!At(c)) return false;
    ++at_;
    return true;
  }
  // Makes room for an instruction before those from `begin` on.
  void Insert(uint32_t begin, Regex::Instruction instruction) {
    auto& program = out_->program_;
    for (uint32_t i = begin; i < program.size(); ++i) Shift(&program[i], begin, 1);
    program.insert(program.begin() + begin, instruction);
  }
  static void Shift(Regex::Instruction* i, uint32_t begin, uint32_t by) {
    if (i->code != Code::kSplit && i->code != Code::kJump) return;
    if (i->x >= begin) i->x += by;
    if (i->code == Code::kSplit && i->y >= begin) i->y += by;
  }

  absl::Status Alternatives() {
    if (++depth_ > kMaxDepth) return Fail("groups nested deeper than 100");
    uint32_t start = Here();
    UNDULA_RETURN_IF_ERROR(Sequence());
    std::vector<uint32_t> ends;  // jumps behind each alternative but the last
    while (Take('|')) {
      Insert(start, {Code::kSplit, start + 1, 0});
      ends.push_back(Here());
      Emit(Code::kJump);
      out_->program_[start].y = Here();
      start = Here();
      UNDULA_RETURN_IF_ERROR(Sequence());
    }
    for (const uint32_t end : ends) out_->program_[end].x = Here();
    --depth_;
    return absl::OkStatus();
  }

  absl::Status Sequence() {
    while (at_ < text_.size() && !At('|') && !At(')') && at_ < text_.size()) {
      UNDULA_RETURN_IF_ERROR(Piece());
      if (TooLarge()) return Fail("more than 10,000 instructions");
    }
    return absl::OkStatus();
  }

  absl::Status Piece() {
    const uint32_t begin = Here();
    UNDULA_RETURN_IF_ERROR(Atom());
    int64_t low = 1, high = 1;  // high -1: no bound
    if (Take('*')) {
      low = 0, high = -1;
    } else if (Take('+')) {
      high = -1;
    } else if (Take('?')) {
      low = 0;
    } else if (At('{')) {
      UNDULA_RETURN_IF_ERROR(Quantity(&low, &high));
    } else {
      return absl::OkStatus();
    }
    const bool lazy = Take('?');
    if (At('*') || At('+') || At('{')) return Fail("a quantifier behind a quantifier");
    return Repeat(begin, low, high, lazy);
  }

  absl::Status Quantity(int64_t* low, int64_t* high) {
    ++at_;
    const auto number = [&](int64_t* value) {
      const size_t from = at_;
      *value = 0;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - from < 6) {
        *value = *value * 10 + (text_[at_++] - '0');
      }
      return at_ > from;
    };
    if (!number(low)) return Fail("a number is missing behind '{'");
    *high = *low;
    if (Take(',') && !number(high)) *high = -1;
    if (!Take('}')) return Fail("'}' is missing");
    if (*high >= 0 && *high < *low)
      return Fail("the bounds of a repetition are the wrong way round");
    return absl::OkStatus();
  }

  absl::Status Repeat(uint32_t begin, int64_t low, int64_t high, bool lazy) {
    auto& program = out_->program_;
    const std::vector<Regex::Instruction> body(program.begin() + begin, program.end());
    const size_t copies = static_cast<size_t>(std::max<int64_t>(std::max(low, high), 1));
    if (body.size() * copies + begin > kMaxInstructions) {
      return Fail("more than 10,000 instructions");
    }
    program.resize(begin);
    const auto copy = [&] {
      const uint32_t by = Here() - begin;
      for (Regex::Instruction i : body) {
        if (i.code == Code::kJump || i.code == Code::kSplit) {
          i.x += by;
          if (i.code == Code::kSplit) i.y += by;
        }
        program.push_back(i);
      }
    };
    const auto split = [&](uint32_t take, uint32_t leave) {
      return Regex::Instruction{Code::kSplit, lazy ? leave : take, lazy ? take : leave};
    };
    for (int64_t i = 0; i < low; ++i) copy();
    if (high < 0) {
      const uint32_t loop = Here();
      program.push_back({Code::kSplit});
      copy();
      Emit(Code::kJump, loop);
      program[loop] = split(loop + 1, Here());
      return absl::OkStatus();
    }
    std::vector<uint32_t> splits;
    for (int64_t i = low; i < high; ++i) {
      splits.push_back(Here());
      program.push_back({Code::kSplit});
      copy();
    }
    for (const uint32_t s : splits) program[s] = split(s + 1, Here());
    return absl::OkStatus();
  }

  absl::Status Atom() {
    const char c = text_[at_];
    switch (c) {
      case '(': {
        ++at_;
        const bool capture = !(text_.substr(at_).starts_with("?:"));
        if (!capture) at_ += 2;
        const uint32_t group = capture ? out_->groups_++ : 0;
        if (capture) Emit(Code::kSave, 2 * group);
        UNDULA_RETURN_IF_ERROR(Alternatives());
        if (!Take(')')) return Fail("')' is missing");
        if (capture) Emit(Code::kSave, 2 * group + 1);
        return absl::OkStatus();
      }
      case '.':
        ++at_;
        Emit(dot_all_ ? Code::kAnyLine : Code::kAny);
        return absl::OkStatus();
      case '^':
        ++at_;
        Emit(multi_line_ ? Code::kBeginLine : Code::kBegin);
        return absl::OkStatus();
      case '$':
        ++at_;
        Emit(multi_line_ ? Code::kEndLine : Code::kEnd);
        return absl::OkStatus();
      case '[': {
        Regex::Class set;
        UNDULA_RETURN_IF_ERROR(ReadClass(&set));
        EmitClass(std::move(set));
        return absl::OkStatus();
      }
      case '\\': {
        Ranges ranges;
        uint32_t single = 0;
        UNDULA_RETURN_IF_ERROR(Escape(&ranges, &single));
        if (ranges.empty()) {
          EmitChar(single);
        } else {
          EmitClass({false, std::move(ranges)});
        }
        return absl::OkStatus();
      }
      case '*':
      case '+':
      case '?':
      case '{':
        return Fail("a quantifier without anything before it");
      default:
        EmitChar(NextCodePoint(text_, &at_));
        return absl::OkStatus();
    }
  }

  // One character, or the ranges of a class escape.
  absl::Status Escape(Ranges* ranges, uint32_t* single) {
    ++at_;
    if (at_ >= text_.size()) return Fail("a backslash at the end");
    const char c = text_[at_++];
    switch (c) {
      case 'n':
        *single = '\n';
        return absl::OkStatus();
      case 'r':
        *single = '\r';
        return absl::OkStatus();
      case 't':
        *single = '\t';
        return absl::OkStatus();
      case 'd':
        *ranges = Digits();
        return absl::OkStatus();
      case 'D':
        *ranges = Complement(Digits());
        return absl::OkStatus();
      case 's':
        *ranges = Spaces();
        return absl::OkStatus();
      case 'S':
        *ranges = Complement(Spaces());
        return absl::OkStatus();
      case 'w':
        *ranges = Words();
        return absl::OkStatus();
      case 'W':
        *ranges = Complement(Words());
        return absl::OkStatus();
      default:
        break;
    }
    if (std::string_view("\\|.-^?*+{}()[]$/").find(c) != std::string_view::npos) {
      *single = static_cast<uint8_t>(c);
      return absl::OkStatus();
    }
    return Fail("this escape is not supported");
  }

  absl::Status ReadClass(Regex::Class* set) {
    ++at_;
    if (at_ < text_.size() && text_[at_] == '^') {
      set->negated = true;
      ++at_;
    }
    bool first = true;
    while (at_ < text_.size() && (text_[at_] != ']' || first)) {
      first = false;
      uint32_t low = 0;
      if (text_[at_] == '\\') {
        Ranges ranges;
        UNDULA_RETURN_IF_ERROR(Escape(&ranges, &low));
        if (!ranges.empty()) {
          set->ranges.insert(set->ranges.end(), ranges.begin(), ranges.end());
          continue;
        }
      } else {
        low = NextCodePoint(text_, &at_);
      }
      uint32_t high = low;
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        ++at_;
        if (text_[at_] == '\\') {
          Ranges ranges;
          UNDULA_RETURN_IF_ERROR(Escape(&ranges, &high));
          if (!ranges.empty()) return Fail("a range cannot end with a class");
        } else {
          high = NextCodePoint(text_, &at_);
        }
        if (high < low) return Fail("a range is the wrong way round");
      }
      set->ranges.emplace_back(low, high);
    }
    if (at_ >= text_.size()) return Fail("']' is missing");
    ++at_;
    return absl::OkStatus();
  }

  std::string_view text_;
  Regex* out_;
  size_t at_ = 0;
  int depth_ = 0;
  bool dot_all_ = false, multi_line_ = false, skip_space_ = false, literal_ = false;
};

absl::StatusOr<Regex> Regex::Compile(std::string_view expression, std::string_view flags) {
  Regex regex;
  RegexParser parser(expression, &regex);
  UNDULA_RETURN_IF_ERROR(parser.Flags(flags));
  UNDULA_RETURN_IF_ERROR(parser.Run());
  return regex;
}

}  // namespace undula::queries::pattern
