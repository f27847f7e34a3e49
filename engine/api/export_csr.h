// The arrays of a snapshot (base/snapshot.h) as files for other programs.
#ifndef UNDULA_API_EXPORT_CSR_H_
#define UNDULA_API_EXPORT_CSR_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "kgstore/database.h"

namespace undula::api {

// One safetensors file. Returns the number of arrays.
absl::StatusOr<int64_t> ExportCsr(const kgstore::Database& database, const std::string& file);

// A new folder of NumPy files, one for each array ("out.ptr.npy"), and metadata.json. The folder
// appears under its name only when it is complete; AlreadyExists where the name is taken.
absl::StatusOr<int64_t> ExportCsrNpy(const kgstore::Database& database, const std::string& folder);

}  // namespace undula::api

#endif  // UNDULA_API_EXPORT_CSR_H_
