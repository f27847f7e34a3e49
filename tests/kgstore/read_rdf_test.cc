// The folders tests/data/rdf/{good,lax,bad,big} and what no file can show.
#include "kgstore/rdf_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/status.h"
#include "read_support.h"

namespace undula::kgstore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

RdfOptions Skip() {
  RdfOptions options;
  options.on_error = OnError::kSkip;
  options.allow_empty = true;
  return options;
}

void ExpectRecords(const std::string& folder) {
  for (const auto& row : ReadManifest(DataPath(Concat("rdf/", folder, "/manifest.tsv")))) {
    SCOPED_TRACE(row.at(0));
    RecordingSink sink;
    const auto report =
        ReadRdf(DataPath(Concat("rdf/", folder, '/', row.at(0))), {}, sink, nullptr);
    ASSERT_TRUE(report.ok()) << report.status();
    std::string records;
    for (const std::string& record : sink.records) records += record + "\n";
    EXPECT_EQ(records, ReadFile(DataPath(Concat("rdf/", folder, '/', row.at(1)))));
    EXPECT_EQ(report->records, static_cast<int64_t>(sink.records.size()));
    EXPECT_EQ(report->skipped, 0);
  }
}

TEST(ReadRdfTest, GoodFiles) { ExpectRecords("good"); }
TEST(ReadRdfTest, LaxFiles) { ExpectRecords("lax"); }

TEST(ReadRdfTest, BadFilesStop) {
  for (const auto& row : ReadManifest(DataPath("rdf/bad/manifest.tsv"))) {
    SCOPED_TRACE(row.at(0));
    const std::string path = DataPath(Concat("rdf/bad/", row.at(0)));
    RecordingSink sink;
    const auto report = ReadRdf(path, {}, sink, nullptr);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
    const std::string message(Message(report.status()));
    EXPECT_THAT(message, StartsWith(Concat(path, ':', row.at(1), ':', row.at(2), ": ")));
    if (row.size() > 5) {
      EXPECT_THAT(message, HasSubstr(row.at(5)));
    }
  }
}

TEST(ReadRdfTest, BadFilesSkip) {
  for (const auto& row : ReadManifest(DataPath("rdf/bad/manifest.tsv"))) {
    SCOPED_TRACE(row.at(0));
    RecordingSink sink;
    const auto report = ReadRdf(DataPath(Concat("rdf/bad/", row.at(0))), Skip(), sink, nullptr);
    if (row.at(3) == "0") {  // nothing is left: an error in either mode
      EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(Message(report.status())), HasSubstr("no triples; all"));
      continue;
    }
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(std::to_string(report->records), row.at(3));
    EXPECT_EQ(std::to_string(report->skipped), row.at(4));
    EXPECT_EQ(sink.records.size(), static_cast<size_t>(report->records));
    ASSERT_EQ(report->errors.size(), static_cast<size_t>(report->skipped));
    EXPECT_EQ(std::to_string(report->errors[0].line), row.at(1));
    EXPECT_EQ(std::to_string(report->errors[0].column), row.at(2));
  }
}

TEST(ReadRdfTest, BigFilesPlainAndCompressed) {
  for (const auto& row : ReadManifest(DataPath("rdf/big/manifest.tsv"))) {
    const std::string piece = ReadFile(DataPath("rdf/big/" + row.at(0)));
    std::string text;
    for (int i = 0; i < std::stoi(row.at(1)); ++i) text += piece;
    for (const std::string codec : {"", "gz", "bz2", "xz", "zst"}) {
      SCOPED_TRACE(row.at(0) + codec);
      const std::string path = codec.empty()
                                   ? WriteFile(row.at(0), text)
                                   : WriteFile(row.at(0) + "." + codec, Compress(text, codec));
      CountingSink sink;
      int64_t last = 0, total = 0;
      Progress progress([&](int64_t done, int64_t all, std::string_view) {
        EXPECT_GE(done, last);
        last = done;
        total = all;
      });
      const auto report = ReadRdf(path, {}, sink, &progress);
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_EQ(std::to_string(report->records), row.at(2));
      EXPECT_EQ(sink.triples, report->records);
      EXPECT_EQ(last, total);
      EXPECT_EQ(total, static_cast<int64_t>(ReadFile(path).size()));
    }
  }
}

TEST(ReadRdfTest, OneLargeLiteralAndOneLargeStatement) {
  const std::string large(3 << 20, 'x');
  std::string text = Concat("@prefix e: <http://e.org/> .\ne:s e:p \"", large, "\" ;\n e:q e:o0");
  for (int i = 1; i < 50000; ++i) text += Concat(",\n e:o", i);
  text += " .\n";
  RecordingSink sink;
  const auto report = ReadRdf(WriteFile("large.ttl", text), {}, sink, nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, 50001);
  EXPECT_EQ(sink.records[0], Concat("<http://e.org/s> <http://e.org/p> \"", large, "\" ."));
  EXPECT_EQ(sink.records.back(), "<http://e.org/s> <http://e.org/q> <http://e.org/o49999> .");
}

TEST(ReadRdfTest, StatementOf64MiBIsRefusedAndSkipped) {
  const std::string ok = "<http://e.org/s> <http://e.org/p> <http://e.org/o> .\n";
  const std::string text = Concat(ok, "<http://e.org/s> <http://e.org/p> \"\"\"",
                                  std::string(65 << 20, 'x'), "\"\"\" .\n", ok);
  const std::string path = WriteFile("huge.ttl", text);
  CountingSink sink;
  const auto stopped = ReadRdf(path, {}, sink, nullptr);
  EXPECT_THAT(std::string(Message(stopped.status())), StartsWith(path + ":1:53: "));
  EXPECT_THAT(std::string(Message(stopped.status())), HasSubstr("64 MiB"));
}

TEST(ReadRdfTest, DeepNestingIsRefusedNotACrash) {
  const std::string ok = "<http://e.org/s> <http://e.org/p> <http://e.org/o> .\n";
  const std::string open(100000, '(');
  const std::string text = Concat(ok, "<http://e.org/s> <http://e.org/p> ", open, " .\n", ok);
  CountingSink sink;
  const auto report = ReadRdf(WriteFile("deep.ttl", text), Skip(), sink, nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, 2);
  ASSERT_EQ(report->skipped, 1);
  EXPECT_THAT(report->errors[0].message, HasSubstr("nested deeper than 500"));
  EXPECT_EQ(report->errors[0].column, 35 + 500);

  std::string nested = "<http://e.org/s> <http://e.org/p> ";
  for (int i = 0; i < 500; ++i) nested += "( ";
  for (int i = 0; i < 500; ++i) nested += ") ";
  CountingSink deep;
  ASSERT_TRUE(ReadRdf(WriteFile("nested.ttl", nested + " ."), {}, deep, nullptr).ok());
  EXPECT_EQ(deep.triples, 1 + 2 * 499);
}

TEST(ReadRdfTest, BlankNodesOfFilesDiffer) {
  const std::string path = WriteFile("b.ttl", "_:b0 <http://e.org/p> [] .\n");
  RecordingSink sink;
  for (const int64_t ordinal : {0, 1}) {
    RdfOptions options;
    options.file_ordinal = ordinal;
    ASSERT_TRUE(ReadRdf(path, options, sink, nullptr).ok());
  }
  EXPECT_THAT(sink.records, ElementsAre("_:f0.b0 <http://e.org/p> _:f0-1 .",
                                        "_:f1.b0 <http://e.org/p> _:f1-1 ."));
}

TEST(ReadRdfTest, NamelessNodesStayApartAfterAnError) {
  const std::string text =
      "[] <http://e.org/p> 1 .\n[] <http://e.org/p> .\n[] <http://e.org/p> 2 .\n";
  RecordingSink sink;
  ASSERT_TRUE(ReadRdf(WriteFile("b.ttl", text), Skip(), sink, nullptr).ok());
  ASSERT_EQ(sink.records.size(), 2u);
  EXPECT_NE(sink.records[0].substr(0, 6), sink.records[1].substr(0, 6));
}

TEST(ReadRdfTest, FirstTwentyErrorsAreKept) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "<http://e.org/s> <http://e.org/p> \"x\" .\nbad line\n";
  CountingSink sink;
  const auto report = ReadRdf(WriteFile("b.nt", text), Skip(), sink, nullptr);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->records, 1000);
  EXPECT_EQ(report->skipped, 1000);
  ASSERT_EQ(report->errors.size(), 20u);
  EXPECT_EQ(report->errors[19].line, 40);
}

TEST(ReadRdfTest, SyntaxByNameOptionAndContent) {
  const std::string turtle = "@prefix e: <http://e.org/> . e:s e:p e:o .\n";
  RecordingSink sink;
  EXPECT_TRUE(ReadRdf(WriteFile("a.ttl", turtle), {}, sink, nullptr).ok());
  EXPECT_TRUE(ReadRdf(WriteFile("without_extension", turtle), {}, sink, nullptr).ok());
  EXPECT_TRUE(ReadRdf(WriteFile("a.ttl.gz", Compress(turtle, "gz")), {}, sink, nullptr).ok());
  EXPECT_FALSE(ReadRdf(WriteFile("a.nt", turtle), {}, sink, nullptr).ok());
  RdfOptions options;
  options.syntax = RdfSyntax::kTurtle;
  EXPECT_TRUE(ReadRdf(WriteFile("a.nt", turtle), options, sink, nullptr).ok());
  options.syntax = RdfSyntax::kNTriples;
  EXPECT_FALSE(ReadRdf(WriteFile("a.ttl", turtle), options, sink, nullptr).ok());
}

TEST(ReadRdfTest, OtherSyntaxesAreNamed) {
  RecordingSink sink;
  for (const char* name : {"a.rdf", "a.owl.gz", "a.jsonld"}) {
    const auto report = ReadRdf(WriteFile(name, "x"), {}, sink, nullptr);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kUnimplemented) << name;
  }
  for (const char* text : {"<?xml version=\"1.0\"?>\n<rdf:RDF/>", " \n<rdf:RDF>", "{\"@id\": 1}"}) {
    const auto report = ReadRdf(WriteFile("a.ttl", text), {}, sink, nullptr);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kUnimplemented) << text;
  }
}

TEST(ReadRdfTest, BinaryGarbageIsAnErrorWithAPosition) {
  std::string garbage;
  uint32_t state = 1;
  for (int i = 0; i < 300000; ++i) {
    state = state * 1664525u + 1013904223u;
    garbage += static_cast<char>(state >> 24);
  }
  for (const char* name : {"garbage.ttl", "garbage.nt"}) {
    const std::string path = WriteFile(name, garbage);
    RecordingSink sink;
    const auto stopped = ReadRdf(path, {}, sink, nullptr);
    EXPECT_EQ(stopped.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(Message(stopped.status())), StartsWith(path + ":1:"));
    const auto skipped = ReadRdf(path, Skip(), sink, nullptr);
    EXPECT_EQ(skipped.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(sink.records.empty());
  }
}

TEST(ReadRdfTest, EmptyFilesAreErrorsUnlessAllowed) {
  for (const char* text : {"", "# only a comment\n", "@prefix e: <http://e.org/> .\n"}) {
    RecordingSink sink;
    const std::string path = WriteFile("empty.ttl", text);
    const auto report = ReadRdf(path, {}, sink, nullptr);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Message(report.status()), path + ": no triples in the file");
    RdfOptions options;
    options.allow_empty = true;
    EXPECT_TRUE(ReadRdf(path, options, sink, nullptr).ok());
  }
}

TEST(ReadRdfTest, BaseIriOption) {
  RecordingSink sink;
  RdfOptions options;
  options.base_iri = "http://e.org/d/f";
  ASSERT_TRUE(ReadRdf(WriteFile("a.ttl", "<s> <../p> <#o> ."), options, sink, nullptr).ok());
  EXPECT_THAT(sink.records,
              ElementsAre("<http://e.org/d/s> <http://e.org/p> <http://e.org/d/f#o> ."));
}

TEST(ReadRdfTest, SinkErrorsEndTheReadingEvenWithSkip) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "<http://e.org/s> <http://e.org/p> \"x\" .\n";
  for (const char* name : {"a.nt", "a.ttl"}) {
    RecordingSink sink;
    sink.fail_at = 3;
    const auto report = ReadRdf(WriteFile(name, text), Skip(), sink, nullptr);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(Message(report.status()), "disk full");
    EXPECT_EQ(sink.records.size(), 3u);
  }
}

TEST(ReadRdfTest, CancelledByProgress) {
  RecordingSink sink;
  Progress progress;
  progress.Cancel();
  const auto report = ReadRdf(WriteFile("a.nt", "<http://e.org/s> <http://e.org/p> \"x\" .\n"), {},
                              sink, &progress);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kCancelled);
}

// Bytes of good files changed at random: never a crash, a hang, or a count that does not add up.
TEST(ReadRdfTest, DamagedFilesAlwaysEnd) {
  uint32_t state = 7;
  const auto next = [&](uint32_t n) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
  };
  const std::string letters = "<>\"'\\.;,()[]{}@^_:#ab1 \n\xC3\xA9\xFF";
  for (const auto& row : ReadManifest(DataPath("rdf/good/manifest.tsv"))) {
    const std::string good = ReadFile(DataPath("rdf/good/" + row.at(0)));
    for (int trial = 0; trial < 150; ++trial) {
      std::string text = good;
      for (uint32_t i = 0; i <= next(3); ++i)
        text[next(text.size())] = letters[next(letters.size())];
      RecordingSink sink;
      const auto report = ReadRdf(WriteFile(row.at(0), text), Skip(), sink, nullptr);
      if (!report.ok()) {
        EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument) << report.status();
        EXPECT_TRUE(sink.records.empty());
      } else {
        EXPECT_EQ(report->records, static_cast<int64_t>(sink.records.size()));
      }
    }
  }
}

}  // namespace
}  // namespace undula::kgstore
