// Timing of nearest-neighbor search: PREFIX.base and PREFIX.query, float32 [n, dim] as
// bench/retrieval_peers.py writes them. One thread; figures are per CPU second.
//   retrieval_bench PREFIX DIM exact K [QUERIES]    exact lists of K
//   retrieval_bench PREFIX DIM hnsw|ivf K RECALL    the least width that finds this share of the
//   best K
// The last line is JSON.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "models/retrieval/exact_index.h"
#include "models/retrieval/item_index.h"

namespace undula::models {
namespace {

std::vector<float> Load(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::vector<float> out(in ? static_cast<size_t>(in.tellg()) / sizeof(float) : 0);
  in.seekg(0);
  in.read(reinterpret_cast<char*>(out.data()),
          static_cast<std::streamsize>(out.size() * sizeof(float)));
  return out;
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

using Lists = std::vector<std::vector<ScoredItem>>;

double Recall(const Lists& found, const Lists& best) {
  double sum = 0;
  for (size_t i = 0; i < best.size(); ++i) {
    size_t hits = 0;
    for (const ScoredItem& b : best[i]) {
      hits += std::any_of(found[i].begin(), found[i].end(),
                          [&](const ScoredItem& f) { return f.item == b.item; });
    }
    sum += static_cast<double>(hits) / static_cast<double>(best[i].size());
  }
  return sum / static_cast<double>(best.size());
}

int Main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "retrieval_bench PREFIX DIM exact|hnsw|ivf K [QUERIES | RECALL]\n");
    return 2;
  }
  const std::string prefix = argv[1], kind = argv[3];
  const int64_t dim = std::atoll(argv[2]), k = std::atoll(argv[4]);
  IndexVectors vectors;
  vectors.dim = dim;
  vectors.values = Load(prefix + ".base");
  const std::vector<float> asked = Load(prefix + ".query");
  for (size_t i = 0; i < vectors.values.size() / dim; ++i) {
    vectors.items.push_back(ItemId{static_cast<uint32_t>(i)});
  }
  std::vector<IndexQuery> queries;
  for (size_t i = 0; i < asked.size() / dim; ++i) {
    queries.push_back({std::span(asked).subspan(i * dim, static_cast<size_t>(dim)), {}});
  }
  if (vectors.items.empty() || queries.empty()) {
    std::fprintf(stderr, "no vectors in %s.base and %s.query\n", argv[1], argv[1]);
    return 1;
  }
  TaskArena workers(1);
  const ExactIndex exact(vectors);
  IndexScratch scratch;
  const auto timed = [&](const ItemIndex& index, Lists* lists) {  // median of 5
    std::vector<double> seconds;
    for (int r = 0; r < 5; ++r) {
      const double start = CpuSeconds();
      index.Search(queries, k, &scratch, lists);
      seconds.push_back(CpuSeconds() - start);
    }
    std::sort(seconds.begin(), seconds.end());
    return static_cast<double>(queries.size()) / seconds[2];
  };
  Lists best, found;
  if (kind == "exact") {
    if (argc > 5)
      queries.resize(std::min(queries.size(), static_cast<size_t>(std::atoll(argv[5]))));
    const double rate = timed(exact, &best);
    std::printf(
        "{\"peer\": \"undula\", \"model\": \"exact\", \"k\": %lld, \"queries\": %zu, "
        "\"recall\": 1.0, \"qps_per_core\": %.1f}\n",
        static_cast<long long>(k), queries.size(), rate);
    return 0;
  }
  const double wanted = argc > 5 ? std::atof(argv[5]) : 0.95;
  exact.Search(queries, k, &scratch, &best);
  IndexOptions options;
  options.kind = kind;
  options.width = 1;
  IndexFacts facts;
  const double start = CpuSeconds();
  const auto built = BuildIndex(vectors, options, workers, nullptr, &facts);
  const double build = CpuSeconds() - start;
  if (!built.ok()) {
    std::fprintf(stderr, "%s\n", built.status().ToString().c_str());
    return 1;
  }
  ItemIndex& index = **built;
  double recall = 0;
  int64_t width = kind == "hnsw" ? k : 1;
  IndexScratch walk;
  for (; width <= index.items(); width += std::max<int64_t>(1, width / 8)) {
    index.set_width(kind == "hnsw" ? std::max<int64_t>(1, width * 10 / k) : width);
    index.Search(queries, k, &walk, &found);
    recall = Recall(found, best);
    if (recall >= wanted) break;
  }
  scratch = {};
  const double rate = timed(index, &found);
  std::printf(
      "{\"peer\": \"undula\", \"model\": \"%s\", \"k\": %lld, \"queries\": %zu, "
      "\"width\": %lld, \"recall\": %.4f, \"qps_per_core\": %.1f, \"build_cpu_s\": %.1f, "
      "\"index_mb\": %.1f}\n",
      kind.c_str(), static_cast<long long>(k), queries.size(), static_cast<long long>(width),
      Recall(found, best), rate, build, static_cast<double>(index.bytes()) / 1e6);
  return 0;
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) { return undula::models::Main(argc, argv); }
