// The review file: one row for each decision of the linker, tab-separated, to be edited and read
// again. Columns: item, title, decision (empty, or "no" where an earlier review said so; the reader
// writes "yes" or "no"), entity (the best
// candidate; the reader may put another one), confidence, found (how), outcome, others (further
// candidates with their confidence).
#ifndef UNDULA_API_LINK_REVIEW_H_
#define UNDULA_API_LINK_REVIEW_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/link_session.h"

namespace undula::api {

absl::Status WriteReview(const LinkSession& session, const linking::Decisions& decisions,
                         const std::string& file);

struct ReviewedLink {
  ItemId item;
  EntityId entity;  // kNone<EntityId>: the item has no entity
};
// Rows with a decision, by item; of equal items the last one. InvalidArgument names file:line: a
// missing column, a decision that is neither yes nor no, "yes" without an entity. NotFound names an
// unknown item or entity.
absl::StatusOr<std::vector<ReviewedLink>> ReadReview(const kgstore::ReadView& view,
                                                     const std::string& file);

}  // namespace undula::api

#endif  // UNDULA_API_LINK_REVIEW_H_
