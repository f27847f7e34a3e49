// One RDF statement's text -> its triples, by Serd. Prefixes, the base IRI and the names of blank
// nodes live from statement to statement; the triples of a bad statement are dropped together.
#ifndef UNDULA_KGSTORE_STATEMENT_PARSER_H_
#define UNDULA_KGSTORE_STATEMENT_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kgstore/sinks.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {

enum class RdfSyntax : uint8_t { kNTriples, kTurtle, kNQuads, kTriG };

// Not thread-safe.
class StatementParser {
 public:
  struct Failure {
    TextPosition position;
    std::string message;
  };

  // Relative IRIs are resolved against `base_iri` (empty: they are errors until the document gives
  // a base). Blank nodes become "f<file_ordinal>.<label>", nameless ones "f<file_ordinal>-<n>".
  StatementParser(RdfSyntax syntax, const std::string& base_iri, int64_t file_ordinal);
  ~StatementParser();
  StatementParser(const StatementParser&) = delete;
  StatementParser& operator=(const StatementParser&) = delete;

  // kTriG: `text` is a statement of Turtle, without the braces of graphs around it.
  //
  // Parses text[0, size), UTF-8 without NUL whose first byte is at `start`; text[size] is written
  // and restored. False fills *failure and drops the triples.
  bool Parse(char* text, size_t size, TextPosition start, Failure* failure);

  // Those of the last Parse; the views hold until the next one.
  const std::vector<Statement>& statements() const;

  // TriG: the graph of the statements that follow, by its name as it stands in the document: an
  // IRI in brackets, a prefixed name, _:label or []; empty for the default graph. False fills
  // *failure.
  bool SetGraph(std::string_view name, TextPosition start, Failure* failure);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_STATEMENT_PARSER_H_
