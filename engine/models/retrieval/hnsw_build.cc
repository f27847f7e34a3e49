// The graph of an HNSW index, by hnswlib. Its header is included here only. Its own SSE code is
// left out: it reads past the end of lists to fetch ahead.
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <new>
#include <numeric>
#include <queue>

#include "base/status.h"
#include "models/retrieval/hnsw_index.h"

namespace undula::models {
namespace {

constexpr int64_t kLane = propagation::simd::kPanelWidth;

// The negated product of rows that are padded to whole lanes, with the kernel of this processor:
// hnswlib's own are chosen when it is compiled.
class ProductSpace final : public hnswlib::SpaceInterface<float> {
 public:
  explicit ProductSpace(int64_t padded) : padded_(padded) {}
  size_t get_data_size() override { return static_cast<size_t>(padded_) * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return &Distance; }
  void* get_dist_func_param() override { return this; }

 private:
  static float Distance(const void* a, const void* b, const void* self) {
    const auto* space = static_cast<const ProductSpace*>(self);
    const float* const row = static_cast<const float*>(b);
    float product;
    space->dots_(static_cast<const float*>(a), space->padded_, &row, 1, &product);
    return -product;
  }

  int64_t padded_;
  propagation::simd::RowDotsKernel dots_ = propagation::simd::GetRowDots();
};

using Built = hnswlib::HierarchicalNSW<float>;

std::span<const uint32_t> Links(const Built& built, uint32_t node, int level) {
  const auto* list = level == 0 ? built.get_linklist0(node) : built.get_linklist(node, level);
  return {list + 1, *reinterpret_cast<const uint16_t*>(list)};
}

// Nodes by level, the entry point first, then in breadth-first order over the lowest level: what is
// visited one after the other lies together.
std::vector<uint32_t> NodeOrder(const Built& built, uint32_t n) {
  std::vector<uint32_t> rank(n, n), order(n);
  uint32_t next = 0;
  std::queue<uint32_t> open;
  rank[built.enterpoint_node_] = next++;
  for (open.push(built.enterpoint_node_); !open.empty(); open.pop()) {
    for (const uint32_t to : Links(built, open.front(), 0)) {
      if (rank[to] != n) continue;
      rank[to] = next++;
      open.push(to);
    }
  }
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const int la = built.element_levels_[a], lb = built.element_levels_[b];
    return la != lb ? la > lb : rank[a] < rank[b];
  });
  return order;
}

HnswGraph LayOut(const Built& built, uint32_t n, int64_t links) {
  HnswGraph graph;
  graph.links = links;
  graph.row = NodeOrder(built, n);
  std::vector<uint32_t> node_of(n);
  for (uint32_t node = 0; node < n; ++node) node_of[graph.row[node]] = node;
  const auto copy = [&](uint32_t node, int level, uint32_t* to) {
    for (const uint32_t link : Links(built, graph.row[node], level)) *to++ = node_of[link];
  };
  const int levels = built.maxlevel_ + 1;
  graph.level_size.assign(static_cast<size_t>(levels), 0);
  for (const int level : built.element_levels_) {
    for (int l = 0; l <= level; ++l) ++graph.level_size[l];
  }
  graph.base.assign(size_t{n} * 2 * links, kNoIndex);
  for (uint32_t node = 0; node < n; ++node) copy(node, 0, &graph.base[node * 2 * links]);
  for (int l = 1; l < levels; ++l) {
    const size_t at = graph.upper.size();
    graph.upper.resize(at + static_cast<size_t>(graph.level_size[l] * links), kNoIndex);
    for (uint32_t node = 0; node < graph.level_size[l]; ++node) {
      copy(node, l, &graph.upper[at + node * links]);
    }
  }
  return graph;
}

}  // namespace

absl::StatusOr<HnswGraph> BuildHnswGraph(const IndexVectors& vectors, const IndexOptions& options,
                                         Progress* progress) {
  constexpr int64_t kReport = 1024;
  const int64_t n = vectors.rows(), padded = (vectors.dim + kLane - 1) / kLane * kLane;
  try {
    ProductSpace space(padded);
    Built built(&space, static_cast<size_t>(n), static_cast<size_t>(options.links),
                static_cast<size_t>(options.build_width), static_cast<size_t>(options.seed));
    std::vector<float> row(static_cast<size_t>(padded), 0.0f);
    for (int64_t r = 0; r < n; ++r) {
      if (r % kReport == 0) {
        UNDULA_RETURN_IF_ERROR(Progress::Report(progress, r, n, "building the index"));
      }
      const auto from = vectors.row(r);
      std::copy(from.begin(), from.end(), row.begin());
      built.addPoint(row.data(), static_cast<size_t>(r));
    }
    return LayOut(built, static_cast<uint32_t>(n), options.links);
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("out of memory while building the index of ", n, " items");
  } catch (const std::exception& e) {
    return InternalError("hnswlib: ", e.what());
  }
}

}  // namespace undula::models
