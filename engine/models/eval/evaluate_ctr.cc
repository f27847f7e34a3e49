#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "base/status.h"
#include "models/eval/evaluator.h"

namespace undula::models {
namespace {

// Rows of users with a training positive whom the model can score, and the rest, by user.
struct ScoredRows {
  std::vector<float> labels;
  std::vector<double> scores;
  std::vector<uint32_t> users;
  std::vector<int64_t> row;  // place in the part
  int64_t distinct_users = 0;
  std::vector<float> rest_labels;
  std::vector<double> rest_scores;  // NaN where the model has no score
  int64_t rest_users = 0;
};

// Scores of rows sorted by user; NaN where the model does not know the user or the item.
absl::StatusOr<std::vector<float>> ScoreSorted(const Scorer& scorer,
                                               std::span<const LabeledPair> sorted,
                                               TaskArena& workers, Progress* progress) {
  std::vector<ItemId> items;
  std::vector<int64_t> group;  // first row of each user
  for (size_t i = 0; i < sorted.size(); ++i) {
    items.push_back(sorted[i].item);
    if (i == 0 || sorted[i].user != sorted[i - 1].user) group.push_back(static_cast<int64_t>(i));
  }
  const int64_t n_users = static_cast<int64_t>(group.size());
  group.push_back(static_cast<int64_t>(sorted.size()));
  std::vector<float> scores(sorted.size(), std::numeric_limits<float>::quiet_NaN());
  absl::Status failure;
  std::mutex mutex;
  constexpr int64_t kUsersPerTask = 16;
  workers.For(n_users, kUsersPerTask, [&](int64_t begin, int64_t end) {
    propagation::Arena scratch;
    for (int64_t g = begin; g < end; ++g) {
      if (progress != nullptr && progress->cancelled()) return;
      const size_t first = static_cast<size_t>(group[g]);
      const UserId user = sorted[first].user;
      if (!scorer.KnowsUser(user)) continue;
      const size_t n = static_cast<size_t>(group[g + 1]) - first;
      scratch.Reset();
      const absl::Status status =
          scorer.ScoreItems(UserQuery{user, {}}, std::span(items).subspan(first, n),
                            std::span(scores).subspan(first, n), scratch);
      if (!status.ok()) {
        const std::lock_guard lock(mutex);
        if (failure.ok()) failure = status;
        return;
      }
      for (size_t i = first; i < first + n; ++i) {
        if (!std::isnan(scores[i])) continue;
        const std::lock_guard lock(mutex);
        failure = FailedPreconditionError("the score of user ", Index(user), " and item ",
                                          Index(items[i]),
                                          " is NaN; train again with a lower learning rate");
        return;
      }
    }
  });
  UNDULA_RETURN_IF_ERROR(failure);
  UNDULA_RETURN_IF_ERROR(Progress::Report(progress, n_users, n_users, "scoring labelled rows"));
  return scores;
}

absl::StatusOr<ScoredRows> ScoreRows(const Scorer& scorer, std::span<const LabeledPair> rows,
                                     const std::vector<uint8_t>& trained, TaskArena& workers,
                                     Progress* progress) {
  // Items that came after the model was trained are outside of every protocol here.
  std::vector<int64_t> place;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (Index(rows[i].item) < scorer.n_items()) place.push_back(static_cast<int64_t>(i));
  }
  std::stable_sort(place.begin(), place.end(),
                   [&](int64_t a, int64_t b) { return rows[a].user < rows[b].user; });
  std::vector<LabeledPair> sorted;
  sorted.reserve(place.size());
  for (const int64_t i : place) sorted.push_back(rows[i]);
  UNDULA_ASSIGN_OR_RETURN(const std::vector<float> scores,
                          ScoreSorted(scorer, sorted, workers, progress));
  ScoredRows out;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const UserId user = sorted[i].user;
    const bool first = i == 0 || sorted[i - 1].user != user;
    if (scorer.KnowsUser(user) && trained[Index(user)] != 0) {
      out.labels.push_back(sorted[i].label);
      out.scores.push_back(static_cast<double>(scores[i]));
      out.users.push_back(Index(user));
      out.row.push_back(place[i]);
      out.distinct_users += first;
    } else {
      out.rest_labels.push_back(sorted[i].label);
      out.rest_scores.push_back(static_cast<double>(scores[i]));
      out.rest_users += first;
    }
  }
  return out;
}

// By user: whether there is a training positive.
std::vector<uint8_t> Trained(const Split& split) {
  uint32_t n = 0;
  for (const auto* part : {&split.train, &split.valid, &split.test}) {
    for (const LabeledPair& row : *part) n = std::max(n, Index(row.user) + 1);
  }
  std::vector<uint8_t> trained(n, 0);
  for (const LabeledPair& row : split.train) trained[Index(row.user)] |= row.label > 0;
  return trained;
}

}  // namespace

absl::StatusOr<CtrResult> EvaluateCtr(const Scorer& scorer, const Split& split,
                                      const EvalOptions& options, TaskArena& workers,
                                      Progress* progress) {
  const bool test = options.part == EvalPart::kTest;
  const std::vector<uint8_t> trained = Trained(split);
  UNDULA_ASSIGN_OR_RETURN(ScoredRows rows, ScoreRows(scorer, test ? split.test : split.valid,
                                                     trained, workers, progress));
  if (rows.labels.empty()) {
    return FailedPreconditionError(
        "the ", test ? "test" : "validation", " part has no row that the model can score (",
        rows.rest_labels.size(), " rows of users without a training positive)");
  }
  CtrResult out;
  out.rows = static_cast<int64_t>(rows.labels.size());
  out.users = rows.distinct_users;
  out.auc = BootstrapAuc(rows.labels, rows.scores, rows.users, options.bootstrap, options.seed);
  out.gauc = Gauc(rows.labels, rows.scores, rows.users);
  out.average_precision = AveragePrecision(rows.labels, rows.scores);
  std::vector<double> probabilities;
  probabilities.reserve(rows.scores.size());
  for (const double x : rows.scores) probabilities.push_back(1 / (1 + std::exp(-x)));
  out.log_loss = LogLoss(rows.labels, probabilities);
  out.rmse = RootMeanSquareError(rows.labels, probabilities);
  out.mae = MeanAbsoluteError(rows.labels, probabilities);
  out.at_half = AtThreshold(rows.labels, rows.scores, 0);

  if (test && !split.valid.empty()) {
    UNDULA_ASSIGN_OR_RETURN(const ScoredRows valid,
                            ScoreRows(scorer, split.valid, trained, workers, progress));
    if (!valid.labels.empty()) out.threshold = BestThreshold(valid.labels, valid.scores);
  } else if (!test) {
    out.threshold = BestThreshold(rows.labels, rows.scores);
  }
  out.at_threshold = AtThreshold(rows.labels, rows.scores, out.threshold);

  out.unscored_rows = static_cast<int64_t>(rows.rest_labels.size());
  out.unscored_users = rows.rest_users;
  out.auc_with_unscored = out.auc.value;
  if (out.unscored_rows > 0) {
    double mean = 0;
    for (const double score : rows.scores) mean += score;
    mean /= static_cast<double>(rows.scores.size());
    std::vector<float> labels = rows.labels;
    std::vector<double> scores = rows.scores;
    for (size_t i = 0; i < rows.rest_labels.size(); ++i) {
      labels.push_back(rows.rest_labels[i]);
      scores.push_back(std::isnan(rows.rest_scores[i]) ? mean : rows.rest_scores[i]);
    }
    out.auc_with_unscored = Auc(labels, scores);
  }
  out.row_user = std::move(rows.users);
  out.row = std::move(rows.row);
  out.row_label = std::move(rows.labels);
  out.row_score = std::move(rows.scores);
  return out;
}

absl::StatusOr<Interval> PairedAucDifference(const CtrResult& a, const CtrResult& b,
                                             int64_t bootstrap, uint64_t seed) {
  std::vector<float> labels;
  std::vector<double> scores_a, scores_b;
  std::vector<uint32_t> users;
  for (size_t i = 0, j = 0; i < a.row.size() && j < b.row.size();) {
    const auto at_a = std::pair(a.row_user[i], a.row[i]);
    const auto at_b = std::pair(b.row_user[j], b.row[j]);
    if (at_a != at_b) {
      ++(at_a < at_b ? i : j);
      continue;
    }
    labels.push_back(a.row_label[i]);
    users.push_back(a.row_user[i]);
    scores_a.push_back(a.row_score[i++]);
    scores_b.push_back(b.row_score[j++]);
  }
  if (labels.empty()) {
    return FailedPreconditionError("the two evaluations have no row in common");
  }
  return BootstrapAucDifference(labels, scores_a, scores_b, users, bootstrap, seed);
}

}  // namespace undula::models
