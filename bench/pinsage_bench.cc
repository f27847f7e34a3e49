// Speed and quality of PinSAGE and GraphSAGE on lists of interactions:
//   pinsage_bench TRAIN TEST MODEL [key=value ...]
// TRAIN and TEST have lines "user item item ..." (the public splits of Gowalla and Amazon-CDs) or,
// where TEST is "-", TRAIN has lines "user item label" of which a fifth of each user's positives is
// test, by a fixed draw. Keys: options of the model and of the training; valid=F holds that share
// of each user's training positives back as validation (0.1) and selects the epoch on it, final=1
// gives no validation (the last epoch counts) and reads the test part; users=F
// keeps that share of the users, for searches; checkpoints=DIR (there already) writes one after
// every epoch and goes on from the last. One JSON line: rows (triples) per core-second over the CPU
// time of training without evaluations, Recall@20 and NDCG@20 by full ranking.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "models/data/batcher.h"
#include "models/eval/evaluator.h"
#include "models/registry.h"
#include "models/train/step.h"
#include "models/train/trainer.h"

namespace undula::models {
namespace {

struct Pair {
  uint32_t user, item;
};

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Lines "user item item ...".
std::vector<Pair> ReadLists(const std::string& path) {
  std::ifstream in(path);
  std::vector<Pair> out;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream row(line);
    uint32_t user = 0, item = 0;
    row >> user;
    while (row >> item) out.push_back({user, item});
  }
  return out;
}

// Lines "user item label" of which those with label 1 (or of likes) count.
std::vector<Pair> ReadLabels(const std::string& path) {
  std::ifstream in(path);
  std::vector<Pair> out;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream row(line);
    uint32_t user = 0, item = 0;
    double label = 0;
    if (row >> user >> item >> label && label >= 0.5) out.push_back({user, item});
  }
  return out;
}

// Cuts a share of each user's rows off, by a draw for each row.
void Cut(std::vector<Pair>* rows, double share, uint32_t stream, std::vector<Pair>* out) {
  std::vector<Pair> kept;
  for (const Pair& p : *rows) {
    const Rng rng(stream, RngStream::kSplit, p.user);
    (static_cast<double>(rng.Uniform(p.item)) < share ? *out : kept).push_back(p);
  }
  *rows = std::move(kept);
}

std::vector<LabeledPair> Positives(const std::vector<Pair>& rows) {
  std::vector<LabeledPair> out;
  for (const Pair& p : rows) out.push_back({UserId{p.user}, ItemId{p.item}, 1.0f});
  return out;
}

std::shared_ptr<Snapshot> MakeSnapshot(const std::vector<const std::vector<Pair>*>& parts) {
  auto s = std::make_shared<Snapshot>();
  std::vector<Pair> all;
  for (const auto* part : parts) all.insert(all.end(), part->begin(), part->end());
  for (const Pair& p : all) {
    s->n_users = std::max(s->n_users, p.user + 1);
    s->n_items = std::max(s->n_items, p.item + 1);
  }
  std::sort(all.begin(), all.end(), [](const Pair& a, const Pair& b) {
    return a.user != b.user ? a.user < b.user : a.item < b.item;
  });
  s->by_user.ptr.assign(size_t{s->n_users} + 1, 0);
  s->by_item.ptr.assign(size_t{s->n_items} + 1, 0);
  for (const Pair& p : all) {
    s->by_user.other.push_back(ItemId{p.item});
    s->by_user.weight.push_back(1);
    s->by_user.time.push_back(0);
    ++s->by_user.ptr[size_t{p.user} + 1];
    ++s->by_item.ptr[size_t{p.item} + 1];
  }
  for (uint32_t u = 0; u < s->n_users; ++u) s->by_user.ptr[u + 1] += s->by_user.ptr[u];
  for (uint32_t i = 0; i < s->n_items; ++i) s->by_item.ptr[i + 1] += s->by_item.ptr[i];
  s->by_item.other.resize(all.size());
  s->by_item.weight.assign(all.size(), 1);
  s->by_item.time.assign(all.size(), 0);
  std::vector<int64_t> next(s->by_item.ptr.begin(), s->by_item.ptr.end() - 1);
  for (const Pair& p : all) s->by_item.other[next[p.item]++] = UserId{p.user};
  s->links.ptr.assign(size_t{s->n_items} + 1, 0);
  return s;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "pinsage_bench: %s\n", status.ToString().c_str());
  return 1;
}

int Main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: pinsage_bench TRAIN TEST|- MODEL [key=value ...]\n");
    return 2;
  }
  std::vector<Pair> train, valid, test;
  if (std::string_view(argv[2]) == "-") {
    train = ReadLabels(argv[1]);
    Cut(&train, 0.2, 7, &test);
  } else {
    train = ReadLists(argv[1]);
    test = ReadLists(argv[2]);
  }
  OptionMap model_options;
  TrainOptions options;
  options.chunk = 1;
  options.batch_size = 8192;
  options.metric = "ndcg";
  options.learning_rate = 0.01;
  double share = 0.1, users = 1;
  int64_t threads = 1;
  bool final = false;
  std::string checkpoints;
  auto spec = FindModel(argv[3]);
  if (!spec.ok()) return Fail(spec.status());
  for (int i = 4; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t at = arg.find('=');
    const std::string key = arg.substr(0, at), value = at == arg.npos ? "" : arg.substr(at + 1);
    if (key == "valid") {
      share = std::atof(value.c_str());
    } else if (key == "users") {
      users = std::atof(value.c_str());
    } else if (key == "checkpoints") {
      checkpoints = value;
    } else if (key == "threads") {
      threads = std::atoi(value.c_str());
    } else if (key == "final") {
      final = value == "1";
    } else if (CheckOption(TrainOptionTable(), key, value).ok()) {
      if (const auto s = SetOption(TrainOptionTable(), &options, key, value); !s.ok()) {
        return Fail(s);
      }
    } else {
      model_options[key] = value;
    }
  }
  for (auto* part : {&train, &test}) {
    const Rng rng(11, RngStream::kSplit);
    std::erase_if(*part, [&](const Pair& p) { return rng.Uniform(p.user) >= users; });
  }
  // The split of users and items is that of the whole data.
  const auto snapshot = MakeSnapshot({&train, &test});
  if (final) {
    options.metric = "none";
  } else {
    Cut(&train, share, 3, &valid);
  }
  Split split;
  split.train = Positives(train);
  split.valid = Positives(valid);
  split.test = Positives(test);
  const TrainingData data =
      MakeTrainingData(snapshot, split.train, static_cast<uint64_t>(options.seed));
  auto model = (*spec)->make(model_options, DType::kF32);
  if (!model.ok()) return Fail(model.status());
  TaskArena workers(static_cast<int>(threads));
  double last = CpuSeconds(), evaluating = 0;
  TrainContext context{.workers = &workers};
  context.checkpoint_directory = checkpoints;
  context.resume = true;
  context.on_epoch = [&](std::string_view line) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  };
  const double start = last;
  const auto report = Train(model->get(), data, split, options, context);
  if (!report.ok()) return Fail(report.status());
  const double seconds = CpuSeconds() - start;
  std::string quality;
  last = CpuSeconds();
  if (final) {
    const auto scorer = (*model)->MakeScorer(workers);
    if (!scorer.ok()) return Fail(scorer.status());
    const auto ranking =
        EvaluateRanking(**scorer, data, split, {.at = {20}, .bootstrap = 0}, workers, nullptr);
    if (!ranking.ok()) return Fail(ranking.status());
    evaluating = CpuSeconds() - last;
    const auto& mean = ranking->at[0].mean;
    quality = Concat(",\"users\":", ranking->users, ",\"recall@20\":", mean.recall,
                     ",\"ndcg@20\":", mean.ndcg, ",\"eval_core_s\":", evaluating);
  } else if ((*spec)->batch_kind == BatchKind::kNone) {
    Split held = split;
    held.test = std::move(held.valid);
    held.valid.clear();
    const auto scorer = (*model)->MakeScorer(workers);
    if (!scorer.ok()) return Fail(scorer.status());
    const auto ranking =
        EvaluateRanking(**scorer, data, held, {.at = {20}, .bootstrap = 0}, workers, nullptr);
    if (!ranking.ok()) return Fail(ranking.status());
    quality = Concat(",\"best_epoch\":1,\"valid_ndcg@20\":", ranking->at[0].mean.ndcg);
  } else {
    quality =
        Concat(",\"best_epoch\":", report->best_epoch, ",\"valid_ndcg@20\":", report->best_value);
  }
  std::printf(
      "{\"model\":\"%s\",\"users\":%u,\"items\":%u,\"train\":%zu,\"epochs\":%lld,"
      "\"rows\":%lld,\"core_s\":%.1f,\"rows_per_core_s\":%.0f,\"loss\":%.5g,"
      "\"describe\":\"%s\"%s}\n",
      argv[3], snapshot->n_users, snapshot->n_items, train.size(),
      static_cast<long long>(report->epochs), static_cast<long long>(report->samples), seconds,
      static_cast<double>(report->samples) / seconds, report->last_loss,
      (*model)->Describe().c_str(), quality.c_str());
  return 0;
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) { return undula::models::Main(argc, argv); }
