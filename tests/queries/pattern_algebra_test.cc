// Parser, algebra and expressions through the naive evaluator: the W3C evaluation tests. This makes
// the naive evaluator the judge of the executor.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "naive_evaluator.h"
#include "queries/pattern/parser.h"
#include "tests/kgstore/read_support.h"
#include "w3c_exceptions.h"
#include "w3c_sparql.h"

namespace undula::queries::pattern {
namespace {

Term FromStore(const kgstore::Term& t) {
  const TermKind kind = t.kind == kgstore::TermKind::kIri     ? TermKind::kIri
                        : t.kind == kgstore::TermKind::kBlank ? TermKind::kBlank
                                                              : TermKind::kLiteral;
  return {kind, std::string(t.text), std::string(t.datatype), std::string(t.language)};
}

class MemorySink final : public kgstore::RecordingSink {
 public:
  MemorySink(MemoryTerms* terms, MemoryGraph* graph) : terms_(terms), graph_(graph) {}
  absl::Status AddTriple(const kgstore::Term& h, const kgstore::Term& r,
                         const kgstore::Term& t) override {
    graph_->triples.emplace(ValueOf(h), ValueOf(r), ValueOf(t));
    return absl::OkStatus();
  }
  absl::Status AddQuad(const kgstore::Term& h, const kgstore::Term& r, const kgstore::Term& t,
                       const kgstore::Term& g) override {
    graph_->named[ValueOf(g)].emplace(ValueOf(h), ValueOf(r), ValueOf(t));
    return absl::OkStatus();
  }

 private:
  Value ValueOf(const kgstore::Term& t) { return *terms_->Intern(FromStore(t)); }
  MemoryTerms* terms_;
  MemoryGraph* graph_;
};

absl::StatusOr<ResultTable> RunNaively(const W3cSuite& suite, const W3cTest& test) {
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
  UNDULA_ASSIGN_OR_RETURN(const Translated translated, Translate(query, {}, &terms));
  const NaiveResult result = EvaluateNaively(translated, graph, &terms);
  ResultTable table;
  table.is_ask = query.form == QueryForm::kAsk;
  table.answer = result.answer;
  table.columns = translated.columns;
  for (const auto& values : result.rows) {
    auto& row = table.rows.emplace_back();
    for (const Value v : values) {
      row.push_back(v == kUnbound ? std::optional<Term>() : *terms.Get(v));
    }
  }
  return table;
}

TEST(PatternAlgebra, W3cEvaluationTests) {
  const std::optional<W3cSuite> suite = W3cSuite::Load();
  if (!suite.has_value()) GTEST_SKIP() << "no data/rdf/w3c-sparql-tests.tar.xz in UNDULA_SHARED";
  int passed = 0;
  for (const W3cTest& test : suite->tests()) {
    if (test.kind != "eval" || test.expected.empty() || test.form == "CONSTRUCT") continue;
    SCOPED_TRACE(test.name() + " " + test.query);
    const auto got = RunNaively(*suite, test);
    ASSERT_TRUE(got.ok()) << got.status();
    const ResultTable want = ParseExpected(suite->File(test.expected), test.form == "ASK");
    const bool same = SameResult(*got, want, false);
    if (IsW3cException(test.name())) continue;
    EXPECT_TRUE(same) << suite->File(test.query) << "\ngot\n"
                      << TableText(*got) << "want\n"
                      << TableText(want);
    passed += same;
  }
  EXPECT_EQ(passed, 500 - kW3cExceptions);
}

}  // namespace
}  // namespace undula::queries::pattern
