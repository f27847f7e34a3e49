#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/status.h"
#include "models/eval/evaluator.h"

namespace undula::models {
namespace {

// Rows of one part that the model can score, by user.
struct ScoredRows {
  std::vector<float> labels;
  std::vector<double> scores;
  std::vector<uint32_t> users;
  int64_t distinct_users = 0;
  // The rest.
  std::vector<float> unscored_labels;
  int64_t unscored_users = 0;
};

absl::StatusOr<ScoredRows> ScoreRows(const Scorer& scorer, std::span<const LabeledPair> rows,
                                     TaskArena& workers, Progress* progress) {
  std::vector<LabeledPair> sorted(rows.begin(), rows.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const LabeledPair& a, const LabeledPair& b) { return a.user < b.user; });
  ScoredRows out;
  std::vector<ItemId> items;
  std::vector<int64_t> group;  // first row of each user
  uint32_t last_unscored = kNoIndex;
  for (const LabeledPair& row : sorted) {
    const uint32_t user = Index(row.user);
    if (!scorer.KnowsUser(row.user) || Index(row.item) >= scorer.n_items()) {
      out.unscored_labels.push_back(row.label);
      out.unscored_users += user != last_unscored;
      last_unscored = user;
      continue;
    }
    if (out.users.empty() || out.users.back() != user) {
      group.push_back(static_cast<int64_t>(items.size()));
    }
    items.push_back(row.item);
    out.labels.push_back(row.label);
    out.users.push_back(user);
  }
  out.distinct_users = static_cast<int64_t>(group.size());
  group.push_back(static_cast<int64_t>(items.size()));

  std::vector<float> scores(items.size());
  absl::Status failure;
  std::mutex mutex;
  constexpr int64_t kUsersPerTask = 16;
  workers.For(out.distinct_users, kUsersPerTask, [&](int64_t begin, int64_t end) {
    propagation::Arena scratch;
    for (int64_t g = begin; g < end; ++g) {
      if (progress != nullptr && progress->cancelled()) return;
      const size_t first = static_cast<size_t>(group[g]);
      const size_t n = static_cast<size_t>(group[g + 1]) - first;
      scratch.Reset();
      const absl::Status status = scorer.ScoreItems(UserQuery{UserId{out.users[first]}, {}},
                                                    std::span(items).subspan(first, n),
                                                    std::span(scores).subspan(first, n), scratch);
      if (!status.ok()) {
        const std::lock_guard lock(mutex);
        if (failure.ok()) failure = status;
        return;
      }
    }
  });
  UNDULA_RETURN_IF_ERROR(failure);
  UNDULA_RETURN_IF_ERROR(
      Progress::Report(progress, out.distinct_users, out.distinct_users, "scoring labelled rows"));
  out.scores.assign(scores.begin(), scores.end());
  for (size_t i = 0; i < out.scores.size(); ++i) {
    if (std::isnan(out.scores[i])) {
      return FailedPreconditionError("the score of user ", out.users[i], " and item ",
                                     Index(items[i]),
                                     " is NaN; train again with a lower learning rate");
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<CtrResult> EvaluateCtr(const Scorer& scorer, const Split& split,
                                      const EvalOptions& options, TaskArena& workers,
                                      Progress* progress) {
  const bool test = options.part == EvalPart::kTest;
  UNDULA_ASSIGN_OR_RETURN(const ScoredRows rows,
                          ScoreRows(scorer, test ? split.test : split.valid, workers, progress));
  if (rows.labels.empty()) {
    return FailedPreconditionError(
        "the ", test ? "test" : "validation", " part has no row that the model can score (",
        rows.unscored_labels.size(), " rows of users without a training positive)");
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
                            ScoreRows(scorer, split.valid, workers, progress));
    if (!valid.labels.empty()) out.threshold = BestThreshold(valid.labels, valid.scores);
  } else if (!test) {
    out.threshold = BestThreshold(rows.labels, rows.scores);
  }
  out.at_threshold = AtThreshold(rows.labels, rows.scores, out.threshold);

  out.unscored_rows = static_cast<int64_t>(rows.unscored_labels.size());
  out.unscored_users = rows.unscored_users;
  out.auc_with_unscored = out.auc.value;
  if (out.unscored_rows > 0) {
    double mean = 0;
    for (const double score : rows.scores) mean += score;
    mean /= static_cast<double>(rows.scores.size());
    std::vector<float> labels = rows.labels;
    std::vector<double> scores = rows.scores;
    labels.insert(labels.end(), rows.unscored_labels.begin(), rows.unscored_labels.end());
    scores.resize(labels.size(), mean);
    out.auc_with_unscored = Auc(labels, scores);
  }
  return out;
}

}  // namespace undula::models
