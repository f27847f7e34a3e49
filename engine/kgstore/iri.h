// IRI references -> absolute IRIs, RFC 3986 section 5.2 (strict). (Serd 0.30.16 leaves "." and ".."
// in the middle of a relative path.)
#ifndef UNDULA_KGSTORE_IRI_H_
#define UNDULA_KGSTORE_IRI_H_

#include <string>
#include <string_view>

namespace undula::kgstore {

// Whether `iri` starts with a scheme: a letter, then letters, digits, + - . up to ':'.
bool HasScheme(std::string_view iri);

// `reference` against the absolute IRI `base`. A reference with a scheme stays as it is.
std::string ResolveIri(std::string_view base, std::string_view reference);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_IRI_H_
