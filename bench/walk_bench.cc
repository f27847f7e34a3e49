// Speed of PinSAGE's neighborhoods by random walks on a generated graph:
//   walk_bench [items=N] [contexts=N] [edges=N] [walks=100] [traversals=3] [stop=0.5] [top=50]
//              [seeds=N] [weighted=0|1] [naive=1]
// The graph: generated_log.h. Prints one JSON line: traversals (item - context - item) and hops
// (two a traversal) per core-second, visit counting and top-T selection included, of the library
// and, in the same run, of the plain loop (one walk after the other over std::vector, the same
// random numbers, the same selection), whose lists must be the same.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "bench/generated_log.h"
#include "propagation/sample/random_walk.h"

namespace undula::propagation {
namespace {

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

using bench::Adjacency;

Adjacency Transpose(const Adjacency& g, uint32_t rows) {
  Adjacency t;
  t.ptr.resize(size_t{rows} + 1);
  for (const uint32_t item : g.to) ++t.ptr[size_t{item} + 1];
  for (uint32_t i = 0; i < rows; ++i) t.ptr[i + 1] += t.ptr[i];
  t.to.resize(g.to.size());
  std::vector<int64_t> next(t.ptr.begin(), t.ptr.end() - 1);
  for (size_t c = 0; c + 1 < g.ptr.size(); ++c) {
    for (int64_t e = g.ptr[c]; e < g.ptr[c + 1]; ++e)
      t.to[next[g.to[e]]++] = static_cast<uint32_t>(c);
  }
  return t;
}

// One walk after the other.
ImportanceLists Naive(const Adjacency& by_item, const Adjacency& by_context,
                      std::span<const uint32_t> seeds, const WalkOptions& o) {
  ImportanceLists out;
  std::vector<uint32_t> visits;
  std::vector<uint64_t> keys;
  const uint32_t stop = StopBelow(o.stop);
  const auto follow = [](const Adjacency& g, uint32_t row, uint32_t draw) {
    const uint64_t degree = static_cast<uint64_t>(g.ptr[row + 1] - g.ptr[row]);
    return g.to[g.ptr[row] + static_cast<int64_t>(draw * degree >> 32)];
  };
  for (const uint32_t seed : seeds) {
    visits.clear();
    const bool isolated = by_item.ptr[seed] == by_item.ptr[seed + 1];
    for (uint32_t w = 0; w < o.walks && !isolated; ++w) {
      uint32_t at = seed;
      for (uint32_t t = 0; t < o.traversals; ++t) {
        const PhiloxBlock draws =
            WalkDraws(1, 0, seed, w * static_cast<uint32_t>(o.traversals) + t);
        if (t > 0 && draws.v[2] < stop) break;
        at = follow(by_context, follow(by_item, at, draws.v[0]), draws.v[1]);
        visits.push_back(at);
      }
    }
    std::sort(visits.begin(), visits.end());
    keys.clear();
    for (size_t i = 0; i < visits.size();) {
      size_t end = i + 1;
      while (end < visits.size() && visits[end] == visits[i]) ++end;
      if (visits[i] != seed) keys.push_back(uint64_t{end - i} << 32 | uint32_t(~visits[i]));
      i = end;
    }
    std::sort(keys.begin(), keys.end(), std::greater<>());
    keys.resize(std::min(keys.size(), static_cast<size_t>(o.top)));
    uint64_t total = 0;
    for (const uint64_t key : keys) total += key >> 32;
    for (const uint64_t key : keys) {
      out.item.push_back(~static_cast<uint32_t>(key));
      out.weight.push_back(static_cast<float>(key >> 32) / static_cast<float>(total));
    }
    out.ptr.push_back(static_cast<int64_t>(out.item.size()));
  }
  return out;
}

// Traversals that walks from `seeds` make.
int64_t CountTraversals(std::span<const uint32_t> seeds, const Adjacency& by_item,
                        const WalkOptions& o) {
  const uint32_t stop = StopBelow(o.stop);
  int64_t n = 0;
  for (const uint32_t seed : seeds) {
    if (by_item.ptr[seed] == by_item.ptr[seed + 1]) continue;
    for (uint32_t w = 0; w < o.walks; ++w) {
      for (uint32_t t = 0; t < o.traversals; ++t) {
        const uint32_t step = w * static_cast<uint32_t>(o.traversals) + t;
        if (t > 0 && WalkDraws(1, 0, seed, step).v[2] < stop) break;
        ++n;
      }
    }
  }
  return n;
}

int Main(int argc, char** argv) {
  std::map<std::string, double> o = {
      {"items", 1e6}, {"contexts", 2e6}, {"edges", 1e8},   {"walks", 100},  {"traversals", 3},
      {"stop", 0.5},  {"top", 50},       {"seeds", 50000}, {"weighted", 0}, {"naive", 1}};
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t at = arg.find('=');
    if (at == std::string::npos || o.count(arg.substr(0, at)) == 0) {
      std::fprintf(stderr, "walk_bench: unknown argument %s\n", arg.c_str());
      return 2;
    }
    o[arg.substr(0, at)] = std::atof(arg.c_str() + at + 1);
  }
  const auto items = static_cast<uint32_t>(o["items"]);
  const auto contexts = static_cast<uint32_t>(o["contexts"]);
  const WalkOptions walk{.walks = static_cast<int64_t>(o["walks"]),
                         .traversals = static_cast<int64_t>(o["traversals"]),
                         .stop = o["stop"],
                         .top = static_cast<int64_t>(o["top"])};
  Adjacency by_context = bench::GenerateLog(items, contexts, static_cast<int64_t>(o["edges"]));
  std::vector<float> weight;
  if (o["weighted"] > 0) {
    const Rng rng(2, RngStream::kTest);
    for (size_t e = 0; e < by_context.to.size(); ++e) weight.push_back(0.5f + rng.Uniform(e));
  }
  double start = CpuSeconds();
  auto graph = WalkGraph::Create(by_context.ptr, by_context.to, weight, items);
  const double build = CpuSeconds() - start;
  if (!graph.ok()) {
    std::fprintf(stderr, "walk_bench: %s\n", graph.status().ToString().c_str());
    return 1;
  }
  std::vector<uint32_t> seeds;
  for (uint32_t i = 0; i < static_cast<uint32_t>(o["seeds"]); ++i) {
    seeds.push_back(Rng(3, RngStream::kTest).Below(i, items));
  }
  start = CpuSeconds();
  const ImportanceLists lists = WalkLists(*graph, seeds, walk, 1, 0, nullptr);
  const double ours = CpuSeconds() - start;
  const Adjacency by_item = Transpose(by_context, items);
  const auto traversals = static_cast<double>(CountTraversals(seeds, by_item, walk));
  std::printf(
      "{\"items\":%u,\"contexts\":%u,\"edges\":%lld,\"weighted\":%d,\"walks\":%lld,"
      "\"traversals\":%lld,\"top\":%lld,\"seeds\":%zu,\"build_core_s\":%.2f,"
      "\"graph_MiB\":%.0f,\"traversals_per_core_s\":%.4g,\"hops_per_core_s\":%.4g,"
      "\"seeds_per_core_s\":%.4g",
      items, contexts, static_cast<long long>(graph->edges()), graph->weighted(),
      static_cast<long long>(walk.walks), static_cast<long long>(walk.traversals),
      static_cast<long long>(walk.top), seeds.size(), build,
      static_cast<double>(graph->bytes()) / (1 << 20), traversals / ours, 2 * traversals / ours,
      static_cast<double>(seeds.size()) / ours);
  bool same = true;
  if (o["naive"] > 0 && weight.empty()) {
    start = CpuSeconds();
    const ImportanceLists naive = Naive(by_item, by_context, seeds, walk);
    const double theirs = CpuSeconds() - start;
    same = naive.ptr == lists.ptr && naive.item == lists.item && naive.weight == lists.weight;
    std::printf(",\"naive_traversals_per_core_s\":%.4g,\"ratio\":%.2f,\"same_lists\":%s",
                traversals / theirs, theirs / ours, same ? "true" : "false");
  }
  std::printf("}\n");
  return same ? 0 : 1;
}

}  // namespace
}  // namespace undula::propagation

int main(int argc, char** argv) { return undula::propagation::Main(argc, argv); }
