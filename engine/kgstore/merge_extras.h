// Writes the next generation of the smaller tables: graphs, numbers, social.
#ifndef UNDULA_KGSTORE_MERGE_EXTRAS_H_
#define UNDULA_KGSTORE_MERGE_EXTRAS_H_

#include <vector>

#include "absl/status/status.h"
#include "kgstore/generation_writer.h"
#include "kgstore/import_data.h"
#include "kgstore/number_key.h"
#include "kgstore/record_source.h"

namespace undula::kgstore::internal {

// `triples` and `attributes`: the new ones of the default graph, with final ids, ascending; may be
// stored already. Quads with final ids, ascending. Reads the stored triples, so that those of
// the default graph stay in it when a named graph takes them up too. Sets the count of quads.
absl::Status MergeGraphs(GenerationWriter* writer, RecordSource<Triple>* triples,
                         RecordSource<Triple>* attributes, RecordSource<Quad>* quads);

// Ascending, distinct. Sets the count of numbers.
absl::Status MergeNumbers(GenerationWriter* writer, RecordSource<NumberEntry>* fresh);

// With final ids, in the order of reading: the last weight of a pair holds. Sets the count.
absl::Status MergeSocial(GenerationWriter* writer, std::vector<SocialRecord> fresh);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_MERGE_EXTRAS_H_
