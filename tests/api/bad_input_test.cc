// Bad input gets a clear error, and nothing is lost: after each failure the database holds what it
// held before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using absl::StatusCode;
using test::SmallWorld;
using test::TempDir;
using test::WriteFile;
using testing::HasSubstr;

std::string Describe(const Database& db) {
  const auto stats = db.Stats();
  if (!stats.ok()) return stats.status().ToString();
  std::string text;
  for (const int64_t n : {stats->entities, stats->relations, stats->literals, stats->triples,
                          stats->attributes, stats->labels, stats->users, stats->items,
                          stats->interactions, stats->links, stats->items_linked}) {
    text += std::to_string(n) + " ";
  }
  return text;
}

std::string Text(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

struct BadFile {
  const char* name;
  std::string content;
  const char* format;
  StatusCode code;
  const char* message;
};

class BadFiles : public testing::TestWithParam<BadFile> {};

TEST_P(BadFiles, AreRefusedAndLeaveTheDatabaseAsItWas) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE((*db)->Import(world.graph).ok());
  ASSERT_TRUE((*db)->Import(world.interactions).ok());
  const std::string before = Describe(**db);
  const BadFile& bad = GetParam();
  const std::string path = world.dir / bad.name;
  WriteFile(path, bad.content);
  ImportOptions options;
  options.format = bad.format;
  const absl::Status status = (*db)->Import(path, options).status();
  EXPECT_EQ(status.code(), bad.code) << status;
  EXPECT_THAT(Text(status), HasSubstr(bad.message));
  EXPECT_EQ(Describe(**db), before);
  // And it still opens and imports.
  db->reset();
  auto again = Database::Open(world.database);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Describe(**again), before);
  EXPECT_TRUE((*again)->Import(world.catalogue).ok());
}

const char kHeader[] = "user\titem\tweight\ttime\n";

INSTANTIATE_TEST_SUITE_P(
    Files, BadFiles,
    testing::Values(BadFile{"truncated.ttl",
                            "<http://a/s> <http://a/p> <http://a/o> .\n<http://a/s> <http://a/p>",
                            "auto", StatusCode::kInvalidArgument, "truncated.ttl:2:"},
                    BadFile{"garbage.nt",
                            std::string("\x7f\x45\x4c\x46\x02\x00\x01\xff\xfe binary\x00 junk", 22),
                            "auto", StatusCode::kInvalidArgument, "garbage.nt:1:"},
                    BadFile{"utf8.ttl", "<http://a/s> <http://a/p> \"caf\xe9\" .\n", "auto",
                            StatusCode::kInvalidArgument, "utf8.ttl:1:"},
                    BadFile{"columns.interactions.tsv", std::string(kHeader) + "u\ti\t1\t5\nu\ti\n",
                            "auto", StatusCode::kInvalidArgument, "columns.interactions.tsv:3:"},
                    BadFile{"nan.interactions.tsv", std::string(kHeader) + "u\ti\tnan\t5\n", "auto",
                            StatusCode::kInvalidArgument, "nan.interactions.tsv:2:"},
                    BadFile{"time.interactions.tsv", std::string(kHeader) + "u\ti\t1\t-5\n", "auto",
                            StatusCode::kInvalidArgument, "time.interactions.tsv:2:"},
                    BadFile{"empty.interactions.tsv", kHeader, "auto", StatusCode::kInvalidArgument,
                            "empty.interactions.tsv"},
                    BadFile{"what.xyz", "1;2;3\n", "auto", StatusCode::kNotFound, "what.xyz"},
                    BadFile{"ok.tsv", "a\tb\n", "movielens-rating", StatusCode::kNotFound,
                            "movielens-ratings"}));

TEST(BadInput, MissingFileAndDirectory) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok());
  const absl::Status missing = (*db)->Import(world.dir / "nothing.ttl").status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(Text(missing), HasSubstr("nothing.ttl"));
  const absl::Status directory = (*db)->Import(world.dir.path()).status();
  EXPECT_EQ(directory.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Text(directory), HasSubstr("directory"));
  DatabaseOptions open;
  open.create = false;
  EXPECT_EQ(Database::Open(world.dir / "none.undula", open).status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(world.dir / "none.undula"));
  EXPECT_EQ(Database::Open(world.dir.path()).status().code(), StatusCode::kInvalidArgument);
}

// Files of one import are stored together or not at all, in whatever order the bad one stands.
TEST(BadInput, OneBadFileOfSeveral) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE((*db)->Import(world.graph).ok());
  const std::string before = Describe(**db);
  const TempDir folder;
  const std::string good = folder.File("more.nt"), bad = folder.File("bad.nt");
  WriteFile(good, "<http://m/a> <http://m/p> <http://m/b> .\n");
  WriteFile(bad, "<http://m/c> <http://m/p> <http://m/d> .\n<http://m/e> <http://m/p> .\n");
  const std::vector<std::vector<std::string>> orders = {{good, world.interactions, bad},
                                                        {bad, good, world.interactions},
                                                        {good, folder.File("none.nt")}};
  for (const auto& files : orders) {
    const auto report = (*db)->ImportAll(files);
    ASSERT_FALSE(report.ok());
    EXPECT_THAT(Text(report.status()),
                testing::AnyOf(HasSubstr(bad + ":2:"), HasSubstr("none.nt")));
    EXPECT_EQ(Describe(**db), before);
  }
  const auto report = (*db)->ImportAll({good, world.interactions});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->files.size(), 2u);
  EXPECT_NE(Describe(**db), before);
}

TEST(BadInput, SkippingCountsAndNamesBadRecords) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok());
  WriteFile(world.dir / "some.nt",
            "<http://a/s> <http://a/p> <http://a/o> .\nnot a triple\n"
            "<http://a/s> <http://a/p> <http://a/o2> .\n");
  ImportOptions options;
  options.on_error = "skip";
  const auto report = (*db)->Import(world.dir / "some.nt", options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, 2);
  EXPECT_EQ(report->skipped, 1);
  ASSERT_EQ(report->errors.size(), 1u);
  EXPECT_THAT(report->errors[0], HasSubstr("some.nt:2:"));
}

TEST(BadInput, MemoryOfAnImportHasALeastValue) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok());
  ImportOptions options;
  for (const int64_t memory : {int64_t{-1}, int64_t{1}, (int64_t{64} << 20) - 1}) {
    options.memory = memory;
    const absl::Status status = (*db)->Import(world.graph, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(Text(status), HasSubstr("64 MiB"));
  }
  options.memory = int64_t{64} << 20;
  options.temp_dir = world.dir / "nowhere";  // not needed: everything fits
  EXPECT_TRUE((*db)->Import(world.graph, options).ok());
}

TEST(BadInput, UnknownOptionNamesTheNearest) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok());
  ASSERT_TRUE((*db)->Import(world.interactions).ok());
  TrainOptions options;
  options.model_options = {{"memori", "8"}};
  EXPECT_THAT(Text((*db)->Train(options).status()), HasSubstr("memory"));
  options.model_options = {{"dim", "-4"}};
  EXPECT_EQ((*db)->Train(options).status().code(), StatusCode::kInvalidArgument);
  options.model_options = {};
  options.train_options = {{"epoch", "3"}};
  EXPECT_THAT(Text((*db)->Train(options).status()), HasSubstr("epochs"));
  options.train_options = {{"learning_rate", "nan"}};
  EXPECT_EQ((*db)->Train(options).status().code(), StatusCode::kInvalidArgument);
  options.train_options = {};
  options.model = "riplenet";
  EXPECT_THAT(Text((*db)->Train(options).status()), HasSubstr("ripplenet"));
}

TEST(BadInput, NothingToTrainOn) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok());
  ASSERT_TRUE((*db)->Import(world.graph).ok());
  const absl::Status none = (*db)->Train().status();
  EXPECT_EQ(none.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(none), HasSubstr("import"));
  ASSERT_TRUE((*db)->Import(world.interactions).ok());
  const absl::Status unlinked = (*db)->Train().status();
  EXPECT_EQ(unlinked.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(unlinked), HasSubstr("undula link"));
  EXPECT_EQ((*db)->LoadRecommender().status().code(), StatusCode::kNotFound);
}

TEST(BadInput, QueriesNameWhatIsWrong) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok());
  ASSERT_TRUE((*db)->Import(world.interactions).ok());
  TrainOptions options;
  options.model = "most_popular";
  ASSERT_TRUE((*db)->Train(options).ok());
  auto recommender = (*db)->LoadRecommender();
  ASSERT_TRUE(recommender.ok()) << recommender.status();
  const absl::Status user = (*recommender)->Recommend("user-100").status();
  EXPECT_EQ(user.code(), StatusCode::kNotFound);
  EXPECT_THAT(Text(user), HasSubstr("did you mean 'user-1"));
  EXPECT_EQ((*recommender)->Recommend("user-1", {.k = 0}).status().code(),
            StatusCode::kInvalidArgument);
  const auto all = (*recommender)->Recommend("user-1", {.k = 1'000'000});
  ASSERT_TRUE(all.ok());
  EXPECT_LT(all->size(), static_cast<size_t>(SmallWorld::kFilms));
  EXPECT_EQ((*recommender)->Similar("f-1").status().code(), StatusCode::kUnimplemented);
  ScoreBatchOptions job;
  job.output = world.dir / "no/such/directory/out.tsv";
  EXPECT_EQ((*recommender)->ScoreBatch(job).status().code(), StatusCode::kNotFound);
  job.output = world.dir.path();
  EXPECT_EQ((*recommender)->ScoreBatch(job).status().code(), StatusCode::kFailedPrecondition);
  job.output = world.dir / "out.tsv";
  job.shard = 3;
  job.shards = 2;
  EXPECT_EQ((*recommender)->ScoreBatch(job).status().code(), StatusCode::kInvalidArgument);
}

TEST(BadInput, FilesThatAreNoDatabase) {
  TempDir dir;
  WriteFile(dir / "text.undula", std::string(20000, 'x'));
  EXPECT_FALSE(Database::Open(dir / "text.undula").ok());
  EXPECT_EQ(test::ReadFile(dir / "text.undula"), std::string(20000, 'x'));
  SmallWorld world;
  { ASSERT_TRUE((*Database::Open(world.database))->Import(world.graph).ok()); }
  std::filesystem::resize_file(world.database, std::filesystem::file_size(world.database) / 2);
  EXPECT_EQ(Database::Open(world.database).status().code(), StatusCode::kDataLoss);
}

TEST(BadInput, ReadOnlyDatabasesRefuseWriting) {
  SmallWorld world;
  { ASSERT_TRUE((*Database::Open(world.database))->Import(world.interactions).ok()); }
  DatabaseOptions open;
  open.create = false;
  open.read_only = true;
  auto db = Database::Open(world.database, open);
  ASSERT_TRUE(db.ok()) << db.status();
  EXPECT_EQ((*db)->Import(world.graph).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ((*db)->Train().status().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE((*db)->Stats().ok());
}

TEST(BadInput, AFileWithoutWritePermission) {
  SmallWorld world;
  { ASSERT_TRUE((*Database::Open(world.database))->Import(world.interactions).ok()); }
  namespace fs = std::filesystem;
  fs::permissions(world.database, fs::perms::owner_read | fs::perms::others_read);
  fs::remove(world.database + "-lock");
  fs::permissions(world.dir.path(), fs::perms::owner_read | fs::perms::owner_exec |
                                        fs::perms::others_read | fs::perms::others_exec);
  // In a child that gives up root's right to write to everything.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(3);
    if (Database::Open(world.database).status().code() != StatusCode::kFailedPrecondition) _exit(1);
    DatabaseOptions open;
    open.create = false;
    open.read_only = true;
    _exit(Database::Open(world.database, open).ok() ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  fs::permissions(world.dir.path(), fs::perms::owner_all);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0)
      << "1: opened for writing, 2: not readable, 3: cannot change user";
}

TEST(BadInput, TheSecondWriterIsTold) {
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok());
  // In this process.
  EXPECT_EQ(Database::Open(world.database).status().code(), StatusCode::kFailedPrecondition);
  // In another one.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    execl(UNDULA_PROGRAM, "undula", "import", world.database.c_str(), world.graph.c_str(),
          "--quiet", nullptr);
    _exit(127);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(StatusCode::kFailedPrecondition));
}

// kill -9 at several instants of an import by another process: what was committed stays.
TEST(BadInput, AKilledImportChangesNothing) {
  SmallWorld world;
  { ASSERT_TRUE((*Database::Open(world.database))->Import(world.interactions).ok()); }
  std::string big;
  for (int i = 0; i < 60'000; ++i) {
    big += "<http://a/s" + std::to_string(i) + "> <http://a/p> <http://a/o" +
           std::to_string(i * 7 % 50'000) + "> .\n";
  }
  WriteFile(world.dir / "big.nt", big);
  std::string before;
  {
    auto db = Database::Open(world.database);
    ASSERT_TRUE(db.ok());
    before = Describe(**db);
  }
  int killed = 0;
  for (const int milliseconds : {2, 10, 30, 60, 90, 140}) {
    const std::string copy = world.dir / ("copy" + std::to_string(milliseconds) + ".undula");
    std::filesystem::copy_file(world.database, copy);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      execl(UNDULA_PROGRAM, "undula", "import", copy.c_str(), (world.dir / "big.nt").c_str(),
            "--quiet", nullptr);
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    auto db = Database::Open(copy);
    ASSERT_TRUE(db.ok()) << db.status();
    if (WIFSIGNALED(status) && (*db)->Stats()->triples == 0) {
      ++killed;
      EXPECT_EQ(Describe(**db), before) << "killed after " << milliseconds << " ms";
    } else {
      EXPECT_EQ((*db)->Stats()->triples, 60'000);
    }
    // The database takes the import afterwards.
    EXPECT_TRUE((*db)->Import(world.dir / "big.nt").ok());
    EXPECT_EQ((*db)->Stats()->triples, 60'000);
  }
  EXPECT_GT(killed, 0);
}

TEST(BadInput, CudaWithoutADeviceSaysWhatIsMissing) {
  if (DescribeGpus().find("cuda:") == 0) GTEST_SKIP() << "this machine has a GPU";
  SmallWorld world;
  auto db = Database::Open(world.database);
  ASSERT_TRUE(db.ok());
  for (const std::string& file : {world.graph, world.catalogue, world.interactions}) {
    ASSERT_TRUE((*db)->Import(file).ok());
  }
  ASSERT_TRUE((*db)->Link().ok());
  TrainOptions options;
  options.train_options = {{"epochs", "1"}};
  options.device = "cuda";
  const absl::Status status = (*db)->Train(options).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_GT(status.message().size(), 20u);
  options.device = "auto";
  const auto report = (*db)->Train(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->device, testing::StartsWith("cpu"));
  options.device = "tpu";
  EXPECT_EQ((*db)->Train(options).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace undula
