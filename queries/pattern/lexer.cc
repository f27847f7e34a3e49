#include "queries/pattern/lexer.h"

#include <array>

#include "base/status.h"
#include "base/text/normalize.h"

namespace undula::queries::pattern {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// PN_CHARS_BASE beyond ASCII.
bool IsBaseCodePoint(uint32_t c) {
  return (c >= 0xC0 && c <= 0xD6) || (c >= 0xD8 && c <= 0xF6) || (c >= 0xF8 && c <= 0x2FF) ||
         (c >= 0x370 && c <= 0x37D) || (c >= 0x37F && c <= 0x1FFF) ||
         (c >= 0x200C && c <= 0x200D) || (c >= 0x2070 && c <= 0x218F) ||
         (c >= 0x2C00 && c <= 0x2FEF) || (c >= 0x3001 && c <= 0xD7FF) ||
         (c >= 0xF900 && c <= 0xFDCF) || (c >= 0xFDF0 && c <= 0xFFFD) ||
         (c >= 0x10000 && c <= 0xEFFFF);
}

bool HexValue(std::string_view digits, uint32_t* value) {
  *value = 0;
  for (const char c : digits) {
    if (!IsHex(c)) return false;
    const int digit = IsDigit(c) ? c - '0' : (c | 32) - 'a' + 10;
    *value = *value * 16 + static_cast<uint32_t>(digit);
  }
  return true;
}

constexpr std::string_view kLocalEscapes = "_~.-!$&'()*+,;=/?#@%";

// Bytes by what they may be.
constexpr uint8_t kNoIri = 1;   // cannot stand between '<' and '>'
constexpr uint8_t kSingle = 2;  // a symbol by itself
constexpr uint8_t kInName = 4;  // what NameRest takes of ASCII

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (size_t c = 0; c <= 0x20; ++c) classes[c] = kNoIri;
  for (const char c : std::string_view("<\"{}|^`\\")) classes[static_cast<uint8_t>(c)] |= kNoIri;
  for (const char c : std::string_view("{}()[].,;=*/+-"))
    classes[static_cast<uint8_t>(c)] |= kSingle;
  for (size_t c = 0; c < 128; ++c) {
    const char letter = static_cast<char>(c);
    if (IsLetter(letter) || IsDigit(letter) || c == '_' || c == '-') classes[c] |= kInName;
  }
  return classes;
}();

bool Is(char c, uint8_t what) { return (kClasses[static_cast<uint8_t>(c)] & what) != 0; }

}  // namespace

absl::Status SyntaxError(Position at, std::string_view message) {
  return InvalidArgumentError(at.line, ":", at.column, ": ", message);
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | c >> 6));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | c >> 12));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  } else {
    out->push_back(static_cast<char>(0xF0 | c >> 18));
    out->push_back(static_cast<char>(0x80 | (c >> 12 & 63)));
    out->push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  }
}

uint32_t NextCodePoint(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) {
    return *at + i < text.size() ? static_cast<uint8_t>(text[*at + i]) : 0u;
  };
  const uint32_t first = byte(0);
  size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  uint32_t c = size == 1 ? first : first & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) c = c << 6 | (byte(i) & 63);
  if (size > text.size() - *at) size = text.size() - *at;
  *at += size;
  return c;
}

absl::StatusOr<std::string> DecodeCodePoints(std::string_view text) {
  size_t bad = 0;
  uint32_t line = 1;
  size_t line_start = 0;
  const auto error = [&](size_t at, std::string_view message) {
    return SyntaxError({line, static_cast<uint32_t>(at - line_start + 1)}, message);
  };
  if (!IsValidUtf8(text, &bad)) {
    for (size_t i = 0; i < bad; ++i) {
      if (text[i] == '\n') ++line, line_start = i + 1;
    }
    return error(bad, "the query is no UTF-8 from here on");
  }
  if (text.find("\\u") == std::string_view::npos && text.find("\\U") == std::string_view::npos) {
    return std::string(text);
  }
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\n') ++line, line_start = i + 1;
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i++]);
      continue;
    }
    const char kind = text[i + 1];
    if (kind != 'u' && kind != 'U') {
      out.append(text.substr(i, 2));
      i += 2;
      continue;
    }
    const size_t digits = kind == 'u' ? 4 : 8;
    uint32_t c = 0;
    if (i + 2 + digits > text.size() || !HexValue(text.substr(i + 2, digits), &c)) {
      return error(i, kind == 'u' ? "\\u needs four hexadecimal digits"
                                  : "\\U needs eight hexadecimal digits");
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
      return error(i, "the escape stands for no Unicode character");
    }
    AppendUtf8(c, &out);
    i += 2 + digits;
  }
  return out;
}

void Lexer::Advance(size_t bytes) {
  for (size_t i = 0; i < bytes; ++i, ++at_) {
    if (text_[at_] == '\n') ++line_, line_start_ = at_ + 1;
  }
}

void Lexer::SkipSpace() {
  while (at_ < text_.size()) {
    if (IsSpace(text_[at_])) {
      Advance(1);
    } else if (text_[at_] == '#') {
      while (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
    } else {
      return;
    }
  }
}

size_t Lexer::NameStart(size_t at) const {
  if (at >= text_.size()) return 0;
  if (IsLetter(text_[at])) return 1;
  if (static_cast<uint8_t>(text_[at]) < 0x80) return 0;
  size_t end = at;
  return IsBaseCodePoint(NextCodePoint(text_, &end)) ? end - at : 0;
}

size_t Lexer::NameRest(size_t at) const {
  if (at >= text_.size()) return 0;
  const char c = text_[at];
  if (Is(c, kInName)) return 1;
  if (static_cast<uint8_t>(c) < 0x80) return 0;
  size_t end = at;
  const uint32_t code = NextCodePoint(text_, &end);
  const bool rest = IsBaseCodePoint(code) || code == 0xB7 || (code >= 0x300 && code <= 0x36F) ||
                    (code >= 0x203F && code <= 0x2040);
  return rest ? end - at : 0;
}

bool Lexer::Iri(Token* token) {
  size_t end = at_ + 1;
  while (end < text_.size() && text_[end] != '>') {
    if (Is(text_[end], kNoIri)) return false;
    ++end;
  }
  if (end == text_.size()) return false;
  token->kind = TokenKind::kIri;
  token->text = text_.substr(at_ + 1, end - at_ - 1);
  at_ = end + 1;
  return true;
}

absl::Status Lexer::String(Token* token) {
  const char quote = Peek();
  const bool is_long = Peek(1) == quote && Peek(2) == quote;
  token->kind = TokenKind::kString;
  token->text.clear();
  Advance(is_long ? 3 : 1);
  while (at_ < text_.size()) {
    const char c = Peek();
    if (c == quote && (!is_long || (Peek(1) == quote && Peek(2) == quote))) {
      Advance(is_long ? 3 : 1);
      return absl::OkStatus();
    }
    if (!is_long && (c == '\n' || c == '\r')) break;
    if (c == '\\') {
      constexpr std::string_view kNames = "tbnrf\\\"'", kValues = "\t\b\n\r\f\\\"'";
      const size_t which = kNames.find(Peek(1));
      if (at_ + 1 >= text_.size() || which == std::string_view::npos) {
        return SyntaxError(Here(), "unknown escape in a string; write \\\\ for a backslash");
      }
      token->text.push_back(kValues[which]);
      Advance(2);
      continue;
    }
    token->text.push_back(c);
    Advance(1);
  }
  return SyntaxError(token->at, "a string without an end");
}

void Lexer::Number(Token* token) {
  size_t end = at_;
  const auto digits = [&] {
    while (end < text_.size() && IsDigit(text_[end])) ++end;
  };
  digits();
  token->kind = TokenKind::kInteger;
  const bool whole = end > at_;
  if (end < text_.size() && text_[end] == '.') {
    size_t fraction = end + 1;
    while (fraction < text_.size() && IsDigit(text_[fraction])) ++fraction;
    size_t exponent = fraction;
    const bool is_double = exponent < text_.size() && (text_[exponent] | 32) == 'e' &&
                           exponent + 1 < text_.size() &&
                           (IsDigit(text_[exponent + 1]) ||
                            ((text_[exponent + 1] == '+' || text_[exponent + 1] == '-') &&
                             exponent + 2 < text_.size() && IsDigit(text_[exponent + 2])));
    if (fraction > end + 1 || (whole && is_double)) {
      token->kind = TokenKind::kDecimal;
      end = fraction;
    }
  }
  if (end < text_.size() && (text_[end] | 32) == 'e') {
    size_t exponent = end + 1;
    if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
    if (exponent < text_.size() && IsDigit(text_[exponent])) {
      end = exponent;
      digits();
      token->kind = TokenKind::kDouble;
    }
  }
  token->text = text_.substr(at_, end - at_);
  at_ = end;
}

// A word, or a prefixed name: PNAME_LN, PNAME_NS, BLANK_NODE_LABEL.
absl::Status Lexer::Name(Token* token) {
  const size_t begin = at_;
  const bool blank = Peek() == '_' && Peek(1) == ':';
  size_t end = begin;
  if (!blank) {
    if (const size_t first = NameStart(end); first > 0) {
      end += first;
      size_t last = end;  // behind the last character that may end a prefix
      while (end < text_.size()) {
        const size_t more = text_[end] == '.' ? 1 : NameRest(end);
        if (more == 0) break;
        end += more;
        if (text_[end - more] != '.') last = end;
      }
      end = last;
    }
    if (end >= text_.size() || text_[end] != ':') {  // a word: letters, digits, _
      end = begin;
      while (end < text_.size() &&
             (IsLetter(text_[end]) || IsDigit(text_[end]) || text_[end] == '_')) {
        ++end;
      }
      if (end == begin) {
        size_t next = begin;
        NextCodePoint(text_, &next);
        return SyntaxError(Here(), Concat("unexpected '", text_.substr(begin, next - begin), "'"));
      }
      token->kind = TokenKind::kWord;
      token->text = text_.substr(begin, end - begin);
      at_ = end;
      return absl::OkStatus();
    }
    token->text = text_.substr(begin, end - begin);
    ++end;
  } else {
    end += 2;
  }
  std::string local;
  size_t kept = 0, last = end;  // of `local` and of the text: behind the last that may end a name
  bool first = true;
  while (end < text_.size()) {
    const char c = text_[end];
    size_t more = 0;
    if (c == '.') {
      if (first) break;
      local.push_back('.');
      ++end;
      continue;
    }
    if (!blank && c == '%') {
      if (end + 2 >= text_.size() || !IsHex(text_[end + 1]) || !IsHex(text_[end + 2])) {
        at_ = end;
        return SyntaxError(Here(), "'%' in a name needs two hexadecimal digits");
      }
      local.append(text_.substr(end, 3));
      more = 3;
    } else if (!blank && c == '\\') {
      if (end + 1 >= text_.size() || kLocalEscapes.find(text_[end + 1]) == std::string_view::npos) {
        at_ = end;
        return SyntaxError(Here(), "this character cannot be escaped in a name");
      }
      local.push_back(text_[end + 1]);
      more = 2;
    } else if (!blank && c == ':') {
      local.push_back(':');
      more = 1;
    } else if (Is(c, kInName) && !(first && c == '-')) {
      more = 1;
      while (end + more < text_.size() && Is(text_[end + more], kInName)) ++more;
      local.append(text_.substr(end, more));
    } else {
      more = first ? NameStart(end) : NameRest(end);
      if (more == 0) break;
      local.append(text_.substr(end, more));
    }
    end += more;
    last = end;
    kept = local.size();
    first = false;
  }
  local.resize(kept);
  at_ = last;
  if (blank) {
    if (local.empty()) return SyntaxError(token->at, "a blank node needs a label behind '_:'");
    token->kind = TokenKind::kBlank;
    token->text = std::move(local);
  } else {
    token->kind = TokenKind::kPrefixed;
    token->local = std::move(local);
  }
  return absl::OkStatus();
}

absl::Status Lexer::Next(Token* token) {
  SkipSpace();
  token->at = Here();
  token->begin = at_;
  token->text.clear();
  token->local.clear();
  token->dollar = false;
  const auto done = [&] {
    token->end = at_;
    return absl::OkStatus();
  };
  const auto symbol = [&](size_t bytes) {
    token->kind = TokenKind::kSymbol;
    token->text = text_.substr(at_, bytes);
    at_ += bytes;
    return done();
  };
  if (at_ >= text_.size()) {
    token->kind = TokenKind::kEnd;
    return done();
  }
  const char c = Peek(), next = Peek(1);
  switch (c) {
    case '<':
      if (Iri(token)) return done();
      return symbol(next == '=' ? 2 : 1);
    case '>':
      return symbol(next == '=' ? 2 : 1);
    case '!':
      return symbol(next == '=' ? 2 : 1);
    case '&':
    case '|':
    case '^':
      return symbol(next == c ? 2 : 1);
    case '"':
    case '\'':
      UNDULA_RETURN_IF_ERROR(String(token));
      return done();
    case '?':
    case '$': {
      size_t end = at_ + 1;
      while (end < text_.size()) {
        const size_t more = text_[end] == '-' ? 0 : NameRest(end);
        if (more == 0) break;
        end += more;
      }
      if (end == at_ + 1) return symbol(1);
      token->kind = TokenKind::kVariable;
      token->dollar = c == '$';
      token->text = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end;
      return done();
    }
    case '@': {
      size_t end = at_ + 1;
      while (end < text_.size() && IsLetter(text_[end])) ++end;
      while (end + 1 < text_.size() && end > at_ + 1 && text_[end] == '-' &&
             (IsLetter(text_[end + 1]) || IsDigit(text_[end + 1]))) {
        ++end;
        while (end < text_.size() && (IsLetter(text_[end]) || IsDigit(text_[end]))) ++end;
      }
      if (end == at_ + 1) return SyntaxError(Here(), "a language tag is missing behind '@'");
      token->kind = TokenKind::kLanguage;
      token->text = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end;
      return done();
    }
    default:
      break;
  }
  if (IsDigit(c) || (c == '.' && IsDigit(next))) {
    Number(token);
    return done();
  }
  if (Is(c, kSingle)) return symbol(1);
  UNDULA_RETURN_IF_ERROR(Name(token));
  return done();
}

}  // namespace undula::queries::pattern
