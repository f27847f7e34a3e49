// One batch of updates with final ids, and what it has changed.
#ifndef UNDULA_KGSTORE_UPDATE_OPS_H_
#define UNDULA_KGSTORE_UPDATE_OPS_H_

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kgstore/import_data.h"
#include "kgstore/updater.h"

namespace undula::kgstore::internal {

// In the order of the calls; of several on the same thing the last one holds.
struct TripleOp {
  TailKind kind;
  Triple triple;
  uint32_t graph;  // entity + 1, 0 = default graph
  bool add;
};
struct InteractionOp {
  LogEntry entry;  // row = user
  bool add;
};
struct LinkOp {
  LinkRecord link;
  bool add;
};
struct SocialOp {
  SocialRecord edge;
  bool add;
};
struct ColumnsOp {
  uint32_t row;  // item or user
  std::vector<std::pair<std::string, std::string>> columns;
  bool add;  // else the whole row goes
};

struct UpdateOps {
  std::vector<TripleOp> triples;
  std::vector<InteractionOp> interactions;
  std::vector<LinkOp> links;
  std::vector<SocialOp> social;
  std::vector<ColumnsOp> items, users;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_UPDATE_OPS_H_
