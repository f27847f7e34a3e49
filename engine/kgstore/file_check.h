// Looks at a file before LMDB, which trusts its pages, gets to see it.
#ifndef UNDULA_KGSTORE_FILE_CHECK_H_
#define UNDULA_KGSTORE_FILE_CHECK_H_

#include <string>

#include "absl/status/status.h"

namespace undula::kgstore::internal {

// `fd` is open for reading. Ok where both meta pages are those of an LMDB 0.9 file of this kind of
// machine and the file is as long as they say. InvalidArgument: something else; FailedPrecondition:
// a foreign byte order or word size; DataLoss: damaged meta page, truncated file. Pages behind the
// meta pages are not read.
absl::Status CheckFile(int fd, const std::string& path);

// FailedPrecondition where `fd` lies on a network file system (locks and maps do not work there).
absl::Status CheckFileSystem(int fd, const std::string& path);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_FILE_CHECK_H_
