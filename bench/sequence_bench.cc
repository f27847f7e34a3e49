// Speed and quality of a sequence model on a file of interactions:
//   sequence_bench FILE MODEL [key=value ...]
// FILE has lines "user item weight time" (tabs; a first line of names is passed over), e.g.
// ml-100k.inter. Keys: options of the model and of the training, and relations=N, dim of the
// knowledge base kb_dim=K, CPU time of the scoring score_seconds=2: the memory models get random
// unit vectors for every item and relation (speed does not depend on what they say). Each user's
// last item is test, the one before it validation. One JSON line: prefixes per core-second over the
// CPU time of the whole training, histories ranked (all items scored, the best 10 kept) per
// core-second, Recall@20 and NDCG@20 on test.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "models/eval/evaluator.h"
#include "models/registry.h"
#include "models/score/tile_scorer.h"
#include "models/train/trainer.h"

namespace undula::models {
namespace {

struct Event {
  uint32_t user, item;
  int64_t time;
};

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::shared_ptr<Snapshot> ReadLog(const std::string& path) {
  std::ifstream in(path);
  std::map<std::string, uint32_t> users, items;
  std::vector<Event> events;
  std::string line, user, item;
  while (std::getline(in, line)) {
    std::istringstream row(line);
    double weight = 0, time = 0;
    if (!(row >> user >> item >> weight >> time)) continue;
    const uint32_t u = users.emplace(user, static_cast<uint32_t>(users.size())).first->second;
    const uint32_t i = items.emplace(item, static_cast<uint32_t>(items.size())).first->second;
    events.push_back({u, i, static_cast<int64_t>(time)});
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return std::tie(a.user, a.time, a.item) < std::tie(b.user, b.time, b.item);
  });
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->n_users = static_cast<uint32_t>(users.size());
  snapshot->n_items = static_cast<uint32_t>(items.size());
  snapshot->by_user.ptr.assign(users.size() + 1, 0);
  for (const Event& e : events) {
    ++snapshot->by_user.ptr[e.user + 1];
    snapshot->by_user.other.push_back(ItemId{e.item});
    snapshot->by_user.weight.push_back(1);
    snapshot->by_user.time.push_back(e.time);
  }
  std::partial_sum(snapshot->by_user.ptr.begin(), snapshot->by_user.ptr.end(),
                   snapshot->by_user.ptr.begin());
  return snapshot;
}

// Random unit vectors; item i is entity i.
std::shared_ptr<const GraphVectors> RandomVectors(Snapshot* s, uint32_t relations, int64_t dim) {
  auto out = std::make_shared<GraphVectors>();
  out->dim = dim;
  out->has_entity.assign(s->n_items, 1);
  out->description = "random vectors";
  const auto fill = [&](uint32_t rows, uint32_t stream, std::vector<float>* to) {
    for (uint32_t r = 0; r < rows; ++r) {
      const Rng rng(stream, RngStream::kTest, r);
      double norm = 0;
      const size_t first = to->size();
      for (int64_t c = 0; c < dim; ++c) {
        to->push_back(2 * rng.Uniform(static_cast<uint64_t>(c)) - 1);
        norm += static_cast<double>(to->back()) * static_cast<double>(to->back());
      }
      for (size_t c = first; c < to->size(); ++c) (*to)[c] /= static_cast<float>(std::sqrt(norm));
    }
  };
  fill(s->n_items, 1, &out->entity);
  fill(relations, 2, &out->relation);
  out->relation_dim = dim;
  s->n_entities = s->n_items;
  s->n_relations = relations;
  s->out.ptr.assign(size_t{s->n_items} + 1, 1);
  s->out.ptr[0] = 0;
  s->out.relation = {RelationId{0}};
  s->out.entity = {EntityId{1}};
  for (uint32_t i = 0; i < s->n_items; ++i) {
    s->links.ptr.push_back(i + 1);
    s->links.entity.push_back(EntityId{i});
  }
  return out;
}

absl::Status Run(const std::string& file, const std::string& name, OptionMap keys) {
  const auto take = [&](const char* key, const char* missing) {
    const auto it = keys.find(key);
    const std::string value = it == keys.end() ? missing : it->second;
    keys.erase(key);
    return value;
  };
  UNDULA_ASSIGN_OR_RETURN(const ModelSpec* spec, FindModel(name));
  const int threads = std::atoi(take("threads", "1").c_str());
  const auto relations = static_cast<uint32_t>(std::atoi(take("relations", "24").c_str()));
  const double seconds = std::atof(take("score_seconds", "2").c_str());
  const int64_t kb_dim = std::atoll(take("kb_dim", "64").c_str());
  TrainOptions train;
  train.metric = "none";
  OptionMap model_options;
  for (const auto& [key, value] : keys) {
    const bool of_model = CheckOption(spec->options, key, value).ok();
    if (of_model) {
      model_options[key] = value;
    } else {
      UNDULA_RETURN_IF_ERROR(SetOption(TrainOptionTable(), &train, key, value));
    }
  }
  const std::shared_ptr<Snapshot> snapshot = ReadLog(file);
  std::shared_ptr<const GraphVectors> vectors;
  if (spec->capabilities.uses_graph) {
    vectors = RandomVectors(snapshot.get(), relations, kb_dim);
    model_options["entity_vectors"] = "random";
  }
  UNDULA_ASSIGN_OR_RETURN(const Split split,
                          MakeSplit(*snapshot, {.protocol = "leave_one_out", .negatives = "none"}));
  TrainingData data = MakeTrainingData(snapshot, split.train, 1);
  data.read_vectors = [&](const std::string&) { return vectors; };
  TaskArena workers(threads);
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                          spec->make(model_options, DType::kF32));
  const TrainContext context{.workers = &workers};
  double start = CpuSeconds();
  UNDULA_ASSIGN_OR_RETURN(const TrainReport report,
                          Train(model.get(), data, split, train, context));
  const double training = CpuSeconds() - start;

  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Scorer> scorer, model->MakeScorer(workers));
  RankJob job;
  job.n = scorer->n_users();
  job.query = [](int64_t u) { return UserQuery{UserId{static_cast<uint32_t>(u)}, {}}; };
  start = CpuSeconds();
  int64_t scored = 0;
  while (CpuSeconds() - start < seconds) {
    UNDULA_RETURN_IF_ERROR(
        RankAll(*scorer, job, {.k = 10}, workers, nullptr, [&](int64_t, const RankedList& list) {
          ++scored;
          return list.status;
        }));
  }
  const double scoring = CpuSeconds() - start;
  UNDULA_ASSIGN_OR_RETURN(
      const RankingResult ranking,
      EvaluateRanking(*scorer, data, split, {.at = {20}, .bootstrap = 0}, workers, nullptr));
  std::printf(
      "{\"model\": \"%s\", \"prefixes\": %lld, \"epochs\": %lld, \"prefixes_per_core_second\": "
      "%.0f, "
      "\"step_mib\": %.1f, \"items\": %u, \"histories_scored_per_core_second\": %.0f, "
      "\"recall@20\": %.4f, \"ndcg@20\": %.4f}\n",
      name.c_str(), static_cast<long long>(report.samples), static_cast<long long>(report.epochs),
      static_cast<double>(report.samples) / training,
      static_cast<double>(report.step_memory) / (1 << 20), scorer->n_items(),
      static_cast<double>(scored) / scoring, ranking.at[0].mean.recall, ranking.at[0].mean.ndcg);
  return absl::OkStatus();
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: sequence_bench FILE MODEL [key=value ...]\n");
    return 2;
  }
  undula::OptionMap keys;
  for (int i = 3; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    if (equals != std::string::npos) keys[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  const absl::Status status = undula::models::Run(argv[1], argv[2], keys);
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return static_cast<int>(status.code());
}
