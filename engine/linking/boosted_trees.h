// Boosted regression trees for the probability of a yes, on a few dozen columns of evidence.
#ifndef UNDULA_LINKING_BOOSTED_TREES_H_
#define UNDULA_LINKING_BOOSTED_TREES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace undula::linking {

struct BoostOptions {
  int trees = 200, leaves = 12, least_rows = 30;  // rows of a leaf
  double rate = 0.08, l2 = 5;
  double columns = 0.2;  // share of the columns that a tree may use, drawn anew for each
  uint64_t seed = 1;
};

// Friedman, "Greedy function approximation: a gradient boosting machine" (2001) with logistic loss,
// Newton steps in the leaves, and columns cut into at most 64 bins of equal numbers of rows. The
// best leaf is split first. One thread, sums in the order of the rows: equal input, equal bits.
// Thread-safe once trained.
class BoostedTrees {
 public:
  // `rows` has `width` values for each label; values must be finite. Without rows: logit 0.
  static BoostedTrees Train(std::span<const float> rows, size_t width,
                            std::span<const uint8_t> labels, const BoostOptions& options);
  // Log-odds of a yes for a row of `width` values.
  double Logit(std::span<const float> row) const;

 private:
  struct Node {
    uint32_t column = 0, left = 0;  // left 0: a leaf; right = left + 1
    float most = 0;                 // of the left side
    double value = 0;               // of a leaf
  };
  friend class TreeGrower;

  double base_ = 0;
  std::vector<uint32_t> roots_;
  std::vector<Node> nodes_;
};

}  // namespace undula::linking

#endif  // UNDULA_LINKING_BOOSTED_TREES_H_
