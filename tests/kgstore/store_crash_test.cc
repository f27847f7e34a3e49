// What a crash or a full disk leaves behind: the database as it was before.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>

#include "kgstore/take_snapshot.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

// Small transactions, so that an import consists of many.
const ImportOptions kManyTransactions = {"second", "", 20000};

void AddSecondPart(Importer& importer) {
  AddAll(MakeGraph(3000, 6, 8000, 12), importer);
  for (int i = 0; i < 2000; ++i) {
    ASSERT_OK(importer.AddTriple(Iri("http://example.org/entity/e" + std::to_string(i)),
                                 Iri("label"), Text("Entity number " + std::to_string(i))));
    ASSERT_OK(importer.AddInteraction("u" + std::to_string(i % 50), "i" + std::to_string(i), 1, i));
    ASSERT_OK(importer.AddLink("i" + std::to_string(i), "http://example.org/entity/e1", 1,
                               LinkMethod::kFile));
  }
}

// A database with a first import; its state is the one that must be found again.
void MakeFirst(const std::string& path) {
  auto db = OpenOrDie(path);
  Import(*db, [](Importer& importer) {
    AddAll(MakeGraph(2000, 4, 5000, 11), importer);
    ASSERT_OK(importer.AddTriple(Iri("x"), Iri("name"), Text("X")));
    ASSERT_OK(importer.AddInteraction("u1", "i1", 2, 3));
  });
}

TEST(StoreCrash, KilledAtEveryStageOfAnImport) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeFirst(path);
  std::string before;
  std::vector<std::string> data;
  {
    auto db = OpenOrDie(path);
    before = StatsText(*db);
    data = Dump(*db);
  }
  int killed = 0;
  for (int at = 0;; ++at) {
    ASSERT_LT(at, 60);
    const int code = RunInChild([&] {
      auto db = OpenOrDie(path);
      auto importer = Importer::Begin(*db, kManyTransactions).value();
      AddSecondPart(*importer);
      int calls = 0;
      std::string last;
      Progress progress([&](int64_t done, int64_t total, std::string_view message) {
        // The last report comes after the import is visible.
        if (message != last && done < total && calls++ == at) kill(getpid(), SIGKILL);
        last = message;
      });
      return importer->Commit(&progress).ok() ? 0 : 1;
    });
    if (code == 0) break;
    ASSERT_EQ(code, -SIGKILL);
    ++killed;
    if (at % 2 == 0) {  // readers see the old state although dead tables lie about
      auto reader = OpenOrDie(path, OpenMode::kOpen, true);
      EXPECT_EQ(StatsText(*reader), before);
    }
    if (at % 3 != 2) {  // else the next import meets the tables that were left behind
      auto db = OpenOrDie(path);
      EXPECT_EQ(StatsText(*db), before);
      EXPECT_TRUE(Dump(*db) == data);
    }
  }
  EXPECT_GE(killed, 1);
  auto db = OpenOrDie(path);
  const Counts counts = ReadStats(*db)->counts;
  EXPECT_GT(counts.triples, 5000u);
  EXPECT_EQ(counts.interactions, 2001u);
}

TEST(StoreCrash, KilledAtRandomInstants) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeFirst(path);
  std::vector<std::string> data;
  {
    auto db = OpenOrDie(path);
    data = Dump(*db);
  }
  int killed = 0;
  for (int round = 0; round < 12; ++round) {
    const int code = RunInChild([&] {
      const pid_t self = getpid();
      auto db = OpenOrDie(path);
      auto importer = Importer::Begin(*db, kManyTransactions).value();
      AddSecondPart(*importer);
      const pid_t killer = fork();
      if (killer == 0) {
        usleep(static_cast<useconds_t>(1 + round * round * 1500));
        kill(self, SIGKILL);
        _exit(0);
      }
      const bool ok = importer->Commit().ok();
      kill(killer, SIGKILL);
      return ok ? 0 : 1;
    });
    ASSERT_TRUE(code == 0 || code == -SIGKILL) << code;
    // The killer shares the lock until it is gone.
    absl::StatusOr<std::unique_ptr<Database>> db = absl::UnknownError("");
    for (int i = 0; i < 500 && !db.ok(); ++i) {
      db = Database::Open(path);
      if (!db.ok()) usleep(10000);
    }
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_OK(TakeSnapshot(**db).status());
    if (code == 0 || ReadStats(**db)->generation != 2) break;  // the import was faster
    ++killed;
    EXPECT_TRUE(Dump(**db) == data);
  }
  EXPECT_GE(killed, 1);
}

TEST(StoreCrash, KilledDuringCreation) {
  TempFolder folder;
  for (int round = 0; round < 10; ++round) {
    const std::string path = folder.File("a" + std::to_string(round));
    RunInChild([&] {
      const pid_t self = getpid();
      if (fork() == 0) {
        usleep(static_cast<useconds_t>(round * 300));
        kill(self, SIGKILL);
        _exit(0);
      }
      OpenOptions options;
      options.mode = OpenMode::kCreate;
      return Database::Open(path, options).ok() ? 0 : 1;
    });
    usleep(20000);
    // Either there is no file or a whole one.
    absl::Status status = Database::Open(path).status();
    EXPECT_TRUE(status.ok() || absl::IsNotFound(status)) << status;
    OpenOptions options;
    options.mode = OpenMode::kOpenOrCreate;
    ASSERT_OK(Database::Open(path, options).status());
  }
}

TEST(StoreCrash, DiskFull) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeFirst(path);
  std::string before;
  {
    auto db = OpenOrDie(path);
    before = StatsText(*db);
  }
  const uint64_t size = std::filesystem::file_size(path);
  for (const uint64_t more : {0, 4096, 40000, 150000, 300000, 400000}) {
    SCOPED_TRACE(more);
    const int code = RunInChild([&] {
      signal(SIGXFSZ, SIG_IGN);
      struct rlimit limit {
        size + more, size + more
      };
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
      auto opened = Database::Open(path);
      if (!opened.ok()) return 3;
      auto importer = Importer::Begin(**opened, kManyTransactions).value();
      AddSecondPart(*importer);
      const auto report = importer->Commit();
      importer.reset();
      if (report.ok()) return 4;
      if (!absl::IsResourceExhausted(report.status())) {
        fprintf(stderr, "%s\n", report.status().ToString().c_str());
        return 5;
      }
      return StatsText(**opened) == before ? 0 : 6;  // whole in the same process
    });
    EXPECT_EQ(code, 0);
    auto db = OpenOrDie(path);
    ASSERT_NE(db, nullptr);
    EXPECT_EQ(StatsText(*db), before);
  }
  auto db = OpenOrDie(path);
  Import(*db, AddSecondPart);  // with room again it works
  EXPECT_GT(ReadStats(*db)->counts.triples, 5000u);
}

TEST(StoreCrash, ReaderKilledLeavesNoStaleSlot) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeFirst(path);
  const int code = RunInChild([&] {
    auto db = OpenOrDie(path, OpenMode::kOpen, true);
    const ReadView view = db->Read().value();
    kill(getpid(), SIGKILL);
    return 0;
  });
  EXPECT_EQ(code, -SIGKILL);
  auto db = OpenOrDie(path);
  uint64_t bytes = 0;
  for (int i = 0; i < 12; ++i) {  // pages of old generations are reused, the file stops growing
    Import(*db, [&](Importer& importer) {
      ASSERT_OK(importer.AddTriple(Iri("n" + std::to_string(i)), Iri("r"), Iri("x")));
    });
    if (i == 5) bytes = ReadStats(*db)->file_bytes;
  }
  EXPECT_LE(ReadStats(*db)->file_bytes, bytes + (1u << 20));
}

}  // namespace
}  // namespace undula::kgstore
