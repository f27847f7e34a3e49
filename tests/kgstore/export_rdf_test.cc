// import -> export -> import gives equal graphs: small cases, and every valid file of the W3C
// suites.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kgstore/export_rdf.h"
#include "kgstore/export_recbole.h"
#include "kgstore/importer.h"
#include "kgstore/rdf_reader.h"
#include "rdf_isomorphism.h"
#include "read_support.h"
#include "shared_path.h"

namespace undula::kgstore {
namespace {

using testing::HasSubstr;

class GraphSink : public RecordingSink {
 public:
  absl::Status AddTriple(const Term& head, const Term& relation, const Term& tail) override {
    graph.insert({TermText(head), TermText(relation), TermText(tail)});
    return absl::OkStatus();
  }
  // The graph's name stands with the relation; where it is a blank node, the statement is a node of
  // its own, so that isomorphism is that of the dataset.
  absl::Status AddQuad(const Term& head, const Term& relation, const Term& tail,
                       const Term& name) override {
    if (name.kind != TermKind::kBlank) {
      graph.insert({TermText(head), TermText(relation) + TermText(name), TermText(tail)});
      return absl::OkStatus();
    }
    const std::string statement =
        Concat("_:statement ", TermText(head), TermText(relation), TermText(tail), TermText(name));
    graph.insert({statement, "head", TermText(head)});
    graph.insert({statement, TermText(relation), TermText(tail)});
    graph.insert({statement, "graph", TermText(name)});
    return absl::OkStatus();
  }
  RdfGraph graph;
};

absl::StatusOr<RdfGraph> ReadGraph(const std::string& path, const std::string& base) {
  GraphSink sink;
  RdfOptions options;
  options.base_iri = base;
  options.allow_empty = true;
  UNDULA_RETURN_IF_ERROR(ReadRdf(path, options, sink, nullptr).status());
  return sink.graph;
}

std::unique_ptr<Database> ImportFile(const std::string& path, const std::string& base) {
  static int number = 0;
  OpenOptions options;
  options.mode = OpenMode::kCreate;
  options.map_bytes = uint64_t{64} << 20;
  options.threads = 1;
  const std::string file = Concat(TestDirectory(), "/export", ++number, ".undula");
  std::filesystem::remove(file);  // of an earlier run
  auto database = Database::Open(file, options);
  EXPECT_TRUE(database.ok()) << database.status();
  auto importer = Importer::Begin(**database, {"test", ""});
  EXPECT_TRUE(importer.ok()) << importer.status();
  RdfOptions rdf;
  rdf.base_iri = base;
  rdf.allow_empty = true;
  EXPECT_TRUE(ReadRdf(path, rdf, **importer, nullptr).ok());
  EXPECT_TRUE((*importer)->Commit().ok());
  return *std::move(database);
}

std::string Export(const Database& database, RdfOutput output) {
  std::string text;
  auto view = database.Read();
  EXPECT_TRUE(view.ok());
  const auto count = ExportRdf(
      *view, output,
      [&](std::string_view piece) {
        text += piece;
        return absl::OkStatus();
      },
      nullptr);
  EXPECT_TRUE(count.ok()) << count.status();
  return text;
}

using Outputs = std::vector<std::pair<RdfOutput, std::string>>;
const Outputs kOfTriples = {{RdfOutput::kNTriples, "again.nt"}, {RdfOutput::kTurtle, "again.ttl"}};
const Outputs kOfQuads = {{RdfOutput::kNQuads, "again.nq"}};

// What is wrong with the round trip of a valid file; empty where nothing is.
std::string RoundTrip(const std::string& path, const std::string& base,
                      const Outputs& outputs = kOfTriples) {
  const auto original = ReadGraph(path, base);
  if (!original.ok()) return "cannot be read";
  const auto database = ImportFile(path, base);
  for (const auto& [output, name] : outputs) {
    const std::string text = Export(*database, output);
    WriteFile(name, text);
    const auto again = ReadGraph(TestDirectory() + "/" + name, "");
    if (!again.ok()) return Concat(name, ": ", Message(again.status()), "\n", text);
    if (!Isomorphic(*original, *again)) return Concat(name, " differs:\n", text);
  }
  return "";
}

TEST(ExportRdf, Isomorphism) {
  const RdfGraph ring = {{"_:a", "<p>", "_:b"}, {"_:b", "<p>", "_:c"}, {"_:c", "<p>", "_:a"}};
  const RdfGraph same = {{"_:x", "<p>", "_:z"}, {"_:z", "<p>", "_:y"}, {"_:y", "<p>", "_:x"}};
  const RdfGraph loops = {{"_:a", "<p>", "_:a"}, {"_:b", "<p>", "_:b"}, {"_:c", "<p>", "_:c"}};
  EXPECT_TRUE(Isomorphic(ring, same));
  EXPECT_FALSE(Isomorphic(ring, loops));
  EXPECT_TRUE(Isomorphic(loops, loops));
  // Two rings of three and one of six look alike to color refinement alone.
  RdfGraph two = ring, six;
  for (const auto& [h, r, t] : same) two.insert({h, r, t});
  const char* nodes[] = {"_:1", "_:2", "_:3", "_:4", "_:5", "_:6"};
  for (int i = 0; i < 6; ++i) six.insert({nodes[i], "<p>", nodes[(i + 1) % 6]});
  EXPECT_FALSE(Isomorphic(two, six));
  EXPECT_TRUE(Isomorphic(six, six));
}

TEST(ExportRdf, FormsOfTurtle) {
  const std::string path = TestDirectory() + "/forms.ttl";
  WriteFile("forms.ttl",
            "@prefix a: <http://a/> . @prefix b: <http://b#> .\n"
            "a:s a b:T ; a:p a:o1, a:o2, 3, \"q\\\"\\\\\\n\\t\"@en-GB, \"\\u00e9\"^^a:d .\n"
            "a:o1 a:p [ a:p a:s ] . a:o2 a:p <http://a/odd%20name!> . a:o3 a:q a:s .\n");
  const auto database = ImportFile(path, "");
  const std::string turtle = Export(*database, RdfOutput::kTurtle);
  EXPECT_THAT(turtle, HasSubstr("@prefix ns"));
  EXPECT_THAT(turtle, HasSubstr(" a <http://b#T>"));
  EXPECT_THAT(turtle, HasSubstr(" ;\n    "));
  EXPECT_EQ(RoundTrip(path, ""), "");
}

TEST(ExportRdf, QuadsNameTheirGraphs) {
  OpenOptions options;
  options.mode = OpenMode::kCreate;
  const std::string file = TestDirectory() + "/quads.undula";
  std::filesystem::remove(file);  // of an earlier run
  auto database = Database::Open(file, options);
  ASSERT_TRUE(database.ok()) << database.status();
  auto importer = Importer::Begin(**database, {"test", ""});
  ASSERT_TRUE(importer.ok());
  const auto iri = [](std::string_view text) { return Term{TermKind::kIri, text, {}, {}}; };
  const Term text{TermKind::kLiteral, "x", {}, "en"};
  ASSERT_TRUE((*importer)->AddTriple(iri("http://s"), iri("http://p"), iri("http://o")).ok());
  ASSERT_TRUE((*importer)
                  ->AddQuad(iri("http://s"), iri("http://p"), iri("http://o"), iri("http://g"))
                  .ok());
  ASSERT_TRUE((*importer)->AddQuad(iri("http://s"), iri("http://p"), text, iri("http://g")).ok());
  ASSERT_TRUE((*importer)->Commit().ok());
  EXPECT_EQ(Export(**database, RdfOutput::kNQuads),
            "<http://s> <http://p> <http://o> <http://g> .\n"
            "<http://s> <http://p> <http://o> .\n"
            "<http://s> <http://p> \"x\"@en <http://g> .\n");
  EXPECT_EQ(Export(**database, RdfOutput::kNTriples),
            "<http://s> <http://p> <http://o> .\n<http://s> <http://p> \"x\"@en .\n");
}

TEST(ExportRecbole, AtomicFiles) {
  OpenOptions options;
  options.mode = OpenMode::kCreate;
  const std::string file = TestDirectory() + "/recbole.undula";
  std::filesystem::remove(file);  // of an earlier run
  auto database = Database::Open(file, options);
  ASSERT_TRUE(database.ok()) << database.status();
  auto importer = Importer::Begin(**database, {"test", ""});
  ASSERT_TRUE(importer.ok());
  const auto iri = [](std::string_view text) { return Term{TermKind::kIri, text, {}, {}}; };
  const ItemColumn columns[] = {{"title", "A\tB"}, {"year", "1979"}};
  ASSERT_TRUE((*importer)->AddTriple(iri("e1"), iri("r"), iri("e2")).ok());
  ASSERT_TRUE((*importer)->AddInteraction("u", "i", 0.1f, 7).ok());
  ASSERT_TRUE((*importer)->AddItem("i", columns).ok());
  ASSERT_TRUE((*importer)->AddItem("j", {}).ok());
  ASSERT_TRUE((*importer)->AddLink("i", "e1", 1, LinkMethod::kFile).ok());
  ASSERT_TRUE((*importer)->AddSocial("u", "v", 2).ok());
  ASSERT_TRUE((*importer)->Commit().ok());
  const auto view = (*database)->Read();
  ASSERT_TRUE(view.ok());
  const auto text = [&](std::string_view kind) {
    std::string out;
    const auto count = ExportRecbole(
        *view, kind,
        [&](std::string_view piece) {
          out += piece;
          return absl::OkStatus();
        },
        nullptr);
    return count.ok() ? out : std::string(Message(count.status()));
  };
  EXPECT_EQ(text("inter"),
            "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\ti\t0.1\t7\n");
  EXPECT_EQ(text("kg"), "head_id:token\trelation_id:token\ttail_id:token\ne1\tr\te2\n");
  EXPECT_EQ(text("link"), "item_id:token\tentity_id:token\ni\te1\n");
  EXPECT_EQ(text("item"), "item_id:token\ttitle:token_seq\tyear:token_seq\ni\tA B\t1979\nj\t\t\n");
  EXPECT_EQ(text("user"), "user_id:token\nu\nv\n");
  EXPECT_EQ(text("net"), "source_id:token\ttarget_id:token\tweight:float\nu\tv\t2\n");
  EXPECT_THAT(text("x"), HasSubstr("none of inter"));
}

TEST(ExportRdf, EveryValidFileOfTheSuites) {
  const std::string archive = SharedPath("data/rdf/w3c-rdf11-tests.tar.xz");
  if (archive.empty()) GTEST_SKIP() << "no shared data (UNDULA_SHARED)";
  struct Suite {
    std::string folder, extension, base;
    const Outputs& outputs;
    int files = 0;  // valid ones
  };
  Suite suites[] = {
      {"/rdf-n-triples/", ".nt", "http://www.w3.org/2013/TurtleTests/", kOfTriples},
      {"/rdf-turtle/", ".ttl", "http://www.w3.org/2013/TurtleTests/", kOfTriples},
      {"/rdf-n-quads/", ".nq", "http://www.w3.org/2013/N-QuadsTests/", kOfQuads},
      {"/rdf-trig/", ".trig", "http://www.w3.org/2013/TriGTests/", kOfQuads},
  };
  for (const auto& [name, content] : ReadTar(archive)) {
    for (Suite& suite : suites) {
      if (name.find(suite.folder) == std::string::npos || !name.ends_with(suite.extension))
        continue;
      const std::string file = std::filesystem::path(name).filename();
      WriteFile(file, content);
      const std::string path = TestDirectory() + "/" + file;
      if (!ReadGraph(path, suite.base + file).ok()) continue;  // a negative test
      ++suite.files;
      EXPECT_EQ(RoundTrip(path, suite.base + file, suite.outputs), "") << name;
    }
  }
  for (const Suite& suite : suites) EXPECT_GT(suite.files, 30) << suite.folder;
  EXPECT_GT(suites[0].files + suites[1].files, 200);
}

// The generator of the benchmarks' graphs, small.
TEST(ExportRdf, GeneratedGraph) {
  const std::string generator = SharedPath("data/gen_kg.py");
  if (generator.empty()) GTEST_SKIP() << "no shared data (UNDULA_SHARED)";
  const std::string out = TestDirectory() + "/generated";
  const std::string command =
      Concat("python3 '", generator, "' --triples 5000 --seed 7 --out '", out, "' >/dev/null 2>&1");
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "the generator does not run here";
  EXPECT_EQ(RoundTrip(out + ".nt", ""), "");
  EXPECT_EQ(RoundTrip(out + ".ttl", ""), "");
}

}  // namespace
}  // namespace undula::kgstore
