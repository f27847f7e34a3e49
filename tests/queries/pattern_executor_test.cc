// Parts of the executor on their own: limits of time and memory, what is kept from run to run,
// ranges of numbers, and the containers under them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "kgstore/importer.h"
#include "memory_world.h"
#include "queries/pattern/order_value.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/prepared.h"
#include "queries/pattern/ticking_sort.h"
#include "queries/pattern/tuple_set.h"

namespace undula::queries::pattern {
namespace {

using testing::HasSubstr;
using testing::Not;

std::unique_ptr<kgstore::Database> Filled(const std::string& name,
                                          const std::function<void(kgstore::RecordSink*)>& fill) {
  auto database = NewDatabase(name);
  EXPECT_TRUE(database.ok()) << database.status();
  const auto importer = kgstore::Importer::Begin(**database);
  EXPECT_TRUE(importer.ok()) << importer.status();
  fill(importer->get());
  EXPECT_TRUE((*importer)->Commit().ok());
  return *std::move(database);
}

// A triple, of a named graph where there is one; with a datatype of XML Schema the tail is a
// literal.
void Add(kgstore::RecordSink* sink, const std::string& head, const std::string& relation,
         const std::string& tail, const std::string& type = "", const std::string& graph = "") {
  using kgstore::TermKind;
  const std::string datatype = type.empty() ? "" : "http://www.w3.org/2001/XMLSchema#" + type;
  const kgstore::Term t = {type.empty() ? TermKind::kIri : TermKind::kLiteral, tail, datatype, ""};
  const kgstore::Term h = {TermKind::kIri, head, "", ""}, r = {TermKind::kIri, relation, "", ""};
  const absl::Status added = graph.empty()
                                 ? sink->AddTriple(h, r, t)
                                 : sink->AddQuad(h, r, t, {TermKind::kIri, graph, "", ""});
  EXPECT_TRUE(added.ok()) << added;
}

absl::StatusOr<ResultTable> RunText(const kgstore::Database& database, const std::string& text,
                                    const Limits& limits = {}, std::string* plan = nullptr) {
  const auto query = ParseQuery(text);
  if (!query.ok()) return query.status();
  std::string explained;
  auto table = RunStored(*query, database, &explained, limits);
  if (plan != nullptr) *plan = explained;
  return table;
}

// Random edges between 3,000 nodes, four of each.
std::unique_ptr<kgstore::Database> Web() {
  return Filled("web", [](kgstore::RecordSink* sink) {
    const Rng rng(1, RngStream::kTest, 0);
    for (uint32_t i = 0; i < 12000; ++i) {
      Add(sink, Concat("node", i % 3000), i % 5 == 0 ? "q" : "p",
          Concat("node", rng.Below(i, 3000)));
    }
  });
}

TEST(PatternExecutor, HeavyQueriesEndAtTheirDeadline) {
  const auto database = Web();
  for (const char* text : {
           "SELECT (COUNT(*) AS ?n) { ?a <p>+ ?b }",
           "SELECT (COUNT(*) AS ?n) { ?a (<p>|^<q>/<p>)* ?b }",
           "SELECT (COUNT(*) AS ?n) { ?a !<r>+ ?b }",
           "SELECT (COUNT(*) AS ?n) { ?a <p> ?b . ?c <p> ?d }",
           "SELECT * { ?a <p> ?b . ?c <p> ?d } ORDER BY DESC(?d) ?a",
           "SELECT * { ?a <p> ?b . ?c <p> ?d } ORDER BY ?d ?a LIMIT 3",
           "SELECT DISTINCT ?b ?d { ?a <p> ?b . ?c <p> ?d . ?e <q> ?f }",
           "SELECT ?a (COUNT(*) AS ?n) { ?a <p> ?b . ?c <p> ?d . ?e <q> ?f } GROUP BY ?a ?d",
           "SELECT * { ?a <p> ?b . { SELECT ?c ?d { ?c <p> ?d . ?e <q> ?f } LIMIT 99999999 } }",
           "SELECT * { ?a <p> ?b . ?c <p> ?d MINUS { ?e <q> ?f . ?g <p> ?d } }",
           "SELECT * { ?a <p> ?b . ?c <p> ?d FILTER NOT EXISTS { ?b <p>+ ?d } }",
           "SELECT * { ?a ?p ?b . ?c ?q ?d FILTER(REGEX(CONCAT(STR(?a), STR(?d)), 'x.*y')) }",
       }) {
    Limits limits;
    limits.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(15);
    EXPECT_EQ(RunText(*database, text, limits).status().code(), absl::StatusCode::kDeadlineExceeded)
        << text;
  }
}

// p|q|^r within a repetition reads the relations of a node together, of hubs one after the other.
TEST(PatternExecutor, AlternativesFindWhatAPlainSearchFinds) {
  struct Edge {
    std::string head, relation, tail, graph;
    bool literal = false;
  };
  std::vector<Edge> edges;
  const Rng rng(4, RngStream::kTest, 0);
  for (uint32_t i = 0; i < 2400; ++i) {  // heads of the hub, far more of them by one relation
    edges.push_back({Concat("n", i), i % 400 == 7 ? (i % 800 == 7 ? "p" : "q") : "many", "hub",
                     i % 7 == 3 ? "g" : ""});
  }
  for (uint32_t i = 0; i < 1500; ++i) {
    const char* const relation = std::array{"p", "q", "r"}[rng.Below(3 * i, 3)];
    const std::string head = Concat("n", rng.Below(3 * i + 1, 600));
    const uint32_t tail = rng.Below(3 * i + 2, 700);
    const std::string graph = i % 3 == 0 ? "g" : "";
    if (tail < 600) edges.push_back({head, relation, Concat("n", tail), graph});
    if (tail >= 600) edges.push_back({head, relation, Concat(tail), graph, true});
  }
  const auto database = Filled("alternatives", [&](kgstore::RecordSink* sink) {
    for (const Edge& e : edges) {
      Add(sink, e.head, e.relation, e.tail, e.literal ? "integer" : "", e.graph);
    }
  });
  const std::vector<std::vector<std::string>> paths = {{"p", "q"},       {"^p", "^q"},
                                                       {"^many", "^p"},  {"^many", "^p", "^q"},
                                                       {"p", "^q", "r"}, {"^r", "q", "nowhere"}};
  for (const std::vector<std::string>& parts : paths) {
    std::string path;
    for (const std::string& part : parts) {
      path += Concat(path.empty() ? "" : "|", part[0] == '^' ? "^<" : "<",
                     part.substr(part[0] == '^'), ">");
    }
    for (const auto& [start, graph] : std::vector<std::pair<std::string, std::string>>{
             {"hub", ""}, {"n7", ""}, {"n12", ""}, {"hub", "g"}, {"n12", "g"}}) {
      std::set<std::string> reached;
      std::vector<std::string> open = {start};
      while (!open.empty()) {
        const std::string node = open.back();
        open.pop_back();
        for (const Edge& e : edges) {
          if (e.graph != graph) continue;
          for (const std::string& part : parts) {
            const bool inverse = part[0] == '^';
            if (part.substr(inverse) != e.relation || (inverse ? e.tail : e.head) != node) continue;
            const std::string& end = inverse ? e.head : e.tail;
            if (reached.insert(end).second) open.push_back(end);
          }
        }
      }
      const std::string pattern = Concat("{ <", start, "> (", path, ")+ ?y }");
      const auto table = RunText(
          *database, graph.empty() ? Concat("SELECT ?y ", pattern)
                                   : Concat("SELECT ?y { GRAPH <", graph, "> ", pattern, " }"));
      ASSERT_TRUE(table.ok()) << table.status();
      std::set<std::string> found;
      for (const auto& row : table->rows) found.insert(row[0]->text);
      EXPECT_EQ(found, reached) << start << " " << path << " " << graph;
      EXPECT_EQ(table->rows.size(), reached.size()) << start << " " << path << " " << graph;
    }
  }
}

TEST(PatternExecutor, OrderByWithLimitHoldsOnlyItsRows) {
  const auto database = Web();
  // 30,000 rows or so; keys with texts, in all orders.
  const std::string pattern = "{ ?a <p> ?b . ?b <p> ?c } ORDER BY DESC(?c) ?a ?b";
  Limits limits;
  limits.max_memory = uint64_t{1} << 20;
  const auto few = RunText(*database, "SELECT * " + pattern + " OFFSET 3 LIMIT 10", limits);
  ASSERT_TRUE(few.ok()) << few.status();
  EXPECT_EQ(RunText(*database, "SELECT * " + pattern, limits).status().code(),
            absl::StatusCode::kResourceExhausted);
  const auto all = RunText(*database, "SELECT * " + pattern);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_GT(all->rows.size(), 20000u);
  EXPECT_EQ(few->rows, std::vector(all->rows.begin() + 3, all->rows.begin() + 13));
  // A heap of rows whose greatest makes way for each that comes: ascending ids, descending order.
  const std::string falling = "{ ?a <p> ?b } ORDER BY DESC(STR(?a)) DESC(STR(?b)) ";
  const auto last = RunText(*database, "SELECT ?a ?b " + falling + "LIMIT 500");
  const auto whole = RunText(*database, "SELECT ?a ?b " + falling);
  ASSERT_TRUE(last.ok() && whole.ok()) << last.status() << whole.status();
  EXPECT_EQ(last->rows, std::vector(whole->rows.begin(), whole->rows.begin() + 500));
}

// Rows of ?b for each value of $a, as a set.
std::set<std::string> RowsOf(PreparedQuery* prepared, Value a) {
  std::set<std::string> rows;
  const auto add = [&] {
    const Value value = prepared->executor().row()[prepared->query().column_slots[0]];
    rows.insert(value == kUnbound ? "" : (*prepared->source().Get(value)).text);
    return true;
  };
  const absl::Status status = prepared->executor().Run({&a, 1}, {}, add);
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

TEST(PatternExecutor, KeptTailsChangeNothing) {
  const auto database = Filled("kept", [](kgstore::RecordSink* sink) {
    const Rng rng(3, RngStream::kTest, 0);
    for (uint32_t i = 0; i < 300; ++i) {
      const std::string head = Concat("e", rng.Below(4 * i, 40));
      const std::string relation = Concat("r", rng.Below(4 * i + 1, 3));
      if (i % 4 == 0) {
        Add(sink, head, relation, Concat(rng.Below(4 * i + 2, 20)), "integer");
      } else {
        Add(sink, head, relation, Concat("e", rng.Below(4 * i + 3, 40)));
      }
    }
  });
  for (const char* text : {
           "SELECT DISTINCT ?b { $a <r0>/<r1>/<r2> ?b }",
           "SELECT ?b { $a <r0> ?x . ?x <r1> ?y . ?y <r2> ?b . ?b <r0> ?z }",
           "SELECT ?b { $a ?p ?x . ?x ?q ?y . ?y ?r ?b }",
           "SELECT ?b { $a ?p ?x . ?x ?p ?y . ?y ?p ?b }",
           "SELECT ?b { $a <r0>|<r1> ?x . ?x <r1> ?b . ?b <r2> ?n FILTER(?n > 7) }",
           "SELECT ?b { $a <r0> ?x . ?x <r1> ?b FILTER(?b != $a) }",
           "SELECT ?b { $a <r0> ?x . ?x <r1> ?b FILTER NOT EXISTS { $a <r2> ?b } }",
           "SELECT ?b { $a <r0> ?x . ?x <r1> ?b FILTER NOT EXISTS { ?b <r2>/<r0> ?c . ?c ?q $a } }",
           "SELECT ?b { { SELECT ?x { $a <r0>/<r1> ?x } GROUP BY ?x HAVING (COUNT(*) >= 2) } "
           "?b <r1> ?x . ?b <r2> ?n FILTER(?n > 3) }",
           "SELECT ?b { { SELECT ?x (COUNT(?y) AS ?n) { $a ?p ?y . ?y <r1> ?x } GROUP BY ?x } "
           "?x <r0> ?b FILTER(?n > 1) } LIMIT 1000",
           "SELECT ?b { $a <r0> ?x . ?x <r1> ?b FILTER EXISTS { ?b <r2> <e7> } }",
           "SELECT ?b { $a <r0> ?x OPTIONAL { ?x <r1> ?b } FILTER NOT EXISTS { $a <r1> ?b } }",
           "SELECT ?b { $a <r0> ?x . ?x <r1> ?b FILTER EXISTS { ?b <r2> $a } }",
           "SELECT (CONCAT(STR(?x), ' ', STR(?n), ' ', STR(?m)) AS ?b) { { SELECT ?x (COUNT(?x) AS "
           "?n) "
           "(COUNT(*) AS ?m) { $a ?p ?y . ?y ?q ?x } GROUP BY ?x HAVING (COUNT(*) < 3 && COUNT(?x) "
           "> 0) } }",
           "SELECT ?b { { SELECT ?x (COUNT(?x) AS ?n) { $a <r0> ?y OPTIONAL { ?y <r1> ?x } } "
           "GROUP BY ?x HAVING (COUNT(?x) != 1) } ?b <r0> ?x }",
           "SELECT ?b { $a <r0> ?x OPTIONAL { ?x <r1> ?y . ?y <r2> ?b } }",
           "SELECT ?b { $a <r0> ?x MINUS { ?x <r1> ?y . ?y <r2> ?z } ?x <r1> ?b }",
       }) {
    SCOPED_TRACE(text);
    const auto query = ParseQuery(text);
    ASSERT_TRUE(query.ok()) << query.status();
    const auto make = [&] {
      auto prepared = PreparedQuery::Make(*query, {"a"}, *database->Read(), {});
      EXPECT_TRUE(prepared.ok()) << prepared.status();
      return *std::move(prepared);
    };
    const auto plain = make(), kept = make();
    kept->TakeRowsAsSet();
    kept->executor().KeepTails();
    size_t rows = 0;
    for (int round = 0; round < 2; ++round) {
      for (uint32_t i = 0; i < 40; ++i) {
        const Term term = {TermKind::kIri, Concat("e", i), "", ""};
        const std::set<std::string> want = RowsOf(plain.get(), *plain->source().Intern(term));
        ASSERT_EQ(RowsOf(kept.get(), *kept->source().Intern(term)), want) << i;
        rows += want.size();
      }
    }
    EXPECT_GT(rows, 0u);
  }
}

TEST(PatternExecutor, RangesOfNumbersFindWhatConditionsFind) {
  const std::vector<std::pair<std::string, std::string>> numbers = {
      {"integer", "7"},
      {"integer", " +8 "},
      {"integer", "9007199254740993"},
      {"integer", "-3"},
      {"decimal", "7.5"},
      {"decimal", ".25"},
      {"decimal", "1e2"},
      {"decimal", "7.00000000000000000001"},
      {"double", "7.0E0"},
      {"double", "INF"},
      {"double", "-INF"},
      {"double", "NaN"},
      {"double", "1e400"},
      {"double", "1e-400"},
      {"double", "-0"},
      {"float", "0.1"},
      {"float", "0.09999999999"},
      {"float", "16777217"},
      {"float", "1e39"},
      {"float", "-1e-50"},
      {"unsignedByte", "8"},
      {"gYear", "1999"},
      {"date", "1999-01-01"},
      {"boolean", "1"},
      {"string", "8"},
      {"nonNegativeInteger", "100"},
      {"integer", "100000000000000000000000"},
      {"decimal", "0.0000000000000000001"},
  };
  const auto database = Filled("numbers", [&](kgstore::RecordSink* sink) {
    for (size_t i = 0; i < 40 * numbers.size(); ++i) {
      const auto& [type, text] = numbers[i % numbers.size()];
      Add(sink, Concat("e", i), "size", text, type);
      Add(sink, Concat("e", i), "kind", Concat("k", i % 2));
      Add(sink, Concat("e", i), "next", Concat("e", i + 1));
    }
  });
  int by_numbers = 0;
  for (const char* condition : {"? > 7",
                                "? >= 7",
                                "? < 8",
                                "7.25 < ?",
                                "? = 8",
                                "? > 7 && ? < 9",
                                "? <= 0",
                                "? >= 0.0",
                                "? > 0.1",
                                "? < 0.1",
                                "? >= 16777217",
                                "? < 16777217",
                                "? > 1e38",
                                "? > 9007199254740992",
                                "? > -3 && 100 > ?",
                                "? > 8 && ? < 7",
                                "? = 1e0",
                                "? < 0.00000000000000001",
                                "? > 7 || ? < 3",
                                "? > '7'",
                                "? > \"1998-01-01\"^^<http://www.w3.org/2001/XMLSchema#date>"}) {
    std::string direct, computed;
    for (const char c : std::string(condition)) {
      direct += c == '?' ? "?n" : std::string(1, c);
      computed += c == '?' ? "COALESCE(?n)" : std::string(1, c);
    }
    for (const std::string pattern :
         {"?e <size> ?n", "?e <size> ?n . ?e <kind> <k1> . ?e <next> ?f"}) {
      const auto text = [&](const std::string& filter) {
        return "SELECT ?e ?n { " + pattern + " FILTER(" + filter + ") }";
      };
      SCOPED_TRACE(text(direct));
      std::string plan, other_plan;
      auto got = RunText(*database, text(direct), {}, &plan);
      auto want = RunText(*database, text(computed), {}, &other_plan);
      ASSERT_TRUE(got.ok() && want.ok()) << got.status() << want.status();
      std::vector<std::string> got_rows, want_rows;
      for (const auto& row : got->rows) got_rows.push_back(TableText({false, false, {}, {row}}));
      for (const auto& row : want->rows) want_rows.push_back(TableText({false, false, {}, {row}}));
      std::sort(got_rows.begin(), got_rows.end());
      std::sort(want_rows.begin(), want_rows.end());
      EXPECT_EQ(got_rows, want_rows) << plan << other_plan;
      EXPECT_THAT(other_plan, Not(HasSubstr("by its numbers")));
      by_numbers += plan.find("by its numbers") != std::string::npos ? 1 : 0;
    }
  }
  EXPECT_GT(by_numbers, 15);
}

TEST(PatternExecutor, TupleSetsNumberDistinctTuples) {
  for (const size_t width : {size_t{1}, size_t{3}}) {
    TupleSet set(width);
    std::map<std::vector<Value>, size_t> want;
    const Rng rng(5, RngStream::kTest, width);
    std::vector<Value> tuple(width);
    // The first one grows beyond the size at which the table is split.
    const uint32_t adds = width == 1 ? 100000 : 10000;
    for (uint32_t i = 0; i < adds; ++i) {
      for (size_t k = 0; k < width; ++k) tuple[k] = rng.Below(i * 3 + k, width == 1 ? 400000 : 20);
      bool is_new = false;
      const bool known = want.contains(tuple);
      ASSERT_EQ(set.Find(tuple), known ? want[tuple] : set.size());
      const size_t number = set.Add(tuple, &is_new);
      ASSERT_EQ(is_new, !known);
      ASSERT_EQ(want.emplace(tuple, want.size()).first->second, number);
      ASSERT_TRUE(std::equal(tuple.begin(), tuple.end(), set.Row(number).begin()));
    }
    EXPECT_EQ(set.size(), want.size());
    EXPECT_GT(set.size(), width == 1 ? 70000u : 4000u);
  }
  TupleSet empty(0);
  bool is_new = false;
  EXPECT_EQ(empty.Find({}), 0u);
  EXPECT_EQ(empty.Add({}, &is_new), 0u);
  EXPECT_TRUE(is_new);
  EXPECT_EQ(empty.Add({}, &is_new), 0u);
  EXPECT_FALSE(is_new);
}

TEST(PatternExecutor, TickingSortIsStableAndEnds) {
  const Rng rng(7, RngStream::kTest, 0);
  std::vector<std::pair<uint32_t, uint32_t>> values, want;
  for (uint32_t i = 0; i < 20000; ++i) values.emplace_back(rng.Below(i, 500), i);
  want = values;
  const auto less = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(want.begin(), want.end(), less);
  auto sorted = values;
  EXPECT_TRUE(TickingSort(&sorted, less, [] { return true; }));
  EXPECT_EQ(sorted, want);
  int ticks = 0;
  EXPECT_FALSE(TickingSort(&values, less, [&] { return ++ticks < 30000; }));
  EXPECT_EQ(ticks, 30000);
}

}  // namespace
}  // namespace undula::queries::pattern
