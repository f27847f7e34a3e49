// Reads the line syntaxes of RDF, N-Triples and N-Quads, in chunks and on as many threads as the
// sink takes. The common form of a line is read by NTriplesScanner, every other one by
// CheckNTriplesLine and Serd.
#ifndef UNDULA_KGSTORE_LINE_READER_H_
#define UNDULA_KGSTORE_LINE_READER_H_

#include <string>

#include "absl/status/status.h"
#include "kgstore/chunk_source.h"
#include "kgstore/rdf_reader.h"
#include "kgstore/read_report.h"
#include "kgstore/sinks.h"

namespace undula::kgstore {

// `syntax`: kNTriples or kNQuads. `source` has been opened. Errors and bad records come in the
// order of the file whatever the number of threads.
absl::Status ReadRdfLines(const std::string& name, RdfSyntax syntax, const RdfOptions& options,
                          ChunkSource* source, RecordSink* sink, ReadReport* report);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_LINE_READER_H_
