// Every kgcn_* and kgnnls_* oracle: outputs, losses by term, gradients by term, in float64 and
// float32; and the scorer's folded scores.
#include <gtest/gtest.h>

#include "tests/conformance/oracle_file.h"
#include "tests/models/kgcn_fixture.h"

namespace undula::models {
namespace {

class KgcnOracle : public testing::TestWithParam<std::string> {
 protected:
  // The oracle's model with these weights of the loss terms.
  std::unique_ptr<Kgcn> Make(DType dtype, double l2, double ls, bool ls_prob = false) {
    KgcnOptions o;
    o.dim = static_cast<int64_t>(oracle_.number("dim"));
    o.hops = static_cast<int64_t>(oracle_.number("n_iter"));
    o.neighbors = static_cast<int64_t>(oracle_.number("neighbor_sample_size"));
    o.aggregator = oracle_.text("aggregator");
    o.score_scale = Text("score_scale") == "1/dim" ? "dim" : "one";
    o.message_scale = Text("neighbor_scale") == "1/K" ? "neighbors" : "one";
    o.l2_weight = l2;
    o.l2_mode = "tables";
    o.ls_weight = ls;
    o.ls_prob = ls_prob;
    const auto n = [&](const char* key) { return static_cast<uint32_t>(oracle_.number(key)); };
    std::vector<int> links(n("n_items"));
    std::iota(links.begin(), links.end(), 0);
    std::vector<LabeledPair> rows;
    if (oracle_.model == "KGNN-LS") {
      const auto users = oracle_.inputs["table_users"].ids();
      const auto items = oracle_.inputs["table_items"].ids();
      const auto labels = oracle_.inputs["table_labels"].floats();
      for (size_t i = 0; i < users.size(); ++i) {
        rows.push_back({UserId{users[i]}, ItemId{items[i]}, labels[i]});
      }
    }
    for (uint32_t u = 0; rows.size() < n("n_users") && u < n("n_users"); ++u) {
      rows.push_back({UserId{u}, ItemId{0}, 1});
    }
    // The table as the program has it: rows of users without a positive count too.
    auto data = MakeTrainingData(
        TinySnapshot(n("n_entities"), n("n_relations"), n("n_users"), {{0, 0, 1}}, links), rows, 1);
    data.train = rows;
    auto model =
        std::make_unique<Kgcn>(oracle_.model == "KGNN-LS" ? &kKgnnLsSpec : &kKgcnSpec, o, dtype);
    TaskArena workers(1);
    EXPECT_TRUE(model->Build(data, workers).ok());
    const absl::Status status = model->SetNeighbors(o.neighbors, oracle_.inputs["adj_entity"].ids(),
                                                    oracle_.inputs["adj_relation"].ids());
    EXPECT_TRUE(status.ok()) << status;
    for (const auto& p : model->parameters()->all()) {
      SetValues(oracle_.parameters.at(TheirName(p->name)).data, p.get());
    }
    return model;
  }

  std::string Text(const char* key) { return oracle_.text(key); }

  static std::string TheirName(const std::string& ours) {
    const bool table = ours == "user" || ours == "entity" || ours == "relation";
    return table ? ours + "_emb" : ours;
  }

  TinyBatch MakeBatch() {
    std::vector<LabeledPair> rows;
    const auto users = oracle_.inputs["users"].ids(), items = oracle_.inputs["items"].ids();
    const auto labels = oracle_.inputs["labels"].floats();
    for (size_t i = 0; i < users.size(); ++i) {
      rows.push_back({UserId{users[i]}, ItemId{items[i]}, labels[i]});
    }
    return TinyBatch(rows, 1);
  }

  void CheckGradients(Kgcn* model, const std::vector<std::vector<double>>& got,
                      const OracleTensors& want, double limit, const std::string& what) {
    const double largest = LargestGradient(oracle_.gradients);
    const auto& all = model->parameters()->all();
    for (size_t i = 0; i < all.size(); ++i) {
      const auto it = want.find(TheirName(all[i]->name));
      const std::vector<double> zero(got[i].size(), 0);
      EXPECT_LE(GradientError(got[i], it == want.end() ? zero : it->second.data, largest), limit)
          << what << " " << all[i]->name;
    }
  }

  // The gradients of a term as what its weight adds to those without it.
  void CheckTerm(Kgcn* with, const StepResult& without, const Batch& batch, double weight,
                 const std::string& term, double value_limit, double gradient_limit) {
    const StepResult step = RunStep(with, batch);
    EXPECT_LE(ScalarError((step.loss - without.loss) / weight, oracle_.losses[term]), value_limit)
        << term;
    std::vector<std::vector<double>> gradients = step.gradients;
    for (size_t p = 0; p < gradients.size(); ++p) {
      for (size_t i = 0; i < gradients[p].size(); ++i) {
        gradients[p][i] = (gradients[p][i] - without.gradients[p][i]) / weight;
      }
    }
    CheckGradients(with, gradients, oracle_.gradients_of_terms[term], gradient_limit, term);
  }

  Oracle oracle_;
};

TEST_P(KgcnOracle, Reproduced) {
  auto read = ReadOracle(GetParam());
  ASSERT_TRUE(read.ok()) << read.status();
  oracle_ = *read;
  const double l2 = oracle_.number("l2_weight");
  const bool smooth = oracle_.model == "KGNN-LS";
  const double ls = smooth ? oracle_.number("ls_weight") : 0;
  const bool prob = oracle_.losses.count("ls_prob") != 0;
  const TinyBatch batch = MakeBatch();
  for (const DType dtype : {DType::kF64, DType::kF32}) {
    const double value = dtype == DType::kF64 ? 1e-8 : 1e-5;
    const double gradient = dtype == DType::kF64 ? 1e-7 : 1e-5;
    const auto total = Make(dtype, l2, ls, prob);
    const KgcnForward forward = RunForward(total.get(), batch.batch);
    EXPECT_LE(OutputError(forward.scores, oracle_.outputs["scores"].data), value);
    EXPECT_LE(OutputError(forward.items, oracle_.outputs["item_embeddings"].data), value);
    if (smooth) {
      EXPECT_TRUE(total->label_smoothness());
      EXPECT_LE(OutputError(forward.labels, oracle_.outputs["predicted_labels"].data), value);
    }
    std::vector<double> probabilities;
    for (const double s : forward.scores) probabilities.push_back(1 / (1 + std::exp(-s)));
    EXPECT_LE(OutputError(probabilities, oracle_.outputs["probabilities"].data), value);
    const StepResult step = RunStep(total.get(), batch.batch);
    EXPECT_EQ(step.loss, forward.loss);
    EXPECT_LE(ScalarError(step.loss, oracle_.losses["total"]), value);
    CheckGradients(total.get(), step.gradients, oracle_.gradients, gradient, "total");

    const auto bce = Make(dtype, 0, 0);
    const StepResult base = RunStep(bce.get(), batch.batch);
    EXPECT_LE(ScalarError(base.loss, oracle_.losses["bce"]), value);
    CheckGradients(bce.get(), base.gradients, oracle_.gradients_of_terms["bce"], gradient, "bce");
    if (dtype == DType::kF32) continue;  // differences of losses: float64 only
    CheckTerm(Make(dtype, 1, 0).get(), base, batch.batch, 1, "l2", value, gradient);
    if (smooth) {
      CheckTerm(Make(dtype, 0, 1).get(), base, batch.batch, 1, "ls", value, gradient);
    }
    if (prob) {
      CheckTerm(Make(dtype, 0, 1, true).get(), base, batch.batch, 1, "ls_prob", value, gradient);
    }
  }

  // The scorer's folded form.
  const auto model = Make(DType::kF32, l2, ls);
  TaskArena workers(1);
  const auto scorer = *model->MakeScorer(workers);
  std::vector<double> scores;
  propagation::Arena arena;
  for (size_t i = 0; i < batch.users.size(); ++i) {
    float score = 0;
    const ItemId item{batch.items[i]};
    if (!scorer->KnowsUser(UserId{batch.users[i]})) GTEST_SKIP() << "a user without a positive";
    ASSERT_TRUE(scorer
                    ->ScoreItems({UserId{batch.users[i]}, {}}, std::span(&item, 1),
                                 std::span(&score, 1), arena)
                    .ok());
    scores.push_back(static_cast<double>(score));
  }
  EXPECT_LE(OutputError(scores, oracle_.outputs["scores"].data), 1e-5);
}

std::vector<std::string> Files() {
  std::vector<std::string> names = ListOracles("kgcn_");
  for (const std::string& name : ListOracles("kgnnls_")) names.push_back(name);
  return names;
}

TEST(KgcnOracles, AreThere) {
  if (Files().empty()) GTEST_SKIP() << "no oracles in UNDULA_SHARED";
  EXPECT_GE(Files().size(), 9u);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KgcnOracle);
INSTANTIATE_TEST_SUITE_P(Files, KgcnOracle, testing::ValuesIn(Files()),
                         [](const auto& info) { return OracleTestName(info.param); });

}  // namespace
}  // namespace undula::models
