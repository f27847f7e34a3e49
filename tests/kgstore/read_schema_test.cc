#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/status.h"
#include "kgstore/schema.h"
#include "read_support.h"

namespace undula::kgstore {
namespace {

using testing::HasSubstr;

TEST(SchemaTest, EveryEmbeddedMapIsValid) {
  const auto schemas = EmbeddedSchemas();
  ASSERT_TRUE(schemas.ok()) << schemas.status();
  std::set<std::string> names;
  for (const Schema& schema : *schemas) {
    EXPECT_TRUE(names.insert(schema.name).second) << schema.name;
    EXPECT_FALSE(schema.description.empty()) << schema.name;
    EXPECT_EQ(FindSchema(schema.name)->name, schema.name);
  }
  for (const char* name : {"csv",
                           "tsv",
                           "movielens-ratings",
                           "recbole-inter",
                           "recbole-kg",
                           "recbole-link",
                           "kgcn-kg-txt",
                           "kg-final",
                           "ratings-final",
                           "item-index2entity-id",
                           "user-artists",
                           "recbole-user",
                           "recbole-net",
                           "movielens-csv-ratings",
                           "kb4rec",
                           "user-items",
                           "kgat-kg",
                           "mind-news",
                           "mind-behaviors",
                           "social-tsv"}) {
    EXPECT_EQ(names.count(name), 1u) << name;
  }
}

TEST(SchemaTest, Fields) {
  const auto movies = FindSchema("movielens-movies");
  ASSERT_TRUE(movies.ok()) << movies.status();
  EXPECT_EQ(movies->kind(), TableKind::kItems);
  EXPECT_EQ(movies->separator, "::");
  EXPECT_EQ(movies->quote, '\0');
  EXPECT_EQ(movies->encoding, TextEncoding::kLatin1);
  EXPECT_EQ(movies->header, HeaderMode::kNone);
  EXPECT_EQ(movies->records[0].columns.at("title").names[0], "1");
  const auto csv = FindSchema("csv");
  ASSERT_TRUE(csv.ok());
  EXPECT_EQ(csv->quote, '"');
  EXPECT_EQ(csv->header, HeaderMode::kNames);
  EXPECT_EQ(csv->files.size(), 2u);
  EXPECT_EQ(csv->records[0].time_unit, TimeUnit::kSeconds);
}

TEST(SchemaTest, UnknownNameNamesTheNearestAndAll) {
  const auto schema = FindSchema("movielens-rating");
  EXPECT_EQ(schema.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(schema.status())),
              HasSubstr("did you mean 'movielens-ratings'?"));
  EXPECT_THAT(std::string(Message(schema.status())), HasSubstr("recbole-inter"));
}

TEST(SchemaTest, FromAFile) {
  const std::string path = WriteFile("my.toml",
                                     "[format]\nname='my'\nkind='links'\n[columns]\nitem=1\n"
                                     "entity=0\n[values]\nmethod='manual'\n");
  const auto schema = FindSchema(path);
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(schema->records[0].method, LinkMethod::kManual);
  EXPECT_EQ(FindSchema("/nonexistent/x.toml").status().code(), absl::StatusCode::kNotFound);
}

TEST(SchemaTest, BadMaps) {
  const std::string format = "[format]\nname='x'\nkind='interactions'\n";
  const std::string columns = "[columns]\nuser=0\nitem=1\n";
  const std::pair<std::string, std::string> cases[] = {
      {"[format]\nkind='links'\n" + columns, "[format] name: is missing"},
      {"[format]\nname='x'\n" + columns, "[format] kind: is missing"},
      {"[format]\nname='x'\nkind='ratings'\n" + columns, "'ratings' is none of interactions"},
      {format + "seperator=','\n" + columns, "did you mean 'separator'?"},
      {format + "header='yes'\n" + columns, "none, skip, names, recbole"},
      {format + "separator=''\n" + columns, "separator"},
      {format + "quote='xy'\n" + columns, "one ASCII character"},
      {format + "separator='::'\nquote='\"'\n" + columns, "separator of one character"},
      {format + "skip_lines=-1\n" + columns, "skip_lines"},
      {format + columns + "[values]\nother_columns=true\n", "items"},
      {format + "[columns]\nuser=0\n", "[columns] item: is missing"},
      {format + columns + "titel=3\n", "unknown column"},
      {format + "[columns]\nuser='u'\nitem=1\n", "column number"},
      {format + columns + "[values]\ntime_unit='h'\n", "s, ms, iso8601"},
      {format + columns + "[values]\nweight_default='x'\n", "weight_default"},
      {format + columns + "[valeus]\n", "did you mean [values]?"},
      {format + "[columns]\nuser=0\nitem={column=1, prefx='a'}\n",
       "my.toml:6:17: column 'item': prefx: unknown key; did you mean 'prefix'?"},
      {format + "[columns]\nuser=0\nitem={prefix='a'}\n", "give one of column, value and count"},
      {format + "[columns]\nuser=0\nitem={column=1, value='a'}\n", "give one of"},
      {format + "[columns]\nuser=0\nitem={column=1, list=' ', rest=true}\n", "one of list, rest"},
      {format + "[columns]\nuser=0\nitem={value='a', list=' '}\n", "a constant is no list"},
      {format + "[columns]\nuser={column=0, list=' '}\nitem={column=1, list=' '}\n",
       "lists of one record must be of the same column"},
      {format + columns + "time={count='element'}\n", "no column of this record is a list"},
      {format + columns + "time={count='elements'}\n", "none, element, row"},
      {format + columns + "time={column=2, literal=true}\n", "is for tail only"},
      {format + columns + "time={column=2, optional='maybe'}\n", "expected true or false"},
      {format + columns + "time={column=2, names_file='x'}\n", "belong together"},
      {format + columns + "time={column=[2, [3]]}\n", "expected a list of texts"},
      {format + columns + "[record]\nkind='links'\n", "write [[record]]"},
      {format + columns + "[[record]]\n[record.columns]\nitem=0\n", "[[record]] kind: is missing"},
      {format + columns + "[[record]]\nkind='links'\n[record.columns]\nitem=0\n",
       "[record.columns] entity: is missing"},
      {format + columns + "[[record]]\nkind='links'\ncolums={item=0}\n", "did you mean 'columns'?"},
      {format + "name='y'\n" + columns, "my.toml:4"},
  };
  for (const auto& [text, message] : cases) {
    const auto schema = ParseSchema(text, "my.toml");
    EXPECT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(Message(schema.status())), HasSubstr(message)) << text;
    EXPECT_THAT(std::string(Message(schema.status())), HasSubstr("my.toml")) << text;
  }
}

std::string Detect(const std::string& name, std::string_view content) {
  const auto schema = DetectSchema(WriteFile(name, content));
  return schema.ok() ? schema->name : std::string(Message(schema.status()));
}

TEST(DetectSchemaTest, ByFileName) {
  EXPECT_EQ(Detect("ratings.dat", "1::2::3::4\n"), "movielens-ratings");
  EXPECT_EQ(Detect("ratings.dat.gz", Compress("1::2::3::4\n", "gz")), "movielens-ratings");
  EXPECT_EQ(Detect("kg_final.txt", "1\t2\t3\n"), "kg-final");
  EXPECT_EQ(Detect("kg.txt", "1\tr\t3\r\n"), "kgcn-kg-txt");
  EXPECT_EQ(Detect("my.inter", "user_id:token\titem_id:token\n"), "recbole-inter");
  EXPECT_EQ(Detect("u.data", "1\t2\t3\t4\n"), "movielens-100k");
  EXPECT_EQ(Detect("user_artists.dat", "userID\tartistID\tweight\n"), "user-artists");
  // A plain name goes before a pattern.
  EXPECT_EQ(Detect("interactions.tsv", "user\tmovie\tlike\ttimestamp\tsplit\n"),
            "movielens-1m-likes");
  // The header decides where several names fit.
  EXPECT_EQ(Detect("interactions.tsv", "user\titem\n"), "tsv");
}

TEST(DetectSchemaTest, ByHeaderAlone) {
  EXPECT_EQ(Detect("strange", "user,item,weight\n"), "csv");
  EXPECT_EQ(Detect("strange", "head\trelation\ttail\n"), "triples-tsv");
  EXPECT_EQ(Detect("strange", "item_id:token\tentity_id:token\n"), "recbole-link");
}

TEST(DetectSchemaTest, NothingFits) {
  EXPECT_THAT(Detect("strange", "x y z\n"), HasSubstr("no format fits"));
  EXPECT_THAT(Detect("strange", "x y z\n"), HasSubstr("movielens-ratings"));
  EXPECT_THAT(Detect("ratings.dat", "1,2,3,4\n"), HasSubstr("no format fits"));
  EXPECT_EQ(DetectSchema("/nonexistent/x").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace undula::kgstore
