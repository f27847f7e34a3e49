// The scanner of N-Triples and N-Quads lines beside the path it stands in for.
#ifndef UNDULA_TESTS_KGSTORE_SCANNER_COMPARE_H_
#define UNDULA_TESTS_KGSTORE_SCANNER_COMPARE_H_

#include <string>
#include <string_view>

namespace undula::kgstore {

// Reads one line (bytes up to the first '\n') by NTriplesScanner and by CheckNTriplesLine with
// Serd. Empty where the scanner leaves the line alone or both take it with the same terms; else
// what differs. For tests and fuzzing. *scanned, if given: whether the scanner took the line.
std::string CompareScannerWithSerd(std::string_view line, bool graphs, bool* scanned = nullptr);

}  // namespace undula::kgstore

#endif  // UNDULA_TESTS_KGSTORE_SCANNER_COMPARE_H_
