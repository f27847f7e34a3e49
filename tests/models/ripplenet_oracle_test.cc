// Every ripplenet_* oracle: outputs, losses by term, gradients by term, in float64 and float32,
// with merged and plain slots, with and without user chunks.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/conformance/oracle_file.h"
#include "tests/models/ripplenet_fixture.h"

namespace undula::models {
namespace {

struct Limits {
  double value, gradient;
};
Limits LimitsOf(DType dtype) {
  return dtype == DType::kF64 ? Limits{1e-8, 1e-7} : Limits{1e-5, 1e-5};
}

struct Setting {
  DType dtype;
  bool dedupe;
  int chunk;
};

class RippleNetOracle : public testing::TestWithParam<std::string> {
 protected:
  // The oracle's model with these loss weights. Mode "paper": addressing as replace, the original
  // item scored.
  std::unique_ptr<RippleNet> Make(const Setting& setting, double kge, double l2) {
    RippleNetOptions o;
    o.dim = static_cast<int64_t>(oracle_.number("dim"));
    o.hops = static_cast<int64_t>(oracle_.number("n_hop"));
    o.memory = static_cast<int64_t>(oracle_.number("n_memory"));
    const std::string mode = oracle_.text("item_update_mode");
    o.item_update = mode == "paper" ? "replace" : mode;
    o.scoring = mode == "paper" ? "paper" : "code";
    o.using_all_hops = oracle_.number("using_all_hops") != 0;
    o.kge_weight = kge;
    o.l2_weight = l2;
    o.dedupe = setting.dedupe;
    // Made without the spec's check: the degenerate combination has an oracle too.
    auto model = std::make_unique<RippleNet>(o, setting.dtype);

    const auto n = [&](const char* key) { return static_cast<uint32_t>(oracle_.number(key)); };
    // Some cases score entities beyond n_items: every entity is an item here.
    std::vector<int> links(n("n_entities"));
    std::iota(links.begin(), links.end(), 0);
    std::vector<TinyTriple> edges;
    std::vector<LabeledPair> positives;
    for (uint32_t i = 0; i < n("n_items"); ++i) edges.push_back({i, 0, i});
    for (uint32_t u = 0; u < n("n_users"); ++u) positives.push_back({UserId{u}, ItemId{0}, 1});
    const auto snapshot =
        TinySnapshot(n("n_entities"), n("n_relations"), n("n_users"), edges, links);
    TaskArena workers(1);
    EXPECT_TRUE(model->Build(MakeTrainingData(snapshot, positives, 1), workers).ok());

    const auto heads = oracle_.inputs["ripple_heads"].ids();
    const auto relations = oracle_.inputs["ripple_relations"].ids();
    const auto tails = oracle_.inputs["ripple_tails"].ids();
    std::vector<RippleTriple> slots;
    std::vector<int64_t> ptr = {0};
    for (size_t i = 0; i < heads.size(); ++i) {
      slots.push_back({relations[i], heads[i], tails[i]});
      if ((i + 1) % static_cast<size_t>(o.memory) == 0) ptr.push_back(static_cast<int64_t>(i + 1));
    }
    EXPECT_TRUE(model->SetRippleSets(ptr, slots).ok());
    for (const auto& [ours, name] : Names()) {
      if (auto* p = model->parameters()->Find(ours)) SetValues(oracle_.parameters[name].data, p);
    }
    return model;
  }

  TinyBatch MakeBatch(int chunk) {
    std::vector<LabeledPair> rows;
    const auto users = oracle_.inputs["users"].ids(), items = oracle_.inputs["items"].ids();
    const auto labels = oracle_.inputs["labels"].floats();
    for (size_t i = 0; i < users.size(); ++i) {
      rows.push_back({UserId{users[i]}, ItemId{items[i]}, labels[i]});
    }
    return TinyBatch(rows, chunk);
  }

  static std::vector<std::pair<std::string, std::string>> Names() {
    return {
        {"entity", "entity_emb"}, {"relation", "relation_emb"}, {"transform", "transform_matrix"}};
  }

  void CheckGradients(RippleNet* model, const std::vector<std::vector<double>>& got,
                      const OracleTensors& want, double limit, const std::string& what) {
    // The largest of the file, not of the term.
    const double largest = LargestGradient(oracle_.gradients);
    for (const auto& [ours, name] : Names()) {
      const auto it = want.find(name);
      size_t number = 0;
      const auto& all = model->parameters()->all();
      while (number < all.size() && all[number]->name != ours) ++number;
      if (number == all.size()) {  // a mode without W
        if (it != want.end()) {
          EXPECT_EQ(MaxAbs(it->second.data), 0) << what << " " << ours;
        }
        continue;
      }
      const std::vector<double> zero(got[number].size(), 0);
      EXPECT_LE(GradientError(got[number], it == want.end() ? zero : it->second.data, largest),
                limit)
          << what << " " << ours;
    }
  }

  void CheckOutputs(RippleNet* model, const TinyBatch& batch, double limit) {
    propagation::Exec exec(nullptr);
    propagation::Arena arena;
    propagation::Tape tape(&exec, &arena, model->parameters()->dtype());
    std::vector<propagation::Var> shared;
    model->Prepare(tape, batch.batch, &shared);
    RippleNetTrace trace;
    const propagation::Var logits =
        model->Logits(tape, Slice{0, 0, batch.batch.chunks(), 0, batch.batch.rows()}, batch.batch,
                      shared, &trace);
    ASSERT_TRUE(tape.status().ok()) << tape.status();
    const std::vector<double> scores = Values(tape.value(logits));
    EXPECT_LE(OutputError(scores, oracle_.outputs["scores"].data), limit);
    std::vector<double> probabilities;
    for (const double s : scores) probabilities.push_back(1 / (1 + std::exp(-s)));
    EXPECT_LE(OutputError(probabilities, oracle_.outputs["probabilities"].data), limit);

    const int64_t hops = static_cast<int64_t>(oracle_.number("n_hop"));
    const int64_t memory = static_cast<int64_t>(oracle_.number("n_memory"));
    const int64_t dim = static_cast<int64_t>(oracle_.number("dim"));
    const std::vector<double>& attention = oracle_.outputs["attention"].data;
    std::vector<double> outputs(scores.size() * hops * dim);
    for (int64_t hop = 0; hop < hops; ++hop) {
      const std::vector<double> o = Values(tape.value(trace.outputs[hop]));
      const std::vector<double> weights = Values(trace.weights[hop]);
      size_t at = 0;
      for (size_t row = 0; row < scores.size(); ++row) {
        std::copy_n(&o[row * dim], dim, &outputs[(row * hops + hop) * dim]);
        // By triple: merged slots have the sum of theirs.
        const int64_t r = int64_t{batch.users[row]} * hops + hop;
        std::map<RippleTriple, double> ours, theirs;
        for (int64_t s = model->memory().slot_ptr[r]; s < model->memory().slot_ptr[r + 1]; ++s) {
          ours[model->memory().TripleOf(model->memory().triple[s])] += weights[at++];
        }
        for (int64_t i = 0; i < memory; ++i) {
          const size_t slot = static_cast<size_t>(r * memory + i);
          theirs[{oracle_.inputs["ripple_relations"].ids()[slot],
                  oracle_.inputs["ripple_heads"].ids()[slot],
                  oracle_.inputs["ripple_tails"].ids()[slot]}] +=
              attention[(row * hops + hop) * memory + i];
        }
        ASSERT_EQ(ours.size(), theirs.size());
        for (const auto& [triple, weight] : theirs) EXPECT_NEAR(ours[triple], weight, limit);
      }
    }
    EXPECT_LE(OutputError(outputs, oracle_.outputs["hop_outputs"].data), limit);
  }

  Oracle oracle_;
};

TEST_P(RippleNetOracle, Reproduced) {
  auto read = ReadOracle(GetParam());
  ASSERT_TRUE(read.ok()) << read.status();
  oracle_ = *read;
  const double kge = oracle_.number("kge_weight"), l2 = oracle_.number("l2_weight");
  for (const Setting& setting : {Setting{DType::kF64, true, 1}, Setting{DType::kF64, true, 8},
                                 Setting{DType::kF64, false, 1}, Setting{DType::kF32, true, 1},
                                 Setting{DType::kF32, true, 8}, Setting{DType::kF32, false, 8}}) {
    const Limits limits = LimitsOf(setting.dtype);
    const TinyBatch batch = MakeBatch(setting.chunk);
    const auto total = Make(setting, kge, l2);
    CheckOutputs(total.get(), batch, limits.value);
    const StepResult step = RunStep(total.get(), batch.batch);
    EXPECT_LE(ScalarError(step.loss, oracle_.losses["total"]), limits.value);
    CheckGradients(total.get(), step.gradients, oracle_.gradients, limits.gradient, "total");

    // Terms: the data loss alone, then each other term as what its weight adds to it.
    const auto bce = Make(setting, 0, 0);
    const StepResult base = RunStep(bce.get(), batch.batch);
    EXPECT_LE(ScalarError(base.loss, oracle_.losses["bce"]), limits.value);
    CheckGradients(bce.get(), base.gradients, oracle_.gradients_of_terms["bce"], limits.gradient,
                   "bce");
    for (const char* term : {"kge", "l2"}) {
      const bool is_kge = std::string(term) == "kge";
      const auto model = is_kge ? Make(setting, 1, 0) : Make(setting, 0, 1);
      propagation::Exec exec(nullptr);
      propagation::Arena arena;
      propagation::Tape tape(&exec, &arena, setting.dtype);
      std::vector<propagation::Var> shared;
      model->parameters()->ZeroGradients();
      const propagation::Var loss = model->Prepare(tape, batch.batch, &shared);
      const double sign = is_kge ? -1 : 1;  // the loss has minus kge_weight * kge
      EXPECT_LE(ScalarError(sign * tape.Scalar(loss), oracle_.losses[term]), limits.value) << term;
      tape.Backward(loss, sign);
      ASSERT_TRUE(tape.status().ok()) << tape.status();
      std::vector<std::vector<double>> gradients;
      for (const auto& p : model->parameters()->all()) gradients.push_back(Gradient(*p));
      // The file's largest gradient is that of the weighted sum; unweighted terms have their own.
      const double weight = is_kge ? kge : l2;
      OracleTensors want = oracle_.gradients_of_terms[term];
      for (auto& g : gradients)
        for (double& x : g) x *= weight;
      for (auto& [name, g] : want)
        for (double& x : g.data) x *= weight;
      CheckGradients(model.get(), gradients, want, limits.gradient, term);
    }
  }
}

TEST(RippleNetOracles, AreThere) {
  const auto names = ListOracles("ripplenet_");
  if (names.empty()) GTEST_SKIP() << "no oracles in UNDULA_SHARED";
  EXPECT_GE(names.size(), 10u);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RippleNetOracle);
INSTANTIATE_TEST_SUITE_P(Files, RippleNetOracle, testing::ValuesIn(ListOracles("ripplenet_")),
                         [](const auto& info) { return OracleTestName(info.param); });

}  // namespace
}  // namespace undula::models
