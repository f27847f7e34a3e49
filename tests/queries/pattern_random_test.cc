// Random patterns over random graphs: the executor against the naive evaluator. With the variable
// UNDULA_PATTERN_CASES set, the cases with their answers go into that file as lines of JSON, for
// bench/pattern_peers.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "kgstore/export_rdf.h"
#include "kgstore/importer.h"
#include "memory_world.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/result_format.h"
#include "undula/common.h"

namespace undula::queries::pattern {
namespace {

constexpr int kGraphs = 75;
constexpr int kQueries = 200;  // a graph

// Text of a random query. Variables are few, so that parts share them in all ways.
class Generator {
 public:
  explicit Generator(const Rng& rng) : rng_(rng) {}

  std::string Query() {
    std::string head;
    switch (Below(6)) {
      case 0:
        return "ASK " + Group(0);
      case 1:
        head = "SELECT DISTINCT " + Variables();
        break;
      case 2:
        head = "SELECT " + Variables();
        break;
      case 3: {
        const std::string key = Variable();
        return "SELECT " + key + " (COUNT(" + (Below(2) ? "DISTINCT " : "") + Variable() +
               ") AS ?n) (MAX(" + Variable() + ") AS ?m) " + Group(0) + " GROUP BY " + key +
               (Below(3) == 0 ? " HAVING (COUNT(*) > 1)" : "");
      }
      default:
        head = "SELECT *";
    }
    return head + " " + Group(0);
  }

 private:
  uint32_t Below(uint32_t n) { return rng_.Below(draws_++, n); }
  std::string Variable() { return std::string("?") + static_cast<char>('a' + Below(5)); }
  std::string Variables() {
    std::string out = Variable();
    std::string more = Variable();
    return more == out ? out : out + " " + more;
  }
  std::string Entity() { return Concat("<e", Below(6), ">"); }
  std::string Relation() { return Concat("<r", Below(3), ">"); }
  std::string Literal() { return Below(3) == 0 ? Concat("'t", Below(3), "'") : Concat(Below(5)); }
  std::string Head() { return Below(4) == 0 ? Entity() : Variable(); }
  std::string Tail() {
    const uint32_t kind = Below(8);
    return kind == 0 ? Entity() : kind == 1 ? Literal() : Variable();
  }
  std::string Path(int depth) {
    switch (depth > 1 ? 9 : Below(10)) {
      case 0:
        return Path(depth + 1) + "/" + Path(depth + 1);
      case 1:
        return "(" + Path(depth + 1) + "|" + Path(depth + 1) + ")";
      case 2:
        return "^(" + Path(depth + 1) + ")";
      case 3:
        return "(" + Path(depth + 1) + ")*";
      case 4:
        return "(" + Path(depth + 1) + ")+";
      case 5:
        return "(" + Path(depth + 1) + ")?";
      case 6:
        return "!(" + Relation() + "|^" + Relation() + ")";
      default:
        return Relation();
    }
  }
  std::string Verb() {
    const uint32_t kind = Below(12);
    return kind == 0 ? Variable() : kind <= 2 ? Path(0) : Relation();
  }
  std::string Triples() {
    std::string out;
    for (uint32_t i = 0; i <= Below(3); ++i) out += Head() + " " + Verb() + " " + Tail() + " . ";
    return out;
  }
  std::string Condition(int depth) {
    switch (Below(depth < 2 ? 9 : 7)) {
      case 0:
        return "bound(" + Variable() + ")";
      case 1:
        return Variable() + " = " + Variable();
      case 2:
        return Variable() + " > " + Concat(Below(5));
      case 3:
        return Variable() + " != " + Variable();
      case 4:
        return "(!bound(" + Variable() + ") || " + Variable() + " < 3)";
      case 5:
        return "isIRI(" + Variable() + ") && " + Variable() + " != " + Entity();
      case 6:
        return Variable() + " IN (" + Literal() + ", " + Entity() + ", " + Variable() + ")";
      case 7:
        return "EXISTS { " + Triples() + (Below(2) ? "FILTER(" + Condition(2) + ")" : "") + " }";
      default:
        return "NOT EXISTS { " + Triples() + " }";
    }
  }
  std::string Group(int depth) {
    std::string out = "{ ";
    if (Below(8) != 0) out += Triples();
    for (uint32_t i = 0, n = Below(3); i < n; ++i) {
      switch (Below(depth < 2 ? 10 : 3)) {
        case 0:
          out += "FILTER(" + Condition(depth) + ") ";
          break;
        case 1:
          out += "VALUES (" + Variable() + ") { (" + Entity() + ") (UNDEF) (" + Literal() + ") } ";
          break;
        case 2:
          out +=
              "BIND(" + (Below(2) ? Variable() : Variable() + " + 1") + " AS " + Variable() + ") ";
          break;
        case 3:
        case 4:
          out += "OPTIONAL " + Group(depth + 1) + " ";
          break;
        case 5:
          out += Group(depth + 1) + " UNION " + Group(depth + 1) + " ";
          break;
        case 6:
          out += "MINUS " + Group(depth + 1) + " ";
          break;
        case 7:
          out += "GRAPH " + (Below(3) ? Variable() : Concat("<g", Below(2), ">")) + " " +
                 Group(depth + 1) + " ";
          break;
        case 8: {
          const std::string key = Variable();
          out += Below(2) ? "{ SELECT DISTINCT " + Variables() + " " + Group(depth + 1) + " } "
                          : "{ SELECT " + key + " (COUNT(*) AS ?n) " + Group(depth + 1) +
                                " GROUP BY " + key + " } ";
          break;
        }
        default:
          out += Group(depth + 1) + " ";
      }
      if (Below(4) == 0) out += Triples();
    }
    return out + "}";
  }

  Rng rng_;
  uint64_t draws_ = 0;
};

void FillGraph(const Rng& rng, kgstore::RecordSink* sink) {
  using kgstore::Term;
  uint64_t draws = 0;
  const auto below = [&](uint32_t n) { return rng.Below(draws++, n); };
  const uint32_t triples = 5 + below(40);
  const bool graphs = below(2) == 0;
  for (uint32_t i = 0; i < triples; ++i) {
    const std::string head = Concat("e", below(6)), relation = Concat("r", below(3));
    std::string tail, graph = Concat("g", below(2));
    Term t;
    const uint32_t kind = below(6);
    if (kind == 0) {
      tail = Concat(below(5));
      t = {kgstore::TermKind::kLiteral, tail, "http://www.w3.org/2001/XMLSchema#integer", ""};
    } else if (kind == 1) {
      tail = Concat("t", below(3));
      t = {kgstore::TermKind::kLiteral, tail, "", ""};
    } else {
      tail = below(20) == 0 ? Concat("r", below(3)) : Concat("e", below(6));
      t = {kgstore::TermKind::kIri, tail, "", ""};
    }
    const Term h = {kgstore::TermKind::kIri, head, "", ""};
    const Term r = {kgstore::TermKind::kIri, relation, "", ""};
    const Term g = {kgstore::TermKind::kIri, graph, "", ""};
    const bool named = graphs && below(3) == 0;
    ASSERT_TRUE((named ? sink->AddQuad(h, r, t, g) : sink->AddTriple(h, r, t)).ok());
    if (named && below(3) == 0) {
      ASSERT_TRUE(sink->AddTriple(h, r, t).ok());
    }
  }
}

std::string Sorted(const ResultTable& table) {
  if (table.is_ask) return table.answer ? "true" : "false";
  std::vector<std::string> rows;
  for (const auto& row : table.rows) rows.push_back(TableText({false, false, {}, {row}}));
  std::sort(rows.begin(), rows.end());
  std::string out;
  for (const std::string& row : rows) out += row;
  return out;
}

// The graph, or a query with its answer, as a line of JSON.
std::string GraphLine(const kgstore::Database& database) {
  std::string quads;
  const auto view = database.Read();
  EXPECT_TRUE(view.ok());
  EXPECT_TRUE(kgstore::ExportRdf(
                  *view, kgstore::RdfOutput::kNQuads,
                  [&](std::string_view text) {
                    quads += text;
                    return absl::OkStatus();
                  },
                  nullptr)
                  .ok());
  return Concat("{\"quads\": ", JsonQuote(quads), "}\n");
}

std::string QueryLine(const std::string& text, const ResultTable& table) {
  std::string json;
  ResultWriter writer(ResultFormat::kJson, table.columns, &json);
  if (table.is_ask) {
    writer.Answer(table.answer);
  } else {
    writer.Begin();
    for (const auto& row : table.rows) writer.Row(row);
    writer.End();
  }
  return Concat("{\"query\": ", JsonQuote(text), ", \"result\": ", JsonQuote(json), "}\n");
}

TEST(PatternRandom, ExecutorEqualsNaiveEvaluator) {
  int compared = 0, empty = 0;
  const char* const cases = std::getenv("UNDULA_PATTERN_CASES");
  std::ofstream file;
  if (cases != nullptr) file.open(cases, std::ios::binary);
  for (uint32_t g = 0; g < kGraphs; ++g) {
    MemoryTerms terms;
    MemoryGraph graph;
    MemorySink sink(&terms, &graph);
    FillGraph(Rng(1, RngStream::kTest, g), &sink);
    const auto database = NewDatabase(Concat("random", g));
    ASSERT_TRUE(database.ok()) << database.status();
    const auto importer = kgstore::Importer::Begin(**database);
    ASSERT_TRUE(importer.ok()) << importer.status();
    FillGraph(Rng(1, RngStream::kTest, g), importer->get());
    ASSERT_TRUE((*importer)->Commit().ok());
    if (cases != nullptr) file << GraphLine(**database);
    for (uint32_t q = 0; q < kQueries; ++q) {
      const std::string text = Generator(Rng(2, RngStream::kTest, g * kQueries + q)).Query();
      const auto query = ParseQuery(text);
      if (!query.ok()) continue;  // BIND to a variable that has a value
      SCOPED_TRACE(Concat("graph ", g, " query ", q, ": ", text));
      const auto want = RunNaively(*query, graph, &terms);
      std::string explained;
      const auto got = RunStored(*query, **database, &explained);
      ASSERT_TRUE(want.ok() && got.ok()) << want.status() << got.status();
      ASSERT_EQ(Sorted(*got), Sorted(*want)) << explained;
      const auto kept = RunStored(*query, **database, &explained, {}, true);
      ASSERT_TRUE(kept.ok()) << kept.status();
      ASSERT_EQ(Sorted(*kept), Sorted(*want)) << "with kept tails " << explained;
      if (cases != nullptr) file << QueryLine(text, *got);
      ++compared;
      empty += want->rows.empty();
    }
  }
  EXPECT_GT(compared, 10000);
  RecordProperty("compared", compared);
  RecordProperty("empty", empty);
}

}  // namespace
}  // namespace undula::queries::pattern
