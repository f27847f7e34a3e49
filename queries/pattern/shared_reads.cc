#include <utility>

#include "base/status.h"
#include "queries/pattern/source.h"

namespace undula::queries::pattern {

bool SharedReads::Current(const kgstore::ReadView& view) {
  if (view.transaction() == transaction_) return true;
  if (view.transaction() < transaction_) return false;  // an old view: others use the new state
  transaction_ = view.transaction();
  fanouts_.clear();
  links_ = trust_ = nullptr;
  return true;
}

absl::StatusOr<SharedReads::Fanout> SharedReads::FanoutOf(
    const kgstore::ReadView& view, RelationId relation,
    const std::function<absl::StatusOr<Fanout>()>& make) {
  {
    const std::lock_guard lock(mutex_);
    if (Current(view)) {
      const auto found = fanouts_.find(relation);
      if (found != fanouts_.end()) return found->second;
    }
  }
  UNDULA_ASSIGN_OR_RETURN(const Fanout made, make());
  const std::lock_guard lock(mutex_);
  if (Current(view)) fanouts_[relation] = made;
  return made;
}

absl::StatusOr<SharedReads::Kept> SharedReads::Get(
    const kgstore::ReadView& view, Kept SharedReads::*member,
    const std::function<absl::StatusOr<BothWays>()>& make) {
  {
    const std::lock_guard lock(mutex_);
    if (Current(view) && this->*member != nullptr) return this->*member;
  }
  UNDULA_ASSIGN_OR_RETURN(BothWays made, make());
  const auto kept = std::make_shared<const BothWays>(std::move(made));
  const std::lock_guard lock(mutex_);
  if (Current(view)) this->*member = kept;
  return kept;
}

absl::StatusOr<SharedReads::Kept> SharedReads::Links(
    const kgstore::ReadView& view, const std::function<absl::StatusOr<BothWays>()>& make) {
  return Get(view, &SharedReads::links_, make);
}

absl::StatusOr<SharedReads::Kept> SharedReads::Trust(
    const kgstore::ReadView& view, const std::function<absl::StatusOr<BothWays>()>& make) {
  return Get(view, &SharedReads::trust_, make);
}

}  // namespace undula::queries::pattern
