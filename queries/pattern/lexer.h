// Tokens of a query (SPARQL 1.1, section 19.8, productions 139 to 173).
#ifndef UNDULA_QUERIES_PATTERN_LEXER_H_
#define UNDULA_QUERIES_PATTERN_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "queries/pattern/syntax.h"

namespace undula::queries::pattern {

enum class TokenKind : uint8_t {
  kEnd,
  kIri,       // text: between the brackets, escapes decoded
  kPrefixed,  // text: prefix, local: what follows the colon, escapes decoded
  kVariable,  // text: name; dollar: written $name
  kBlank,     // text: label
  kString,    // text: lexical form, escapes decoded
  kLanguage,  // text: tag
  kInteger,   // text: digits; no sign
  kDecimal,
  kDouble,
  kWord,    // keyword or function name, as written
  kSymbol,  // text: one of the operators and brackets
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::string local;
  bool dollar = false;
  Position at;
  size_t begin = 0, end = 0;  // in the text
};

// "3:14: message": where in a query something is wrong.
absl::Status SyntaxError(Position at, std::string_view message);

class Lexer {
 public:
  // `text` must outlive the lexer.
  explicit Lexer(std::string_view text) : text_(text) {}

  // The next token; InvalidArgument (SyntaxError) for what is none.
  absl::Status Next(Token* token);

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void Advance(size_t bytes);
  void SkipSpace();
  Position Here() const { return {line_, static_cast<uint32_t>(at_ - line_start_ + 1)}; }
  bool Iri(Token* token);
  absl::Status String(Token* token);
  void Number(Token* token);
  absl::Status Name(Token* token);
  // Bytes of the name character at `at`, 0 where there is none.
  size_t NameStart(size_t at) const;
  size_t NameRest(size_t at) const;

  std::string_view text_;
  size_t at_ = 0, line_start_ = 0;
  uint32_t line_ = 1;
};

// Decodes the code point escapes \uXXXX and \UXXXXXXXX of a whole query (section 19.2).
// InvalidArgument for surrogates, values beyond U+10FFFF, and text that is no UTF-8.
absl::StatusOr<std::string> DecodeCodePoints(std::string_view text);

void AppendUtf8(uint32_t code_point, std::string* out);
// The code point at *at of valid UTF-8; moves *at behind it.
uint32_t NextCodePoint(std::string_view text, size_t* at);

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_LEXER_H_
