// Ward's hierarchical clustering with a nearest-neighbor chain: O(n^2) time and memory. Pal et al.,
// "PinnerSage: Multi-Modal User Embedding Framework for Recommendations at Pinterest", KDD 2020,
// algorithm 1; Murtagh, "A survey of recent advances in hierarchical clustering algorithms",
// Computer Journal 26(4), 1983.
//
// The distance of clusters is 2 n_A n_B / (n_A + n_B) |c_A - c_B|^2 (c: centroid, n: number of
// actions), which is |p - q|^2 for single points; after a merge it follows from Lance and Williams'
// update. It is the square of the height in SciPy's linkage(method="ward"). On a GPU:
// propagation/ops/ward.h, the same merges bit for bit.
#ifndef UNDULA_MODELS_PINNERSAGE_WARD_H_
#define UNDULA_MODELS_PINNERSAGE_WARD_H_

#include <cstdint>
#include <span>
#include <vector>

namespace undula::models {

struct WardMerge {
  uint32_t a, b;  // a point of each of the two clusters, a < b
  double height;
};

// points: [n, dim], row-major; counts: how often each point occurs, [n] or empty (once). Returns
// n - 1 merges by ascending height (of the chain's order among equal ones); n is at most 2^16. T:
// float or double.
template <class T>
std::vector<WardMerge> WardLinkage(std::span<const T> points, int64_t dim,
                                   std::span<const uint32_t> counts);

// By ascending height; of equal ones the chain's order.
void SortMerges(std::vector<WardMerge>* merges);

// The clusters when merges up to `alpha` are made: labels [n], numbered by their smallest point.
std::vector<uint32_t> CutLinkage(std::span<const WardMerge> merges, size_t n, double alpha);

}  // namespace undula::models

#endif  // UNDULA_MODELS_PINNERSAGE_WARD_H_
