// Speed and click-through quality of a model on data in the text form of the authors' programs:
//   ripple_bench DATA [key=value ...]
// DATA is a directory or a planted set, see ctr_data.h. Keys: model (ripplenet; pointwise models
// only where epochs > 0), its options as in `undula models show`, and epochs, batch, chunk, slices,
// lr, optimizer, weight_decay, seed, split_seed, threads, score (0|1), rank (k: lists of the best k
// for all users, rows of the training part excluded; 0: none), valid and test (0|1: read that
// part), steps (at most so many of an epoch; 0: all), score_users (at most so many; 0: all), write
// (a directory for the data as text; nothing else is done). epochs=0 only scores, any model. Prints
// one line per epoch and one JSON line at the end. Rates are per core-second: work over the CPU
// time of the whole process.
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ctr_data.h"
#include "models/data/batcher.h"
#include "models/eval/metrics.h"
#include "models/kgcn/kgcn.h"
#include "models/registry.h"
#include "models/score/tile_scorer.h"
#include "models/train/step.h"
#include "propagation/optim/optimizer.h"

namespace undula::models {
namespace {

using bench::CpuSeconds;

// A figure of /proc/self/status in MiB: VmRSS, or VmHWM, the peak since ForgetPeak.
double StatusMib(std::string_view key) {
  std::ifstream in("/proc/self/status");
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with(key)) return std::atof(line.c_str() + key.size() + 1) / 1024;
  }
  return 0;
}
void ForgetPeak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

// Neighbor slots of a sample and its distinct (entity, relation), also of the items alone.
struct Sample {
  int64_t slots = 0, buckets = 0, item_buckets = 0;
};
Sample CountSample(const propagation::NeighborSlots& s, uint32_t n_items) {
  Sample out;
  out.slots = s.slots();
  for (uint32_t e = 0; e < s.rows(); ++e) {
    for (int64_t i = s.ptr[e]; i < s.ptr[e + 1]; ++i) {
      const bool first = i == s.ptr[e] || s.relation[i] != s.relation[i - 1];
      out.buckets += first ? 1 : 0;
      out.item_buckets += first && e < n_items ? 1 : 0;
    }
  }
  return out;
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
    std::fprintf(stderr, "usage: ripple_bench DATA [key=value ...]\n");
    return 3;
  }
  std::map<std::string, std::string> own = {
      {"epochs", "5"},       {"batch", "1024"},      {"chunk", "32"},
      {"slices", "8"},       {"lr", "0.005"},        {"optimizer", "lazy_adam"},
      {"weight_decay", "0"}, {"seed", "1"},          {"split_seed", "555"},
      {"threads", "1"},      {"score", "0"},         {"valid", "1"},
      {"test", "1"},         {"model", "ripplenet"}, {"steps", "0"},
      {"score_users", "0"},  {"write", ""},          {"rank", "0"}};
  OptionMap model_options;
  for (int i = 2; i < argc; ++i) {
    const char* eq = std::strchr(argv[i], '=');
    if (eq == nullptr) return Fail(InvalidArgumentError("not key=value: ", argv[i]));
    const std::string key(argv[i], static_cast<size_t>(eq - argv[i]));
    (own.count(key) != 0 ? own : model_options)[key] = eq + 1;
  }
  const auto number = [&](const char* key) { return std::atof(own[key].c_str()); };
  const auto integer = [&](const char* key) { return std::atoll(own[key].c_str()); };

  auto loaded = bench::LoadCtr(argv[1], static_cast<uint64_t>(integer("split_seed")));
  if (!loaded.ok()) return Fail(loaded.status());
  bench::CtrData data = *std::move(loaded);
  if (!own["write"].empty()) {
    if (bench::WriteCtr(data, own["write"])) return 0;
    return Fail(NotFoundError("cannot write to ", own["write"]));
  }
  ForgetPeak();
  const double loaded_mib = StatusMib("VmRSS:");
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
    int64_t steps = batcher->StartEpoch(epoch), rows = 0;
    const double ordered = CpuSeconds() - start;
    if (integer("steps") > 0) steps = std::min<int64_t>(steps, integer("steps"));
    if (absl::Status s = model->BeginEpoch(epoch); !s.ok()) return Fail(s);
    double loss = 0;
    for (int64_t i = 0; i < steps; ++i) {
      const Batch of_step = batcher->Get(i);
      rows += of_step.rows();
      const auto value = step.Run(of_step);
      if (!value.ok()) return Fail(value.status());
      loss += *value;
      if (absl::Status s = (*optimizer)->Step(&workers); !s.ok()) return Fail(s);
      model->parameters()->ZeroGradients();
    }
    // Of ordering the epoch, the share of the rows that were trained.
    const double share = static_cast<double>(rows) / static_cast<double>(batcher->rows());
    const double seconds = CpuSeconds() - start - ordered * (1 - share);
    rates.push_back(static_cast<double>(rows) / seconds);
    best_rate = std::max(best_rate, rates.back());
    Quality valid, test;
    if (!data.part[1].empty() || !data.part[2].empty()) {
      const auto scorer = model->MakeScorer(workers);
      valid = Evaluate(**scorer, data.part[1]);
      test = Evaluate(**scorer, data.part[2]);
    }
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
  double known = 0, rated = 0;
  Sample sample;
  if (const auto* kgcn = dynamic_cast<const Kgcn*>(model); kgcn != nullptr) {
    sample = CountSample(kgcn->sample(), data.snapshot->n_items);
  }
  if (const auto* kgcn = dynamic_cast<const Kgcn*>(model);
      kgcn != nullptr && kgcn->label_smoothness()) {
    known = static_cast<double>(kgcn->labels().known()) /
            static_cast<double>(std::max<int64_t>(1, kgcn->labels().seen()));
    rated = static_cast<double>(kgcn->labels().rated()) /
            static_cast<double>(std::max<int64_t>(1, kgcn->labels().seen()));
    std::printf("among the neighbors of the last batch: %.1f %% items, %.1f %% known labels\n",
                100 * rated, 100 * known);
  }
  const double trained_mib = StatusMib("VmHWM:") - loaded_mib;
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
    int64_t pairs = 0, users = 0;
    for (uint32_t u = 0; u < data.snapshot->n_users; ++u) {
      if (integer("score_users") > 0 && users >= integer("score_users")) break;
      if (!(*scorer)->KnowsUser(UserId{u})) continue;
      arena.Reset();
      if (absl::Status s =
              (*scorer)->Score({UserId{u}, {}}, {0, data.snapshot->n_items}, out, arena);
          !s.ok()) {
        return Fail(s);
      }
      pairs += data.snapshot->n_items;
      ++users;
    }
    pairs_rate = static_cast<double>(pairs) / (CpuSeconds() - start);
  }
  if (rates.empty()) rates.push_back(0);
  std::sort(rates.begin(), rates.end());
  std::printf(
      "{\"data\": \"%s\", \"model\": \"%s\", \"chunk\": %s, \"rows_per_core_s\": %.0f, "
      "\"rows_per_core_s_best\": %.0f, \"pairs_per_core_s\": %.0f, "
      "\"ranked_pairs_per_core_s\": %.0f, \"valid_auc\": %.4f, "
      "\"test_auc\": %.4f, \"test_acc\": %.4f, \"at_epoch\": %lld, \"step_mib\": %.1f, "
      "\"item_neighbors\": %.4f, \"known_labels\": %.4f, \"train_rows\": %lld, "
      "\"slots\": %lld, \"buckets\": %lld, \"item_buckets\": %lld, \"data_mib\": %.1f, "
      "\"training_mib\": %.1f, \"scoring_mib\": %.1f}\n",
      argv[1], own["model"].c_str(), own["chunk"].c_str(), rates[rates.size() / 2], best_rate,
      pairs_rate, ranked_rate, best_valid, best_test.auc, best_test.acc,
      static_cast<long long>(best_epoch), static_cast<double>(step.high_water()) / (1 << 20), rated,
      known, static_cast<long long>(batcher->rows()), static_cast<long long>(sample.slots),
      static_cast<long long>(sample.buckets), static_cast<long long>(sample.item_buckets),
      loaded_mib, trained_mib, StatusMib("VmHWM:") - loaded_mib);
  return 0;
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) { return undula::models::Main(argc, argv); }
