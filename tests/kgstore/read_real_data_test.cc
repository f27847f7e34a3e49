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

// MIND: 2,000 articles with 6,063 entities; 159,802 news in histories, 189,359 shown, of them 7,542
// clicked.
TEST(RealTableTest, MindByKind) {
  const std::string news = SharedPath("data/news/mind-sample/news.tsv.xz");
  const std::string behaviors = SharedPath("data/news/mind-sample/behaviors.tsv.xz");
  if (news.empty() || behaviors.empty()) GTEST_SKIP() << "no data/news in UNDULA_SHARED";
  CountingSink articles;
  ASSERT_TRUE(ReadTable(news, *FindSchema("mind-news"), {}, articles, nullptr).ok());
  EXPECT_EQ(articles.items, 2000);
  EXPECT_EQ(articles.links, 6063);
  EXPECT_EQ(articles.literals, 6063);
  CountingSink clicks;
  ASSERT_TRUE(ReadTable(behaviors, *FindSchema("mind-behaviors"), {}, clicks, nullptr).ok());
  EXPECT_EQ(clicks.interactions, 159802 + 7542);
  EXPECT_EQ(clicks.weight_sum, 159802 + 7542);
  CountingSink shown;
  ASSERT_TRUE(ReadTable(behaviors, *FindSchema("mind-impressions"), {}, shown, nullptr).ok());
  EXPECT_EQ(shown.interactions, 159802 + 189359);
  EXPECT_EQ(shown.weight_sum, 159802 + 7542);
}

// Names come from relation_list.txt and entity_list.txt.xz beside the file.
TEST(RealTableTest, KgatNames) {
  const std::string path = SharedPath("data/dbbook2014/kg_final.txt.xz");
  if (path.empty()) GTEST_SKIP() << "no data/dbbook2014 in UNDULA_SHARED";
  RecordingSink numbers, named;
  ASSERT_TRUE(ReadTable(path, *FindSchema("kgat-kg"), {}, numbers, nullptr).ok());
  const auto report = ReadTable(path, *FindSchema("kgat-named-kg"), {}, named, nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, 134223);
  EXPECT_EQ(numbers.records[0], "<731> <http://dbpedia.org/ontology/wikiPageWikiLink> <7121> .");
  EXPECT_EQ(named.records[0],
            "<http://dbpedia.org/resource/The_Tenant_of_Wildfell_Hall> "
            "<http://dbpedia.org/ontology/wikiPageWikiLink> "
            "<http://dbpedia.org/resource/Rupert_Graves> .");
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
  EXPECT_EQ(sink.total(), GetParam().rows);
}

INSTANTIATE_TEST_SUITE_P(
    All, RealTableTest,
    testing::Values(
        TableFile{"data/lastfm-kgcn/user_artists.dat.xz", "", 92834},
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
        TableFile{"data/linking/MappingLastfm2DBpedia-1.2.tsv.xz", "", 10180},
        // Counted apart from this code (Python, split by hand).
        TableFile{"data/movielens-100k-kg/ml-100k.user", "", 943},
        TableFile{"data/social/flickr/flickr.inter.xz", "", 327815},
        TableFile{"data/social/flickr/flickr.net.xz", "", 187273},
        TableFile{"data/movielens-1m/dbpedia-kg/products.txt.xz", "", 2983},
        TableFile{"data/movielens-1m/dbpedia-kg/users.txt.xz", "", 6040},
        TableFile{"data/linking/lfm1m_i2kg_map.txt.xz", "", 12492},
        TableFile{"data/movielens-1m/dbpedia-kg/i2kg_map.txt.xz", "", 2983},
        TableFile{"data/linking/lfm1m_products.txt.xz", "", 12492},
        TableFile{"data/linking/MappingMovielens2DBpedia-1.2.tsv.xz", "", 3301},
        TableFile{"data/news/mind-clicks/clicks.tsv.xz", "", 242349},
        TableFile{"data/social/ciao/trust.tsv.xz", "", 111781},
        TableFile{"data/social/ciao/sociallgn/trust.txt.xz", "", 57544},
        TableFile{"data/social/ciao/sociallgn/train_set.txt.xz", "", 227268},
        TableFile{"data/social/ciaodvd/trust.tsv.xz", "", 110401},
        TableFile{"data/social/epinions/trust.tsv.xz", "", 355754},
        TableFile{"data/social/filmtrust/trust.txt", "", 1853},
        TableFile{"data/social/filmtrust/trainset.txt.xz", "", 33750},
        TableFile{"data/social/filmtrust/testset.txt", "", 1747},
        TableFile{"data/social/filmtrust/ratings.txt.xz", "", 35497},
        TableFile{"data/social/graphrec-toy/social.tsv", "", 2252},
        TableFile{"data/social/yelp-diffnet/yelp.links.xz", "", 143765},
        TableFile{"data/social/yelp-diffnet/yelp.train.rating.xz", "", 185869},
        TableFile{"data/social/yelp-diffnet/yelp.val.rating", "", 3497},
        TableFile{"data/social/yelp-diffnet/yelp.test.rating.xz", "", 18579},
        TableFile{"data/lastfm-hetrec/user_friends.dat.xz", "", 25434},
        TableFile{"data/lastfm-hetrec/user_taggedartists.dat.xz", "", 186479},
        TableFile{"data/lastfm-hetrec/sociallgn/trust.txt.xz", "", 25434},
        TableFile{"data/lastfm-hetrec/sociallgn/train_set.txt.xz", "", 74267},
        TableFile{"data/dbpedia-lastfm/train.dat.xz", "", 54952},
        TableFile{"data/dbpedia-lastfm/val.dat.xz", "", 7872},
        TableFile{"data/dbpedia-lastfm/test.dat.xz", "", 15809},
        TableFile{"data/sequential/diginetica-sample/train-item-views.csv.xz", "", 12391},
        TableFile{"data/movielens-1m/explicit_ratings_subset.tsv.xz", "", 359761},
        TableFile{"data/dbbook2014/user_list.txt", "", 5576},
        TableFile{"data/dbbook2014/entity_list.txt.xz", "", 8908},
        TableFile{"data/news/mind-f-kg/entity_list.txt.xz", "", 55310},
        TableFile{"data/dbbook2014/kg_final.txt.xz", "", 134223},
        TableFile{"data/news/mind-f-kg/kg_final.txt.xz", "", 148568},
        TableFile{"data/movielens-1m/users.dat.xz", "", 6040},
        TableFile{"data/lastfm-hetrec/tags.dat.xz", "", 11946},
        TableFile{"data/movielens-1m/movies.dat.xz", "movielens-genres", 6408},
        TableFile{"data/social/ciao/ratings.tsv.xz", "", 284052},
        TableFile{"data/social/ciaodvd/ratings.tsv.xz", "", 258404},
        TableFile{"data/social/epinions/ratings.tsv.xz", "", 922267},
        TableFile{"data/social/graphrec-toy/ratings.tsv.xz", "", 17824},
        TableFile{"data/bipartite/gowalla/train.txt.xz", "", 810128},
        TableFile{"data/bipartite/gowalla/test.txt.xz", "", 217242},
        TableFile{"data/bipartite/gowalla/valid.txt.xz", "", 91047},
        TableFile{"data/bipartite/amazon-cds/train.txt.xz", "", 604475},
        TableFile{"data/bipartite/amazon-cds/test.txt.xz", "", 172951},
        TableFile{"data/dbbook2014/train.txt.xz", "", 50745},
        TableFile{"data/dbbook2014/test.txt.xz", "", 15216},
        TableFile{"data/sequential/s3rec/Beauty.txt.xz", "", 198502},
        TableFile{"data/sequential/s3rec/Sports_and_Outdoors.txt.xz", "", 296337},
        TableFile{"data/sequential/s3rec/Toys_and_Games.txt.xz", "", 167597},
        TableFile{"data/sequential/s3rec/Yelp.txt.xz", "", 316354},
        TableFile{"data/sequential/s3rec/LastFM.txt.xz", "", 52551},
        TableFile{"data/movielens-1m/dbpedia-kg/e_map.txt.xz", "", 27610},
        TableFile{"data/dbbook2014/item_list.txt.xz", "", 5360},
        TableFile{"data/news/mind-f-kg/item_list.txt.xz", "", 61154},
        TableFile{"data/news/mind-sample/news.tsv.xz", "", 14126},
        TableFile{"data/news/kim-sample/docs.tsv.xz", "", 1854},
        TableFile{"data/news/mind-sample/behaviors.tsv.xz", "", 167344},
        TableFile{"data/news/mind-sample/behaviors.tsv.xz", "mind-impressions", 349161},
        TableFile{"data/news/kim-sample/train.tsv", "mind-behaviors", 126},
        TableFile{"data/news/kim-sample/train.tsv", "mind-impressions", 243},
        TableFile{"data/news/kim-sample/test.tsv", "mind-behaviors", 28},
        TableFile{"data/news/kim-sample/test.tsv", "mind-impressions", 133},
        TableFile{"data/news/dkn/raw_train.txt.xz", "", 44278},
        TableFile{"data/news/dkn/raw_test.txt", "", 1984},
        TableFile{"data/sequential/s3rec/Beauty_item2attributes.json.xz", "", 45037},
        TableFile{"data/sequential/s3rec/Sports_and_Outdoors_item2attributes.json.xz", "", 110458},
        TableFile{"data/sequential/s3rec/Toys_and_Games_item2attributes.json.xz", "", 51022},
        TableFile{"data/sequential/s3rec/Yelp_item2attributes.json.xz", "", 97020},
        TableFile{"data/sequential/s3rec/LastFM_item2attributes.json.xz", "", 114904},
        TableFile{"data/news/kim-sample/KGGraph.json", "", 2166}));

}  // namespace
}  // namespace undula::kgstore
