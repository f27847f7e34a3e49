// Every metric of Undula, once. Definitions follow the notes of the oracles metrics_ctr and
// metrics_ranking. Pure functions of their arguments; sums run in a fixed order in double.
#ifndef UNDULA_MODELS_EVAL_METRICS_H_
#define UNDULA_MODELS_EVAL_METRICS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"

namespace undula::models {

// -- click-through metrics: labels are 0 or 1, parallel to scores; a score may be any monotone
// value where only the order counts.

// Area under the ROC curve: the share of (positive, negative) pairs in the right order, a tied pair
// counting 1/2. NaN where a class is missing. `weight`, where given, counts each row that often.
double Auc(std::span<const float> labels, std::span<const double> scores,
           std::span<const uint32_t> weight = {});
// Per-user AUC weighted by the user's positives; users without both classes are left out, and NaN
// is returned where none is left.
double Gauc(std::span<const float> labels, std::span<const double> scores,
            std::span<const uint32_t> users);
// Sum over distinct thresholds of (recall step) * precision. NaN without positives.
double AveragePrecision(std::span<const float> labels, std::span<const double> scores);
// Mean negative log-likelihood, probabilities clipped to [1e-15, 1 - 1e-15].
double LogLoss(std::span<const float> labels, std::span<const double> probabilities);
double RootMeanSquareError(std::span<const float> labels, std::span<const double> values);
double MeanAbsoluteError(std::span<const float> labels, std::span<const double> values);

struct ThresholdMetrics {
  double accuracy = 0, f1 = 0, precision = 0, recall = 0;  // a ratio 0/0 is 0
};
// Predicts 1 where score >= threshold.
ThresholdMetrics AtThreshold(std::span<const float> labels, std::span<const double> scores,
                             double threshold);
// The score that, as the threshold, gives the highest accuracy; the highest of several. +infinity
// (predict always 0) where that is best, and for no rows.
double BestThreshold(std::span<const float> labels, std::span<const double> scores);

// -- ranking metrics of one user. `ranked`: best first, at most K entries are looked at, fewer than
// K where fewer candidates exist. `positives`: ascending, distinct, not empty.
struct RankingMetrics {
  double recall = 0;            // hits / positives
  double precision = 0;         // hits / K, however short the list
  double hit = 0;               // 1 with a hit in K
  double mrr = 0;               // 1 / rank of the first hit, 0 without one in K
  double ndcg = 0;              // ideal truncated at min(positives, K)
  double map = 0;               // sum of precision at hits / min(positives, K)
  double map_by_positives = 0;  // the same sum / positives
};
RankingMetrics RankAt(std::span<const ItemId> ranked, std::span<const ItemId> positives, int64_t k);

// NDCG@K averaged over the orders of equal scores (McSherry & Najork, ECIR 2008; scikit-learn's
// ndcg_score): scores and relevance (0 or 1) of all candidates. 0 without a relevant one.
double NdcgTieAveraged(std::span<const double> scores, std::span<const uint8_t> relevant,
                       int64_t k);

// -- metrics of the lists of all users
struct ListMetrics {
  double coverage = 0;  // distinct recommended items / n_items
  double gini = 0;      // sum (2i - n - 1) count_(i) / (n sum count), counts ascending, i from 1
  double entropy = 0;   // of the recommended items, in nats
  double novelty = 0;   // mean over list entries of -log2(max(popularity, 1) / n_users)
  // Shares of the list entries: of each tenth of the items, by falling popularity (equal ones by
  // id); and of the i/20 least recommended items, i = 0 to 20 (Lorenz curve). Empty without lists.
  std::vector<double> deciles, lorenz;
};
// Collects lists; add them in any order, counts are integers.
class ListCounter {
 public:
  explicit ListCounter(uint32_t n_items) : count_(n_items, 0) {}
  void Add(std::span<const ItemId> list) {
    for (const ItemId item : list) ++count_[Index(item)];
  }
  // popularity: users per item in the training part.
  ListMetrics Compute(std::span<const uint32_t> popularity, int64_t n_users) const;

 private:
  std::vector<int64_t> count_;
};

// -- intervals
struct Interval {
  double value = 0, low = 0, high = 0;  // mean of the data; 2.5 % and 97.5 % of the replicates
};
// Of the mean over users: each replicate draws n users with replacement (counter-based, stream
// kBootstrap, index = replicate). `per_user` must not be empty. For the paired difference of two
// models pass the users' differences.
Interval BootstrapMean(std::span<const double> per_user, int64_t replicates, uint64_t seed);
// Of the AUC, users drawn with all their rows. users[i] is row i's user, below n_users; only users
// with rows are drawn.
Interval BootstrapAuc(std::span<const float> labels, std::span<const double> scores,
                      std::span<const uint32_t> users, int64_t replicates, uint64_t seed);
// Of AUC(a) - AUC(b) on the same rows: paired, both by the same draw of users in each replicate.
Interval BootstrapAucDifference(std::span<const float> labels, std::span<const double> a,
                                std::span<const double> b, std::span<const uint32_t> users,
                                int64_t replicates, uint64_t seed);

}  // namespace undula::models

#endif  // UNDULA_MODELS_EVAL_METRICS_H_
