#include "linking/page_rank.h"

#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/page_rank.hpp>
#include <cstdint>
#include <utility>

#include "base/ids.h"

namespace undula::linking {

std::vector<float> PageRank(const EdgeCsr& out, int iterations) {
  using Graph =
      boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, boost::no_property,
                                         boost::no_property, uint32_t, int64_t>;
  const auto n = static_cast<uint32_t>(out.rows());
  if (n == 0) return {};
  std::vector<std::pair<uint32_t, uint32_t>> edges;
  edges.reserve(out.entity.size());
  for (uint32_t head = 0; head < n; ++head) {
    for (int64_t e = out.ptr[head]; e < out.ptr[head + 1]; ++e) {
      edges.emplace_back(head, Index(out.entity[static_cast<size_t>(e)]));
    }
  }
  const Graph graph(boost::edges_are_sorted, edges.begin(), edges.end(), n);
  std::vector<double> rank(n), scratch(n);
  const auto index = boost::get(boost::vertex_index, graph);
  boost::graph::page_rank(graph, boost::make_iterator_property_map(rank.begin(), index),
                          boost::graph::n_iterations(static_cast<size_t>(iterations)), 0.85, n,
                          boost::make_iterator_property_map(scratch.begin(), index));
  std::vector<float> scaled(n);
  for (uint32_t v = 0; v < n; ++v) scaled[v] = static_cast<float>(rank[v] * n);
  return scaled;
}

}  // namespace undula::linking
