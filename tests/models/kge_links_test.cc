// Filtered link prediction against a plain reference, with ties.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "models/kge/link_prediction.h"
#include "tests/models/kge_fixture.h"

namespace undula::models {
namespace {

// d(h, r, t) or -s(h, r, t), written from the formulas in float64.
double Score(const Kge& model, const Triple& t) {
  const auto& o = *static_cast<const KgeOptions*>(model.options());
  const std::vector<float> vectors = model.EntityVectors(), relations = model.RelationVectors();
  const std::vector<float> rows = model.Projected(Index(t.relation), vectors);
  const int64_t d = model.relation_dim();
  double sum = 0;
  for (int64_t c = 0; c < d; ++c) {
    const double h = rows[Index(t.head) * d + c], r = relations[Index(t.relation) * d + c];
    const double v = rows[Index(t.tail) * d + c];
    sum += o.form == "distmult" ? -h * r * v
           : o.distance == "l1" ? std::fabs(h + r - v)
                                : (h + r - v) * (h + r - v);
  }
  return sum;
}

struct Case {
  const char* form;
  const char* distance;
};

class KgeLinks : public testing::TestWithParam<Case> {};

TEST_P(KgeLinks, AgreesWithThePlainForm) {
  const auto graph = RandomGraph(30, 4, 200, 2);
  const auto split = MakeTripleSplit(graph->out, 4, 0.1, 0.1, 1);
  ASSERT_TRUE(split.ok());
  KgeOptions options;
  options.form = GetParam().form;
  options.distance = GetParam().distance;
  options.dim = 8;
  Kge model(options, DType::kF32);
  TaskArena one(1), two(2);
  TrainingData data;
  data.snapshot = graph;
  ASSERT_TRUE(model.Build(data, one).ok());
  const auto metrics = EvaluateLinks(model, split->test, graph->out, graph->in, one, nullptr);
  ASSERT_TRUE(metrics.ok()) << metrics.status();

  double mrr = 0, hits3 = 0;
  for (const Triple& t : split->test) {
    for (const bool tail : {true, false}) {
      const double bound = Score(model, t);
      int64_t rank = 1;
      for (uint32_t e = 0; e < 30; ++e) {
        Triple other = t;
        (tail ? other.tail : other.head) = EntityId{e};
        const bool same = tail ? other.tail == t.tail : other.head == t.head;
        if (same || HasEdge(graph->out, other.head, other.relation, other.tail)) continue;
        rank += Score(model, other) < bound ? 1 : 0;
      }
      mrr += 1.0 / static_cast<double>(rank);
      hits3 += rank <= 3 ? 1 : 0;
    }
  }
  const auto queries = static_cast<double>(2 * split->test.size());
  EXPECT_EQ(metrics->queries, static_cast<int64_t>(queries));
  EXPECT_NEAR(metrics->mrr, mrr / queries, 1e-9);
  EXPECT_NEAR(metrics->hits3, hits3 / queries, 1e-9);
  const auto parallel = EvaluateLinks(model, split->test, graph->out, graph->in, two, nullptr);
  EXPECT_EQ(parallel->mrr, metrics->mrr);
}

INSTANTIATE_TEST_SUITE_P(Forms, KgeLinks,
                         testing::Values(Case{"transe", "l2"}, Case{"transe", "l1"},
                                         Case{"transh", "squared_l2"}, Case{"transr", "l2"},
                                         Case{"distmult", "l2"}),
                         [](const auto& info) {
                           return std::string(info.param.form) + "_" + info.param.distance;
                         });

TEST(KgeLinksTies, EqualScoresShareTheirPlaces) {
  // All vectors zero: the truth of 21 entities (none filtered) stands in the middle.
  const auto graph = TinySnapshot(21, 1, 0, {{0, 0, 1}}, {});
  KgeOptions options;
  options.dim = 4;
  options.normalize = "none";
  Kge model(options, DType::kF32);
  TaskArena one(1);
  TrainingData data;
  data.snapshot = graph;
  ASSERT_TRUE(model.Build(data, one).ok());
  for (const auto& parameter : model.parameters()->all()) {
    SetValues(std::vector<double>(static_cast<size_t>(parameter->value.size()), 0),
              parameter.get());
  }
  const std::vector<Triple> test = {{EntityId{0}, RelationId{0}, EntityId{1}}};
  const auto metrics = EvaluateLinks(model, test, graph->out, graph->in, one, nullptr);
  ASSERT_TRUE(metrics.ok());
  EXPECT_EQ(metrics->mean_rank, 11);
  EXPECT_EQ(metrics->hits10, 0);
  const std::vector<Triple> unknown = {{EntityId{0}, RelationId{3}, EntityId{1}}};
  EXPECT_EQ(EvaluateLinks(model, unknown, graph->out, graph->in, one, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace undula::models
