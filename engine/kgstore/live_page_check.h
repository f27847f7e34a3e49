// page_check on a file that is open and may be written meanwhile. Only kgstore's .cc files include
// this header.
#ifndef UNDULA_KGSTORE_LIVE_PAGE_CHECK_H_
#define UNDULA_KGSTORE_LIVE_PAGE_CHECK_H_

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/lmdb_env.h"
#include "kgstore/page_check.h"

namespace undula::kgstore::internal {

// Holds the newest state by a read transaction (that alone touches the meta pages only) while its
// pages are checked through `fd`, which is open on the same file. Errors of CheckPages();
// Unavailable where the state could not be held because other processes commit too fast.
absl::StatusOr<PageReport> CheckPagesOf(const Env& env, int fd, Progress* progress);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_LIVE_PAGE_CHECK_H_
