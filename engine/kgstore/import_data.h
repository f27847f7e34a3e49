// What an import has collected, with provisional ids: per space the order of first appearance.
#ifndef UNDULA_KGSTORE_IMPORT_DATA_H_
#define UNDULA_KGSTORE_IMPORT_DATA_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kgstore/interaction_log.h"
#include "kgstore/radix_sort.h"
#include "kgstore/state.h"
#include "kgstore/term_table.h"
#include "kgstore/write_links.h"

namespace undula::kgstore::internal {

struct ItemCell {
  uint32_t item;
  uint32_t column;        // into ImportData::column_names
  std::string_view text;  // kept by ImportData::cell_texts
};

struct ImportData {
  std::array<TermTable, kSpaces> terms;
  std::vector<Triple> triples;         // head, relation, tail
  std::vector<Triple> attributes;      // entity, relation, literal
  std::vector<LogEntry> interactions;  // row = user, in the order of reading
  std::vector<LinkRecord> links;
  std::vector<ItemCell> cells;  // in the order of reading
  TermTable column_names;
  TermTable cell_texts;

  TermTable& space(Space space) { return terms[static_cast<size_t>(space)]; }
  const TermTable& space(Space space) const { return terms[static_cast<size_t>(space)]; }
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_IMPORT_DATA_H_
