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
#include "kgstore/value_set.h"
#include "kgstore/write_links.h"

namespace undula::kgstore::internal {

struct ItemCell {
  uint32_t item;          // or user
  uint32_t column;        // into ImportData::column_names or user_column_names
  std::string_view text;  // kept by ImportData::cell_texts
};

// A triple of a named graph.
struct Quad {
  TailKind kind;
  Triple triple;
  uint32_t graph;  // an entity
  friend auto operator<=>(const Quad&, const Quad&) = default;
};

struct SocialRecord {
  uint32_t user, other;
  float weight;
};

struct ImportData {
  std::array<TermTable, kSpaces> terms;
  std::vector<Triple> triples;         // head, relation, tail; of the default graph
  std::vector<Triple> attributes;      // entity, relation, literal; of the default graph
  std::vector<Quad> quads;             // of named graphs; not in triples and attributes
  std::vector<LogEntry> interactions;  // row = user, in the order of reading
  std::vector<LinkRecord> links;
  std::vector<ItemCell> cells;  // in the order of reading
  std::vector<ItemCell> user_cells;
  std::vector<SocialRecord> social;  // in the order of reading
  TermTable column_names;
  TermTable user_column_names;
  TermTable cell_texts;  // of items and users

  TermTable& space(Space space) { return terms[static_cast<size_t>(space)]; }
  const TermTable& space(Space space) const { return terms[static_cast<size_t>(space)]; }
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_IMPORT_DATA_H_
