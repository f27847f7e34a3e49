// The stages of PinSAGE at web scale on a generated graph, with the time and the peak memory of
// each:
//   web_scale [items=1e6] [users=2e6] [edges=1e8] [walks=100] [top=50] [dim=64] [hidden=64]
//             [layers=2] [block=65536] [hnsw=1] [ivf=1] [recall=0.95]
// build: both directions of the graph from the interactions by user; walk: the lists of all items;
// infer: every layer of all items, block by block, parameters and input vectors as initialised
// (their values change nothing about the cost); hnsw, ivf: an index over the result, scaled to
// length 1, wide enough for `recall` of the exact best 10; then 20,000 items are looked up in it.
// The graph: generated_log.h. One thread. Prints a JSON line for each stage: core-seconds, the
// process's peak of resident memory during the stage, the bytes of what the stage leaves, and what
// docs/models/pinsage.md ("Cost") and docs/retrieval.md say these bytes are.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/status.h"
#include "bench/generated_log.h"
#include "models/convolution/layers.h"
#include "models/retrieval/item_index.h"
#include "propagation/exec.h"
#include "propagation/sample/random_walk.h"

namespace undula::models {
namespace {

using propagation::Arena;
using propagation::Exec;
using propagation::Tape;
using propagation::Var;

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The peak of resident memory since ForgetPeak, in MiB (Linux).
double PeakMiB() {
  std::ifstream in("/proc/self/status");
  std::string word;
  while (in >> word) {
    if (word != "VmHWM:") continue;
    double kib = 0;
    in >> kib;
    return kib / 1024;
  }
  return 0;
}
void ForgetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

class Stage {
 public:
  explicit Stage(const char* name) : name_(name) {
    ForgetPeak();
    start_ = CpuSeconds();
  }
  void End(double bytes, double formula) const {
    std::printf(
        "{\"stage\":\"%s\",\"core_s\":%.2f,\"peak_MiB\":%.0f,\"left_MiB\":%.0f,"
        "\"formula_MiB\":%.0f}\n",
        name_, CpuSeconds() - start_, PeakMiB(), bytes / (1 << 20), formula / (1 << 20));
    std::fflush(stdout);
  }

 private:
  const char* name_;
  double start_ = 0;
};

// fn(tape, begin, end) gives rows [begin, end) of a matrix, which is filled block by block.
template <class Fn>
absl::Status ByBlocks(int64_t rows, int64_t cols, int64_t block, std::vector<float>* out,
                      const Fn& fn) {
  out->resize(static_cast<size_t>(rows * cols));
  Exec exec(nullptr);
  Arena arena;
  Tape tape(&exec, &arena);
  for (int64_t begin = 0; begin < rows; begin += block) {
    const int64_t end = std::min(rows, begin + block);
    tape.Reset();
    arena.Reset();
    const Var z = fn(tape, begin, end);
    if (!tape.status().ok()) return tape.status();
    std::copy_n(tape.value(z).template as<float>(), (end - begin) * cols,
                out->begin() + begin * cols);
  }
  return absl::OkStatus();
}

absl::Status Infer(const NodeLists& lists, const LayerOptions& o, int64_t block,
                   std::vector<float>* h) {
  propagation::ParameterSet parameters;
  ConvLayers layers;
  layers.AddParameters(o, 1, 1, 1, &parameters);
  layers.Freeze();
  const int64_t n = lists.rows(), d = o.dim;
  std::vector<float> y, next;
  const auto rows_of = [&](Tape& tape, const std::vector<float>& x, int64_t cols, int64_t begin,
                           int64_t end) {
    return tape.Constant(propagation::View(x.data() + begin * cols, end - begin, cols));
  };
  for (int64_t k = 0; k < o.layers; ++k) {
    UNDULA_RETURN_IF_ERROR(
        ByBlocks(n, o.hidden, block, &y, [&](Tape& tape, int64_t begin, int64_t end) {
          return layers.Project(tape, static_cast<int>(k), rows_of(tape, *h, d, begin, end));
        }));
    ConvLayer plan;
    ConvScratch scratch;
    plan.all_of_below = true;
    UNDULA_RETURN_IF_ERROR(
        ByBlocks(n, d, block, &next, [&](Tape& tape, int64_t begin, int64_t end) {
          const int64_t first = lists.ptr[begin], last = lists.ptr[end];
          plan.ptr.clear();
          for (int64_t i = begin; i <= end; ++i) plan.ptr.push_back(lists.ptr[i] - first);
          plan.src.assign(lists.item.begin() + first, lists.item.begin() + last);
          plan.weight.assign(lists.weight.begin() + first, lists.weight.begin() + last);
          return layers.Update(tape, static_cast<int>(k), plan, rows_of(tape, *h, d, begin, end),
                               rows_of(tape, y, o.hidden, 0, n), &scratch);
        }));
    h->swap(next);
  }
  UNDULA_RETURN_IF_ERROR(ByBlocks(n, d, block, &next, [&](Tape& tape, int64_t begin, int64_t end) {
    return layers.Head(tape, rows_of(tape, *h, d, begin, end));
  }));
  h->swap(next);
  return absl::OkStatus();
}

// Builds, then looks up kQueries items.
absl::Status Index(const char* kind, const std::vector<float>& h, int64_t dim, double recall) {
  constexpr int64_t kQueries = 20000;
  IndexVectors vectors{.dim = dim, .items = {}, .values = h};
  for (size_t i = 0; i < h.size() / static_cast<size_t>(dim); ++i) {
    vectors.items.push_back(ItemId{static_cast<uint32_t>(i)});
    Normalize(std::span(vectors.values).subspan(i * dim, dim));
  }
  const auto rows = static_cast<double>(vectors.rows());
  const IndexOptions options{.kind = kind, .recall = recall};
  IndexFacts facts;
  TaskArena worker(1);
  const Stage building(kind);
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<ItemIndex> index,
                          BuildIndex(std::move(vectors), options, worker, nullptr, &facts));
  const double a_row = options.kind == "hnsw" ? dim + 2.1 * options.links : 1.2 * dim + 4;
  building.End(static_cast<double>(index->bytes()), 4 * rows * a_row);
  std::vector<float> queries(static_cast<size_t>(kQueries * dim));
  std::vector<IndexQuery> asked;
  for (int64_t i = 0; i < kQueries; ++i) {
    const std::span<float> to = std::span(queries).subspan(i * dim, dim);
    const auto item = static_cast<uint32_t>(i * 7919 % static_cast<int64_t>(rows));
    index->VectorOf(ItemId{item}, to.data());
    asked.push_back({.vector = to});
  }
  std::vector<std::vector<ScoredItem>> found;
  const double start = CpuSeconds();
  SearchAll(*index, asked, 100, worker, &found);
  std::printf(
      "{\"index\":\"%s\",\"width\":%lld,\"recall_of_10\":%.4f,\"top100_per_core_s\":%.0f}\n", kind,
      static_cast<long long>(facts.width), facts.recall,
      static_cast<double>(kQueries) / (CpuSeconds() - start));
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status Run(std::map<std::string, double>& o) {
  const auto items = static_cast<uint32_t>(o["items"]), users = static_cast<uint32_t>(o["users"]);
  const auto edges = static_cast<int64_t>(o["edges"]);
  bench::Adjacency log = bench::GenerateLog(items, users, edges);
  const Stage building("build");
  UNDULA_ASSIGN_OR_RETURN(const propagation::WalkGraph graph,
                          propagation::WalkGraph::Create(log.ptr, log.to, {}, items));
  building.End(static_cast<double>(graph.bytes()), 8.0 * (o["edges"] + o["items"] + o["users"]));
  log = {};

  std::vector<uint32_t> all(items);
  std::iota(all.begin(), all.end(), 0u);
  const propagation::WalkOptions walk{.walks = static_cast<int64_t>(o["walks"]),
                                      .top = static_cast<int64_t>(o["top"])};
  const Stage walking("walk");
  NodeLists lists = propagation::WalkLists(graph, all, walk, 1, 0, nullptr);
  const auto entries = static_cast<double>(lists.item.size());
  walking.End(8 * entries + 8.0 * (items + 1.0), 8 * o["top"] * o["items"] + 8 * o["items"]);

  LayerOptions options;
  options.layers = static_cast<int64_t>(o["layers"]);
  options.in_dim = options.dim = static_cast<int64_t>(o["dim"]);
  options.hidden = static_cast<int64_t>(o["hidden"]);
  std::vector<float> h(static_cast<size_t>(items) * static_cast<size_t>(options.dim));
  const Rng rng(2, RngStream::kTest);
  for (size_t i = 0; i < h.size(); ++i) h[i] = rng.Uniform(i) - 0.5f;
  const Stage inferring("infer");
  UNDULA_RETURN_IF_ERROR(Infer(lists, options, static_cast<int64_t>(o["block"]), &h));
  inferring.End(4.0 * static_cast<double>(h.size()), 4 * o["items"] * o["dim"]);
  const double sum = std::accumulate(h.begin(), h.end(), 0.0);
  std::printf("{\"items\":%u,\"users\":%u,\"edges\":%lld,\"list_entries\":%.0f,\"sum\":%.6g}\n",
              items, users, static_cast<long long>(edges), entries, sum);
  lists = {};
  for (const char* kind : {"hnsw", "ivf"}) {
    if (o[kind] > 0) UNDULA_RETURN_IF_ERROR(Index(kind, h, options.dim, o["recall"]));
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  std::map<std::string, double> o = {{"items", 1e6}, {"users", 2e6}, {"edges", 1e8},
                                     {"walks", 100}, {"top", 50},    {"dim", 64},
                                     {"hidden", 64}, {"layers", 2},  {"block", 65536},
                                     {"hnsw", 1},    {"ivf", 1},     {"recall", 0.95}};
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t at = arg.find('=');
    if (at == std::string::npos || o.count(arg.substr(0, at)) == 0) {
      std::fprintf(stderr, "web_scale: unknown argument %s\n", arg.c_str());
      return 2;
    }
    o[arg.substr(0, at)] = std::atof(arg.c_str() + at + 1);
  }
  const absl::Status status = Run(o);
  if (status.ok()) return 0;
  std::fprintf(stderr, "web_scale: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) { return undula::models::Main(argc, argv); }
