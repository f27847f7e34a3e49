// IRIs and literals: productions 129 to 137.
#include <utility>
#include <vector>

#include "base/options.h"
#include "base/status.h"
#include "kgstore/iri.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern::internal {

absl::StatusOr<std::string> Parser::ResolvedIri(const Token& token) const {
  if (token.kind == TokenKind::kIri) {
    if (base_.empty() || kgstore::HasScheme(token.text)) return token.text;
    return kgstore::ResolveIri(base_, token.text);
  }
  const auto prefix = prefixes_.find(token.text);
  if (prefix != prefixes_.end()) return prefix->second + token.local;
  std::vector<std::string_view> names;
  for (const auto& [name, iri] : prefixes_) names.push_back(name);
  const std::string nearest = NearestKey(token.text, names);
  return SyntaxError(
      token.at, Concat("the prefix '", token.text, ":' is not declared; write PREFIX ", token.text,
                       ": <...>", nearest.empty() ? "" : ", or did you mean '" + nearest + ":'?"));
}

absl::StatusOr<std::string> Parser::Iri() {
  UNDULA_ASSIGN_OR_RETURN(std::string iri, ResolvedIri(token_));
  UNDULA_RETURN_IF_ERROR(Step());
  return iri;
}

bool Parser::AtLiteral() const {
  return token_.kind == TokenKind::kString || token_.kind == TokenKind::kInteger ||
         token_.kind == TokenKind::kDecimal || token_.kind == TokenKind::kDouble ||
         IsWord("TRUE") || IsWord("FALSE");
}

absl::StatusOr<Term> Parser::NumberTerm(std::string_view sign) {
  Term term;
  term.kind = TermKind::kLiteral;
  if (token_.kind == TokenKind::kInteger) {
    term.datatype = kXsdInteger;
  } else if (token_.kind == TokenKind::kDecimal) {
    term.datatype = kXsdDecimal;
  } else if (token_.kind == TokenKind::kDouble) {
    term.datatype = kXsdDouble;
  } else {
    return Unexpected("a number");
  }
  term.text = Concat(sign, token_.text);
  UNDULA_RETURN_IF_ERROR(Step());
  return term;
}

absl::StatusOr<Term> Parser::Literal() {
  Term term;
  term.kind = TermKind::kLiteral;
  if (token_.kind == TokenKind::kWord) {
    term.text = IsWord("TRUE") ? "true" : "false";
    term.datatype = kXsdBoolean;
    UNDULA_RETURN_IF_ERROR(Step());
    return term;
  }
  if (token_.kind != TokenKind::kString) return NumberTerm("");
  term.text = token_.text;
  UNDULA_RETURN_IF_ERROR(Step());
  if (token_.kind == TokenKind::kLanguage) {
    term.language = token_.text;
    UNDULA_RETURN_IF_ERROR(Step());
  } else if (IsSymbol("^^")) {
    UNDULA_RETURN_IF_ERROR(Step());
    if (!AtIri()) return Unexpected("the IRI of a datatype");
    UNDULA_ASSIGN_OR_RETURN(term.datatype, Iri());
    if (term.datatype == kXsdString) term.datatype.clear();
  }
  return term;
}

absl::StatusOr<Term> Parser::CatalogTerm(TermKind kind) {
  UNDULA_RETURN_IF_ERROR(Expect("("));
  if (token_.kind != TokenKind::kString) return Unexpected("an id in quotation marks");
  Term term;
  term.kind = kind;
  term.text = token_.text;
  UNDULA_RETURN_IF_ERROR(Step());
  UNDULA_RETURN_IF_ERROR(Expect(")"));
  return term;
}

}  // namespace undula::queries::pattern::internal
