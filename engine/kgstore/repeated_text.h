// Finds names that a dictionary holds twice (for verify).
#ifndef UNDULA_KGSTORE_REPEATED_TEXT_H_
#define UNDULA_KGSTORE_REPEATED_TEXT_H_

#include "absl/status/statusor.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

// Whether two ids of the space have the same text; what is left of forgotten users does not count.
// Takes 8 bytes a name. Errors: those of reading the dictionary.
absl::StatusOr<bool> HasRepeatedText(const ViewState& view, Space space);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_REPEATED_TEXT_H_
