#include "queries/counterfactual.h"

#include <algorithm>
#include <bit>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "models/score/tile_scorer.h"
#include "queries/recommend.h"

namespace undula::queries {
namespace {

constexpr int64_t kMost = 10;  // every part of so many is tried

class Search {
 public:
  Search(const Context& context, std::vector<ItemId> seen, ItemId item, int64_t top)
      : context_(context), seen_(std::move(seen)), item_(item), top_(top) {}

  // How many unseen items stand before the item; -1 where the history says nothing to the model.
  absl::StatusOr<int64_t> Before(std::span<const ItemId> history) {
    const models::Scorer& scorer = *context_.scorer;
    scores_.resize(scorer.n_items());
    arena_.Reset();
    const absl::Status status =
        history.empty()
            ? FailedPreconditionError("the history is empty")
            : scorer.Score({kNone<UserId>, history}, {0, scorer.n_items()}, scores_, arena_);
    if (status.code() == absl::StatusCode::kFailedPrecondition) return int64_t{-1};
    if (!status.ok()) return status;
    for (const ItemId seen : seen_) {
      if (Index(seen) < scores_.size() && seen != item_) scores_[Index(seen)] = kOut;
    }
    const float own = scores_[Index(item_)];
    return std::count_if(scores_.begin(), scores_.end(), [&](float s) { return s > own; });
  }
  bool Left(int64_t before) const { return before < 0 || before >= top_; }

  absl::StatusOr<bool> LeavesWithout(std::span<const ItemId> history) {
    UNDULA_ASSIGN_OR_RETURN(const int64_t before, Before(history));
    return Left(before);
  }

  // The place in `history` of what the item's score needs most.
  absl::StatusOr<size_t> MostNeeded(const std::vector<ItemId>& history) {
    size_t best = 0;
    float least = 0;
    for (size_t i = 0; i < history.size(); ++i) {
      std::vector<ItemId> rest = history;
      rest.erase(rest.begin() + static_cast<int64_t>(i));
      float score = kOut;
      arena_.Reset();
      if (!rest.empty()) {
        const absl::Status status = context_.scorer->ScoreItems(
            {kNone<UserId>, rest}, std::span(&item_, 1), std::span(&score, 1), arena_);
        if (status.code() == absl::StatusCode::kFailedPrecondition) {
          score = kOut;
        } else if (!status.ok()) {
          return status;
        }
      }
      if (i == 0 || score < least) {
        best = i;
        least = score;
      }
    }
    return best;
  }

 private:
  static constexpr float kOut = -3.4e38f;

  const Context& context_;
  const std::vector<ItemId> seen_;
  const ItemId item_;
  const int64_t top_;
  propagation::Arena arena_;
  std::vector<float> scores_;
};

// What the model counts as the history: positive, known to it, oldest first.
std::vector<ItemId> HistoryOf(const Context& context, const models::UserQuery& query) {
  std::vector<ItemId> history;
  const InteractionCsr<ItemId>& log = context.snapshot->by_user;
  if (query.user != kNone<UserId> && Index(query.user) < log.rows()) {
    for (int64_t i = log.ptr[Index(query.user)]; i < log.ptr[Index(query.user) + 1]; ++i) {
      if (log.weight[i] >= context.positive_threshold &&
          Index(log.other[i]) < context.scorer->n_items()) {
        history.push_back(log.other[i]);
      }
    }
  }
  history.insert(history.end(), query.history.begin(), query.history.end());
  return history;
}

// Those of `part` as they stand in `whole`, for models to which order counts.
std::vector<ItemId> InOrder(const std::vector<ItemId>& whole, std::vector<ItemId> part) {
  std::vector<ItemId> out;
  for (const ItemId item : whole) {
    const auto at = std::find(part.begin(), part.end(), item);
    if (at == part.end()) continue;
    out.push_back(item);
    part.erase(at);
  }
  return out;
}

}  // namespace

absl::StatusOr<Counterfactual> FindCounterfactual(const Context& context,
                                                  const models::UserQuery& query, ItemId item,
                                                  const CounterfactualOptions& options) {
  if (options.top < 1 || options.most < 1 || options.most > kMost) {
    return InvalidArgumentError("counterfactual: top must be at least 1, most 1 to ", kMost);
  }
  if (!context.spec->capabilities.fold_in) {
    return UnimplementedError(context.spec->title,
                              " cannot score a history; counterfactuals need a model with fold-in "
                              "(undula models list)");
  }
  std::vector<ItemId> history = HistoryOf(context, query);
  if (history.empty()) return FailedPreconditionError("the history is empty");
  const std::vector<ItemId> whole = history;
  Search search(context, SeenItems(context, query), item, options.top);
  UNDULA_ASSIGN_OR_RETURN(const int64_t before, search.Before(history));
  if (search.Left(before)) {
    return FailedPreconditionError(
        "item '", context.catalog->items[Index(item)], "' is not among the first ", options.top,
        before < 0 ? Concat("") : Concat(": ", before, " stand before it"),
        "; by its history alone the user gets other items than by the trained vectors");
  }
  Counterfactual out;
  out.before = before + 1;
  std::vector<ItemId> taken;
  bool left = false;
  while (!left && static_cast<int64_t>(taken.size()) < options.most && !history.empty()) {
    UNDULA_ASSIGN_OR_RETURN(const size_t at, search.MostNeeded(history));
    taken.push_back(history[at]);
    history.erase(history.begin() + static_cast<int64_t>(at));
    UNDULA_ASSIGN_OR_RETURN(left, search.LeavesWithout(history));
  }
  if (!left) return out;
  // Of what was taken the smallest part that is enough; of equal ones what was taken first.
  std::vector<uint32_t> parts;
  for (uint32_t part = 1; part + 1 < 1u << taken.size(); ++part) parts.push_back(part);
  std::stable_sort(parts.begin(), parts.end(),
                   [](uint32_t a, uint32_t b) { return std::popcount(a) < std::popcount(b); });
  for (const uint32_t part : parts) {
    std::vector<ItemId> rest = history, out_of_it;
    for (size_t i = 0; i < taken.size(); ++i) {
      (part >> i & 1 ? out_of_it : rest).push_back(taken[i]);
    }
    UNDULA_ASSIGN_OR_RETURN(const bool enough, search.LeavesWithout(InOrder(whole, rest)));
    if (!enough) continue;
    history = InOrder(whole, rest);
    taken = std::move(out_of_it);
    break;
  }
  UNDULA_ASSIGN_OR_RETURN(const int64_t after, search.Before(history));
  out.found = true;
  out.after = after < 0 ? 0 : after + 1;
  for (const ItemId t : taken) {
    out.items.emplace_back(context.catalog->items[Index(t)]);
    out.titles.emplace_back(context.catalog->ItemTitle(t));
  }
  return out;
}

}  // namespace undula::queries
