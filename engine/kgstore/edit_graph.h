// Applies updates of triples and attributes to every table that holds them or follows from them.
#ifndef UNDULA_KGSTORE_EDIT_GRAPH_H_
#define UNDULA_KGSTORE_EDIT_GRAPH_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/edit_rows.h"
#include "kgstore/import_record.h"

namespace undula::kgstore::internal {

// What the edit of attributes must know of the state before it.
struct AttributeFacts {
  // Literals named in the batch, as the dictionary stores them.
  std::unordered_map<uint32_t, std::string_view> literals;
  // By entity that loses a label: the (relation, literal, normalized label) that it had.
  std::map<uint32_t, std::set<std::tuple<uint32_t, uint32_t, std::string>>> labels;
};

// The normalized label of a literal; empty where it has none.
std::string LabelOf(std::string_view literal_key);

absl::Status EditGraph(std::vector<TripleOp> ops, const AttributeFacts& facts,
                       std::vector<RelationCounts>* per_relation, UpdateContext* context);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_EDIT_GRAPH_H_
