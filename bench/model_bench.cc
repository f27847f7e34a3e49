// Time of training steps and of ranking the whole catalogue for every user, on the CPU or a GPU, on
// generated data of any size; what bench/gpu_peers.py compares with PyTorch.
//   model_bench [key=value ...]
// Keys: model (ripplenet or kgcn, or another pointwise model), device (cpu, cuda), users, items,
// entities, relations, edges, history (positives of a user), batch, chunk, steps, graphs (0, 1:
// steps as CUDA graphs), k, threads, seed, dump (a folder: data, parameters, batches, their losses
// and all lists go there as raw arrays, with dump.json naming type and shape), and the model's
// options as in `undula models show`. Prints one JSON line. Wall times: of `steps` steps with their
// optimizer steps (lazy Adam) after as many untimed ones, divided by their number; of ranking all
// users, the better of two runs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "models/data/batcher.h"
#include "models/kgcn/kgcn.h"
#include "models/registry.h"
#include "models/ripplenet/ripplenet.h"
#include "models/score/tile_scorer.h"
#include "models/train/step.h"
#include "propagation/exec.h"
#include "propagation/ops/rank.h"
#include "propagation/optim/optimizer.h"

namespace undula::models {
namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return static_cast<int>(status.code());
}

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Sizes {
  uint32_t users, items, entities, relations;
  int64_t edges, history;
  uint64_t seed;
};

struct Edge {
  uint32_t from, relation, to;
};

EdgeCsr Csr(uint32_t n, std::vector<Edge> edges) {
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return std::tie(a.from, a.relation, a.to) < std::tie(b.from, b.relation, b.to);
  });
  EdgeCsr csr;
  csr.ptr.assign(size_t{n} + 1, 0);
  for (const Edge& e : edges) {
    ++csr.ptr[e.from + 1];
    csr.relation.push_back(RelationId{e.relation});
    csr.entity.push_back(EntityId{e.to});
  }
  std::partial_sum(csr.ptr.begin(), csr.ptr.end(), csr.ptr.begin());
  return csr;
}

// Item i is entity i. Every entity has an edge; the others and all tails are drawn uniformly.
std::shared_ptr<Snapshot> MakeSnapshot(const Sizes& sizes) {
  const Rng rng(sizes.seed, RngStream::kTest, 1);
  auto s = std::make_shared<Snapshot>();
  s->n_users = sizes.users;
  s->n_items = sizes.items;
  s->n_entities = sizes.entities;
  s->n_relations = sizes.relations;
  std::vector<Edge> out;
  uint64_t draw = 0;
  for (int64_t e = 0; e < std::max<int64_t>(sizes.edges, sizes.entities); ++e) {
    const uint32_t from =
        e < sizes.entities ? static_cast<uint32_t>(e) : rng.Below(draw++, sizes.entities);
    const uint32_t relation = rng.Below(draw++, sizes.relations);
    out.push_back({from, relation, rng.Below(draw++, sizes.entities)});
  }
  std::vector<Edge> in;
  for (const Edge& e : out) in.push_back({e.to, e.relation, e.from});
  s->out = Csr(sizes.entities, std::move(out));
  s->in = Csr(sizes.entities, std::move(in));
  s->by_user.ptr.assign(size_t{sizes.users} + 1, 0);
  s->by_item.ptr.assign(size_t{sizes.items} + 1, 0);
  for (uint32_t i = 0; i < sizes.items; ++i) {
    s->links.entity.push_back(EntityId{i});
    s->links.confidence.push_back(1);
    s->links.method.push_back(LinkMethod::kFile);
    s->links.ptr.push_back(i + 1);
  }
  return s;
}

// As many positives as negatives of every user.
std::vector<LabeledPair> MakeRows(const Sizes& sizes) {
  const Rng rng(sizes.seed, RngStream::kTest, 2);
  std::vector<LabeledPair> rows;
  uint64_t draw = 0;
  for (uint32_t u = 0; u < sizes.users; ++u) {
    for (int64_t i = 0; i < 2 * sizes.history; ++i) {
      rows.push_back({UserId{u}, ItemId{rng.Below(draw++, sizes.items)}, i % 2 == 0 ? 1.0f : 0.0f});
    }
  }
  return rows;
}

// Arrays as files, and their names, types and shapes as JSON.
class Dump {
 public:
  explicit Dump(std::string folder) : folder_(std::move(folder)) {}
  template <class T>
  void Add(const std::string& name, const char* type, const T* data,
           const std::vector<int64_t>& shape) {
    if (folder_.empty()) return;
    int64_t n = 1;
    std::string text;
    for (const int64_t extent : shape) {
      n *= extent;
      text += Concat(text.empty() ? "" : ", ", extent);
    }
    std::ofstream(folder_ + "/" + name, std::ios::binary)
        .write(reinterpret_cast<const char*>(data), n * static_cast<int64_t>(sizeof(T)));
    entries_ += Concat(entries_.empty() ? "" : ",\n", "\"", name, "\": {\"type\": \"", type,
                       "\", \"shape\": [", text, "]}");
  }
  template <class T>
  void Add(const std::string& name, const char* type, const std::vector<T>& data) {
    Add(name, type, data.data(), {static_cast<int64_t>(data.size())});
  }
  void Finish() const {
    if (!folder_.empty()) std::ofstream(folder_ + "/dump.json") << "{\n" << entries_ << "\n}\n";
  }

 private:
  std::string folder_, entries_;
};

void DumpModel(Model* model, Dump* dump) {
  for (const auto& p : model->parameters()->all()) {
    const propagation::Tensor& v = p->value;
    dump->Add(p->name, "f4", v.as<float>(), {v.shape, v.shape + v.rank});
  }
  if (const auto* ripple = dynamic_cast<const RippleNet*>(model)) {
    const RippleMemory& m = ripple->memory();
    std::vector<uint32_t> head, relation, tail;
    for (const uint32_t t : m.triple) {
      const RippleTriple triple = m.TripleOf(t);
      head.push_back(triple.head);
      relation.push_back(triple.relation);
      tail.push_back(triple.tail);
    }
    dump->Add("slot_ptr", "i8", m.slot_ptr);
    dump->Add("slot_head", "u4", head);
    dump->Add("slot_relation", "u4", relation);
    dump->Add("slot_tail", "u4", tail);
  }
  if (const auto* kgcn = dynamic_cast<const Kgcn*>(model)) {
    dump->Add("neighbor_ptr", "i8", kgcn->sample().ptr);
    dump->Add("neighbor_entity", "u4", kgcn->sample().entity);
    dump->Add("neighbor_relation", "u4", kgcn->sample().relation);
    dump->Add("neighbor_count", "f4", kgcn->sample().count);
  }
}

// Batches of an epoch that stay in memory.
struct KeptBatch {
  std::vector<uint32_t> users, items;
  std::vector<float> labels;
  std::vector<int64_t> chunk_ptr;
  explicit KeptBatch(const Batch& b)
      : users(b.users.begin(), b.users.end()),
        items(b.items.begin(), b.items.end()),
        labels(b.labels.begin(), b.labels.end()),
        chunk_ptr(b.chunk_ptr.begin(), b.chunk_ptr.end()) {}
  Batch View() const { return {users, items, labels, {}, chunk_ptr}; }
};

struct Ranked {
  double seconds = 0;
  std::vector<uint32_t> items;  // [users][k]
  std::vector<float> scores;
};

// Every user's list, without what stands in the training rows.
absl::StatusOr<Ranked> RankUsers(const Scorer& scorer, const TrainingData& data, int64_t k,
                                 propagation::DeviceRanker* ranker, TaskArena& workers) {
  const UserItems seen = PositivesByUser(data.n_users(), {data.train});
  RankJob job;
  job.n = data.n_users();
  job.query = [](int64_t i) { return UserQuery{UserId{static_cast<uint32_t>(i)}, {}}; };
  job.mask = [&](int64_t i) {
    return ItemMask{.excluded = seen.of(UserId{static_cast<uint32_t>(i)})};
  };
  Ranked out;
  for (int run = 0; run < 2; ++run) {
    out.items.assign(static_cast<size_t>(job.n * k), UINT32_MAX);
    out.scores.assign(static_cast<size_t>(job.n * k), 0);
    const double start = Seconds();
    UNDULA_RETURN_IF_ERROR(RankAll(scorer, job, {.k = k, .ranker = ranker}, workers, nullptr,
                                   [&](int64_t i, const RankedList& list) {
                                     for (size_t p = 0; p < list.items.size(); ++p) {
                                       const size_t at = static_cast<size_t>(i * k) + p;
                                       out.items[at] = Index(list.items[p].item);
                                       out.scores[at] = list.items[p].score;
                                     }
                                     return absl::OkStatus();
                                   }));
    const double seconds = Seconds() - start;
    out.seconds = run == 0 ? seconds : std::min(seconds, out.seconds);
  }
  return out;
}

int Main(int argc, char** argv) {
  std::map<std::string, std::string> own = {
      {"model", "ripplenet"}, {"device", "cpu"},   {"users", "2000"},   {"items", "4000"},
      {"entities", "10000"},  {"relations", "60"}, {"edges", "100000"}, {"history", "20"},
      {"batch", "1024"},      {"chunk", "32"},     {"steps", "20"},     {"k", "20"},
      {"threads", "1"},       {"seed", "1"},       {"dump", ""},        {"graphs", "0"}};
  OptionMap options;
  for (int i = 1; i < argc; ++i) {
    const char* eq = std::strchr(argv[i], '=');
    if (eq == nullptr) return Fail(InvalidArgumentError("not key=value: ", argv[i]));
    const std::string key(argv[i], static_cast<size_t>(eq - argv[i]));
    (own.count(key) != 0 ? own : options)[key] = eq + 1;
  }
  const auto integer = [&](const char* key) { return std::atoll(own[key].c_str()); };
  const auto small = [&](const char* key) { return static_cast<uint32_t>(integer(key)); };
  const Sizes sizes{small("users"),
                    small("items"),
                    small("entities"),
                    small("relations"),
                    integer("edges"),
                    integer("history"),
                    static_cast<uint64_t>(integer("seed"))};
  if (sizes.entities < sizes.items || sizes.items == 0 || sizes.relations == 0) {
    return Fail(InvalidArgumentError("items must be among the entities, relations at least 1"));
  }
  TaskArena workers(static_cast<int>(integer("threads")));
  auto exec = propagation::Exec::Create(own["device"], &workers);
  if (!exec.ok()) return Fail(exec.status());
  const TrainingData data = MakeTrainingData(MakeSnapshot(sizes), MakeRows(sizes), sizes.seed);
  auto made = MakeModel(own["model"], options);
  if (!made.ok()) return Fail(made.status());
  Model* model = made->get();
  if (absl::Status s = model->Build(data, workers); !s.ok()) return Fail(s);
  auto optimizer = propagation::Optimizer::Create({.learning_rate = 0.001}, model->parameters());
  if (!optimizer.ok()) return Fail(optimizer.status());
  auto batcher = Batcher::Create(BatchKind::kPointwise, data,
                                 {.batch_size = integer("batch"), .chunk = integer("chunk")});
  if (!batcher.ok()) return Fail(batcher.status());
  std::vector<KeptBatch> batches;
  const int64_t kept = std::min<int64_t>(batcher->StartEpoch(1), 8);
  for (int64_t b = 0; b < kept; ++b) batches.emplace_back(batcher->Get(b));

  Dump dump(own["dump"]);
  DumpModel(model, &dump);
  if (absl::Status s = model->parameters()->MoveTo(exec->get()); !s.ok()) return Fail(s);
  model->parameters()->ZeroGradients();
  TrainingStep step(model, exec->get(), 8);
  std::vector<double> first;  // losses before any step
  for (int64_t b = 0; b < kept; ++b) {
    const auto loss = step.Forward(batches[b].View());
    if (!loss.ok()) return Fail(loss.status());
    first.push_back(*loss);
    const KeptBatch& batch = batches[b];
    dump.Add(Concat("batch_", b, "_users"), "u4", batch.users);
    dump.Add(Concat("batch_", b, "_items"), "u4", batch.items);
    dump.Add(Concat("batch_", b, "_labels"), "f4", batch.labels);
  }
  dump.Add("losses", "f8", first);

  // Scores of the untrained model, so that the dump has all they come from.
  if (absl::Status s = model->parameters()->MoveTo(nullptr); !s.ok()) return Fail(s);
  auto scorer = model->MakeScorer(workers);
  if (!scorer.ok()) return Fail(scorer.status());
  std::unique_ptr<propagation::DeviceRanker> ranker;
  if ((*exec)->on_gpu()) {
    auto on_device = (*scorer)->MakeDeviceRanker(exec->get());
    if (!on_device.ok()) return Fail(on_device.status());
    ranker = *std::move(on_device);
  }
  const auto ranked = RankUsers(**scorer, data, integer("k"), ranker.get(), workers);
  if (!ranked.ok()) return Fail(ranked.status());
  dump.Add("ranked_items", "u4", ranked->items.data(), {sizes.users, integer("k")});
  dump.Add("ranked_scores", "f4", ranked->scores.data(), {sizes.users, integer("k")});
  std::vector<int64_t> seen_ptr = {0};
  std::vector<uint32_t> seen;
  const UserItems positives = PositivesByUser(data.n_users(), {data.train});
  for (uint32_t u = 0; u < sizes.users; ++u) {
    for (const ItemId item : positives.of(UserId{u})) seen.push_back(Index(item));
    seen_ptr.push_back(static_cast<int64_t>(seen.size()));
  }
  dump.Add("seen_ptr", "i8", seen_ptr);
  dump.Add("seen", "u4", seen);
  dump.Finish();

  if (absl::Status s = model->parameters()->MoveTo(exec->get()); !s.ok()) return Fail(s);
  model->parameters()->ZeroGradients();
  const auto update = [&] {
    const absl::Status status = (*optimizer)->Step(&workers);
    model->parameters()->ZeroGradients();
    return status;
  };
  const bool graphs = integer("graphs") != 0;
  double step_seconds = 0, last = 0;
  const int64_t steps = std::max<int64_t>(1, integer("steps"));
  for (int run = 0; run < 2; ++run) {
    const double start = Seconds();
    for (int64_t i = 0; i < steps; ++i) {
      const Batch batch = batches[i % kept].View();
      absl::Status s = graphs ? step.EnqueueAsGraph(batch, update) : step.Enqueue(batch);
      if (s.ok() && !graphs) s = update();
      if (!s.ok()) return Fail(s);
    }
    const auto losses = step.TakeLosses();  // waits for the device
    if (!losses.ok()) return Fail(losses.status());
    step_seconds = (Seconds() - start) / static_cast<double>(steps);
    last = losses->back();
  }
  if (absl::Status s = model->parameters()->MoveTo(nullptr); !s.ok()) return Fail(s);
  const double pairs = static_cast<double>(sizes.users) * sizes.items;
  std::printf(
      "{\"model\": \"%s\", \"device\": \"%s\", \"users\": %u, \"items\": %u, \"batch\": %s, "
      "\"graphs\": %d, \"step_ms\": %.4f, \"rank_ms\": %.4f, \"pairs_per_s\": %.4g, "
      "\"first_loss\": %.6f, "
      "\"last_loss\": %.6f}\n",
      own["model"].c_str(), (*exec)->description().c_str(), sizes.users, sizes.items,
      own["batch"].c_str(), graphs ? 1 : 0, 1e3 * step_seconds, 1e3 * ranked->seconds,
      pairs / ranked->seconds, first[0], last);
  return 0;
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) { return undula::models::Main(argc, argv); }
