#include "kgstore/trig_graph.h"

#include <algorithm>

namespace undula::kgstore {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t SkipSpace(std::string_view text, size_t at) {
  while (at < text.size()) {
    if (text[at] == '#') {
      at = std::min(text.find_first_of("\n\r", at), text.size());
    } else if (IsSpace(text[at])) {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

// The end of the token at `at`: <IRI>, brackets up to their end, or a run without white space.
size_t SkipToken(std::string_view text, size_t at) {
  if (text[at] == '<') {
    const size_t close = text.find('>', at);
    return close == text.npos ? text.size() : close + 1;
  }
  if (text[at] == '[') {
    const size_t inside = SkipSpace(text, at + 1);
    if (inside < text.size() && text[inside] == ']') return inside + 1;
  }
  ++at;
  while (at < text.size() && !IsSpace(text[at]) && text[at] != '<' && text[at] != '[') ++at;
  return at;
}

bool IsWord(std::string_view token, std::string_view lower) {
  return std::equal(token.begin(), token.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace

bool SplitGraphOpening(std::string_view text, GraphOpening* opening, std::string_view* error,
                       size_t* offset) {
  size_t at = 0;
  // Moves to the next token; empty at the end.
  const auto next = [&] {
    const size_t begin = SkipSpace(text, at);
    at = begin == text.size() ? begin : SkipToken(text, begin);
    return text.substr(begin, at - begin);
  };
  size_t before = 0;
  std::string_view token = next();
  while (IsWord(token, "prefix") || IsWord(token, "base")) {
    if (IsWord(token, "prefix")) next();
    next();
    before = at;
    token = next();
  }
  const bool named = IsWord(token, "graph");
  if (named) token = next();
  *opening = {text.substr(0, before), token, static_cast<size_t>(token.data() - text.data())};
  *offset = opening->label_offset;
  if (token.empty()) {
    if (!named) return true;
    *error = "GRAPH without the name of a graph";
    return false;
  }
  *error = "expected the name of a graph: <IRI>, prefixed name, _:label or []";
  const char c = token[0];
  if (c == '(' || c == ')' || c == '"' || c == '\'') return false;
  if ((c == '[' || c == ']') && (c == ']' || token.back() != ']')) return false;
  if (const std::string_view rest = next(); !rest.empty()) {
    *error = "'{' within a statement";
    *offset = static_cast<size_t>(rest.data() - text.data());
    return false;
  }
  return true;
}

bool IsDirective(std::string_view statement) {
  const size_t at = SkipSpace(statement, 0);
  if (at == statement.size()) return false;
  if (statement[at] == '@') return true;
  const std::string_view word = statement.substr(at, SkipToken(statement, at) - at);
  return IsWord(word, "prefix") || IsWord(word, "base");
}

bool IsBlankText(std::string_view text) { return SkipSpace(text, 0) == text.size(); }

}  // namespace undula::kgstore
