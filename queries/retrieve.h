// Retrieval by nearest neighbors: items like a given one, and what lies around what a user did.
#ifndef UNDULA_QUERIES_RETRIEVE_H_
#define UNDULA_QUERIES_RETRIEVE_H_

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/parallel.h"
#include "models/pinnersage/around.h"
#include "models/retrieval/item_index.h"
#include "propagation/exec.h"
#include "queries/context.h"
#include "undula/recommender.h"

namespace undula::queries {

// The index of a model, with the items that came after its training (models/retrieval/new_items.h).
// Thread-safe.
class IndexSource {
 public:
  // Where `index` is null one is made when it is first asked for: as `build` says, else exact.
  // Where `device` (propagation/exec.h) is a GPU, exact search on it takes the place of all that.
  IndexSource(const Context& context, std::unique_ptr<models::ItemIndex> index,
              std::optional<models::IndexOptions> build, std::string device)
      : context_(context),
        build_(std::move(build)),
        device_(std::move(device)),
        index_(std::move(index)) {}
  // Unimplemented: the model has no vectors. Unavailable: there is no such device.
  absl::StatusOr<const models::ItemIndex*> Get() const;

 private:
  absl::Status Make() const;

  const Context& context_;
  const std::optional<models::IndexOptions> build_;
  const std::string device_;
  mutable std::once_flag made_;
  mutable absl::Status status_;
  mutable std::unique_ptr<propagation::Exec> exec_;
  mutable std::unique_ptr<models::ItemIndex> index_;
};

// By the cosine of vectors. Unimplemented where the model has none; FailedPrecondition for an item
// without one; InvalidArgument for k < 1; the errors of ResolveFilter. Of the filter, exclude_seen
// means nothing here.
absl::StatusOr<std::vector<Recommendation>> Similar(const Context& context, ItemId item, int64_t k,
                                                    const ItemFilter& filter);

// Around a user's actions (days). Who the user is, for patterns of the filter and what was seen, is
// `user`, kNone where there is only a history. FailedPrecondition: no action is on an item with a
// vector.
absl::StatusOr<std::vector<Recommendation>> Retrieve(const Context& context, UserId user,
                                                     std::span<const models::Action> actions,
                                                     double now, int64_t k,
                                                     const ItemFilter& filter,
                                                     const models::AroundOptions& options);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_RETRIEVE_H_
