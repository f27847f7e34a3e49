#include "kgstore/row_splitter.h"

#include <algorithm>
#include <cstring>

#include "base/status.h"

namespace undula::kgstore {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

size_t Find(std::string_view text, char c, size_t from) {
  const void* found =
      from >= text.size() ? nullptr : std::memchr(text.data() + from, c, text.size() - from);
  return found == nullptr ? text.npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace

RowSplitter::RowSplitter(std::string separator, char quote)
    : separator_(std::move(separator)), quote_(quote), blanks_(separator_ == kWhitespace) {}

std::string RowSplitter::Describe() const {
  if (blanks_) return "white space";
  if (separator_ == "\t") return "a tab";
  if (separator_ == kJson) return "JSON's ':'";
  return Concat('\'', separator_, '\'');
}

size_t RowSplitter::FindEnd(std::string_view text, size_t from) const {
  if (quote_ == '\0') return Find(text, '\n', from);
  size_t end = Find(text, '\n', 0);
  // A quote opens at the start of a field only and closes at the next single one.
  const char separator = separator_[0];
  size_t quote = Find(text.substr(0, end), quote_, 0);
  bool open = false;
  while (quote != text.npos) {
    if (open) {
      if (quote + 1 == text.size()) return text.npos;  // the next byte decides
      if (text[quote + 1] == quote_) {
        quote = Find(text, quote_, quote + 2);
        continue;
      }
      open = false;
      end = Find(text, '\n', quote);
      quote = Find(text.substr(0, end), quote_, quote + 1);
    } else if (quote == 0 || text[quote - 1] == separator) {
      open = true;
      quote = Find(text, quote_, quote + 1);
    } else {
      quote = Find(text.substr(0, end), quote_, quote + 1);
    }
  }
  return open ? text.npos : end;
}

bool RowSplitter::Split(std::string_view record, std::vector<Field>* fields,
                        std::string_view* error, size_t* offset) {
  fields->clear();
  if (blanks_) {
    SplitAtBlanks(record, fields);
  } else if (quote_ != '\0' && Find(record, quote_, 0) != record.npos) {
    return SplitQuoted(record, fields, error, offset);
  } else {
    SplitAtText(record, fields);
  }
  return true;
}

void RowSplitter::SplitAtText(std::string_view record, std::vector<Field>* fields) const {
  size_t begin = 0;
  if (separator_.size() == 1) {
    // Fields are short: a plain loop beats memchr.
    const char separator = separator_[0];
    for (size_t at = 0; at < record.size(); ++at) {
      if (record[at] != separator) continue;
      fields->push_back({record.substr(begin, at - begin), begin});
      begin = at + 1;
    }
  } else {
    for (size_t at; (at = record.find(separator_, begin)) != record.npos;) {
      fields->push_back({record.substr(begin, at - begin), begin});
      begin = at + separator_.size();
    }
  }
  fields->push_back({record.substr(begin), begin});
}

void RowSplitter::SplitAtBlanks(std::string_view record, std::vector<Field>* fields) const {
  for (size_t at = 0; at < record.size();) {
    if (IsBlank(record[at])) {
      ++at;
      continue;
    }
    const size_t begin = at;
    while (at < record.size() && !IsBlank(record[at])) ++at;
    fields->push_back({record.substr(begin, at - begin), begin});
  }
}

bool RowSplitter::SplitQuoted(std::string_view record, std::vector<Field>* fields,
                              std::string_view* error, size_t* offset) {
  const char separator = separator_[0];
  unquoted_.clear();
  unquoted_.reserve(record.size());  // the views into it must stay
  size_t at = 0;
  while (true) {
    const size_t begin = at;
    if (at < record.size() && record[at] == quote_) {
      const size_t start = unquoted_.size();
      for (++at;;) {
        const size_t quote = Find(record, quote_, at);
        if (quote == record.npos) {
          *error = "quoted field without its closing quote";
          *offset = begin;
          return false;
        }
        unquoted_.append(record.substr(at, quote - at));
        at = quote + 1;
        if (at == record.size() || record[at] != quote_) break;
        unquoted_ += quote_;
        ++at;
      }
      if (at < record.size() && record[at] != separator) {
        *error = "text behind the closing quote; a quote inside a quoted field is doubled";
        *offset = at;
        return false;
      }
      fields->push_back({std::string_view(unquoted_).substr(start), begin});
    } else {
      at = std::min(Find(record, separator, at), record.size());
      fields->push_back({record.substr(begin, at - begin), begin});
    }
    if (at == record.size()) return true;
    ++at;
  }
}

}  // namespace undula::kgstore
