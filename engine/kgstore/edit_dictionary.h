// Adds texts to the stored tables of a dictionary (kgstore/dictionary.h), and blots one out.
#ifndef UNDULA_KGSTORE_EDIT_DICTIONARY_H_
#define UNDULA_KGSTORE_EDIT_DICTIONARY_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/edit_adjacency.h"
#include "kgstore/state.h"

namespace undula::kgstore::internal {

// Gives `fresh` the ids that follow on. Sets the count and bucket bits of the space in *next; where
// the buckets have become too full all of them are written anew.
absl::Status AppendTexts(const OpenTables& open, Space space,
                         const std::vector<std::string_view>& fresh, State* next);

// Replaces the text of an id by an empty one that no look-up finds. *next is not changed: the id
// stays used.
absl::Status BlotOut(const OpenTables& open, Space space, uint32_t id, std::string_view text,
                     const State& state);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_EDIT_DICTIONARY_H_
