#include <string_view>
#include <utility>
#include <vector>

#include "api/database_impl.h"
#include "base/status.h"
#include "queries/recommend.h"
#include "undula/recommender.h"

namespace undula {

struct UserSequence::Impl {
  const Recommender::Impl* recommender;
  std::unique_ptr<models::QueryState> state;
  std::vector<ItemId> events;
};

UserSequence::UserSequence(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UserSequence::~UserSequence() = default;

absl::Status UserSequence::Add(std::string_view item) {
  UNDULA_ASSIGN_OR_RETURN(const ItemId id, impl_->recommender->ResolveItem(item));
  UNDULA_RETURN_IF_ERROR(impl_->state->Add(id));
  impl_->events.push_back(id);
  return absl::OkStatus();
}

int64_t UserSequence::events() const { return static_cast<int64_t>(impl_->events.size()); }

absl::StatusOr<std::vector<Recommendation>> UserSequence::Recommend(
    const RecommendOptions& options) const {
  UNDULA_ASSIGN_OR_RETURN(const std::span<const float> vector, impl_->state->Vector());
  return queries::Recommend(impl_->recommender->context, {kNone<UserId>, impl_->events, vector},
                            options);
}

absl::StatusOr<std::unique_ptr<UserSequence>> Recommender::NewSequence() const {
  auto impl = std::make_unique<UserSequence::Impl>();
  impl->recommender = impl_.get();
  UNDULA_ASSIGN_OR_RETURN(impl->state, impl_->scorer->NewState());
  return std::make_unique<UserSequence>(std::move(impl));
}

}  // namespace undula
