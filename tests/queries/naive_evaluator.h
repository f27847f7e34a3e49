// The algebra of patterns, evaluated from the leaves up as its definition says (SPARQL 1.1, section
// 18.5), over triples in memory: slow, simple, and the judge of the executor.
#ifndef UNDULA_TESTS_QUERIES_NAIVE_EVALUATOR_H_
#define UNDULA_TESTS_QUERIES_NAIVE_EVALUATOR_H_

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "queries/pattern/algebra.h"
#include "queries/pattern/expression.h"

namespace undula::queries::pattern {

class MemoryTerms : public TermMap {
 public:
  absl::StatusOr<Term> Get(Value value) override { return terms_[IdOf(value)]; }
  absl::StatusOr<Value> Intern(const Term& term) override;

 private:
  std::vector<Term> terms_;
  std::map<std::tuple<TermKind, std::string, std::string, std::string>, Value> values_;
};

struct MemoryGraph {
  using Triple = std::tuple<Value, Value, Value>;
  std::set<Triple> triples;
  std::map<Value, std::set<Triple>> named;
};

struct NaiveResult {
  bool answer = false;                   // of ASK
  std::vector<std::vector<Value>> rows;  // columns of SELECT
};

// `params[i]` is the value of query.params[i].
NaiveResult EvaluateNaively(const Translated& query, const MemoryGraph& graph, MemoryTerms* terms,
                            const std::vector<Value>& params = {});

}  // namespace undula::queries::pattern

#endif  // UNDULA_TESTS_QUERIES_NAIVE_EVALUATOR_H_
