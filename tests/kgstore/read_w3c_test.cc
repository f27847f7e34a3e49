// The W3C RDF 1.1 suites of N-Triples, N-Quads, Turtle and TriG. Known deviations stand with their
// reason in tests/data/rdf/w3c_deviations.tsv; a test that is listed there and passes is a failure,
// too.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/rdf_reader.h"
#include "read_support.h"
#include "shared_path.h"

namespace undula::kgstore {
namespace {

constexpr char kTestManifest[] = "<http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#";
constexpr char kRdfType[] = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>";
constexpr char kRdfTest[] = "<http://www.w3.org/ns/rdftest#";

struct W3cTest {
  std::string type, action, result;
};

// `graph` is empty for the default graph.
struct Triple {
  std::string head, relation, tail, graph;
};

// Keeps terms apart, so that literals with spaces stay whole.
class TripleSink : public RecordingSink {
 public:
  absl::Status AddTriple(const Term& head, const Term& relation, const Term& tail) override {
    triples.push_back({TermText(head), TermText(relation), TermText(tail), ""});
    return absl::OkStatus();
  }
  absl::Status AddQuad(const Term& head, const Term& relation, const Term& tail,
                       const Term& graph) override {
    triples.push_back({TermText(head), TermText(relation), TermText(tail), TermText(graph)});
    return absl::OkStatus();
  }
  std::vector<Triple> triples;
};

bool IsBlank(const std::string& term) { return term.compare(0, 2, "_:") == 0; }

// The triples with every blank node replaced by what is known of its neighbourhood after some
// rounds, as a sorted list: equal lists for isomorphic graphs, different ones for graphs that
// differ by more than a symmetry.
std::vector<std::string> Canonical(const std::vector<Triple>& all) {
  const auto less = [](const Triple& a, const Triple& b) {
    return std::tie(a.head, a.relation, a.tail, a.graph) <
           std::tie(b.head, b.relation, b.tail, b.graph);
  };
  const std::set<Triple, decltype(less)> triples(all.begin(), all.end(), less);
  std::map<std::string, std::string> color;
  for (const Triple& t : triples) {
    for (const std::string& term : {t.head, t.tail, t.graph}) {
      if (IsBlank(term)) color[term] = "_";
    }
  }
  const auto text = [&](const std::string& term) { return IsBlank(term) ? color[term] : term; };
  const size_t rounds = color.size() + 1;
  for (size_t round = 0; round < rounds; ++round) {
    std::map<std::string, std::vector<std::string>> seen;
    for (const Triple& t : triples) {
      const std::string graph = text(t.graph);
      if (IsBlank(t.head)) seen[t.head].push_back(Concat("out", t.relation, text(t.tail), graph));
      if (IsBlank(t.tail)) seen[t.tail].push_back(Concat("in", t.relation, text(t.head), graph));
      if (IsBlank(t.graph)) {
        seen[t.graph].push_back(Concat("graph", text(t.head), t.relation, text(t.tail)));
      }
    }
    for (auto& [term, facts] : seen) {
      std::sort(facts.begin(), facts.end());
      std::string joined = color[term];
      for (const std::string& fact : facts) joined += fact;
      seen[term] = {Concat("_#", std::hash<std::string>()(joined))};
    }
    for (const auto& [term, facts] : seen) color[term] = facts[0];
  }
  std::vector<std::string> lines;
  for (const Triple& t : triples) {
    lines.push_back(Concat(text(t.head), ' ', t.relation, ' ', text(t.tail), ' ', text(t.graph)));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

class W3cSuite {
 public:
  explicit W3cSuite(const std::string& archive, const std::string& suite) : suite_(suite) {
    directory_ = TestDirectory();
    for (const auto& [name, content] : ReadTar(archive)) {
      const std::filesystem::path path = directory_ + "/" + name;
      std::filesystem::create_directories(path.parent_path());
      if (!content.empty() || name.back() != '/') WriteFile(name, content);
    }
    base_ = "https://w3c.github.io/rdf-tests/rdf/rdf11/" + suite + "/";
    ReadEntries();
    for (const auto& row : ReadManifest(DataPath("rdf/w3c_deviations.tsv"))) {
      if (row.at(0) == suite) deviations_[row.at(1)] = row.at(2);
    }
  }

  size_t size() const { return tests_.size(); }

  void Run() {
    for (const auto& [name, test] : tests_) {
      const std::string failure = Check(test);
      const bool listed = deviations_.count(name) != 0;
      if (listed) {
        EXPECT_FALSE(failure.empty()) << name << " passes but is listed as a deviation";
      } else {
        EXPECT_TRUE(failure.empty()) << name << ": " << failure;
      }
    }
    for (const auto& [name, reason] : deviations_) {
      EXPECT_EQ(tests_.count(name), 1u) << name << " is listed as a deviation and does not exist";
      EXPECT_FALSE(reason.empty()) << name;
    }
  }

 private:
  std::string File(const std::string& name) const {
    return Concat(directory_, "/w3c-rdf11/", suite_, '/', name);
  }

  absl::StatusOr<std::vector<Triple>> Read(const std::string& name) const {
    TripleSink sink;
    RdfOptions options;
    options.base_iri = base_ + name;
    options.allow_empty = true;
    const auto report = ReadRdf(File(name), options, sink, nullptr);
    if (!report.ok()) return report.status();
    return sink.triples;
  }

  void ReadEntries() {
    const auto manifest = Read("manifest.ttl");
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    const auto local = [&](const std::string& iri) {
      return iri.substr(base_.size() + 1, iri.size() - base_.size() - 2);
    };
    const auto id = [](const std::string& iri) {
      return iri.substr(iri.find('#') + 1, iri.size() - iri.find('#') - 2);
    };
    for (const Triple& t : *manifest) {
      if (t.relation == kRdfType && t.tail.find(kRdfTest) == 0) {
        tests_[id(t.head)].type = t.tail.substr(sizeof kRdfTest - 1);
      } else if (t.relation == Concat(kTestManifest, "action>")) {
        tests_[id(t.head)].action = local(t.tail);
      } else if (t.relation == Concat(kTestManifest, "result>")) {
        tests_[id(t.head)].result = local(t.tail);
      }
    }
  }

  // Empty where the reader does what the test asks.
  std::string Check(const W3cTest& test) const {
    const auto triples = Read(test.action);
    if (test.type.find("Negative") != test.type.npos) {
      if (!triples.ok()) {
        return triples.status().code() == absl::StatusCode::kInvalidArgument
                   ? ""
                   : triples.status().ToString();
      }
      return "bad syntax was accepted";
    }
    if (!triples.ok()) return triples.status().ToString();
    if (test.result.empty()) return "";
    const auto expected = Read(test.result);
    if (!expected.ok()) return Concat("expected result: ", Message(expected.status()));
    if (Canonical(*triples) == Canonical(*expected)) return "";
    std::string difference = "other triples than expected; got:";
    for (const std::string& line : Canonical(*triples)) difference += Concat("\n  ", line);
    for (const std::string& line : Canonical(*expected)) difference += Concat("\n  want ", line);
    return difference;
  }

  std::string suite_, directory_, base_;
  std::map<std::string, W3cTest> tests_;
  std::map<std::string, std::string> deviations_;
};

void RunSuite(const char* name, size_t tests) {
  const std::string archive = SharedPath("data/rdf/w3c-rdf11-tests.tar.xz");
  if (archive.empty()) GTEST_SKIP() << "no data/rdf/w3c-rdf11-tests.tar.xz in UNDULA_SHARED";
  W3cSuite suite(archive, name);
  EXPECT_EQ(suite.size(), tests);
  suite.Run();
}

TEST(W3cTest, NTriples) { RunSuite("rdf-n-triples", 70); }
TEST(W3cTest, NQuads) { RunSuite("rdf-n-quads", 87); }
TEST(W3cTest, Turtle) { RunSuite("rdf-turtle", 313); }
TEST(W3cTest, TriG) { RunSuite("rdf-trig", 356); }

}  // namespace
}  // namespace undula::kgstore
