#include "models/eval/candidates.h"

#include <algorithm>

#include "base/rng.h"
#include "base/status.h"

namespace undula::models {
namespace {

constexpr int64_t kEach = 50;

std::vector<ItemId> AllItems(uint32_t n) {
  std::vector<ItemId> items(n);
  for (uint32_t i = 0; i < n; ++i) items[i] = ItemId{i};
  return items;
}

}  // namespace

KsrCandidates::KsrCandidates(const TrainingData& data, const Split& split, uint64_t seed)
    : touched_(PositivesByUser(data.n_users(), {split.train, split.valid, split.test})),
      uniform_(AllItems(data.n_items())),
      popular_(AllItems(data.n_items()), data.item_popularity),
      seed_(seed) {}

void KsrCandidates::Draw(UserId user, std::span<const ItemId> positives,
                         std::vector<ItemId>* items) const {
  const auto touched = touched_.of(user);
  std::vector<ItemId> excluded(touched.begin(), touched.end());
  std::vector<ItemId> drawn;
  items->assign(positives.begin(), positives.end());
  const Rng first(seed_, RngStream::kNegative, 2 * Index(user));
  uniform_.DrawDistinct(kEach, excluded, first, &drawn);
  items->insert(items->end(), drawn.begin(), drawn.end());
  excluded.insert(excluded.end(), drawn.begin(), drawn.end());
  std::sort(excluded.begin(), excluded.end());
  drawn.clear();
  popular_.DrawDistinct(kEach, excluded, Rng(seed_, RngStream::kNegative, 2 * Index(user) + 1),
                        &drawn);
  items->insert(items->end(), drawn.begin(), drawn.end());
  std::sort(items->begin(), items->end());
}

absl::Status RankCandidates(
    const Scorer& scorer, const RankJob& job, const TileOptions& options,
    const std::function<void(int64_t i, std::vector<ItemId>* items)>& candidates,
    TaskArena& workers,
    const std::function<absl::Status(int64_t i, const RankedList& list)>& emit) {
  struct Answer {
    absl::Status status;
    std::vector<ScoredItem> items;
  };
  std::vector<Answer> answers(static_cast<size_t>(job.n));
  workers.For(job.n, options.user_tile, [&](int64_t begin, int64_t end) {
    propagation::Arena arena;
    std::vector<ItemId> items;
    std::vector<float> scores;
    for (int64_t i = begin; i < end; ++i) {
      arena.Reset();
      candidates(i, &items);
      scores.resize(items.size());
      Answer& answer = answers[i];
      answer.status = scorer.ScoreItems(job.query(i), items, scores, arena);
      if (!answer.status.ok()) continue;
      for (size_t k = 0; k < items.size(); ++k) answer.items.push_back({items[k], scores[k]});
      std::sort(answer.items.begin(), answer.items.end(),
                [](const ScoredItem& a, const ScoredItem& b) {
                  return a.score != b.score ? a.score > b.score : a.item < b.item;
                });
      answer.items.resize(std::min(answer.items.size(), static_cast<size_t>(options.k)));
    }
  });
  for (int64_t i = 0; i < job.n; ++i) {
    UNDULA_RETURN_IF_ERROR(emit(i, RankedList{answers[i].status, answers[i].items}));
  }
  return absl::OkStatus();
}

}  // namespace undula::models
