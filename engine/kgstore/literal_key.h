// Literals as dictionary terms: one byte string that holds lexical form, datatype and language.
#ifndef UNDULA_KGSTORE_LITERAL_KEY_H_
#define UNDULA_KGSTORE_LITERAL_KEY_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/read_view.h"

namespace undula::kgstore::internal {

// Appends to *key, which is cleared first. xsd:string equals no datatype (RDF 1.1), and a literal
// with a language has no other datatype. InvalidArgument: datatype or language over 65535 bytes.
absl::Status EncodeLiteral(std::string_view text, std::string_view datatype,
                           std::string_view language, std::string* key);

// The lexical form within a key; the whole key where it is damaged.
std::string_view LexicalForm(std::string_view key);

// The datatype of XML Schema without its prefix ("integer"); empty for other literals.
std::string_view XsdType(std::string_view key);

absl::StatusOr<Literal> DecodeLiteral(std::string_view key);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_LITERAL_KEY_H_
