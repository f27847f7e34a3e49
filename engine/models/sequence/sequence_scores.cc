#include "models/sequence/sequence_scores.h"

#include <algorithm>

#include "base/status.h"

namespace undula::models {
namespace {

class HistoryScorer final : public Scorer {
 public:
  HistoryScorer(std::shared_ptr<const SequenceMemory> memory, AddScores add)
      : memory_(std::move(memory)), add_(std::move(add)) {
    uint32_t most = 1;
    for (const uint32_t p : memory_->popularity) most = std::max(most, p);
    for (const uint32_t p : memory_->popularity) {
      prior_.push_back(1e-6f * static_cast<float>(p) / static_cast<float>(most));
    }
  }

  absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                     propagation::Arena& /*scratch*/) const override {
    if (range.begin > range.end || range.end > n_items() || out.size() != range.size()) {
      return InvalidArgumentError("items ", range.begin, " to ", range.end, " of ", n_items());
    }
    UNDULA_ASSIGN_OR_RETURN(const std::vector<float> all, All(query));
    std::copy_n(all.begin() + range.begin, range.size(), out.begin());
    return absl::OkStatus();
  }

  absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                          std::span<float> out, propagation::Arena& /*scratch*/) const override {
    UNDULA_ASSIGN_OR_RETURN(const std::vector<float> all, All(query));
    for (size_t i = 0; i < items.size(); ++i) {
      if (Index(items[i]) >= n_items()) {
        return NotFoundError("item ", Index(items[i]), " is not known to the model (", n_items(),
                             " items); train again");
      }
      out[i] = all[Index(items[i])];
    }
    return absl::OkStatus();
  }

  uint32_t n_users() const override { return memory_->n_users(); }
  uint32_t n_items() const override { return memory_->n_items(); }
  bool KnowsUser(UserId user) const override {
    return Index(user) < n_users() && !memory_->of(Index(user)).empty();
  }
  bool sequential() const override { return true; }

 private:
  absl::StatusOr<std::vector<float>> All(const UserQuery& query) const {
    std::span<const ItemId> history = query.history;
    if (history.empty()) {
      if (query.user == kNone<UserId>) {
        return FailedPreconditionError("the history is empty; give at least one item");
      }
      if (Index(query.user) >= n_users()) {
        return NotFoundError("user ", Index(query.user),
                             " is not known to the model; give a history");
      }
      history = memory_->of(Index(query.user));
      if (history.empty()) {
        return FailedPreconditionError("user ", Index(query.user),
                                       " has no positive in the training part; give a history");
      }
    }
    for (const ItemId item : history) {
      if (Index(item) < n_items()) continue;
      return NotFoundError("item ", Index(item), " of the history is not known to the model (",
                           n_items(), " items); train again or leave it out");
    }
    std::vector<float> scores = prior_;
    add_(history, scores);
    return scores;
  }

  std::shared_ptr<const SequenceMemory> memory_;
  AddScores add_;
  std::vector<float> prior_;
};

}  // namespace

void SequenceMemory::Take(const InteractionCsr<ItemId>& log,
                          std::span<const uint32_t> item_popularity) {
  ptr = log.ptr;
  items = log.other;
  popularity.assign(item_popularity.begin(), item_popularity.end());
}

void SequenceMemory::Save(TensorMap* out) const {
  std::vector<uint32_t> ids;
  for (const ItemId item : items) ids.push_back(Index(item));
  out->tensors["state/sequence_ptr"] =
      MakeTensor<int64_t>({static_cast<int64_t>(ptr.size())}, ptr.data());
  out->tensors["state/sequence"] =
      MakeTensor<uint32_t>({static_cast<int64_t>(ids.size())}, ids.data());
  out->tensors["state/popularity"] =
      MakeTensor<uint32_t>({static_cast<int64_t>(popularity.size())}, popularity.data());
}

absl::Status SequenceMemory::Load(const TensorMap& in, std::string_view model) {
  const NamedTensor* p = in.Find("state/sequence_ptr");
  const NamedTensor* s = in.Find("state/sequence");
  const NamedTensor* n = in.Find("state/popularity");
  if (p == nullptr || s == nullptr || n == nullptr) {
    return NotFoundError(model, ": the stored model lacks the tensor state/",
                         p == nullptr   ? "sequence_ptr"
                         : s == nullptr ? "sequence"
                                        : "popularity");
  }
  bool ok = p->dtype == DType::kI64 && s->dtype == DType::kU32 && n->dtype == DType::kU32 &&
            p->shape.size() == 1 && s->shape.size() == 1 && n->shape.size() == 1 && p->size() >= 1;
  if (ok) {
    ptr.assign(p->data<int64_t>(), p->data<int64_t>() + p->size());
    popularity.assign(n->data<uint32_t>(), n->data<uint32_t>() + n->size());
    ok = ptr.front() == 0 && ptr.back() == s->size() && std::is_sorted(ptr.begin(), ptr.end());
    items.clear();
    for (int64_t i = 0; ok && i < s->size(); ++i) {
      items.push_back(ItemId{s->data<uint32_t>()[i]});
      ok = Index(items.back()) < popularity.size();
    }
  }
  if (ok) return absl::OkStatus();
  return InvalidArgumentError(model, ": the stored sequences are out of range or malformed");
}

std::unique_ptr<Scorer> MakeSequenceScorer(std::shared_ptr<const SequenceMemory> memory,
                                           AddScores add) {
  return std::make_unique<HistoryScorer>(std::move(memory), std::move(add));
}

}  // namespace undula::models
