// Applies updates to the stored tables that are not adjacencies: logs, links, social edges,
// columns, and those that follow from the triples: graphs, labels, numbers.
#ifndef UNDULA_KGSTORE_EDIT_ROWS_H_
#define UNDULA_KGSTORE_EDIT_ROWS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/change_log.h"
#include "kgstore/edit_adjacency.h"
#include "kgstore/update_ops.h"

namespace undula::kgstore::internal {

// What the edits work on and report to.
struct UpdateContext {
  const OpenTables& open;
  State* next;
  UpdateReport* report;
  std::array<std::vector<uint32_t>, kRowKinds> changed;  // in any order, some more than once

  void Changed(Rows rows, uint32_t row) { changed[static_cast<size_t>(rows)].push_back(row); }
};

absl::Status EditInteractions(std::vector<InteractionOp> ops, UpdateContext* context);
absl::Status EditLinks(std::vector<LinkOp> ops, UpdateContext* context);
absl::Status EditSocial(std::vector<SocialOp> ops, UpdateContext* context);
// `table`: items or users, with the names of its columns.
absl::Status EditColumns(std::vector<ColumnsOp> ops, Table table, std::vector<std::string>* names,
                         UpdateContext* context);

// An entry of a log, with the weight it gets.
struct LogEdit {
  LogEntry entry;
  bool add;
  enum { kNothing, kAdded, kRemoved, kReplaced } effect = kNothing;
};
// Ascending, distinct LogEntry::key(). Rows are written anew from the first block that changes.
absl::Status EditLog(const OpenTables& open, Table table, std::vector<LogEdit>* edits);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_EDIT_ROWS_H_
