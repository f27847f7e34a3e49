// Real files of UNDULA_SHARED: the counts of data/DATA.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/status.h"
#include "kgstore/rdf_reader.h"
#include "kgstore/table_reader.h"
#include "read_support.h"
#include "shared_path.h"

namespace undula::kgstore {
namespace {

using testing::HasSubstr;

struct RdfFile {
  const char* path;
  int64_t triples;
};
class RealRdfTest : public testing::TestWithParam<RdfFile> {};

TEST_P(RealRdfTest, Count) {
  const std::string path = SharedPath(GetParam().path);
  if (path.empty()) GTEST_SKIP() << "no " << GetParam().path << " in UNDULA_SHARED";
  CountingSink sink;
  const auto report = ReadRdf(path, {}, sink, nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, GetParam().triples);
  EXPECT_EQ(sink.triples, GetParam().triples);
}

INSTANTIATE_TEST_SUITE_P(
    All, RealRdfTest,
    testing::Values(RdfFile{"data/rdf/stardog-music/music.ttl.xz", 41099},
                    RdfFile{"data/rdf/stardog-music/dbpedia_music.ttl.xz", 18157},
                    RdfFile{"data/rdf/gmdb-movies/movies.nt.xz", 146570},
                    RdfFile{"data/rdf/neosemantics/dbpedia-fragment.ttl.xz", 25000},
                    RdfFile{"data/rdf/neosemantics/unesco-thesaurus.ttl.xz", 75172},
                    RdfFile{"data/dbpedia-lastfm/dbpedia.nt.xz", 110921},
                    RdfFile{"data/dbpedia-ml1m/dbpedia.nt.xz", 34941}));

TEST(RealRdfTest, TurtleReadAsNTriplesFailsAtItsFirstNumber) {
  const std::string path = SharedPath("data/rdf/stardog-music/dbpedia_music.ttl.xz");
  if (path.empty()) GTEST_SKIP() << "no stardog-music in UNDULA_SHARED";
  CountingSink sink;
  RdfOptions options;
  options.syntax = RdfSyntax::kNTriples;
  const auto report = ReadRdf(path, options, sink, nullptr);
  EXPECT_THAT(std::string(Message(report.status())), HasSubstr(path + ":10644:"));
}

TEST(RealRdfTest, TurtleStarAndRdfXmlAreRefused) {
  const std::string star = SharedPath("data/rdf/neosemantics/movies.ttls.xz");
  const std::string xml = SharedPath("data/rdf/gmdb-movies/films-2014.rdf.xz");
  if (star.empty() || xml.empty()) GTEST_SKIP() << "no data/rdf in UNDULA_SHARED";
  CountingSink sink;
  const auto report = ReadRdf(star, {}, sink, nullptr);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(report.status())), HasSubstr("Turtle-star is not supported"));
  EXPECT_EQ(ReadRdf(xml, {}, sink, nullptr).status().code(), absl::StatusCode::kUnimplemented);
}

struct TableFile {
  const char* path;
  const char* schema;  // "" for DetectSchema
  int64_t rows;
};
class RealTableTest : public testing::TestWithParam<TableFile> {};

TEST_P(RealTableTest, Count) {
  const std::string path = SharedPath(GetParam().path);
  if (path.empty()) GTEST_SKIP() << "no " << GetParam().path << " in UNDULA_SHARED";
  const std::string name = GetParam().schema;
  const auto schema = name.empty() ? DetectSchema(path) : FindSchema(name);
  ASSERT_TRUE(schema.ok()) << schema.status();
  CountingSink sink;
  const auto report = ReadTable(path, *schema, {}, sink, nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, GetParam().rows);
  EXPECT_EQ(sink.interactions + sink.items + sink.links + sink.triples, GetParam().rows);
}

INSTANTIATE_TEST_SUITE_P(
    All, RealTableTest,
    testing::Values(TableFile{"data/lastfm-kgcn/user_artists.dat.xz", "", 92834},
                    TableFile{"data/lastfm-kgcn/kg.txt.xz", "", 15518},
                    TableFile{"data/lastfm-kgcn/kg_final.txt.xz", "", 15518},
                    TableFile{"data/lastfm-kgcn/ratings_final.txt.xz", "", 42346},
                    TableFile{"data/lastfm-kgcn/item_index2entity_id.txt", "", 3846},
                    TableFile{"data/lastfm-kgcn/graphsw/train_pd.csv.xz", "", 25408},
                    TableFile{"data/lastfm-kgcn/graphsw/eval_pd.csv.xz", "", 8469},
                    TableFile{"data/lastfm-kgcn/graphsw/test_pd.csv.xz", "", 8469},
                    TableFile{"data/lastfm-hetrec/artists.dat.xz", "", 17632},
                    TableFile{"data/movielens-100k-kg/ml-100k.inter.xz", "", 100000},
                    TableFile{"data/movielens-100k-kg/ml-100k.item.xz", "", 1682},
                    TableFile{"data/movielens-100k-kg/ml-100k.kg.xz", "", 91631},
                    TableFile{"data/movielens-100k-kg/ml-100k.link", "", 1598},
                    TableFile{"data/movielens-1m/movies.dat.xz", "", 3883},
                    TableFile{"data/movielens-1m/interactions.tsv.xz", "", 999770},
                    TableFile{"data/movielens-1m/mkr/kg.txt.xz", "", 20782},
                    TableFile{"data/movielens-1m/dbpedia-kg/kg_final.txt.xz", "pearlm-kg", 205521},
                    TableFile{"data/book-crossing/mkr/kg.txt.xz", "", 19876},
                    TableFile{"data/book-crossing/ripplenet/kg_final.txt.xz", "", 151500},
                    TableFile{"data/linking/MappingLastfm2DBpedia-1.2.tsv.xz", "", 10180}));

}  // namespace
}  // namespace undula::kgstore
