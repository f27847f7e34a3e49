// Trained models in the database file (base/model_sink.h).
#ifndef UNDULA_KGSTORE_MODEL_STORE_H_
#define UNDULA_KGSTORE_MODEL_STORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/model_sink.h"
#include "kgstore/database.h"

namespace undula::kgstore {

// Put writes the tensors in transactions of at most 64 MiB; one last record makes the new model
// visible in place of the old one, so a crash in between changes nothing. Get copies the tensors
// into memory, checks their checksums (DataLoss) and ends its transaction. Names: 1 to 200 bytes
// (InvalidArgument). Writing to a read-only database is FailedPrecondition. Thread-safe; keeps the
// file open, also after the Database is gone.
absl::StatusOr<std::unique_ptr<ModelSink>> OpenModelStore(Database& database);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_MODEL_STORE_H_
