// Every transe_*, transh_*, transr_* and distmult_* oracle: scores, loss and gradients, in float64
// and float32.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "models/kge/kge.h"
#include "models/train/step.h"
#include "tests/conformance/oracle_file.h"
#include "tests/models/ripplenet_fixture.h"

namespace undula::models {
namespace {

class KgeOracle : public testing::TestWithParam<std::string> {};

KgeOptions OptionsOf(const Oracle& oracle) {
  KgeOptions o;
  o.form = oracle.model == "TransE"   ? "transe"
           : oracle.model == "TransH" ? "transh"
           : oracle.model == "TransR" ? "transr"
                                      : "distmult";
  o.dim = static_cast<int64_t>(oracle.number("dim"));
  o.margin = oracle.number("margin");
  const std::string distance = oracle.text("distance");
  if (distance == "l1") o.distance = "l1";
  if (distance == "squared l2") o.distance = "squared_l2";
  o.normalize = "none";
  if (oracle.name == "distmult_logistic") o.loss = "logistic";
  if (oracle.name == "transr_normalized_bpr") {
    o.loss = "bpr";
    o.normalize = "projected";
    o.distance = "squared_l2";
    o.relation_dim = static_cast<int64_t>(oracle.number("relation_dim"));
  }
  return o;
}

// [relations, rows, cols] with each matrix transposed.
std::vector<double> Transposed(const std::vector<double>& values, int64_t rows, int64_t cols) {
  std::vector<double> out(values.size());
  const int64_t size = rows * cols;
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t in = static_cast<int64_t>(i) % size, first = static_cast<int64_t>(i) - in;
    out[first + in % cols * rows + in / cols] = values[i];
  }
  return out;
}

void Check(Oracle oracle, DType dtype) {
  SCOPED_TRACE(dtype == DType::kF64 ? "float64" : "float32");
  const double value_limit = dtype == DType::kF64 ? 1e-8 : 1e-5;
  const double gradient_limit = dtype == DType::kF64 ? 1e-7 : 1e-5;
  const KgeOptions options = OptionsOf(oracle);
  // RecBole's projections multiply row vectors from the right.
  if (options.normalize == "projected") {
    for (OracleTensors* tensors : {&oracle.parameters, &oracle.gradients}) {
      auto& data = tensors->at("projection").data;
      data = Transposed(data, options.dim, options.relation_dim);
    }
  }
  Kge model(options, dtype);
  const auto snapshot =
      TinySnapshot(static_cast<uint32_t>(oracle.number("n_entities")),
                   static_cast<uint32_t>(oracle.number("n_relations")), 1, {{0, 0, 1}}, {});
  TaskArena workers(1);
  TrainingData data;
  data.snapshot = snapshot;
  ASSERT_TRUE(model.Build(data, workers).ok());
  const std::map<std::string, std::string> names = {{"entity", "entity_emb"},
                                                    {"relation", "relation_emb"},
                                                    {"normal", "normal_vectors"},
                                                    {"projection", "projection"}};
  for (const auto& parameter : model.parameters()->all()) {
    SetValues(oracle.parameters.at(names.at(parameter->name)).data, parameter.get());
  }

  const auto heads = oracle.inputs["heads"].ids(), relations = oracle.inputs["relations"].ids();
  const auto tails = oracle.inputs["tails"].ids(), bad_heads = oracle.inputs["neg_heads"].ids();
  const auto bad_tails = oracle.inputs["neg_tails"].ids();
  const bool only_tails = oracle.name == "transr_normalized_bpr";
  std::vector<uint32_t> corrupt;
  std::vector<uint8_t> corrupts_head;
  std::vector<int64_t> chunks = {0};
  for (size_t i = 0; i < heads.size(); ++i) {
    const bool head = !only_tails && bad_heads[i] != heads[i];
    corrupts_head.push_back(head);
    corrupt.push_back(head ? bad_heads[i] : bad_tails[i]);
    chunks.push_back(static_cast<int64_t>(i) + 1);
  }
  Batch batch;
  batch.heads = heads;
  batch.relations = relations;
  batch.tails = tails;
  batch.corrupt = corrupt;
  batch.corrupts_head = corrupts_head;
  batch.chunk_ptr = chunks;

  propagation::Exec exec(nullptr);
  {
    propagation::Arena arena;
    propagation::Tape tape(&exec, &arena, dtype);
    const Kge::Scores scores = model.ScoreBatch(tape, batch);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    const std::string what = options.form == "distmult" ? "_score" : "_distance";
    EXPECT_LE(OutputError(Values(tape.value(scores.good)), oracle.outputs.at("pos" + what).data),
              value_limit);
    EXPECT_LE(OutputError(Values(tape.value(scores.bad)), oracle.outputs.at("neg" + what).data),
              value_limit);
  }
  TrainingStep step(&model, &exec, 8);
  model.parameters()->ZeroGradients();
  const absl::StatusOr<double> loss = step.Run(batch);
  ASSERT_TRUE(loss.ok()) << loss.status();
  // Their margin loss is a sum over the batch.
  const bool sums = oracle.notes.find("SUM over the batch") != std::string::npos;
  const double times = sums ? static_cast<double>(heads.size()) : 1;
  EXPECT_LE(ScalarError(*loss * times, oracle.losses.at("total")), value_limit);
  const double largest = LargestGradient(oracle.gradients);
  for (const auto& parameter : model.parameters()->all()) {
    std::vector<double> gradient = Gradient(*parameter);
    for (double& g : gradient) g *= times;
    EXPECT_LE(GradientError(gradient, oracle.gradients.at(names.at(parameter->name)).data, largest),
              gradient_limit)
        << parameter->name;
  }
}

TEST_P(KgeOracle, ReproducesTheFile) {
  const absl::StatusOr<Oracle> oracle = ReadOracle(GetParam());
  ASSERT_TRUE(oracle.ok()) << oracle.status();
  Check(*oracle, DType::kF64);
  Check(*oracle, DType::kF32);
}

std::vector<std::string> Files() {
  std::vector<std::string> all;
  for (const char* prefix : {"transe_", "transh_", "transr_", "distmult_"}) {
    for (std::string& file : ListOracles(prefix)) all.push_back(std::move(file));
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Oracles, KgeOracle, testing::ValuesIn(Files()),
                         [](const auto& info) { return OracleTestName(info.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KgeOracle);

}  // namespace
}  // namespace undula::models
