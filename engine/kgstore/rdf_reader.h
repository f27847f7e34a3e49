// Reads N-Triples, N-Quads, Turtle and TriG (RDF 1.1), plain or compressed, into a RecordSink.
// Terms come with absolute IRIs, decoded escapes and blank nodes renamed per file; xsd:string is
// left out as the datatype.
//
// A bad record of N-Triples or N-Quads is a line, of Turtle and TriG a statement up to its '.' (an
// unclosed long string reaches to the end of the file). Its triples are all dropped. Errors:
// InvalidArgument "file:line:column: message" for bad records under kStop and for a file without a
// triple, Unimplemented for other RDF syntaxes, those of InputStream, those of the sink, those of
// `progress`.
#ifndef UNDULA_KGSTORE_RDF_READER_H_
#define UNDULA_KGSTORE_RDF_READER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/read_report.h"
#include "kgstore/sinks.h"
#include "kgstore/statement_parser.h"

namespace undula::kgstore {

struct RdfOptions {
  // Without it: the file name's extension below a compression suffix (.nt, .nq, .ttl, .turtle,
  // .trig), else Turtle, of which N-Triples is a subset.
  std::optional<RdfSyntax> syntax;
  OnError on_error = OnError::kStop;
  // Relative IRIs are resolved against it; without it and without @base they are errors.
  std::string base_iri;
  // Tells the blank nodes of this file from those of all others in the store.
  int64_t file_ordinal = 0;
  // A file without a triple is no error.
  bool allow_empty = false;
  // Triples of named graphs go to the default graph.
  bool drop_graphs = false;
  ErrorLimits limits;
};

absl::StatusOr<ReadReport> ReadRdf(const std::string& path, const RdfOptions& options,
                                   RecordSink& sink, Progress* progress);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_RDF_READER_H_
