// Reads Turtle and TriG, statement by statement.
#ifndef UNDULA_KGSTORE_TURTLE_READER_H_
#define UNDULA_KGSTORE_TURTLE_READER_H_

#include <string>

#include "absl/status/status.h"
#include "kgstore/rdf_reader.h"
#include "kgstore/read_report.h"
#include "kgstore/sinks.h"
#include "kgstore/text_window.h"

namespace undula::kgstore {

// `syntax`: kTurtle or kTriG.
absl::Status ReadTurtle(const std::string& name, RdfSyntax syntax, const RdfOptions& options,
                        TextWindow* window, RecordSink* sink, ReadReport* report);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_TURTLE_READER_H_
