// Makes a new, empty database file.
#ifndef UNDULA_KGSTORE_CREATE_FILE_H_
#define UNDULA_KGSTORE_CREATE_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace undula::kgstore::internal {

// Builds the file under another name beside `path` and gives it its name only when it is whole and
// on disk; never replaces a file. Where `path` exists: Ok if `may_exist`, else AlreadyExists.
absl::Status CreateFile(const std::string& path, bool may_exist, bool compact_dictionary);

// Removes what processes left beside `path` that were killed while they made it. Best effort.
void RemoveAbandonedFiles(const std::string& path);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_CREATE_FILE_H_
