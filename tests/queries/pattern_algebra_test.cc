// Parser, algebra and expressions through the naive evaluator: the W3C evaluation tests. This makes
// the naive evaluator the judge of the executor.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "memory_world.h"
#include "naive_evaluator.h"
#include "queries/pattern/parser.h"
#include "w3c_sparql.h"

namespace undula::queries::pattern {
namespace {

absl::StatusOr<ResultTable> RunTest(const W3cSuite& suite, const W3cTest& test) {
  UNDULA_ASSIGN_OR_RETURN(const Query query,
                          ParseQuery(suite.File(test.query), {kW3cBase + test.query}));
  MemoryTerms terms;
  MemoryGraph graph;
  MemorySink sink(&terms, &graph);
  for (const std::string& file : test.data) suite.ReadData(file, "", &sink);
  for (const std::string& file : test.named_graphs) suite.ReadData(file, kW3cBase + file, &sink);
  if (test.data.empty()) {
    for (const auto* list : {&query.from, &query.from_named}) {
      for (const std::string& iri : *list) {
        suite.ReadData(iri.substr(sizeof kW3cBase - 1), iri, &sink);
      }
    }
  }
  return RunNaively(query, graph, &terms);
}

TEST(PatternAlgebra, W3cEvaluationTests) {
  const std::optional<W3cSuite> suite = W3cSuite::Load();
  if (!suite.has_value()) GTEST_SKIP() << "no data/rdf/w3c-sparql-tests.tar.xz in UNDULA_SHARED";
  int passed = 0;
  for (const W3cTest& test : suite->tests()) {
    if (test.kind != "eval" || test.expected.empty() || test.form == "CONSTRUCT") continue;
    SCOPED_TRACE(test.name() + " " + test.query);
    const auto got = RunTest(*suite, test);
    ASSERT_TRUE(got.ok()) << got.status();
    const ResultTable want = ParseExpected(suite->File(test.expected), test.form == "ASK");
    const bool same = SameResult(*got, want, false);
    EXPECT_TRUE(same) << suite->File(test.query) << "\ngot\n"
                      << TableText(*got) << "want\n"
                      << TableText(want);
    passed += same;
  }
  EXPECT_EQ(passed, 500);
}

}  // namespace
}  // namespace undula::queries::pattern
