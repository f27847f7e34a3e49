#include "kgstore/turtle_splitter.h"

#include <algorithm>
#include <array>

#include "kgstore/unicode_escape.h"

namespace undula::kgstore {
namespace {

constexpr auto kSpecial = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("\"'<#.()[]{}\\_"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool IsSpecial(char c) { return kSpecial[static_cast<unsigned char>(c)]; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether c can be part of a name, so that "_:" behind it is not a blank node.
bool ContinuesName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' || c == '-' ||
         c == ':' || c == '.' || c == '%' || static_cast<signed char>(c) < 0;
}

// Whether a token of digits, perhaps with a sign, ends before text[at].
bool EndsInteger(std::string_view text, size_t at) {
  size_t begin = at;
  while (begin > 0 && IsDigit(text[begin - 1])) --begin;
  if (begin == at) return false;
  if (begin > 0 && (text[begin - 1] == '-' || text[begin - 1] == '+')) --begin;
  return begin == 0 || !ContinuesName(text[begin - 1]);
}

bool ContinuesNumber(char c) { return IsDigit(c) || c == 'e' || c == 'E'; }

}  // namespace

void TurtleSplitter::Reset() {
  state_ = State::kText;
  how_ = End::kInput;
  at_ = end_ = 0;
  depth_ = 0;
  error_ = {};
  insertions_.clear();
}

void TurtleSplitter::Fail(std::string_view message) {
  if (!error_.empty()) return;
  error_ = message;
  error_offset_ = at_;
}

size_t TurtleSplitter::Scan(std::string_view text, bool at_end) {
  while (at_ < text.size()) {
    bool enough = true;  // false: the decision needs bytes that are not there yet
    switch (state_) {
      case State::kText:
        enough = InText(text, at_end);
        if (end_ != 0) return end_;
        break;
      case State::kIri: {
        // An IRI holds no line end: a missing '>' shall not hide the rest of the file.
        const size_t stop = text.find_first_of(">\n\\", at_);
        at_ = std::min(stop, text.size());
        if (stop == text.npos) break;
        if (text[at_] == '\\') {
          enough = SkipEscape(text, at_end);
        } else {
          state_ = State::kText;
          ++at_;
        }
        break;
      }
      case State::kComment: {
        const size_t stop = text.find_first_of("\n\r", at_);
        at_ = stop == text.npos ? text.size() : stop + 1;
        if (stop != text.npos) state_ = State::kText;
        break;
      }
      case State::kShortString: {
        const char c = text[at_];
        if (c == '\\') {
          enough = SkipEscape(text, at_end);
          break;
        }
        if (c == quote_ || c == '\n' || c == '\r') state_ = State::kText;
        ++at_;
        break;
      }
      case State::kLongString:
        enough = InLongString(text, at_end);
        break;
    }
    if (!enough) return 0;
  }
  return at_end ? text.size() : 0;
}

bool TurtleSplitter::InText(std::string_view text, bool at_end) {
  while (at_ < text.size() && !IsSpecial(text[at_])) ++at_;
  if (at_ == text.size()) return true;
  const char c = text[at_];
  const size_t left = text.size() - at_;
  switch (c) {
    case '"':
    case '\'':
      if (left < 3 && !at_end) return false;
      quote_ = c;
      if (left >= 3 && text[at_ + 1] == c && text[at_ + 2] == c) {
        state_ = State::kLongString;
        at_ += 3;
      } else if (left >= 2 && text[at_ + 1] == c) {
        at_ += 2;  // the empty string
      } else {
        state_ = State::kShortString;
        ++at_;
      }
      return true;
    case '<':
      if (left < 2 && !at_end) return false;
      if (left >= 2 && text[at_ + 1] == '<') {
        Fail("quoted triple '<<': Turtle-star is not supported");
      }
      state_ = State::kIri;
      ++at_;
      return true;
    case '#':
      state_ = State::kComment;
      ++at_;
      return true;
    case '.':
      if (left < 2 && !at_end) return false;
      if (EndsInteger(text, at_) && (left < 2 || !ContinuesNumber(text[at_ + 1]))) {
        insertions_.emplace_back(at_, ' ');
      }
      ++at_;
      if (left < 2 || IsSpace(text[at_]) || text[at_] == '#' || (trig_ && text[at_] == '}')) {
        end_ = at_;
        how_ = End::kDot;
      }
      return true;
    case '{':
    case '}':
      ++at_;
      if (trig_) {
        end_ = at_;
        how_ = c == '{' ? End::kOpen : End::kClose;
      }
      return true;
    case '\\':  // escaped character of a local name
      if (left < 2 && !at_end) return false;
      at_ += 2;
      return true;
    case '_':
      return BlankLabel(text, at_end);
    case '(':
    case '[':
      if (++depth_ > kMaxNesting) Fail("brackets are nested deeper than 500");
      ++at_;
      return true;
    default:  // ) or ]
      if (depth_ > 0) --depth_;
      ++at_;
      return true;
  }
}

bool TurtleSplitter::InLongString(std::string_view text, bool at_end) {
  while (at_ < text.size() && text[at_] != quote_ && text[at_] != '\\') ++at_;
  if (at_ == text.size()) return true;
  if (text[at_] == '\\') return SkipEscape(text, at_end);
  if (text.size() - at_ < 3 && !at_end) return false;
  size_t run = 1;
  while (run < 3 && at_ + run < text.size() && text[at_ + run] == quote_) ++run;
  if (run == 3) {
    state_ = State::kText;
  } else if (at_ + run < text.size() && text[at_ + run] == '\\') {
    for (size_t i = 0; i < run; ++i) insertions_.emplace_back(at_ + i, '\\');
  }
  at_ += run;
  return true;
}

bool TurtleSplitter::SkipEscape(std::string_view text, bool at_end) {
  constexpr size_t kLongest = 10;  // \UXXXXXXXX
  if (text.size() - at_ < kLongest && !at_end) return false;
  if (IsBadEscape(text, at_)) Fail(kBadEscape);
  // A line end closes a short string even behind a backslash: both are errors.
  const bool line_end = at_ + 1 < text.size() && text[at_ + 1] == '\n';
  at_ += line_end || state_ == State::kIri ? 1 : 2;
  return true;
}

bool TurtleSplitter::BlankLabel(std::string_view text, bool at_end) {
  const bool starts_token = at_ == 0 || !ContinuesName(text[at_ - 1]);
  size_t i = at_ + 1;
  if (starts_token && i < text.size() && text[i] == ':') {
    const size_t label = ++i;
    while (i < text.size() && text[i] == 'B') ++i;
    if (i == text.size() && !at_end) return false;
    if (i > label && i < text.size() && IsDigit(text[i])) insertions_.emplace_back(label, 'B');
  } else if (starts_token && i == text.size() && !at_end) {
    return false;
  }
  at_ = i;
  return true;
}

}  // namespace undula::kgstore
