// The dictionary of a database in another form.
#ifndef UNDULA_KGSTORE_REWRITE_DICTIONARY_H_
#define UNDULA_KGSTORE_REWRITE_DICTIONARY_H_

#include "absl/status/status.h"
#include "base/progress.h"
#include "kgstore/database.h"

namespace undula::kgstore {

// Writes all names anew, compact (zstd) or plain, in one bulk write that other processes see whole
// or not at all. Ids and contents stay; a compact dictionary is trained anew. The file grows by the
// new tables: copy it compactly afterwards. FailedPrecondition: read-only, or another writing call
// is under way.
absl::Status RewriteDictionary(Database& database, bool compact, Progress* progress);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_REWRITE_DICTIONARY_H_
