// The folders tests/data/tables/{good,lax,bad,big} and what no file can show.
#include "kgstore/table_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/status.h"
#include "read_support.h"

namespace undula::kgstore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TableOptions Skip() {
  TableOptions options;
  options.on_error = OnError::kSkip;
  return options;
}

Schema Format(const std::string& name) {
  auto schema = FindSchema(name);
  EXPECT_TRUE(schema.ok()) << schema.status();
  return schema.ok() ? *schema : Schema{};
}

void ExpectRecords(const std::string& folder) {
  for (const auto& row : ReadManifest(DataPath(Concat("tables/", folder, "/manifest.tsv")))) {
    SCOPED_TRACE(row.at(0));
    RecordingSink sink;
    const auto report = ReadTable(DataPath(Concat("tables/", folder, '/', row.at(0))),
                                  Format(row.at(1)), {}, sink, nullptr);
    ASSERT_TRUE(report.ok()) << report.status();
    std::string records;
    for (const std::string& record : sink.records) records += record + "\n";
    EXPECT_EQ(records, ReadFile(DataPath(Concat("tables/", folder, '/', row.at(2)))));
    EXPECT_EQ(report->records, static_cast<int64_t>(sink.records.size()));
  }
}

TEST(ReadTableTest, GoodFiles) { ExpectRecords("good"); }
TEST(ReadTableTest, LaxFiles) { ExpectRecords("lax"); }

TEST(ReadTableTest, BadFiles) {
  for (const auto& row : ReadManifest(DataPath("tables/bad/manifest.tsv"))) {
    SCOPED_TRACE(row.at(0));
    const std::string path = DataPath("tables/bad/" + row.at(0));
    RecordingSink stopped;
    const auto stop = ReadTable(path, Format(row.at(1)), {}, stopped, nullptr);
    EXPECT_EQ(stop.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(Message(stop.status())),
                StartsWith(Concat(path, ':', row.at(2), ':', row.at(3), ": ")));
    EXPECT_THAT(std::string(Message(stop.status())), HasSubstr(row.at(6)));

    RecordingSink sink;
    const auto skip = ReadTable(path, Format(row.at(1)), Skip(), sink, nullptr);
    EXPECT_EQ(std::to_string(sink.records.size()), row.at(4));
    if (row.at(4) == "0") {
      EXPECT_THAT(std::string(Message(skip.status())), HasSubstr("no records; all " + row.at(5)));
      continue;
    }
    ASSERT_TRUE(skip.ok()) << skip.status();
    EXPECT_EQ(std::to_string(skip->skipped), row.at(5));
    ASSERT_FALSE(skip->errors.empty());
    EXPECT_EQ(std::to_string(skip->errors[0].line), row.at(2));
  }
}

std::string Unescape(std::string text) {
  for (const auto& [from, to] : {std::pair{"\\t", "\t"}, std::pair{"\\n", "\n"}}) {
    for (size_t at; (at = text.find(from)) != text.npos;) text.replace(at, 2, to);
  }
  return text;
}

TEST(ReadTableTest, BigFilesPlainAndCompressed) {
  for (const auto& row : ReadManifest(DataPath("tables/big/manifest.tsv"))) {
    const int64_t rows = std::stoll(row.at(3));
    std::string text = ReadFile(DataPath("tables/big/" + row.at(0)));
    for (int64_t i = 0; i < rows; ++i) text += Unescape(row.at(2)) + "\n";
    for (const std::string codec : {"", "gz", "zst"}) {
      SCOPED_TRACE(row.at(0) + codec);
      CountingSink sink;
      const std::string path =
          WriteFile(row.at(0) + codec, codec.empty() ? text : Compress(text, codec));
      const auto report = ReadTable(path, Format(row.at(1)), {}, sink, nullptr);
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_EQ(report->records, rows);
      EXPECT_EQ(sink.interactions, rows);
      EXPECT_EQ(sink.timed, rows);
      EXPECT_EQ(sink.weight_sum, 4.5 * static_cast<double>(rows));
    }
  }
}

TEST(ReadTableTest, MissingColumnListsTheHeader) {
  RecordingSink sink;
  const std::string path = WriteFile("x.csv", "usr,item,rating\n1,2,3\n");
  for (const TableOptions& options : {TableOptions{}, Skip()}) {
    const auto report = ReadTable(path, Format("csv"), options, sink, nullptr);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(Message(report.status()),
              path +
                  ":1:1: the header has no column 'user' (user); did you mean 'usr'? It has: "
                  "usr, item, rating (format csv, fields separated by ',')");
  }
  const std::string twice = WriteFile("y.csv", "user,item,user\n1,2,3\n");
  EXPECT_THAT(std::string(Message(ReadTable(twice, Format("csv"), {}, sink, nullptr).status())),
              HasSubstr("column 'user' twice"));
}

TEST(ReadTableTest, FilesWithoutRows) {
  RecordingSink sink;
  for (const char* text : {"", "\n\n", "user,item\n", "user,item"}) {
    const std::string path = WriteFile("x.csv", text);
    const auto report = ReadTable(path, Format("csv"), {}, sink, nullptr);
    if (std::string(text) == "\n\n") {  // an empty header
      EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound);
      continue;
    }
    EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(Message(report.status()), path + ": no records in the file (format csv)");
    TableOptions options;
    options.allow_empty = true;
    EXPECT_TRUE(ReadTable(path, Format("csv"), options, sink, nullptr).ok());
  }
}

TEST(ReadTableTest, LongRowsAreSkippedWhole) {
  const std::string text = Concat("1 2 3\n4 5 ", std::string(3 << 20, '6'), "\n7 8 9\n");
  const std::string path = WriteFile("kg_final.txt", text);
  RecordingSink sink;
  const auto report = ReadTable(path, Format("kg-final"), Skip(), sink, nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(sink.records, ElementsAre("<1> <2> <3> .", "<7> <8> <9> ."));
  ASSERT_EQ(report->errors.size(), 1u);
  EXPECT_EQ(report->errors[0].line, 2);
  EXPECT_THAT(report->errors[0].message, HasSubstr("longer than 1 MiB"));
}

TEST(ReadTableTest, QuoteOpenForMoreThanAMebibyteCostsOneRow) {
  std::string text = "user,item\nu,\"i\n";
  const int rows = 300000;
  for (int i = 0; i < rows; ++i) text += "user,item\n";
  RecordingSink sink;
  const auto report = ReadTable(WriteFile("x.csv", text), Format("csv"), Skip(), sink, nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, rows);
  EXPECT_EQ(report->skipped, 1);
}

TEST(ReadTableTest, SeparatorOption) {
  RecordingSink sink;
  TableOptions options;
  options.separator = ";";
  ASSERT_TRUE(
      ReadTable(WriteFile("x.csv", "user;item\n\"a;b\";c\n"), Format("csv"), options, sink, nullptr)
          .ok());
  EXPECT_THAT(sink.records, ElementsAre("a;b|c|1|0"));
  options.separator = "::";
  EXPECT_EQ(ReadTable(WriteFile("x.csv", "user;item\n"), Format("csv"), options, sink, nullptr)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ReadTableTest, OwnSchema) {
  const auto schema = ParseSchema(R"([format]
name = "own"
kind = "interactions"
separator = "|"
header = "skip"
skip_lines = 2
[columns]
user = 2
item = 0
time = 1
[values]
time_unit = "iso8601"
weight_default = 0.5
)",
                                  "own.toml");
  ASSERT_TRUE(schema.ok()) << schema.status();
  RecordingSink sink;
  const std::string path = WriteFile("x", "# one\n# two\nitem|date|user\ni|1970-01-02|u\n");
  ASSERT_TRUE(ReadTable(path, *schema, {}, sink, nullptr).ok());
  EXPECT_THAT(sink.records, ElementsAre("u|i|0.5|86400"));
}

TEST(ReadTableTest, SinkErrorsAndCancel) {
  const std::string path = WriteFile("x.csv", "user,item\na,b\nc,d\n");
  RecordingSink sink;
  sink.fail_at = 1;
  EXPECT_EQ(ReadTable(path, Format("csv"), Skip(), sink, nullptr).status().code(),
            absl::StatusCode::kResourceExhausted);
  Progress progress;
  progress.Cancel();
  EXPECT_EQ(ReadTable(path, Format("csv"), Skip(), sink, &progress).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace undula::kgstore
