// The executor over a database file: all W3C evaluation tests, result formats included.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/database.h"
#include "kgstore/importer.h"
#include "memory_world.h"
#include "queries/pattern/executor.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/result_format.h"
#include "w3c_sparql.h"

namespace undula::queries::pattern {
namespace {

// One database for each set of data files.
class W3cDatabases {
 public:
  explicit W3cDatabases(const W3cSuite& suite) : suite_(suite) {}

  absl::StatusOr<kgstore::Database*> For(const W3cTest& test, const Query& query) {
    std::vector<std::pair<std::string, std::string>> files;  // file, graph
    for (const std::string& file : test.data) files.emplace_back(file, "");
    for (const std::string& file : test.named_graphs) files.emplace_back(file, kW3cBase + file);
    if (test.data.empty()) {
      for (const auto* list : {&query.from, &query.from_named}) {
        for (const std::string& iri : *list) {
          files.emplace_back(iri.substr(sizeof kW3cBase - 1), iri);
        }
      }
    }
    std::unique_ptr<kgstore::Database>& database = databases_[files];
    if (database != nullptr) return database.get();
    UNDULA_ASSIGN_OR_RETURN(database, NewDatabase(Concat("w3c", databases_.size())));
    UNDULA_ASSIGN_OR_RETURN(const auto importer, kgstore::Importer::Begin(*database));
    for (const auto& [file, graph] : files) suite_.ReadData(file, graph, importer.get());
    UNDULA_RETURN_IF_ERROR(importer->Commit().status());
    return database.get();
  }

 private:
  const W3cSuite& suite_;
  std::map<std::vector<std::pair<std::string, std::string>>, std::unique_ptr<kgstore::Database>>
      databases_;
};

std::string SortedLines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    // Labels of blank nodes are arbitrary.
    for (size_t at = 0; (at = line.find("_:", at)) != std::string::npos; at += 2) {
      size_t end = at + 2;
      while (end < line.size() &&
             (std::isalnum(static_cast<unsigned char>(line[end])) != 0 || line[end] == '.')) {
        ++end;
      }
      line.replace(at, end - at, "_:");
    }
    lines.push_back(line);
  }
  if (lines.size() > 1) std::sort(lines.begin() + 1, lines.end());
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::string Formatted(const ResultTable& table, ResultFormat format) {
  std::string out;
  ResultWriter writer(format, table.columns, &out);
  writer.Begin();
  for (const auto& row : table.rows) writer.Row(row);
  writer.End();
  return out;
}

TEST(PatternStore, W3cEvaluationTests) {
  const std::optional<W3cSuite> suite = W3cSuite::Load();
  if (!suite.has_value()) GTEST_SKIP() << "no data/rdf/w3c-sparql-tests.tar.xz in UNDULA_SHARED";
  W3cDatabases databases(*suite);
  int passed = 0;
  for (const W3cTest& test : suite->tests()) {
    if (test.kind != "eval") continue;
    SCOPED_TRACE(test.name() + " " + test.query);
    const auto query = ParseQuery(suite->File(test.query), {kW3cBase + test.query});
    ASSERT_TRUE(query.ok()) << query.status();
    const auto database = databases.For(test, *query);
    ASSERT_TRUE(database.ok()) << database.status();
    std::string explained;
    const auto got = RunStored(*query, **database, &explained);
    if (test.form == "CONSTRUCT") {
      EXPECT_EQ(got.status().code(), absl::StatusCode::kUnimplemented);
      continue;
    }
    ASSERT_TRUE(got.ok()) << got.status();
    if (test.expected.empty()) {
      const bool csv = test.result.ends_with(".csv");
      const std::string text = Formatted(*got, csv ? ResultFormat::kCsv : ResultFormat::kTsv);
      const bool same = csv ? SortedLines(text) == SortedLines(suite->File(test.result))
                            : SameResult(ParseExpected(text, false),
                                         ParseExpected(suite->File(test.result), false), false);
      EXPECT_TRUE(same) << "got\n" << text << "want\n" << suite->File(test.result);
      passed += same;
      continue;
    }
    const ResultTable want = ParseExpected(suite->File(test.expected), test.form == "ASK");
    const bool same = SameResult(*got, want, !query->order_by.empty());
    EXPECT_TRUE(same) << suite->File(test.query) << "\ngot\n"
                      << TableText(*got) << "want\n"
                      << TableText(want) << explained;
    passed += same;
  }
  EXPECT_EQ(passed, 506);
}

}  // namespace
}  // namespace undula::queries::pattern
