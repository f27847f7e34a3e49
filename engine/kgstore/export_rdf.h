// Writes the graph of a database as RDF 1.1: one pass, in the order of ids, memory for the names.
#ifndef UNDULA_KGSTORE_EXPORT_RDF_H_
#define UNDULA_KGSTORE_EXPORT_RDF_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/read_view.h"

namespace undula::kgstore {

enum class RdfOutput : uint8_t {
  kNTriples,  // every triple once, whatever graphs state it
  kNQuads,    // a line for each graph that states a triple
  kTurtle,    // as N-Triples, grouped by head, with prefixes found in the data
};

// Gives pieces of the file to `write`, whose error ends the export; the number of triples (quads)
// written. What was imported from RDF comes out the same, blank nodes with other labels at most.
// Names of text formats ("17") are no IRIs: they become <urn:undula:17>.
absl::StatusOr<int64_t> ExportRdf(const ReadView& view, RdfOutput output,
                                  const std::function<absl::Status(std::string_view)>& write,
                                  Progress* progress);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_EXPORT_RDF_H_
