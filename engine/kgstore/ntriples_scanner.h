// Fast reading of the common form of N-Triples and N-Quads lines. What the scanner recognises it
// has checked as strictly as CheckNTriplesLine and Serd do together, and its terms are the same;
// any line it does not fully recognise (comments, escapes in IRIs, dots in blank node labels,
// errors, ...) is left to them.
#ifndef UNDULA_KGSTORE_NTRIPLES_SCANNER_H_
#define UNDULA_KGSTORE_NTRIPLES_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "kgstore/sinks.h"

namespace undula::kgstore {

// Bytes that must be readable behind the text: the scanner loads 16 at a time.
inline constexpr size_t kScanPadding = 32;

enum class ScannedLine : uint8_t {
  kStatement,
  kBlank,    // spaces and tabs only
  kUnknown,  // for the slow path
};

// Not thread-safe.
class NTriplesScanner {
 public:
  // `graphs`: N-Quads, a fourth term may follow.
  explicit NTriplesScanner(bool graphs) : graphs_(graphs) {}

  // Reads the line at `p`. There is a '\n' at or behind p, and kScanPadding bytes behind that.
  // kStatement, kBlank: *next is the byte behind the line's '\n'. kStatement sets *statement; its
  // views point into the text or, where escapes were decoded, into the scanner until Clear(). Blank
  // node labels stand as written; the datatype of plain strings is empty.
  ScannedLine Scan(const char* p, const char** next, Statement* statement);

  void Clear() { decoded_.clear(); }

 private:
  const char* Iri(const char* p, std::string_view* text);
  const char* Literal(const char* p, Term* term);
  const char* Decode(const char* open, std::string_view* text);

  bool graphs_;
  bool ascii_ = true;  // of the line so far
  std::deque<std::string> decoded_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_NTRIPLES_SCANNER_H_
