#include "kgstore/json_cell.h"

#include <cstdint>

namespace undula::kgstore {
namespace {

constexpr int kMaxDepth = 32;

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (code >> 6)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (code >> 12)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (code >> 18)));
    out->push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

class JsonReading {
 public:
  JsonReading(std::string_view text, std::deque<std::string>* texts) : text_(text), texts_(texts) {}

  bool Array(std::vector<std::vector<JsonMember>>* elements) {
    SkipBlanks();
    if (at_ == text_.size()) return true;
    if (!Take('[', "expected a JSON array")) return false;
    if (Peek() == ']') {
      ++at_;
    } else {
      while (true) {
        elements->emplace_back();
        if (!Element(&elements->back())) return false;
        if (Peek() == ',') {
          ++at_;
          continue;
        }
        if (!Take(']', "expected ',' or ']' in a JSON array")) return false;
        break;
      }
    }
    SkipBlanks();
    return at_ == text_.size() || Fail("text behind the JSON array");
  }

  std::string_view error() const { return error_; }
  size_t at() const { return at_; }

 private:
  bool Fail(std::string_view error) {
    if (error_.empty()) error_ = error;
    return false;
  }

  void SkipBlanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  // The next byte that is no blank; '\0' at the end.
  char Peek() {
    SkipBlanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool Take(char c, std::string_view error) {
    if (Peek() != c) return Fail(error);
    ++at_;
    return true;
  }

  bool Element(std::vector<JsonMember>* members) {
    if (Peek() == '{') return Object(members, 1);
    JsonMember member;
    bool scalar = false;
    if (!Value(&member.text, &scalar, 1)) return false;
    if (scalar) members->push_back(member);
    return true;
  }

  // `members` may be null.
  bool Object(std::vector<JsonMember>* members, int depth) {
    if (depth > kMaxDepth) return Fail("JSON nested too deep");
    ++at_;
    if (Peek() == '}') {
      ++at_;
      return true;
    }
    while (true) {
      JsonMember member;
      bool scalar = false;
      if (Peek() != '"') return Fail("expected a JSON member name in double quotes");
      if (!String(&member.key)) return false;
      if (!Take(':', "expected ':' behind a JSON member name")) return false;
      if (!Value(&member.text, &scalar, depth)) return false;
      if (scalar && members != nullptr) members->push_back(member);
      if (Peek() == ',') {
        ++at_;
        continue;
      }
      return Take('}', "expected ',' or '}' in a JSON object");
    }
  }

  bool Value(std::string_view* out, bool* scalar, int depth) {
    const char c = Peek();
    *scalar = true;
    if (c == '"') return String(out);
    if (c == '{') {
      *scalar = false;
      return Object(nullptr, depth + 1);
    }
    if (c == '[') {
      *scalar = false;
      if (depth >= kMaxDepth) return Fail("JSON nested too deep");
      ++at_;
      if (Peek() == ']') {
        ++at_;
        return true;
      }
      while (true) {
        std::string_view text;
        bool inner = false;
        if (!Value(&text, &inner, depth + 1)) return false;
        if (Peek() == ',') {
          ++at_;
          continue;
        }
        return Take(']', "expected ',' or ']' in a JSON array");
      }
    }
    for (const std::string_view word : {"true", "false", "null"}) {
      if (text_.substr(at_, word.size()) != word) continue;
      *out = word == "null" ? std::string_view() : text_.substr(at_, word.size());
      at_ += word.size();
      return true;
    }
    return Number(out);
  }

  bool Digits() {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > begin || Fail("expected a JSON value");
  }

  bool Number(std::string_view* out) {
    const size_t begin = at_;
    const auto next = [&](char c) {
      if (at_ >= text_.size() || text_[at_] != c) return false;
      ++at_;
      return true;
    };
    next('-');
    const size_t first = at_;
    if (!Digits()) return false;
    if (at_ - first > 1 && text_[first] == '0') return Fail("JSON number with a leading zero");
    if (next('.') && !Digits()) return false;
    if (next('e') || next('E')) {
      if (!next('+')) next('-');
      if (!Digits()) return false;
    }
    *out = text_.substr(begin, at_ - begin);
    return true;
  }

  bool Hex4(uint32_t* code) {
    if (text_.size() - at_ < 4) return Fail("JSON \\u escape without four digits");
    *code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = text_[at_];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return Fail("JSON \\u escape without four digits");
      *code = *code * 16 + static_cast<uint32_t>(digit);
    }
    return true;
  }

  bool Escape(std::string* out) {
    if (at_ == text_.size()) return Fail("JSON string without its closing quote");
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const char c = text_[at_++];
    if (const size_t found = kFrom.find(c); found != kFrom.npos) {
      out->push_back(kTo[found]);
      return true;
    }
    if (c != 'u') return Fail("unknown JSON escape");
    uint32_t code = 0;
    if (!Hex4(&code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      uint32_t low = 0;
      if (text_.substr(at_, 2) != "\\u") return Fail("half of a surrogate pair in JSON");
      at_ += 2;
      if (!Hex4(&low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return Fail("half of a surrogate pair in JSON");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      return Fail("half of a surrogate pair in JSON");
    }
    if (code == 0) return Fail("NUL in a JSON string");
    AppendUtf8(code, out);
    return true;
  }

  // at_ is at the opening quote.
  bool String(std::string_view* out) {
    const size_t begin = ++at_;
    std::string* copy = nullptr;  // made at the first escape
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        *out = copy == nullptr ? text_.substr(begin, at_ - begin) : std::string_view(*copy);
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20) return Fail("control character in a JSON string");
      if (c != '\\') {
        if (copy != nullptr) copy->push_back(c);
        ++at_;
        continue;
      }
      if (copy == nullptr) copy = &texts_->emplace_back(text_.substr(begin, at_ - begin));
      ++at_;
      if (!Escape(copy)) return false;
    }
    return Fail("JSON string without its closing quote");
  }

  std::string_view text_;
  std::deque<std::string>* texts_;
  size_t at_ = 0;
  std::string_view error_;
};

}  // namespace

bool ParseJsonArray(std::string_view cell, std::deque<std::string>* texts,
                    std::vector<std::vector<JsonMember>>* elements, std::string_view* error,
                    size_t* offset) {
  JsonReading reading(cell, texts);
  if (reading.Array(elements)) return true;
  *error = reading.error();
  *offset = reading.at();
  return false;
}

}  // namespace undula::kgstore
