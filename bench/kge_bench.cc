// Speed and link prediction of knowledge-graph embeddings on a file of triples:
//   kge_bench FILE [key=value ...]
// FILE has lines "head relation tail", numbers. Keys: options of the model, the training and the
// triples as in `undula embed --show` ("train.seed" names the table; a plain key that several have
// goes to all), threads, and parts=DIRECTORY: writes the cut there as train.txt, valid.txt and
// test.txt. One JSON line at the end. Rates are triples (each with a corrupted one) per
// core-second: over the CPU time of the training, batches and evaluations on the validation part
// included.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "base/status.h"
#include "models/kge/link_prediction.h"
#include "models/kge/link_training.h"

namespace undula::models {
namespace {

using Row3 = std::array<uint32_t, 3>;

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
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
  for (uint32_t e = 0; e < n; ++e) csr.ptr[e + 1] += csr.ptr[e];
  return csr;
}

std::shared_ptr<const Snapshot> ReadGraph(const std::string& path) {
  std::ifstream in(path);
  std::vector<Row3> rows;
  Row3 row;
  while (in >> row[0] >> row[1] >> row[2]) rows.push_back(row);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  auto snapshot = std::make_shared<Snapshot>();
  for (const Row3& t : rows) {
    snapshot->n_entities = std::max({snapshot->n_entities, t[0] + 1, t[2] + 1});
    snapshot->n_relations = std::max(snapshot->n_relations, t[1] + 1);
  }
  snapshot->out = Edges(snapshot->n_entities, rows, 0, 2);
  snapshot->in = Edges(snapshot->n_entities, rows, 2, 0);
  return snapshot;
}

void WriteParts(const TripleSplit& split, const std::string& directory) {
  std::ofstream train(directory + "/train.txt");
  for (int64_t e = 0; e < split.train.rows(); ++e) {
    for (int64_t i = split.train.ptr[e]; i < split.train.ptr[e + 1]; ++i) {
      train << e << ' ' << Index(split.train.relation[i]) << ' ' << Index(split.train.entity[i])
            << '\n';
    }
  }
  const auto write = [&](const char* name, const std::vector<Triple>& part) {
    std::ofstream out(directory + "/" + name);
    for (const Triple& t : part) {
      out << Index(t.head) << ' ' << Index(t.relation) << ' ' << Index(t.tail) << '\n';
    }
  };
  write("valid.txt", split.valid);
  write("test.txt", split.test);
}

absl::Status Run(const std::string& path, OptionMap given) {
  const auto take = [&](const char* key) {
    const auto it = given.find(key);
    std::string value = it == given.end() ? std::string() : it->second;
    if (it != given.end()) given.erase(it);
    return value;
  };
  const std::string threads = take("threads"), parts = take("parts");
  KgeOptions model_options;
  TrainOptions train;
  TripleOptions triples;
  train.batch_size = 4096;
  for (const auto& [name, value] : given) {
    bool known = false;
    const size_t dot = name.find('.');
    const std::string section = dot == std::string::npos ? "" : name.substr(0, dot);
    const std::string key = dot == std::string::npos ? name : name.substr(dot + 1);
    const auto set = [&](const OptionTable& table, void* object) -> absl::Status {
      const bool has = (section.empty() || section == table.section) &&
                       std::any_of(table.fields.begin(), table.fields.end(),
                                   [&](const OptionField& f) { return f.name == key; });
      known = known || has;
      return has ? SetOption(table, object, key, value) : absl::OkStatus();
    };
    UNDULA_RETURN_IF_ERROR(set(KgeOptionTable(), &model_options));
    UNDULA_RETURN_IF_ERROR(set(TrainOptionTable(), &train));
    UNDULA_RETURN_IF_ERROR(set(TripleOptionTable(), &triples));
    if (!known) return InvalidArgumentError("no option ", name);
  }
  UNDULA_RETURN_IF_ERROR(CheckKgeOptions(model_options));
  const auto snapshot = ReadGraph(path);
  UNDULA_ASSIGN_OR_RETURN(const TripleSplit split,
                          MakeTripleSplit(snapshot->out, snapshot->n_relations, triples.valid_share,
                                          triples.test_share, static_cast<uint64_t>(triples.seed)));
  if (!parts.empty()) WriteParts(split, parts);
  TaskArena workers(threads.empty() ? 1 : std::atoi(threads.c_str()));
  TrainContext context;
  context.workers = &workers;
  Kge model(model_options, DType::kF32);
  const double before = CpuSeconds();
  UNDULA_ASSIGN_OR_RETURN(const TrainReport report,
                          TrainOnTriples(&model, snapshot, split, triples, train, context));
  const double trained = CpuSeconds();
  UNDULA_ASSIGN_OR_RETURN(const LinkMetrics test, EvaluateLinks(model, split.test, snapshot->out,
                                                                snapshot->in, workers, nullptr));
  const double end = CpuSeconds();
  std::printf(
      "{\"entities\": %u, \"relations\": %u, \"train\": %lld, \"test\": %zu, \"form\": \"%s\", "
      "\"dim\": %lld, \"epochs\": %lld, \"best_epoch\": %lld, \"valid_mrr\": %s, \"mrr\": %.4f, "
      "\"hits1\": %.4f, \"hits3\": %.4f, \"hits10\": %.4f, \"mean_rank\": %.1f, "
      "\"train_cpu_s\": %.3f, \"triples_per_core_s\": %.0f, \"queries_per_core_s\": %.0f}\n",
      snapshot->n_entities, snapshot->n_relations, static_cast<long long>(split.train.edges()),
      split.test.size(), model_options.form.c_str(), static_cast<long long>(model_options.dim),
      static_cast<long long>(report.epochs), static_cast<long long>(report.best_epoch),
      report.metric == "none" ? "null" : Concat(report.best_value).c_str(), test.mrr, test.hits1,
      test.hits3, test.hits10, test.mean_rank, trained - before,
      static_cast<double>(report.samples) / (trained - before),
      static_cast<double>(test.queries) / (end - trained));
  return absl::OkStatus();
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) {
  undula::OptionMap given;
  for (int i = 2; i < argc; ++i) {
    const std::string text = argv[i];
    const size_t equals = text.find('=');
    if (equals != std::string::npos) given[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (argc < 2) {
    std::fprintf(stderr, "usage: kge_bench FILE [key=value ...]\n");
    return 2;
  }
  const absl::Status status = undula::models::Run(argv[1], given);
  if (status.ok()) return 0;
  std::fprintf(stderr, "kge_bench: %s\n", std::string(undula::Message(status)).c_str());
  return 1;
}
