#include <algorithm>
#include <limits>
#include <numeric>

#include "base/status.h"
#include "models/eval/candidates.h"
#include "models/eval/evaluator.h"
#include "models/score/tile_scorer.h"

namespace undula::models {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// 0 head, 1 middle, 2 tail; see RankingBand.
std::vector<uint8_t> PopularityBands(std::span<const uint32_t> popularity) {
  std::vector<uint32_t> order(popularity.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return popularity[a] > popularity[b]; });
  std::vector<uint8_t> band(popularity.size(), 2);
  for (size_t i = 0; i < order.size() / 2; ++i) band[order[i]] = i < order.size() / 5 ? 0 : 1;
  return band;
}

int HistoryBand(int64_t positives) {
  return positives <= 5 ? 0 : positives <= 20 ? 1 : positives <= 100 ? 2 : 3;
}

// Hits and positives by popularity band, users by history band.
class BandCounter {
 public:
  explicit BandCounter(std::span<const uint32_t> popularity)
      : item_band_(PopularityBands(popularity)) {}

  void Add(std::span<const ItemId> list, std::span<const ItemId> positives, int64_t history,
           const RankingMetrics& metrics) {
    bool seen[3] = {false, false, false};
    for (const ItemId item : positives) {
      const int b = item_band_[Index(item)];
      positives_[b] += 1;
      users_[b] += !seen[b];
      seen[b] = true;
    }
    for (const ItemId item : list) {
      if (std::binary_search(positives.begin(), positives.end(), item)) {
        hits_[item_band_[Index(item)]] += 1;
      }
    }
    const int h = HistoryBand(history);
    history_users_[h] += 1;
    history_positives_[h] += static_cast<int64_t>(positives.size());
    history_recall_[h] += metrics.recall;
    history_ndcg_[h] += metrics.ndcg;
  }

  std::vector<RankingBand> Finish() const {
    static constexpr const char* kPopularity[] = {"popularity: head", "popularity: middle",
                                                  "popularity: tail"};
    static constexpr const char* kHistory[] = {"history: 1-5", "history: 6-20", "history: 21-100",
                                               "history: 101-"};
    std::vector<RankingBand> out;
    for (int b = 0; b < 3; ++b) {
      if (positives_[b] == 0) continue;
      out.push_back({kPopularity[b], users_[b], positives_[b],
                     static_cast<double>(hits_[b]) / static_cast<double>(positives_[b]), kNan});
    }
    for (int h = 0; h < 4; ++h) {
      if (history_users_[h] == 0) continue;
      const double n = static_cast<double>(history_users_[h]);
      out.push_back({kHistory[h], history_users_[h], history_positives_[h], history_recall_[h] / n,
                     history_ndcg_[h] / n});
    }
    return out;
  }

 private:
  std::vector<uint8_t> item_band_;
  int64_t users_[3] = {}, positives_[3] = {}, hits_[3] = {};
  int64_t history_users_[4] = {}, history_positives_[4] = {};
  double history_recall_[4] = {}, history_ndcg_[4] = {};
};

void AddTo(RankingMetrics* sum, const RankingMetrics& m) {
  sum->recall += m.recall;
  sum->precision += m.precision;
  sum->hit += m.hit;
  sum->mrr += m.mrr;
  sum->ndcg += m.ndcg;
  sum->map += m.map;
  sum->map_by_positives += m.map_by_positives;
}

RankingMetrics Divide(const RankingMetrics& m, double n) {
  return {m.recall / n, m.precision / n,       m.hit / n, m.mrr / n, m.ndcg / n,
          m.map / n,    m.map_by_positives / n};
}

}  // namespace

absl::StatusOr<RankingResult> EvaluateRanking(const Scorer& scorer, const TrainingData& data,
                                              const Split& split, const EvalOptions& options,
                                              TaskArena& workers, Progress* progress) {
  if (options.at.empty() || options.at.front() < 1 ||
      !std::is_sorted(options.at.begin(), options.at.end())) {
    return InvalidArgumentError(
        "the K of ranking metrics must be >= 1, ascending and at least one");
  }
  const bool test = options.part == EvalPart::kTest;
  const uint32_t n_users = data.n_users();
  const UserItems relevant = PositivesByUser(n_users, {test ? split.test : split.valid});
  const UserItems trained = PositivesByUser(n_users, {split.train});
  const UserItems seen = test ? PositivesByUser(n_users, {split.train, split.valid}) : trained;

  RankingResult out;
  for (uint32_t u = 0; u < n_users; ++u) {
    if (relevant.of(UserId{u}).empty()) continue;
    if (scorer.KnowsUser(UserId{u}) && !trained.of(UserId{u}).empty()) {
      out.user.push_back(u);
    } else {
      ++out.unscored_users;
    }
  }
  out.users = static_cast<int64_t>(out.user.size());
  if (out.users == 0) {
    return FailedPreconditionError("no user of the ", test ? "test" : "validation",
                                   " part has a positive there and one in the training part (",
                                   out.unscored_users, " have none or are not known to the model)");
  }

  const size_t n_at = options.at.size();
  std::vector<RankingMetrics> sum(n_at);
  std::vector<std::vector<double>> recall(n_at), ndcg(n_at);
  std::vector<ListCounter> lists(n_at, ListCounter(data.n_items()));
  BandCounter bands(data.item_popularity);
  std::vector<ItemId> list;

  InteractionCsr<ItemId> histories;
  if (scorer.sequential()) {
    std::vector<LabeledPair> earlier = split.train;
    if (test) earlier.insert(earlier.end(), split.valid.begin(), split.valid.end());
    histories = MakeTrainingData(data.snapshot, earlier, 1).positives;
  }
  RankJob job;
  job.n = out.users;
  job.query = [&](int64_t i) {
    const uint32_t user = out.user[i];
    if (!scorer.sequential()) return UserQuery{UserId{user}, {}};
    return UserQuery{kNone<UserId>, histories.row(user)};
  };
  job.mask = [&](int64_t i) { return ItemMask{.excluded = seen.of(UserId{out.user[i]})}; };
  const TileOptions tiles{.k = options.at.back()};
  const auto emit = [&](int64_t i, const RankedList& ranked) -> absl::Status {
    UNDULA_RETURN_IF_ERROR(ranked.status);
    const UserId user{out.user[i]};
    list.clear();
    for (const ScoredItem& item : ranked.items) list.push_back(item.item);
    for (size_t a = 0; a < n_at; ++a) {
      const int64_t k = options.at[a];
      const RankingMetrics m = RankAt(list, relevant.of(user), k);
      AddTo(&sum[a], m);
      recall[a].push_back(m.recall);
      ndcg[a].push_back(m.ndcg);
      lists[a].Add(std::span(list).first(std::min<size_t>(list.size(), static_cast<size_t>(k))));
      if (options.bands && a + 1 == n_at) {
        bands.Add(list, relevant.of(user), static_cast<int64_t>(trained.of(user).size()), m);
      }
    }
    return absl::OkStatus();
  };
  if (options.candidates == Candidates::kKsr) {
    const KsrCandidates candidates(data, split, options.seed);
    const auto drawn = [&](int64_t i, std::vector<ItemId>* items) {
      const UserId user{out.user[i]};
      candidates.Draw(user, relevant.of(user), items);
    };
    UNDULA_RETURN_IF_ERROR(RankCandidates(scorer, job, tiles, drawn, workers, emit));
  } else {
    UNDULA_RETURN_IF_ERROR(RankAll(scorer, job, tiles, workers, progress, emit));
  }

  int64_t trained_users = 0;
  for (uint32_t u = 0; u < n_users; ++u) trained_users += !trained.of(UserId{u}).empty();
  for (size_t a = 0; a < n_at; ++a) {
    RankingAt at;
    at.k = options.at[a];
    at.mean = Divide(sum[a], static_cast<double>(out.users));
    at.recall = BootstrapMean(recall[a], options.bootstrap, options.seed);
    at.ndcg = BootstrapMean(ndcg[a], options.bootstrap, options.seed);
    at.lists = lists[a].Compute(data.item_popularity, trained_users);
    out.at.push_back(at);
  }
  out.user_recall = std::move(recall.back());
  out.user_ndcg = std::move(ndcg.back());
  if (options.bands) out.bands = bands.Finish();
  return out;
}

absl::StatusOr<Interval> PairedDifference(const RankingResult& a, const RankingResult& b,
                                          std::vector<double> RankingResult::*metric,
                                          int64_t bootstrap, uint64_t seed) {
  std::vector<double> difference;
  for (size_t i = 0, j = 0; i < a.user.size() && j < b.user.size();) {
    if (a.user[i] == b.user[j]) {
      difference.push_back((a.*metric)[i++] - (b.*metric)[j++]);
    } else {
      ++(a.user[i] < b.user[j] ? i : j);
    }
  }
  if (difference.empty()) {
    return FailedPreconditionError("the two evaluations have no user in common");
  }
  return BootstrapMean(difference, bootstrap, seed);
}

}  // namespace undula::models
