// Final ids for the provisional ones of an import.
#ifndef UNDULA_KGSTORE_RESOLVE_IDS_H_
#define UNDULA_KGSTORE_RESOLVE_IDS_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/dictionary.h"
#include "kgstore/import_data.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

struct ResolvedSpace {
  std::vector<uint32_t> id;  // final id by provisional id
  FreshTexts fresh;          // of new ids, in their order; refer to the import
};

using ResolvedIds = std::array<ResolvedSpace, kSpaces>;

// Known texts keep their ids, new ones follow on in the order of first appearance; where the
// database has no entities yet, these are ordered by descending degree (the number of triples as
// read that name them, ties by first appearance). ResourceExhausted beyond kMaxIds.
absl::StatusOr<ResolvedIds> ResolveIds(const ViewState& old, const ImportData& data,
                                       Progress* progress);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_RESOLVE_IDS_H_
