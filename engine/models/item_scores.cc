#include "models/item_scores.h"

#include <algorithm>

#include "base/status.h"

namespace undula::models {
namespace {

class ItemScorer : public Scorer {
 public:
  explicit ItemScorer(ItemScores scores) : scores_(std::move(scores)) {}

  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena& /*scratch*/) const override {
    UNDULA_RETURN_IF_ERROR(CheckUser(query));
    if (range.begin > range.end || range.end > n_items() || out.size() != range.size()) {
      return InvalidArgumentError("items ", range.begin, " to ", range.end, " of ", n_items());
    }
    std::copy_n(scores_.score.begin() + range.begin, range.size(), out.begin());
    return absl::OkStatus();
  }

  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena& /*scratch*/) const override {
    UNDULA_RETURN_IF_ERROR(CheckUser(query));
    for (size_t i = 0; i < items.size(); ++i) {
      if (Index(items[i]) >= n_items()) {
        return NotFoundError("item ", Index(items[i]), " is not known to the model (", n_items(),
                             " items); train again");
      }
      out[i] = scores_.score[Index(items[i])];
    }
    return absl::OkStatus();
  }

  uint32_t n_users() const override { return scores_.n_users; }
  uint32_t n_items() const override { return static_cast<uint32_t>(scores_.score.size()); }
  bool KnowsUser(UserId user) const override { return Index(user) < scores_.n_users; }

 private:
  absl::Status CheckUser(const UserQuery& query) const {
    if (query.user == kNone<UserId> || KnowsUser(query.user)) return absl::OkStatus();
    return NotFoundError("user ", Index(query.user), " is not known to the model; give a history");
  }

  ItemScores scores_;
};

}  // namespace

void ItemScores::Save(TensorMap* out) const {
  const int64_t n = static_cast<int64_t>(score.size());
  out->tensors["state/score"] = MakeTensor<float>({n}, score.data());
  out->tensors["state/n_users"] = MakeTensor<uint32_t>({1}, &n_users);
}

absl::Status ItemScores::Load(const TensorMap& in) {
  const NamedTensor* values = in.Find("state/score");
  const NamedTensor* users = in.Find("state/n_users");
  if (values == nullptr || users == nullptr) {
    return NotFoundError("the stored model has no tensor state/",
                         values == nullptr ? "score" : "n_users");
  }
  if (values->dtype != DType::kF32 || values->shape.size() != 1 || users->dtype != DType::kU32 ||
      users->size() != 1) {
    return InvalidArgumentError("state/score must be float32 [items], state/n_users uint32 [1]");
  }
  score.assign(values->data<float>(), values->data<float>() + values->size());
  n_users = *users->data<uint32_t>();
  return absl::OkStatus();
}

std::unique_ptr<Scorer> ItemScores::MakeScorer() const {
  return std::make_unique<ItemScorer>(*this);
}

}  // namespace undula::models
