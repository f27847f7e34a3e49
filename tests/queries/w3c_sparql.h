// The W3C SPARQL suites of shared/data/rdf/w3c-sparql-tests.tar.xz (DATA.md 4.9): the index, the
// data, and the comparison of results.
#ifndef UNDULA_TESTS_QUERIES_W3C_SPARQL_H_
#define UNDULA_TESTS_QUERIES_W3C_SPARQL_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kgstore/sinks.h"
#include "queries/pattern/syntax.h"

namespace undula::queries::pattern {

inline constexpr char kW3cBase[] = "file:///tmp/rt/sparql/";

struct W3cTest {
  std::string suite, category, id, kind, form;
  std::string query;  // a file of the suite
  std::vector<std::string> data, named_graphs;
  std::string result, expected;

  std::string name() const { return category + "/" + id; }
};

class W3cSuite {
 public:
  // Empty where the archive is missing.
  static std::optional<W3cSuite> Load();

  const std::vector<W3cTest>& tests() const { return tests_; }
  const std::string& File(const std::string& name) const;
  // The triples of a data file into `sink`, as the graph `graph` (empty: the default graph).
  void ReadData(const std::string& name, const std::string& graph, kgstore::RecordSink* sink) const;

 private:
  std::map<std::string, std::string> files_;
  std::vector<W3cTest> tests_;
};

struct ResultTable {
  bool is_ask = false, answer = false;
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<Term>>> rows;
};

ResultTable ParseExpected(std::string_view tsv, bool is_ask);
std::string TableText(const ResultTable& table);
// Same columns in any order, same rows but for the labels of blank nodes and the lexical form of
// numbers; with `ordered`, in the same order.
bool SameResult(const ResultTable& a, const ResultTable& b, bool ordered);

}  // namespace undula::queries::pattern

#endif  // UNDULA_TESTS_QUERIES_W3C_SPARQL_H_
