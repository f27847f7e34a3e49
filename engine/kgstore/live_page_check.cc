#include "kgstore/live_page_check.h"

#include "base/status.h"

namespace undula::kgstore::internal {
namespace {

constexpr int kAttempts = 1000;

}  // namespace

absl::StatusOr<PageReport> CheckPagesOf(const Env& env, int fd, Progress* progress) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    MDB_txn* txn = nullptr;
    if (const int code = env.BeginRead(&txn); code != 0) {
      return env.Error(code, "checking pages");
    }
    // The newest meta page may be one transaction ahead of what LMDB gives to readers (it is still
    // being synced); two commits after the transaction began its page is overwritten.
    const auto metas = ReadMetaPages(fd, env.path());
    if (!metas.ok()) {
      mdb_txn_abort(txn);
      return metas.status();
    }
    for (const MetaPage& meta : {metas->newest, metas->older}) {
      if (meta.transaction != mdb_txn_id(txn)) continue;
      auto report = CheckPages(fd, env.path(), meta, progress);
      mdb_txn_abort(txn);
      return report;
    }
    mdb_txn_abort(txn);
  }
  return UnavailableError(env.path(), " changes faster than it can be checked; try again");
}

}  // namespace undula::kgstore::internal
