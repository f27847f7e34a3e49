// The frame of one N-Triples or N-Quads line: which terms stand where and how it ends. Serd checks
// and decodes the terms, but takes abbreviations of Turtle (';', 'a', prefixed names) and
// directives in these syntaxes; this check does not.
#ifndef UNDULA_KGSTORE_NTRIPLES_LINE_H_
#define UNDULA_KGSTORE_NTRIPLES_LINE_H_

#include <cstddef>
#include <string_view>

namespace undula::kgstore {

enum class NTriplesLine { kStatement, kBlank, kBad };

// `line` has no line end. `graphs`: N-Quads, a fourth term may follow. kBad sets *error (a constant
// text) and *offset of what is wrong.
NTriplesLine CheckNTriplesLine(std::string_view line, bool graphs, std::string_view* error,
                               size_t* offset);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_NTRIPLES_LINE_H_
