// The next generation of the links table.
#ifndef UNDULA_KGSTORE_WRITE_LINK_TABLE_H_
#define UNDULA_KGSTORE_WRITE_LINK_TABLE_H_

#include <vector>

#include "absl/status/status.h"
#include "kgstore/generation_writer.h"
#include "kgstore/write_links.h"

namespace undula::kgstore::internal {

// Merges the stored links with `records` (in any order; of equal (item, entity) the last holds) and
// sets the link counts of the next state. The table has been created.
absl::Status WriteLinkTable(GenerationWriter* writer, std::vector<LinkRecord> records,
                            LinkPolicy policy);

// InvalidArgument unless it lies in (0, 1].
absl::Status CheckConfidence(float confidence);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_WRITE_LINK_TABLE_H_
