#include "linking/boosted_trees.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace undula::linking {
namespace {

constexpr size_t kBins = 64;
constexpr double kLeastGain = 1e-6, kLeastCurvature = 1e-3;

struct Sums {
  double gradient = 0, curvature = 0;
  int64_t rows = 0;
  void Add(const Sums& other) {
    gradient += other.gradient;
    curvature += other.curvature;
    rows += other.rows;
  }
};

// Upper ends of the bins of a column, the last one infinite in effect (never stored).
std::vector<float> BinEnds(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  std::vector<float> ends;
  for (size_t b = 0; b + 1 < kBins; ++b) {
    const float end = values[b * (values.size() - 1) / (kBins - 1)];
    if ((ends.empty() || end > ends.back()) && end < values.back()) ends.push_back(end);
  }
  return ends;
}

}  // namespace

// Grows one tree after the other over the binned rows.
class TreeGrower {
 public:
  TreeGrower(std::span<const float> rows, size_t width, std::span<const uint8_t> labels,
             const BoostOptions& options, BoostedTrees* trees)
      : width_(width), n_(labels.size()), labels_(labels), options_(options), trees_(trees) {
    bins_.resize(n_ * width_);
    std::vector<float> values(n_);
    for (size_t c = 0; c < width_; ++c) {
      for (size_t r = 0; r < n_; ++r) values[r] = rows[r * width_ + c];
      ends_.push_back(BinEnds(values));
      for (size_t r = 0; r < n_; ++r) {
        bins_[c * n_ + r] = static_cast<uint8_t>(
            std::lower_bound(ends_[c].begin(), ends_[c].end(), values[r]) - ends_[c].begin());
      }
    }
    const auto yes =
        static_cast<double>(std::accumulate(labels_.begin(), labels_.end(), size_t{0}));
    trees_->base_ = std::log((yes + 0.5) / (static_cast<double>(n_) - yes + 0.5));
    logit_.assign(n_, trees_->base_);
    gradient_.resize(n_);
    curvature_.resize(n_);
    order_.resize(n_);
  }

  void Grow(uint64_t tree) {
    for (size_t r = 0; r < n_; ++r) {
      const double p = 1 / (1 + std::exp(-logit_[r]));
      gradient_[r] = labels_[r] - p;
      curvature_[r] = p * (1 - p);
    }
    DrawColumns(tree);
    std::iota(order_.begin(), order_.end(), 0u);
    trees_->roots_.push_back(static_cast<uint32_t>(trees_->nodes_.size()));
    trees_->nodes_.emplace_back();
    std::vector<Leaf> leaves(1);
    leaves[0].node = trees_->roots_.back();
    leaves[0].end = n_;
    Look(&leaves[0]);
    while (leaves.size() < static_cast<size_t>(options_.leaves)) {
      const auto best =
          std::max_element(leaves.begin(), leaves.end(),
                           [](const Leaf& a, const Leaf& b) { return a.gain < b.gain; });
      if (best->gain <= kLeastGain) break;
      Leaf right = Split(&*best);
      Look(&*best);
      Look(&right);
      leaves.push_back(right);
    }
    for (const Leaf& leaf : leaves) {
      const double value = options_.rate * leaf.sums.gradient / (leaf.sums.curvature + options_.l2);
      trees_->nodes_[leaf.node].value = value;
      for (size_t i = leaf.begin; i < leaf.end; ++i) logit_[order_[i]] += value;
    }
  }

 private:
  struct Leaf {
    uint32_t node = 0;
    size_t begin = 0, end = 0;  // in order_
    Sums sums;
    double gain = 0;
    uint32_t column = 0, bin = 0;  // of the best split: bins up to this one go left
  };

  void DrawColumns(uint64_t tree) {
    columns_.clear();
    for (uint32_t c = 0; c < width_; ++c) {
      uint64_t x = (options_.seed * 0x9E3779B97F4A7C15u) ^ (tree * width_ + c + 1);
      x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
      x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
      const double u = static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
      if (u < options_.columns && !ends_[c].empty()) columns_.push_back(c);
    }
  }

  // The leaf's sums and its best split.
  void Look(Leaf* leaf) {
    leaf->sums = {};
    leaf->gain = 0;
    for (size_t i = leaf->begin; i < leaf->end; ++i) {
      leaf->sums.Add({gradient_[order_[i]], curvature_[order_[i]], 1});
    }
    if (leaf->sums.rows < 2 * options_.least_rows) return;
    const double whole = Score(leaf->sums);
    for (const uint32_t c : columns_) {
      Sums bins[kBins];
      const uint8_t* const column = bins_.data() + c * n_;
      for (size_t i = leaf->begin; i < leaf->end; ++i) {
        const uint32_t r = order_[i];
        bins[column[r]].Add({gradient_[r], curvature_[r], 1});
      }
      Sums left;
      for (uint32_t b = 0; b < ends_[c].size(); ++b) {
        left.Add(bins[b]);
        const Sums right = {leaf->sums.gradient - left.gradient,
                            leaf->sums.curvature - left.curvature, leaf->sums.rows - left.rows};
        if (left.rows < options_.least_rows || left.curvature < kLeastCurvature) continue;
        if (right.rows < options_.least_rows || right.curvature < kLeastCurvature) break;
        const double gain = Score(left) + Score(right) - whole;
        if (gain > leaf->gain) {
          leaf->gain = gain;
          leaf->column = c;
          leaf->bin = b;
        }
      }
    }
  }

  double Score(const Sums& sums) const {
    return sums.gradient * sums.gradient / (sums.curvature + options_.l2);
  }

  // The leaf becomes its left side; the right one is returned.
  Leaf Split(Leaf* leaf) {
    const uint8_t* const column = bins_.data() + leaf->column * n_;
    const auto middle = std::stable_partition(order_.begin() + static_cast<ptrdiff_t>(leaf->begin),
                                              order_.begin() + static_cast<ptrdiff_t>(leaf->end),
                                              [&](uint32_t r) { return column[r] <= leaf->bin; });
    const auto left = static_cast<uint32_t>(trees_->nodes_.size());
    BoostedTrees::Node& node = trees_->nodes_[leaf->node];
    node.column = leaf->column;
    node.left = left;
    node.most = ends_[leaf->column][leaf->bin];
    trees_->nodes_.resize(left + 2);
    Leaf right;
    right.node = left + 1;
    right.begin = static_cast<size_t>(middle - order_.begin());
    right.end = leaf->end;
    leaf->node = left;
    leaf->end = right.begin;
    return right;
  }

  const size_t width_, n_;
  const std::span<const uint8_t> labels_;
  const BoostOptions options_;
  BoostedTrees* const trees_;
  std::vector<std::vector<float>> ends_;  // by column
  std::vector<uint8_t> bins_;             // column by column
  std::vector<double> logit_, gradient_, curvature_;
  std::vector<uint32_t> order_, columns_;
};

BoostedTrees BoostedTrees::Train(std::span<const float> rows, size_t width,
                                 std::span<const uint8_t> labels, const BoostOptions& options) {
  BoostedTrees trees;
  if (labels.empty()) return trees;
  TreeGrower grower(rows, width, labels, options, &trees);
  for (int t = 0; t < options.trees; ++t) grower.Grow(static_cast<uint64_t>(t));
  return trees;
}

double BoostedTrees::Logit(std::span<const float> row) const {
  double logit = base_;
  for (uint32_t node : roots_) {
    while (nodes_[node].left != 0) {
      node = nodes_[node].left + (row[nodes_[node].column] <= nodes_[node].most ? 0 : 1);
    }
    logit += nodes_[node].value;
  }
  return logit;
}

}  // namespace undula::linking
