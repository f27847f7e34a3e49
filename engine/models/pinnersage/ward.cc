#include "models/pinnersage/ward.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "propagation/ops/ward_row.h"
#include "propagation/tile_gemm.h"

namespace undula::models {
namespace {

using propagation::kTileRows;
using propagation::kWardFree;
using propagation::kWardInChain;
using propagation::kWardMerged;

// The distances of all pairs of points, [n, n]; the diagonal is infinite.
template <class T>
std::vector<T> Distances(std::span<const T> points, int64_t dim, const std::vector<T>& size) {
  const int64_t n = dim == 0 ? 0 : static_cast<int64_t>(points.size()) / dim;
  std::vector<T> d(static_cast<size_t>(n * n)), square(static_cast<size_t>(n));
  std::vector<T> transposed(points.size());
  propagation::Transpose(points.data(), n, dim, transposed.data());
  for (int64_t i = 0; i < n; ++i) {
    const T* p = points.data() + i * dim;
    square[i] = std::inner_product(p, p + dim, p, T(0));
  }
  for (int64_t begin = 0; begin < n; begin += kTileRows) {
    const int64_t rows = std::min(kTileRows, n - begin);
    const T* from[kTileRows];
    T* to[kTileRows];
    for (int64_t r = 0; r < rows; ++r) {
      from[r] = points.data() + (begin + r) * dim;
      to[r] = d.data() + (begin + r) * n + begin;
    }
    // From the tile's first column on; the rest is its mirror image.
    propagation::TileGemm<T>(from, rows, dim, transposed.data() + begin, n, to, n - begin, false);
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i + 1; j < n; ++j) {
      d[i * n + j] = d[j * n + i] =
          propagation::WardDistance(square[i], square[j], d[i * n + j], size[i], size[j]);
    }
    d[i * n + i] = std::numeric_limits<T>::infinity();
  }
  return d;
}

}  // namespace

void SortMerges(std::vector<WardMerge>* merges) {
  std::stable_sort(merges->begin(), merges->end(),
                   [](const WardMerge& x, const WardMerge& y) { return x.height < y.height; });
}

template <class T>
std::vector<WardMerge> WardLinkage(std::span<const T> points, int64_t dim,
                                   std::span<const uint32_t> counts) {
  const auto n = static_cast<uint32_t>(dim == 0 ? 0 : points.size() / static_cast<size_t>(dim));
  constexpr T kInfinite = std::numeric_limits<T>::infinity();
  std::vector<T> size(n, T(1));
  for (size_t i = 0; i < counts.size(); ++i) size[i] = static_cast<T>(counts[i]);
  std::vector<T> distance = Distances<T>(points, dim, size);
  std::vector<uint8_t> state(n, kWardFree);
  std::vector<uint32_t> chain;
  std::vector<WardMerge> merges;
  uint32_t first = 0;
  while (merges.size() + 1 < n) {
    if (chain.empty()) {
      while (state[first] == kWardMerged) ++first;
      chain.push_back(first);
      state[first] = kWardInChain;
    }
    const uint32_t top = chain.back();
    const T* row = distance.data() + size_t{top} * n;
    const auto nearest = static_cast<uint32_t>(std::min_element(row, row + n) - row);
    // The previous link wins a tie, and also where only rounding makes an earlier one nearer, so
    // that the chain ends.
    const uint32_t previous = chain.size() > 1 ? chain[chain.size() - 2] : top;
    if (chain.size() == 1 || (row[previous] > row[nearest] && state[nearest] != kWardInChain)) {
      chain.push_back(nearest);
      state[nearest] = kWardInChain;
      continue;
    }
    chain.resize(chain.size() - 2);
    const uint32_t keep = std::min(top, previous), drop = std::max(top, previous);
    const T apart = row[previous];
    merges.push_back({keep, drop, static_cast<double>(apart)});
    T* to = distance.data() + size_t{keep} * n;
    T* gone = distance.data() + size_t{drop} * n;
    const T a = size[keep], b = size[drop];
    for (uint32_t k = 0; k < n; ++k) {
      if (state[k] == kWardMerged || k == keep || k == drop) continue;
      const T v = propagation::WardUpdate(a, b, size[k], to[k], gone[k], apart);
      to[k] = distance[size_t{k} * n + keep] = v;
      distance[size_t{k} * n + drop] = kInfinite;
    }
    std::fill_n(gone, n, kInfinite);
    to[drop] = kInfinite;
    state[keep] = kWardFree;
    state[drop] = kWardMerged;
    size[keep] = a + b;
  }
  SortMerges(&merges);
  return merges;
}

template std::vector<WardMerge> WardLinkage<float>(std::span<const float>, int64_t,
                                                   std::span<const uint32_t>);
template std::vector<WardMerge> WardLinkage<double>(std::span<const double>, int64_t,
                                                    std::span<const uint32_t>);

std::vector<uint32_t> CutLinkage(std::span<const WardMerge> merges, size_t n, double alpha) {
  // Trees of points; a root is its cluster's smallest point.
  std::vector<uint32_t> parent(n);
  std::iota(parent.begin(), parent.end(), 0u);
  const auto root = [&](uint32_t p) {
    while (parent[p] != p) p = parent[p] = parent[parent[p]];
    return p;
  };
  for (const WardMerge& merge : merges) {
    if (merge.height > alpha) break;
    const uint32_t a = root(merge.a), b = root(merge.b);
    parent[std::max(a, b)] = std::min(a, b);
  }
  std::vector<uint32_t> label(n);
  uint32_t labels = 0;
  for (uint32_t p = 0; p < n; ++p) {
    const uint32_t r = root(p);
    label[p] = r == p ? labels++ : label[r];
  }
  return label;
}

}  // namespace undula::models
