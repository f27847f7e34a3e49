// Every srgnn_*, ksr_* and kgsr* oracle: vectors, scores, loss and gradients, in float64 and
// float32.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "models/sequence/sequence_model.h"
#include "models/train/step.h"
#include "propagation/ops/matmul.h"
#include "tests/conformance/oracle_file.h"
#include "tests/models/ripplenet_fixture.h"
#include "tests/models/world.h"

namespace undula::models {
namespace {

class SequenceOracle : public testing::TestWithParam<std::string> {};

// Matrices [rows, cols].
struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<double> data;
};

Matrix Of(const OracleTensor& t) {
  return {t.shape.size() == 1 ? 1 : t.shape[0], t.shape.back(), t.data};
}
Matrix Columns(const Matrix& m, int64_t begin, int64_t end) {
  Matrix out{m.rows, end - begin, {}};
  for (int64_t r = 0; r < m.rows; ++r) {
    for (int64_t c = begin; c < end; ++c) out.data.push_back(m.data[r * m.cols + c]);
  }
  return out;
}
Matrix Transposed(const Matrix& m) {
  Matrix out{m.cols, m.rows, {}};
  for (int64_t c = 0; c < m.cols; ++c) {
    for (int64_t r = 0; r < m.rows; ++r) out.data.push_back(m.data[r * m.cols + c]);
  }
  return out;
}

// Their tensors under our names: wide weights over a concatenation are several of ours.
std::map<std::string, Matrix> OurNames(const OracleTensors& theirs) {
  std::map<std::string, Matrix> out;
  static const std::map<std::string, std::string> kSame = {
      {"item_emb", "item"},
      {"w_hh", "gate_hidden"},
      {"b_ih", "gate_bias"},
      {"b_hh", "gate_hidden_bias"},
      {"b_iah", "edge_sum_in_bias"},
      {"b_oah", "edge_sum_out_bias"},
      {"edge_in_weight", "edge_in"},
      {"edge_in_bias", "edge_in_bias"},
      {"edge_out_weight", "edge_out"},
      {"edge_out_bias", "edge_out_bias"},
      {"linear_one_weight", "attention_last"},
      {"linear_one_bias", "attention_last_bias"},
      {"linear_two_weight", "attention_node"},
      {"linear_two_bias", "attention_node_bias"},
      {"linear_three_weight", "attention"},
      {"transform_bias", "session_bias"},
      {"gru_w_ih", "gru_input"},
      {"entity_emb", "entity"},
      {"relation_keys", "relation"},
      {"dense_weight", "query"},
      {"dense_bias", "query_bias"},
      {"dense_u_bias", "user_bias"},
      {"dense_i_bias", "item_side_bias"},
  };
  static const std::map<std::string, std::pair<std::string, std::string>> kSplit = {
      {"w_ih", {"gate_in", "gate_out"}},
      {"transform_weight", {"session_sum", "session_last"}},
      {"dense_u_weight", {"user_state", "user_memory"}},
      {"dense_i_weight", {"item_side", "item_side_entity"}},
  };
  const int64_t d = theirs.at("item_emb").shape[1];
  for (const auto& [name, tensor] : theirs) {
    const Matrix m = Of(tensor);
    if (const auto same = kSame.find(name); same != kSame.end()) {
      out[same->second] = m;
    } else if (name == "gru_w_hh") {
      out["gru_hidden"] = Transposed(m);
    } else {
      const auto& [first, second] = kSplit.at(name);
      const int64_t at = name == "dense_u_weight" ? m.cols - theirs.at("entity_emb").shape[1] : d;
      out[first] = Columns(m, 0, at);
      out[second] = Columns(m, at, m.cols);
    }
  }
  return out;
}

OptionMap OptionsOf(const Oracle& oracle) {
  OptionMap o = {{"dim", std::to_string(static_cast<int64_t>(oracle.number("dim")))},
                 {"max_length", "0"}};
  if (oracle.model != "KSR") {
    o["gate"] = oracle.text("gate");
    o["steps"] = std::to_string(static_cast<int64_t>(oracle.number("steps")));
  }
  if (oracle.model == "SR-GNN") return o;
  o["gamma"] = std::to_string(static_cast<int64_t>(oracle.number("gamma")));
  o["entity_vectors"] = "of the file";
  o["kb_trainable"] = "all";
  o["truncation"] = "0";
  if (oracle.model == "KSR") {
    o["hidden"] = std::to_string(static_cast<int64_t>(oracle.number("hidden")));
    o["loss"] = oracle.text("loss");
  } else {
    o["query"] = oracle.text("query");
    o["item_side"] = oracle.text("item_side") == "linear" ? "linear" : "item";
  }
  return o;
}

void Check(const Oracle& oracle, DType dtype) {
  SCOPED_TRACE(dtype == DType::kF64 ? "float64" : "float32");
  const double value_limit = dtype == DType::kF64 ? 1e-8 : 1e-5;
  // The file's loss is -log(1e-10 + sigmoid(x)), whose slope differs from ours by 1e-10 /
  // sigmoid(x).
  const double exact = oracle.name == "ksr_bpr" ? 2e-7 : 1e-7;
  const double gradient_limit = dtype == DType::kF64 ? exact : 1e-5;
  const ModelSpec& spec = oracle.model == "SR-GNN" ? kSrGnnSpec
                          : oracle.model == "KSR"  ? kKsrSpec
                                                   : kKgsrSpec;
  auto made = spec.make(OptionsOf(oracle), dtype);
  ASSERT_TRUE(made.ok()) << made.status();
  auto& model = static_cast<SequenceModel&>(**made);

  // A user for each session, the target its last event; a graph of the right size.
  const auto ptr = oracle.inputs.at("session_ptr").integers();
  const auto items = oracle.inputs.at("session_items").ids();
  const auto targets = oracle.inputs.at("targets").ids();
  const auto n_items = static_cast<uint32_t>(oracle.number("n_items"));
  const auto sessions = static_cast<uint32_t>(targets.size());
  const auto snapshot = MakeLog(sessions, n_items, {});
  snapshot->n_entities = n_items;
  snapshot->n_relations = static_cast<uint32_t>(oracle.number("n_relations"));
  TrainingData data;
  data.snapshot = snapshot;
  data.item_popularity.assign(n_items, 1);
  std::vector<uint32_t> users, positions;
  std::vector<int64_t> chunks = {0};
  for (uint32_t s = 0; s < sessions; ++s) {
    for (int64_t e = ptr[s]; e < ptr[s + 1]; ++e) data.positives.other.push_back(ItemId{items[e]});
    data.positives.other.push_back(ItemId{targets[s]});
    data.positives.ptr.push_back(static_cast<int64_t>(data.positives.other.size()));
    users.push_back(s);
    positions.push_back(static_cast<uint32_t>(ptr[s + 1] - ptr[s]));
    chunks.push_back(s + 1);
  }
  data.positives.time.assign(data.positives.other.size(), 0);
  data.positives.weight.assign(data.positives.other.size(), 1);
  if (oracle.model != "SR-GNN") {
    auto vectors = std::make_shared<GraphVectors>();
    vectors->dim = static_cast<int64_t>(oracle.number("kg_dim"));
    vectors->entity = oracle.parameters.at("entity_emb").floats();
    vectors->has_entity.assign(n_items, 1);
    vectors->relation_dim = vectors->dim;
    vectors->relation = oracle.parameters.at("relation_keys").floats();
    data.read_vectors = [vectors](const std::string&) {
      return std::shared_ptr<const GraphVectors>(vectors);
    };
    snapshot->out.ptr.assign(size_t{n_items} + 1, 1);
    snapshot->out.ptr[0] = 0;
    snapshot->out.relation = {RelationId{0}};
    snapshot->out.entity = {EntityId{1}};
    snapshot->links.ptr.clear();
    for (uint32_t i = 0; i <= n_items; ++i) snapshot->links.ptr.push_back(i);
    for (uint32_t i = 0; i < n_items; ++i) snapshot->links.entity.push_back(EntityId{i});
  }
  TaskArena workers(1);
  ASSERT_TRUE(model.Build(data, workers).ok());
  const auto values = OurNames(oracle.parameters);
  for (const auto& parameter : model.parameters()->all()) {
    ASSERT_TRUE(values.contains(parameter->name)) << parameter->name;
    SetValues(values.at(parameter->name).data, parameter.get());
  }

  Batch batch;
  batch.users = users;
  batch.items = targets;
  batch.positions = positions;
  batch.chunk_ptr = chunks;
  std::vector<uint32_t> negatives;
  if (oracle.inputs.contains("negatives")) negatives = oracle.inputs.at("negatives").ids();
  batch.negatives = negatives;
  propagation::Exec exec(nullptr);
  {
    propagation::Arena arena;
    propagation::Tape tape(&exec, &arena, dtype);
    const SequenceModel::Vectors rows = model.RowVectors(tape, batch);
    const propagation::Var scores =
        propagation::MatMul(tape, rows.rows, model.ItemSide(tape), true);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    const std::map<std::string, propagation::Var> got = {{"scores", scores},
                                                         {"user_vectors", rows.rows},
                                                         {"session_vectors", rows.state},
                                                         {"gru_states", rows.state}};
    for (const auto& [name, expected] : oracle.outputs) {
      if (!got.contains(name)) continue;  // the memory itself: KeyValueMemory tests
      EXPECT_LE(OutputError(Values(tape.value(got.at(name))), expected.data), value_limit) << name;
    }
  }
  TrainingStep step(&model, &exec, 1);
  model.parameters()->ZeroGradients();
  const absl::StatusOr<double> loss = step.Run(batch);
  ASSERT_TRUE(loss.ok()) << loss.status();
  EXPECT_LE(ScalarError(*loss, oracle.losses.at("total")), value_limit);
  const double largest = LargestGradient(oracle.gradients);
  const auto gradients = OurNames(oracle.gradients);
  for (const auto& parameter : model.parameters()->all()) {
    const auto& want = gradients.at(parameter->name).data;
    // The item side's bias moves all items alike: its gradient is a sum that cancels to 0, of which
    // float32 leaves its rounding.
    if (parameter->name == "item_side_bias") {
      for (size_t i = 0; i < want.size(); ++i) {
        EXPECT_NEAR(Gradient(*parameter)[i], want[i],
                    (dtype == DType::kF64 ? 1e-12 : 1e-7) * largest);
      }
      continue;
    }
    EXPECT_LE(GradientError(Gradient(*parameter), want, largest), gradient_limit)
        << parameter->name;
  }
}

TEST_P(SequenceOracle, ReproducesTheFile) {
  const absl::StatusOr<Oracle> oracle = ReadOracle(GetParam());
  ASSERT_TRUE(oracle.ok()) << oracle.status();
  Check(*oracle, DType::kF64);
  Check(*oracle, DType::kF32);
}

std::vector<std::string> Files() {
  std::vector<std::string> all;
  for (const char* prefix : {"srgnn_", "ksr_", "kgsr"}) {
    for (std::string& file : ListOracles(prefix)) all.push_back(std::move(file));
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Oracles, SequenceOracle, testing::ValuesIn(Files()),
                         [](const auto& info) { return OracleTestName(info.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SequenceOracle);

}  // namespace
}  // namespace undula::models
