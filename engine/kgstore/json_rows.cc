#include "kgstore/json_rows.h"

namespace undula::kgstore {
namespace {

class Scan {
 public:
  Scan(std::string_view text, bool at_end) : text_(text), at_end_(at_end) {}

  JsonScan Next(bool first, JsonRow* row) {
    if (first && !Take('{', "expected a JSON object, '{'")) return state_;
    SkipBlanks();
    if (at_ == text_.size()) return Short("a JSON object without its end");
    if (text_[at_] == '}') {
      ++at_;
      SkipBlanks();
      if (at_ < text_.size()) return Bad("text behind the JSON object");
      return at_end_ ? JsonScan::kEnd : JsonScan::kMore;
    }
    if (!first && !Take(',', "expected ',' or '}' behind a JSON value")) return state_;
    if (!Take('"', "expected a key in double quotes")) return state_;
    row->begin = at_ - 1;
    const size_t key = at_;
    if (!SkipString()) return state_;
    row->key = text_.substr(key, at_ - 1 - key);
    if (!Take(':', "expected ':' behind a JSON key")) return state_;
    SkipBlanks();
    const size_t value = at_;
    if (!SkipValue()) return state_;
    if (at_ == value) return Bad("expected a JSON value");
    row->value = text_.substr(value, at_ - value);
    row->taken = at_;
    return JsonScan::kRow;
  }

  std::string_view error() const { return error_; }
  size_t at() const { return at_; }

 private:
  JsonScan Bad(std::string_view error) {
    error_ = error;
    return state_ = JsonScan::kBad;
  }
  // The text ends too early, or so far.
  JsonScan Short(std::string_view error) { return at_end_ ? Bad(error) : state_ = JsonScan::kMore; }

  void SkipBlanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }

  bool Take(char c, std::string_view error) {
    SkipBlanks();
    if (at_ == text_.size()) return Short(error), false;
    if (text_[at_] != c) return Bad(error), false;
    ++at_;
    return true;
  }

  // From behind the opening quote to behind the closing one.
  bool SkipString() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return true;
      }
      if (text_[at_] == '\\') ++at_;
    }
    at_ = text_.size();
    return Short("a JSON string without its closing quote"), false;
  }

  // To the ',' or '}' that ends the value.
  bool SkipValue() {
    int depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (depth == 0 && (c == ',' || c == '}')) return true;
      ++at_;
      if (c == '"' && !SkipString()) return false;
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && --depth < 0) return Bad("a bracket too much in JSON"), false;
    }
    return Short("a JSON value without its end"), false;
  }

  std::string_view text_;
  bool at_end_;
  size_t at_ = 0;
  std::string_view error_;
  JsonScan state_ = JsonScan::kRow;
};

}  // namespace

JsonScan NextJsonRow(std::string_view text, bool first, bool at_end, JsonRow* row,
                     std::string_view* error, size_t* offset) {
  Scan scan(text, at_end);
  const JsonScan result = scan.Next(first, row);
  if (result == JsonScan::kBad) {
    *error = scan.error();
    *offset = scan.at();
  }
  return result;
}

}  // namespace undula::kgstore
