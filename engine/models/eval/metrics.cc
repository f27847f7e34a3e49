#include "models/eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/rng.h"

namespace undula::models {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Row numbers by falling score, equal scores by row number.
std::vector<uint32_t> ByFallingScore(std::span<const double> scores) {
  std::vector<uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  return order;
}

// Calls group(positives, negatives) for each run of equal scores, best first.
template <class Group>
void ForTies(std::span<const float> labels, std::span<const double> scores,
             std::span<const uint32_t> order, std::span<const uint32_t> weight, Group&& group) {
  for (size_t i = 0; i < order.size();) {
    const double score = scores[order[i]];
    int64_t positives = 0, negatives = 0;
    for (; i < order.size() && scores[order[i]] == score; ++i) {
      const int64_t w = weight.empty() ? 1 : weight[order[i]];
      (labels[order[i]] > 0 ? positives : negatives) += w;
    }
    group(positives, negatives, score);
  }
}

double AucOfOrder(std::span<const float> labels, std::span<const double> scores,
                  std::span<const uint32_t> order, std::span<const uint32_t> weight) {
  int64_t seen_positives = 0, seen_negatives = 0;
  double right = 0;  // pairs, exact in double up to 2^53 halves
  ForTies(labels, scores, order, weight, [&](int64_t positives, int64_t negatives, double) {
    right += static_cast<double>(seen_positives) * static_cast<double>(negatives) +
             0.5 * static_cast<double>(positives) * static_cast<double>(negatives);
    seen_positives += positives;
    seen_negatives += negatives;
  });
  if (seen_positives == 0 || seen_negatives == 0) return kNan;
  return right / (static_cast<double>(seen_positives) * static_cast<double>(seen_negatives));
}

double Ratio(double a, double b) { return b == 0 ? 0 : a / b; }

double Discount(int64_t rank_from_0) {
  return 1.0 / std::log2(static_cast<double>(rank_from_0) + 2);
}

Interval Percentiles(double value, std::vector<double> replicates) {
  if (replicates.empty()) return {value, value, value};
  std::sort(replicates.begin(), replicates.end());
  const auto at = [&](double q) {
    const double position = q * static_cast<double>(replicates.size() - 1);
    const size_t i = static_cast<size_t>(position);
    const size_t j = std::min(i + 1, replicates.size() - 1);
    return replicates[i] + (position - static_cast<double>(i)) * (replicates[j] - replicates[i]);
  };
  return {value, at(0.025), at(0.975)};
}

// Draws users with replacement; the weight of a row is the number of times its user was drawn.
class UserDraw {
 public:
  explicit UserDraw(std::span<const uint32_t> users) : user_of_row_(users.size()) {
    std::vector<uint32_t> distinct(users.begin(), users.end());
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    for (size_t i = 0; i < users.size(); ++i) {
      user_of_row_[i] = static_cast<uint32_t>(
          std::lower_bound(distinct.begin(), distinct.end(), users[i]) - distinct.begin());
    }
    times_.resize(distinct.size());
    weight_.resize(users.size());
  }
  std::span<const uint32_t> Weights(uint64_t seed, int64_t replicate) {
    const Rng rng(seed, RngStream::kBootstrap, static_cast<uint32_t>(replicate));
    const uint32_t n = static_cast<uint32_t>(times_.size());
    std::fill(times_.begin(), times_.end(), 0u);
    for (uint32_t i = 0; i < n; ++i) ++times_[rng.Below(i, n)];
    for (size_t i = 0; i < weight_.size(); ++i) weight_[i] = times_[user_of_row_[i]];
    return weight_;
  }

 private:
  std::vector<uint32_t> user_of_row_, times_, weight_;
};

// Interval of what `statistic` makes of row weights (empty: each row once).
template <class Statistic>
Interval BootstrapRows(std::span<const uint32_t> users, int64_t replicates, uint64_t seed,
                       Statistic&& statistic) {
  UserDraw draw(users);
  std::vector<double> values;
  for (int64_t b = 0; b < replicates; ++b) {
    const double value = statistic(draw.Weights(seed, b));
    if (!std::isnan(value)) values.push_back(value);  // a replicate may lack a class
  }
  return Percentiles(statistic(std::span<const uint32_t>()), std::move(values));
}

}  // namespace

double Auc(std::span<const float> labels, std::span<const double> scores,
           std::span<const uint32_t> weight) {
  return AucOfOrder(labels, scores, ByFallingScore(scores), weight);
}

double Gauc(std::span<const float> labels, std::span<const double> scores,
            std::span<const uint32_t> users) {
  std::vector<uint32_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return users[a] < users[b]; });
  double sum = 0, total = 0;
  std::vector<float> user_labels;
  std::vector<double> user_scores;
  for (size_t i = 0; i < order.size();) {
    const uint32_t user = users[order[i]];
    user_labels.clear();
    user_scores.clear();
    for (; i < order.size() && users[order[i]] == user; ++i) {
      user_labels.push_back(labels[order[i]]);
      user_scores.push_back(scores[order[i]]);
    }
    const double auc = Auc(user_labels, user_scores);
    if (std::isnan(auc)) continue;
    const double positives = static_cast<double>(
        std::count_if(user_labels.begin(), user_labels.end(), [](float y) { return y > 0; }));
    sum += auc * positives;
    total += positives;
  }
  return total == 0 ? kNan : sum / total;
}

double AveragePrecision(std::span<const float> labels, std::span<const double> scores) {
  int64_t positives = 0, rows = 0;
  double sum = 0;
  ForTies(labels, scores, ByFallingScore(scores), {}, [&](int64_t p, int64_t n, double) {
    positives += p;
    rows += p + n;
    sum += static_cast<double>(p) * static_cast<double>(positives) / static_cast<double>(rows);
  });
  return positives == 0 ? kNan : sum / static_cast<double>(positives);
}

double LogLoss(std::span<const float> labels, std::span<const double> probabilities) {
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double p = std::clamp(probabilities[i], 1e-15, 1 - 1e-15);
    sum -= labels[i] > 0 ? std::log(p) : std::log(1 - p);
  }
  return labels.empty() ? kNan : sum / static_cast<double>(labels.size());
}

double RootMeanSquareError(std::span<const float> labels, std::span<const double> values) {
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double d = values[i] - static_cast<double>(labels[i]);
    sum += d * d;
  }
  return labels.empty() ? kNan : std::sqrt(sum / static_cast<double>(labels.size()));
}

double MeanAbsoluteError(std::span<const float> labels, std::span<const double> values) {
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    sum += std::abs(values[i] - static_cast<double>(labels[i]));
  }
  return labels.empty() ? kNan : sum / static_cast<double>(labels.size());
}

ThresholdMetrics AtThreshold(std::span<const float> labels, std::span<const double> scores,
                             double threshold) {
  double true_positive = 0, predicted = 0, positive = 0, right = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const bool one = scores[i] >= threshold, label = labels[i] > 0;
    true_positive += one && label;
    predicted += one;
    positive += label;
    right += one == label;
  }
  ThresholdMetrics out;
  out.accuracy = Ratio(right, static_cast<double>(labels.size()));
  out.precision = Ratio(true_positive, predicted);
  out.recall = Ratio(true_positive, positive);
  out.f1 = Ratio(2 * true_positive, predicted + positive);
  return out;
}

double BestThreshold(std::span<const float> labels, std::span<const double> scores) {
  double best = std::numeric_limits<double>::infinity();
  // Right predictions relative to always 0: each positive above the threshold gains one, each
  // negative loses one.
  int64_t gain = 0, best_gain = 0;
  ForTies(labels, scores, ByFallingScore(scores), {}, [&](int64_t p, int64_t n, double score) {
    gain += p - n;
    if (gain > best_gain) {
      best_gain = gain;
      best = score;
    }
  });
  return best;
}

RankingMetrics RankAt(std::span<const ItemId> ranked, std::span<const ItemId> positives,
                      int64_t k) {
  RankingMetrics out;
  const int64_t n = std::min<int64_t>(static_cast<int64_t>(ranked.size()), k);
  const int64_t ideal = std::min<int64_t>(static_cast<int64_t>(positives.size()), k);
  double hits = 0, dcg = 0, precision_sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (!std::binary_search(positives.begin(), positives.end(), ranked[i])) continue;
    if (hits == 0) out.mrr = 1.0 / static_cast<double>(i + 1);
    hits += 1;
    dcg += Discount(i);
    precision_sum += hits / static_cast<double>(i + 1);
  }
  double ideal_dcg = 0;
  for (int64_t i = 0; i < ideal; ++i) ideal_dcg += Discount(i);
  out.recall = Ratio(hits, static_cast<double>(positives.size()));
  out.precision = Ratio(hits, static_cast<double>(k));
  out.hit = hits > 0 ? 1 : 0;
  out.ndcg = Ratio(dcg, ideal_dcg);
  out.map = Ratio(precision_sum, static_cast<double>(ideal));
  out.map_by_positives = Ratio(precision_sum, static_cast<double>(positives.size()));
  return out;
}

double NdcgTieAveraged(std::span<const double> scores, std::span<const uint8_t> relevant,
                       int64_t k) {
  const std::vector<uint32_t> order = ByFallingScore(scores);
  double dcg = 0;
  int64_t total = 0;
  for (size_t i = 0; i < order.size();) {
    const double score = scores[order[i]];
    double hits = 0, discounts = 0, size = 0;
    for (; i < order.size() && scores[order[i]] == score; ++i) {
      hits += relevant[order[i]] != 0;
      size += 1;
      if (static_cast<int64_t>(i) < k) discounts += Discount(static_cast<int64_t>(i));
    }
    total += static_cast<int64_t>(hits);
    dcg += hits / size * discounts;
  }
  double ideal = 0;
  for (int64_t i = 0; i < std::min(total, k); ++i) ideal += Discount(i);
  return Ratio(dcg, ideal);
}

namespace {

// Shares of `total` that the first i/parts of the counts have together, i = 0 to parts.
std::vector<double> Cumulative(std::span<const int64_t> count, size_t parts, double total) {
  std::vector<double> share = {0};
  int64_t sum = 0;
  size_t next = 0;
  for (size_t i = 1; i <= parts; ++i) {
    for (const size_t end = count.size() * i / parts; next < end; ++next) sum += count[next];
    share.push_back(static_cast<double>(sum) / total);
  }
  return share;
}

}  // namespace

ListMetrics ListCounter::Compute(std::span<const uint32_t> popularity, int64_t n_users) const {
  ListMetrics out;
  std::vector<int64_t> count = count_;
  const double n = static_cast<double>(count.size());
  double total = 0, distinct = 0, novelty = 0;
  for (size_t i = 0; i < count.size(); ++i) {
    const double c = static_cast<double>(count[i]);
    total += c;
    distinct += count[i] > 0;
    if (count[i] > 0) {
      const double users = static_cast<double>(std::max<uint32_t>(popularity[i], 1));
      novelty -= c * std::log2(users / static_cast<double>(n_users));
    }
  }
  if (total == 0) return out;
  std::vector<size_t> by_popularity(count.size());
  std::iota(by_popularity.begin(), by_popularity.end(), size_t{0});
  std::stable_sort(by_popularity.begin(), by_popularity.end(),
                   [&](size_t a, size_t b) { return popularity[a] > popularity[b]; });
  std::vector<int64_t> popular_first;
  for (const size_t item : by_popularity) popular_first.push_back(count[item]);
  out.deciles = Cumulative(popular_first, 10, total);
  for (size_t i = 0; i < 10; ++i) out.deciles[i] = out.deciles[i + 1] - out.deciles[i];
  out.deciles.pop_back();
  std::sort(count.begin(), count.end());
  out.lorenz = Cumulative(count, 20, total);
  double spread = 0;
  for (size_t i = 0; i < count.size(); ++i) {
    const double c = static_cast<double>(count[i]);
    spread += (2 * static_cast<double>(i + 1) - n - 1) * c;
    if (count[i] > 0) out.entropy -= c / total * std::log(c / total);
  }
  out.coverage = distinct / n;
  out.gini = spread / (n * total);
  out.novelty = novelty / total;
  return out;
}

Interval BootstrapMean(std::span<const double> per_user, int64_t replicates, uint64_t seed) {
  const uint32_t n = static_cast<uint32_t>(per_user.size());
  const auto mean = [n](double sum) { return sum / static_cast<double>(n); };
  double sum = 0;
  for (const double value : per_user) sum += value;
  std::vector<double> means;
  means.reserve(static_cast<size_t>(replicates));
  for (int64_t b = 0; b < replicates; ++b) {
    const Rng rng(seed, RngStream::kBootstrap, static_cast<uint32_t>(b));
    double drawn = 0;
    for (uint32_t i = 0; i < n; ++i) drawn += per_user[rng.Below(i, n)];
    means.push_back(mean(drawn));
  }
  return Percentiles(mean(sum), std::move(means));
}

Interval BootstrapAuc(std::span<const float> labels, std::span<const double> scores,
                      std::span<const uint32_t> users, int64_t replicates, uint64_t seed) {
  const std::vector<uint32_t> order = ByFallingScore(scores);
  return BootstrapRows(users, replicates, seed, [&](std::span<const uint32_t> weight) {
    return AucOfOrder(labels, scores, order, weight);
  });
}

Interval BootstrapAucDifference(std::span<const float> labels, std::span<const double> a,
                                std::span<const double> b, std::span<const uint32_t> users,
                                int64_t replicates, uint64_t seed) {
  const std::vector<uint32_t> order_a = ByFallingScore(a), order_b = ByFallingScore(b);
  return BootstrapRows(users, replicates, seed, [&](std::span<const uint32_t> weight) {
    return AucOfOrder(labels, a, order_a, weight) - AucOfOrder(labels, b, order_b, weight);
  });
}

}  // namespace undula::models
