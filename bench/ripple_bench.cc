// Speed and click-through quality of a model on data in the text form of the authors' programs:
//   ripple_bench DIRECTORY [key=value ...]
// DIRECTORY has kg_final.txt (head relation tail; items are the entities of the same number) and
// either ratings_final.txt (user item 0|1; split 60/20/20 over rows by split_seed) or the fixed
// parts train.txt, eval.txt, test.txt. Keys: model (ripplenet; pointwise models only where epochs >
// 0), its options as in `undula models show`, and epochs, batch, chunk, slices, lr, optimizer,
// weight_decay, seed, split_seed, threads, score (0|1), rank (k: lists of the best k for all users,
// rows of the training part excluded; 0: none), valid and test (0|1: read the part). epochs=0 only
// scores, any model. Prints one line per epoch and one JSON line at the end. Rates are per
// core-second: work over the CPU time of the whole process.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
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
#include "models/data/split.h"
#include "models/eval/metrics.h"
#include "models/kgcn/kgcn.h"
#include "models/registry.h"
#include "models/score/tile_scorer.h"
#include "models/train/step.h"
#include "propagation/optim/optimizer.h"

namespace undula::models {
namespace {

using Row3 = std::array<uint32_t, 3>;

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::vector<Row3> ReadRows(const std::string& path) {
  std::ifstream in(path);
  std::vector<Row3> rows;
  Row3 row;
  while (in >> row[0] >> row[1] >> row[2]) rows.push_back(row);
  return rows;
}

EdgeCsr Edges(uint32_t n, std::vector<Row3> triples, int from, int to) {
  std::sort(triples.begin(), triples.end(), [&](const Row3& a, const Row3& b) {
    return std::tie(a[from], a[1], a[to]) < std::tie(b[from], b[1], b[to]);
  });
  EdgeCsr csr;
  csr.ptr.assign(size_t{n} + 1, 0);
  for (const Row3& t : triples) {
    ++csr.ptr[t[from] + 1];
    csr.relation.push_back(RelationId{t[1]});
    csr.entity.push_back(EntityId{t[to]});
  }
  std::partial_sum(csr.ptr.begin(), csr.ptr.end(), csr.ptr.begin());
  return csr;
}

struct Data {
  std::shared_ptr<Snapshot> snapshot = std::make_shared<Snapshot>();
  std::vector<LabeledPair> part[3];
};

Data Load(const std::string& dir, uint64_t split_seed) {
  Data data;
  std::vector<Row3> kg = ReadRows(dir + "/kg_final.txt");
  std::sort(kg.begin(), kg.end());
  kg.erase(std::unique(kg.begin(), kg.end()), kg.end());
  std::vector<Row3> parts[3] = {ReadRows(dir + "/train.txt"), ReadRows(dir + "/eval.txt"),
                                ReadRows(dir + "/test.txt")};
  if (parts[0].empty()) {
    std::vector<Row3> all = ReadRows(dir + "/ratings_final.txt");
    std::vector<std::pair<uint64_t, size_t>> order(all.size());
    const Rng rng(split_seed, RngStream::kSplit);
    for (size_t i = 0; i < all.size(); ++i) order[i] = {rng.Bits64(i), i};
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < all.size(); ++i) {
      parts[i < all.size() * 6 / 10   ? 0
            : i < all.size() * 8 / 10 ? 1
                                      : 2]
          .push_back(all[order[i].second]);
    }
  }
  Snapshot& s = *data.snapshot;
  for (const Row3& t : kg) {
    s.n_entities = std::max({s.n_entities, t[0] + 1, t[2] + 1});
    s.n_relations = std::max(s.n_relations, t[1] + 1);
  }
  for (int p = 0; p < 3; ++p) {
    for (const Row3& r : parts[p]) {
      s.n_users = std::max(s.n_users, r[0] + 1);
      s.n_items = std::max(s.n_items, r[1] + 1);
      data.part[p].push_back({UserId{r[0]}, ItemId{r[1]}, static_cast<float>(r[2])});
    }
  }
  s.n_entities = std::max(s.n_entities, s.n_items);
  s.out = Edges(s.n_entities, kg, 0, 2);
  s.in = Edges(s.n_entities, kg, 2, 0);
  s.by_user.ptr.assign(size_t{s.n_users} + 1, 0);
  s.by_item.ptr.assign(size_t{s.n_items} + 1, 0);
  for (uint32_t i = 0; i < s.n_items; ++i) {
    s.links.entity.push_back(EntityId{i});
    s.links.confidence.push_back(1);
    s.links.method.push_back(LinkMethod::kFile);
    s.links.ptr.push_back(i + 1);
  }
  return data;
}

struct Quality {
  double auc = 0, acc = 0;
};

Quality Evaluate(const Scorer& scorer, std::vector<LabeledPair> rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const LabeledPair& a, const LabeledPair& b) { return a.user < b.user; });
  std::vector<float> labels;
  std::vector<double> scores;
  propagation::Arena arena;
  int64_t right = 0;
  for (size_t i = 0; i < rows.size();) {
    size_t end = i;
    std::vector<ItemId> items;
    while (end < rows.size() && rows[end].user == rows[i].user) items.push_back(rows[end++].item);
    std::vector<float> out(items.size());
    arena.Reset();
    if (scorer.KnowsUser(rows[i].user) &&
        scorer.ScoreItems({rows[i].user, {}}, items, out, arena).ok()) {
      for (size_t k = 0; k < out.size(); ++k) {
        labels.push_back(rows[i + k].label);
        scores.push_back(out[k]);
        right += (out[k] >= 0) == (rows[i + k].label > 0);
      }
    }
    i = end;
  }
  if (labels.empty()) return {};
  return {Auc(labels, scores), static_cast<double>(right) / static_cast<double>(labels.size())};
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return static_cast<int>(status.code());
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: ripple_bench DIRECTORY [key=value ...]\n");
    return 3;
  }
  std::map<std::string, std::string> own = {
      {"epochs", "5"},       {"batch", "1024"}, {"chunk", "32"},
      {"slices", "8"},       {"lr", "0.005"},   {"optimizer", "lazy_adam"},
      {"weight_decay", "0"}, {"seed", "1"},     {"split_seed", "555"},
      {"threads", "1"},      {"score", "0"},    {"valid", "1"},
      {"rank", "0"},         {"test", "1"},     {"model", "ripplenet"}};
  OptionMap model_options;
  for (int i = 2; i < argc; ++i) {
    const char* eq = std::strchr(argv[i], '=');
    if (eq == nullptr) return Fail(InvalidArgumentError("not key=value: ", argv[i]));
    const std::string key(argv[i], static_cast<size_t>(eq - argv[i]));
    (own.count(key) != 0 ? own : model_options)[key] = eq + 1;
  }
  const auto number = [&](const char* key) { return std::atof(own[key].c_str()); };
  const auto integer = [&](const char* key) { return std::atoll(own[key].c_str()); };

  Data data = Load(argv[1], static_cast<uint64_t>(integer("split_seed")));
  TaskArena workers(static_cast<int>(integer("threads")));
  const TrainingData training =
      MakeTrainingData(data.snapshot, data.part[0], static_cast<uint64_t>(integer("seed")));
  auto made = MakeModel(own["model"], model_options);
  if (!made.ok()) return Fail(made.status());
  Model* model = made->get();
  if (model->spec().batch_kind != BatchKind::kPointwise && integer("epochs") > 0) {
    return Fail(InvalidArgumentError("not a pointwise model: ", own["model"]));
  }
  if (integer("valid") == 0) data.part[1].clear();
  if (integer("test") == 0) data.part[2].clear();
  const double build_start = CpuSeconds();
  if (absl::Status s = model->Build(training, workers); !s.ok()) return Fail(s);
  std::printf("%s\nbuild %.2f s\n", model->Describe().c_str(), CpuSeconds() - build_start);

  propagation::OptimizerOptions optimizer_options;
  optimizer_options.kind = own["optimizer"];
  optimizer_options.learning_rate = number("lr");
  optimizer_options.weight_decay = number("weight_decay");
  auto optimizer = propagation::Optimizer::Create(optimizer_options, model->parameters());
  if (!optimizer.ok()) return Fail(optimizer.status());
  BatcherOptions batcher_options;
  batcher_options.batch_size = integer("batch");
  batcher_options.chunk = integer("chunk");
  batcher_options.seed = static_cast<uint64_t>(integer("seed"));
  auto batcher = Batcher::Create(model->spec().batch_kind, training, batcher_options);
  if (!batcher.ok()) return Fail(batcher.status());
  propagation::Exec exec(&workers);
  TrainingStep step(model, &exec, integer("slices"));

  double best_valid = -1, best_rate = 0;
  Quality best_test;
  int64_t best_epoch = 0;
  std::vector<double> rates;
  for (int64_t epoch = 1; epoch <= integer("epochs"); ++epoch) {
    const double start = CpuSeconds();
    const int64_t steps = batcher->StartEpoch(epoch);
    if (absl::Status s = model->BeginEpoch(epoch); !s.ok()) return Fail(s);
    double loss = 0;
    for (int64_t i = 0; i < steps; ++i) {
      const auto value = step.Run(batcher->Get(i));
      if (!value.ok()) return Fail(value.status());
      loss += *value;
      if (absl::Status s = (*optimizer)->Step(&workers); !s.ok()) return Fail(s);
      model->parameters()->ZeroGradients();
    }
    const double seconds = CpuSeconds() - start;
    rates.push_back(static_cast<double>(batcher->rows()) / seconds);
    best_rate = std::max(best_rate, rates.back());
    const auto scorer = model->MakeScorer(workers);
    const Quality valid = Evaluate(**scorer, data.part[1]), test = Evaluate(**scorer, data.part[2]);
    std::printf("epoch %lld loss %.5f  %.3f s  %.0f rows/core-s  valid %.4f  test %.4f acc %.4f\n",
                static_cast<long long>(epoch), loss / static_cast<double>(steps), seconds,
                rates.back(), valid.auc, test.auc, test.acc);
    std::fflush(stdout);
    if (valid.auc > best_valid) {
      best_valid = valid.auc;
      best_test = test;
      best_epoch = epoch;
    }
  }
  if (const auto* kgcn = dynamic_cast<const Kgcn*>(model);
      kgcn != nullptr && kgcn->label_smoothness()) {
    std::printf("known labels among the neighbors of the last batch: %.1f %%\n",
                100.0 * static_cast<double>(kgcn->labels().known()) /
                    static_cast<double>(std::max<int64_t>(1, kgcn->labels().seen())));
  }
  double pairs_rate = 0, ranked_rate = 0;
  if (integer("rank") != 0) {
    const auto scorer = model->MakeScorer(workers);
    const UserItems seen = PositivesByUser(data.snapshot->n_users, {data.part[0]});
    RankScratch scratch;
    std::vector<ScoredItem> list;
    const double start = CpuSeconds();
    int64_t pairs = 0;
    for (uint32_t u = 0; u < data.snapshot->n_users; ++u) {
      if (!(*scorer)->KnowsUser(UserId{u})) continue;
      const ItemMask mask{.excluded = seen.of(UserId{u})};
      if (absl::Status s =
              RankOne(**scorer, {UserId{u}, {}}, mask, {.k = integer("rank")}, &scratch, &list);
          !s.ok()) {
        return Fail(s);
      }
      pairs += data.snapshot->n_items;
    }
    ranked_rate = static_cast<double>(pairs) / (CpuSeconds() - start);
  }
  if (integer("score") != 0) {
    const auto scorer = model->MakeScorer(workers);
    std::vector<float> out(data.snapshot->n_items);
    propagation::Arena arena;
    const double start = CpuSeconds();
    int64_t pairs = 0;
    for (uint32_t u = 0; u < data.snapshot->n_users; ++u) {
      if (!(*scorer)->KnowsUser(UserId{u})) continue;
      arena.Reset();
      if (absl::Status s =
              (*scorer)->Score({UserId{u}, {}}, {0, data.snapshot->n_items}, out, arena);
          !s.ok()) {
        return Fail(s);
      }
      pairs += data.snapshot->n_items;
    }
    pairs_rate = static_cast<double>(pairs) / (CpuSeconds() - start);
  }
  if (rates.empty()) rates.push_back(0);
  std::sort(rates.begin(), rates.end());
  std::printf(
      "{\"data\": \"%s\", \"model\": \"%s\", \"chunk\": %s, \"rows_per_core_s\": %.0f, "
      "\"rows_per_core_s_best\": %.0f, \"pairs_per_core_s\": %.0f, "
      "\"ranked_pairs_per_core_s\": %.0f, \"valid_auc\": %.4f, "
      "\"test_auc\": %.4f, \"test_acc\": %.4f, \"at_epoch\": %lld, \"step_mib\": %.1f}\n",
      argv[1], own["model"].c_str(), own["chunk"].c_str(), rates[rates.size() / 2], best_rate,
      pairs_rate, ranked_rate, best_valid, best_test.auc, best_test.acc,
      static_cast<long long>(best_epoch), static_cast<double>(step.high_water()) / (1 << 20));
  return 0;
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) { return undula::models::Main(argc, argv); }
