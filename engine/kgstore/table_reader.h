// Reads delimited text, plain or compressed, into a RecordSink as a Schema says. CRLF, a byte order
// mark and empty lines are accepted; times and optional cells that are empty mean "none".
//
// A bad record is one row: another number of fields than the rest of the file, an empty id, a
// weight that is no finite number, a time that is negative or no time, invalid UTF-8, a misplaced
// quote, a row above 1 MiB. Errors: InvalidArgument "file:line:column: message" for bad rows under
// kStop and for a file without a row; NotFound for a missing column (the header is listed); those
// of InputStream, of the sink and of `progress`. Repeated rows are the sink's matter.
#ifndef UNDULA_KGSTORE_TABLE_READER_H_
#define UNDULA_KGSTORE_TABLE_READER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/read_report.h"
#include "kgstore/schema.h"
#include "kgstore/sinks.h"

namespace undula::kgstore {

struct TableOptions {
  OnError on_error = OnError::kStop;
  ErrorLimits limits;
  std::optional<std::string> separator;  // in place of the schema's
  // A file without a row is no error.
  bool allow_empty = false;
};

absl::StatusOr<ReadReport> ReadTable(const std::string& path, const Schema& schema,
                                     const TableOptions& options, RecordSink& sink,
                                     Progress* progress);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_TABLE_READER_H_
