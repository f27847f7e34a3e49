// Evaluates a scorer on a part of a split: the authors' click-through protocol and full-catalogue
// ranking. Results do not depend on the number of threads.
#ifndef UNDULA_MODELS_EVAL_EVALUATOR_H_
#define UNDULA_MODELS_EVAL_EVALUATOR_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "models/data/split.h"
#include "models/data/training_data.h"
#include "models/eval/metrics.h"
#include "models/scorer.h"

namespace undula::models {

enum class EvalPart : uint8_t { kValid, kTest };

// What the positives of a user are ranked among: all items but the user's earlier positives, or
// (KSR, SIGIR 2018) 50 items drawn uniformly and 50 by popularity, none of which the user has in
// any part. Sampled ranks are not comparable with full ones.
enum class Candidates : uint8_t { kAll, kKsr };

struct EvalOptions {
  EvalPart part = EvalPart::kTest;
  Candidates candidates = Candidates::kAll;
  std::vector<int64_t> at = {10, 20};  // K of the ranking metrics, ascending
  bool bands = false;                  // also by popularity band and history length
  int64_t bootstrap = 1000;            // replicates of the intervals; 0: none (low = high = value)
  uint64_t seed = 1;                   // of the bootstrap and of drawn candidates
};

// -- click-through: the part's labelled rows. Logits become probabilities by the sigmoid; AUC, GAUC
// and average precision use the logits themselves.
struct CtrResult {
  int64_t rows = 0, users = 0;  // scored
  Interval auc;                 // over users
  double gauc = 0, average_precision = 0, log_loss = 0, rmse = 0, mae = 0;
  ThresholdMetrics at_half;  // probability 0.5
  double threshold = 0;      // the logit of highest accuracy on the validation part
  ThresholdMetrics at_threshold;
  // Users without a training positive, and users that the model does not know: left out of
  // everything above for every model, as the authors do. auc_with_unscored counts their rows too,
  // with the model's score where it has one (baselines), else with the mean score of all rows above
  // (the model knows nothing about them).
  int64_t unscored_rows = 0, unscored_users = 0;
  double auc_with_unscored = 0;
  // The scored rows, by user ascending, for paired comparisons; `row` is the place in the part.
  std::vector<uint32_t> row_user;
  std::vector<int64_t> row;
  std::vector<float> row_label;
  std::vector<double> row_score;
};

// Rows of items that the model does not know (added later) are passed over. FailedPrecondition
// where the part has no row that the model can score. Metrics that need both classes are NaN where
// one is missing. The threshold is chosen on split.valid, or, where that is empty, 0.
absl::StatusOr<CtrResult> EvaluateCtr(const Scorer& scorer, const Split& split,
                                      const EvalOptions& options, TaskArena& workers,
                                      Progress* progress);

// AUC(a) - AUC(b) over the rows that both scored, with its paired bootstrap interval over users.
// Both must be results of the same part of the same split. FailedPrecondition without a common row.
absl::StatusOr<Interval> PairedAucDifference(const CtrResult& a, const CtrResult& b,
                                             int64_t bootstrap, uint64_t seed);

// -- ranking: all items but the user's earlier positives (train; for the test part also
// validation), or drawn candidates, against the part's positives. Models of sequences are given the
// earlier positives in the order of time, so that a test item is predicted with those of validation
// seen.
struct RankingAt {
  int64_t k = 0;
  RankingMetrics mean;  // over users
  Interval recall, ndcg;
  ListMetrics lists;  // of the evaluated users' lists
};

// A part of the users or of the positives. Popularity bands: items by falling number of training
// positives, head = the first 20 % of the catalogue, middle = the next 30 %, tail = the rest; their
// recall is hits / positives over all users, and they have no NDCG. History: users by number of
// training positives, 1-5, 6-20, 21-100, more than 100.
struct RankingBand {
  std::string name;   // "popularity: head", "history: 6-20"
  int64_t users = 0;  // with a positive of the band
  int64_t positives = 0;
  double recall = 0, ndcg = 0;  // at the last K; ndcg is NaN for popularity bands
};

struct RankingResult {
  int64_t users = 0;           // evaluated: a positive in the part and one in train
  int64_t unscored_users = 0;  // a positive there, but none in train, or unknown to the model
  std::vector<RankingAt> at;
  std::vector<RankingBand> bands;
  // By evaluated user, ascending, at the last K: for paired comparisons.
  std::vector<uint32_t> user;
  std::vector<double> user_recall, user_ndcg;
};

// FailedPrecondition where no user can be evaluated.
absl::StatusOr<RankingResult> EvaluateRanking(const Scorer& scorer, const TrainingData& data,
                                              const Split& split, const EvalOptions& options,
                                              TaskArena& workers, Progress* progress);

// Mean difference a - b over the users that both evaluated, with its paired bootstrap interval;
// metric is a member such as &RankingResult::user_ndcg. FailedPrecondition without a common user.
absl::StatusOr<Interval> PairedDifference(const RankingResult& a, const RankingResult& b,
                                          std::vector<double> RankingResult::*metric,
                                          int64_t bootstrap, uint64_t seed);

}  // namespace undula::models

#endif  // UNDULA_MODELS_EVAL_EVALUATOR_H_
