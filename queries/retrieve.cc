#include "queries/retrieve.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "models/retrieval/device_index.h"
#include "models/retrieval/exact_index.h"
#include "models/retrieval/new_items.h"
#include "queries/recommend.h"

namespace undula::queries {
namespace {

// The mask of a request and how much of the catalogue it lets through.
struct Filter {
  ResolvedFilter resolved;
  std::unique_ptr<models::ItemSet> of_user;
  const models::ItemSet* allow = nullptr;
  double share = 1;
};

absl::Status MakeFilter(const Context& context, const ItemFilter& filter, UserId user,
                        Filter* out) {
  UNDULA_ASSIGN_OR_RETURN(out->resolved, ResolveFilter(context, filter));
  UNDULA_ASSIGN_OR_RETURN(out->allow, AllowedItems(context, &out->resolved, user, &out->of_user));
  if (out->allow == nullptr && out->resolved.deny == nullptr) return absl::OkStatus();
  const auto n = static_cast<uint32_t>(context.catalog->items.size());
  int64_t open = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const ItemId item{i};
    open += (out->allow == nullptr || out->allow->contains(item)) &&
            (out->resolved.deny == nullptr || !out->resolved.deny->contains(item));
  }
  out->share = static_cast<double>(open) / std::max<uint32_t>(n, 1);
  return absl::OkStatus();
}

absl::StatusOr<const models::ItemIndex*> IndexFor(const Context& context, int64_t k) {
  if (k < 1) return InvalidArgumentError("k is ", k, "; it must be at least 1");
  return context.index->Get();
}

std::vector<Recommendation> Named(const Context& context,
                                  std::span<const models::ScoredItem> items) {
  std::vector<Recommendation> out;
  for (const models::ScoredItem& s : items) {
    Recommendation r;
    r.item = std::string(context.catalog->items[Index(s.item)]);
    r.title = std::string(context.catalog->ItemTitle(s.item));
    r.score = s.score;
    out.push_back(std::move(r));
  }
  return out;
}

}  // namespace

absl::Status IndexSource::Make() const {
  UNDULA_ASSIGN_OR_RETURN(const models::IndexVectors vectors,
                          models::VectorsOf(*context_.scorer, context_.spec->title));
  UNDULA_ASSIGN_OR_RETURN(exec_, propagation::Exec::Create(device_, context_.workers));
  if (exec_->on_gpu()) {
    auto on_device = models::DeviceIndex::Create(vectors, exec_.get());
    if (!on_device.ok() && device_ != "auto") return on_device.status();
    if (on_device.ok()) index_ = std::move(*on_device);
  }
  if (index_ == nullptr && build_.has_value()) {
    models::IndexFacts facts;
    UNDULA_ASSIGN_OR_RETURN(
        index_, models::BuildIndex(vectors, *build_, *context_.workers, nullptr, &facts));
  }
  if (index_ == nullptr) index_ = std::make_unique<models::ExactIndex>(vectors);
  index_ =
      models::WithMoreItems(std::move(index_), models::PlaceNewItems(*context_.snapshot, vectors));
  return absl::OkStatus();
}

absl::StatusOr<const models::ItemIndex*> IndexSource::Get() const {
  std::call_once(made_, [this] { status_ = Make(); });
  UNDULA_RETURN_IF_ERROR(status_);
  return index_.get();
}

absl::StatusOr<std::vector<Recommendation>> Similar(const Context& context, ItemId item, int64_t k,
                                                    const ItemFilter& filter) {
  UNDULA_ASSIGN_OR_RETURN(const models::ItemIndex* index, IndexFor(context, k));
  std::vector<float> vector(static_cast<size_t>(index->dim()));
  if (!index->VectorOf(item, vector.data())) {
    return FailedPreconditionError(
        "the model has no vector for item '", context.catalog->items[Index(item)],
        "', and it shares nothing with items that have one; train again");
  }
  Filter mask;
  UNDULA_RETURN_IF_ERROR(MakeFilter(context, filter, kNone<UserId>, &mask));
  models::IndexScratch scratch;
  std::vector<std::vector<models::ScoredItem>> found;
  const models::IndexQuery query{
      vector, {{&item, 1}, mask.allow, mask.resolved.deny.get()}, mask.share};
  index->Search({&query, 1}, k, &scratch, &found);
  return Named(context, found[0]);
}

absl::StatusOr<std::vector<Recommendation>> Retrieve(const Context& context, UserId user,
                                                     std::span<const models::Action> actions,
                                                     double now, int64_t k,
                                                     const ItemFilter& filter,
                                                     const models::AroundOptions& options) {
  UNDULA_ASSIGN_OR_RETURN(const models::ItemIndex* index, IndexFor(context, k));
  const std::vector<models::Anchor> anchors = models::AnchorsOf(*index, actions, now, options);
  if (anchors.empty()) {
    return FailedPreconditionError("the history has no item that the model has a vector for");
  }
  Filter mask;
  UNDULA_RETURN_IF_ERROR(MakeFilter(context, filter, user, &mask));
  std::vector<ItemId> history, seen;
  for (const models::Action& action : actions) history.push_back(action.item);
  if (mask.resolved.exclude_seen) seen = SeenItems(context, {user, history});
  models::IndexScratch scratch;
  return Named(context,
               models::SearchAround(*index, anchors, {seen, mask.allow, mask.resolved.deny.get()},
                                    mask.share, k, options, &scratch));
}

}  // namespace undula::queries
