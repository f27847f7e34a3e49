// Opening and creating: bad files, locks, permissions, versions.
#include <fcntl.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "store_support.h"

namespace undula::kgstore {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

absl::Status TryOpen(const std::string& path, OpenMode mode = OpenMode::kOpen,
                     bool read_only = false) {
  OpenOptions options;
  options.mode = mode;
  options.read_only = read_only;
  return Database::Open(path, options).status();
}

void Write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// A small database with data in it.
void MakeDatabase(const std::string& path) {
  auto db = OpenOrDie(path);
  Import(*db, [](Importer& importer) { AddAll(MakeGraph(500, 5, 2000, 1), importer); });
}

TEST(StoreOpen, Modes) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  EXPECT_CODE(TryOpen(path), kNotFound);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_FALSE(fs::exists(path + "-lock"));
  EXPECT_CODE(TryOpen(path, OpenMode::kCreate, true), kFailedPrecondition);
  ASSERT_OK(TryOpen(path, OpenMode::kCreate));
  EXPECT_CODE(TryOpen(path, OpenMode::kCreate), kAlreadyExists);
  ASSERT_OK(TryOpen(path));
  ASSERT_OK(TryOpen(path, OpenMode::kOpenOrCreate));
  ASSERT_OK(TryOpen(path, OpenMode::kOpen, true));
  EXPECT_CODE(TryOpen(folder.File("none/a.undula"), OpenMode::kCreate), kNotFound);
  // Nothing but the database and its lock file is left.
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_THAT(entry.path().string(), HasSubstr("a.undula"));
    ++files;
  }
  EXPECT_EQ(files, 2u);
}

TEST(StoreOpen, IdSpacesDiffer) {
  TempFolder folder;
  auto a = OpenOrDie(folder.File("a.undula")), b = OpenOrDie(folder.File("b.undula"));
  EXPECT_NE(a->id_space(), b->id_space());
  const uint64_t tag = a->id_space();
  a.reset();
  EXPECT_EQ(OpenOrDie(folder.File("a.undula"))->id_space(), tag);
}

TEST(StoreOpen, FileGrowsByNeedOnly) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  auto db = OpenOrDie(path);
  EXPECT_LT(fs::file_size(path), 256u << 10);
  EXPECT_EQ(ReadStats(*db)->file_bytes, fs::file_size(path));
  EXPECT_EQ(ReadStats(*db)->imports.size(), 0u);
}

TEST(StoreOpen, NotADatabase) {
  TempFolder folder;
  const std::string path = folder.File("x");
  EXPECT_CODE(TryOpen(folder.path()), kInvalidArgument);
  EXPECT_CODE(TryOpen(folder.path(), OpenMode::kOpen, true), kInvalidArgument);
  EXPECT_THAT(TryOpen(folder.path()).ToString(), HasSubstr("directory"));
  Write(path, "");
  EXPECT_CODE(TryOpen(path), kInvalidArgument);
  EXPECT_THAT(TryOpen(path).ToString(), HasSubstr("empty"));
  EXPECT_CODE(TryOpen(path, OpenMode::kOpenOrCreate), kInvalidArgument);
  for (const size_t n : {1, 100, 151, 152, 4096, 8192, 100000}) {
    std::string garbage(n, '\0');
    EXPECT_TRUE((Write(path, garbage), absl::IsInvalidArgument(TryOpen(path)))) << n;
    for (size_t i = 0; i < n; ++i) garbage[i] = static_cast<char>(i * 131 + i / 256 + 7);
    Write(path, garbage);
    EXPECT_CODE(TryOpen(path), kInvalidArgument);
    EXPECT_CODE(TryOpen(path, OpenMode::kOpenOrCreate), kInvalidArgument);
    EXPECT_EQ(Read(path), garbage);  // untouched
  }
  Write(path, "<http://a> <http://b> <http://c> .\n");
  EXPECT_CODE(TryOpen(path), kInvalidArgument);
  EXPECT_CODE(TryOpen("/dev/null"), kInvalidArgument);
}

TEST(StoreOpen, AnotherLmdbFile) {
  TempFolder folder;
  const std::string path = folder.File("x");
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_open(env, path.c_str(), MDB_NOSUBDIR, 0644), 0);
  MDB_txn* txn = nullptr;
  MDB_dbi dbi;
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &dbi), 0);
  char text[] = "meta";
  MDB_val key{4, text}, value{4, text};
  ASSERT_EQ(mdb_put(txn, dbi, &key, &value, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
  EXPECT_CODE(TryOpen(path), kInvalidArgument);
}

TEST(StoreOpen, TruncatedAtEveryLength) {
  TempFolder folder;
  const std::string whole = folder.File("whole.undula"), cut = folder.File("cut.undula");
  MakeDatabase(whole);
  const std::string bytes = Read(whole);
  ASSERT_EQ(bytes.size() % 4096, 0u);
  const size_t pages = bytes.size() / 4096;
  for (size_t page = 0; page < pages; page += 1 + page / 8) {
    for (const size_t extra : {size_t{0}, size_t{1}, size_t{200}, size_t{4095}}) {
      const size_t n = page * 4096 + extra;
      Write(cut, bytes.substr(0, n));
      const absl::Status status = TryOpen(cut);
      EXPECT_TRUE(absl::IsDataLoss(status) || (n < 4096 + 152 && absl::IsInvalidArgument(status)))
          << n << " of " << bytes.size() << ": " << status;
      EXPECT_EQ(TryOpen(cut, OpenMode::kOpen, true).code(), status.code());
    }
  }
  Write(cut, bytes);
  ASSERT_OK(TryOpen(cut));
}

TEST(StoreOpen, DamagedMetaPage) {
  TempFolder folder;
  const std::string whole = folder.File("whole.undula"), bad = folder.File("bad.undula");
  MakeDatabase(whole);
  const std::string bytes = Read(whole);
  for (const size_t page : {size_t{0}, size_t{4096}}) {
    for (const size_t at : {10, 16, 20, 40, 80, 128}) {
      std::string damaged = bytes;
      for (size_t i = 0; i < 8; ++i) damaged[page + at + i] = '\x55';
      Write(bad, damaged);
      EXPECT_CODE(TryOpen(bad), kDataLoss);
    }
  }
  std::string swapped = bytes;
  for (const size_t page : {size_t{0}, size_t{4096}}) {
    std::swap(swapped[page + 16], swapped[page + 19]);
    std::swap(swapped[page + 17], swapped[page + 18]);
  }
  Write(bad, swapped);
  EXPECT_CODE(TryOpen(bad), kFailedPrecondition);
  EXPECT_THAT(TryOpen(bad).ToString(), HasSubstr("byte order"));
}

TEST(StoreOpen, FutureVersion) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeDatabase(path);
  std::string bytes = Read(path);
  int changed = 0;  // the header record: magic, mark, version
  for (size_t at = bytes.find("UNDULAKG"); at != std::string::npos;
       at = bytes.find("UNDULAKG", at + 1)) {
    bytes[at + 12] = 7;
    ++changed;
  }
  ASSERT_GE(changed, 1);
  Write(path, bytes);
  EXPECT_CODE(TryOpen(path), kFailedPrecondition);
  EXPECT_THAT(TryOpen(path).ToString(), HasSubstr("version 7"));
  EXPECT_THAT(TryOpen(path, OpenMode::kOpen, true).ToString(), HasSubstr("version 7"));
}

TEST(StoreOpen, SameFileTwiceInOneProcess) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  auto db = OpenOrDie(path);
  EXPECT_CODE(TryOpen(path), kFailedPrecondition);
  EXPECT_CODE(TryOpen(path, OpenMode::kOpen, true), kFailedPrecondition);
  fs::create_hard_link(path, folder.File("b.undula"));
  fs::create_symlink(path, folder.File("c.undula"));
  EXPECT_CODE(TryOpen(folder.File("b.undula")), kFailedPrecondition);
  EXPECT_CODE(TryOpen(folder.File("c.undula")), kFailedPrecondition);
  EXPECT_THAT(TryOpen(path).ToString(), HasSubstr("already open in this process"));
  auto view = std::make_unique<ReadView>(db->Read().value());
  db.reset();
  EXPECT_CODE(TryOpen(path), kFailedPrecondition);  // the view keeps it open
  EXPECT_EQ(view->counts().triples, 0u);
  view.reset();
  ASSERT_OK(TryOpen(path));
}

TEST(StoreOpen, SecondWritingProcess) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  int to_child[2], to_parent[2];
  ASSERT_EQ(pipe(to_child), 0);
  ASSERT_EQ(pipe(to_parent), 0);
  MakeDatabase(path);
  const pid_t child = fork();
  if (child == 0) {  // a writing process that holds the file until told
    auto db = OpenOrDie(path);
    char byte = db != nullptr ? 'y' : 'n';
    (void)!write(to_parent[1], &byte, 1);
    (void)!read(to_child[0], &byte, 1);
    Import(*db, [](Importer& importer) { ASSERT_OK(importer.AddInteraction("u", "i", 1, 1)); });
    byte = 'd';
    (void)!write(to_parent[1], &byte, 1);
    (void)!read(to_child[0], &byte, 1);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(to_parent[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const absl::Status status = TryOpen(path);  // does not wait
  EXPECT_CODE(status, kFailedPrecondition);
  EXPECT_THAT(status.ToString(), HasSubstr("another writing process"));
  auto reader = OpenOrDie(path, OpenMode::kOpen, true);
  ASSERT_NE(reader, nullptr);
  {
    ASSERT_OK_AND_ASSIGN(const ReadView view, reader->Read());
    EXPECT_EQ(view.counts().interactions, 0u);
    ASSERT_EQ(write(to_child[1], &byte, 1), 1);
    ASSERT_EQ(read(to_parent[0], &byte, 1), 1);  // the import is done
    EXPECT_EQ(view.counts().interactions, 0u);
    ASSERT_OK_AND_ASSIGN(const ReadView now, reader->Read());
    EXPECT_EQ(now.counts().interactions, 1u);
    EXPECT_EQ(now.counts().triples, 2000u);
  }
  EXPECT_CODE(Importer::Begin(*reader).status(), kFailedPrecondition);
  reader.reset();
  ASSERT_EQ(write(to_child[1], &byte, 1), 1);
  int code = 0;
  waitpid(child, &code, 0);
  EXPECT_EQ(code, 0);
  ASSERT_OK(TryOpen(path));
  for (const int fd : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) close(fd);
}

// Runs `body` in a child without root's rights, for which permissions count.
int RunUnprivileged(const std::function<int()>& body) {
  return RunInChild([&] {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 77;
    return body();
  });
}

TEST(StoreOpen, ReadOnlyFileAndFolder) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeDatabase(path);
  const auto read_ok = [&] {
    auto db = OpenOrDie(path, OpenMode::kOpen, true);
    return db != nullptr && ReadStats(*db)->counts.triples == 2000 ? 0 : 1;
  };
  const auto write_refused = [&] {
    return TryOpen(path).code() == absl::StatusCode::kFailedPrecondition ? 0 : 1;
  };
  // A read-only file whose lock file may be written.
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(path, fs::perms(0444));
  fs::permissions(path + "-lock", fs::perms(0666));
  EXPECT_EQ(RunUnprivileged(read_ok), 0);
  EXPECT_EQ(RunUnprivileged(write_refused), 0);
  // No lock file, and none can be made.
  fs::remove(path + "-lock");
  fs::permissions(folder.path(), fs::perms(0555));
  EXPECT_EQ(RunUnprivileged(read_ok), 0);
  EXPECT_EQ(RunUnprivileged(write_refused), 0);
  // A lock file of somebody else.
  Write(path + "-lock", "");
  fs::permissions(path + "-lock", fs::perms(0444));
  EXPECT_EQ(RunUnprivileged(read_ok), 0);
  fs::permissions(folder.path(), fs::perms(0755));
  fs::permissions(path, fs::perms(0644));
}

TEST(StoreOpen, UnlockedReaderAndWriterExcludeEachOther) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give up its rights in a child";
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeDatabase(path);
  fs::permissions(folder.path(), fs::perms(0555));
  fs::permissions(path + "-lock", fs::perms(0600));
  auto writer = OpenOrDie(path);
  EXPECT_EQ(RunUnprivileged([&] {
              return TryOpen(path, OpenMode::kOpen, true).code() ==
                             absl::StatusCode::kFailedPrecondition
                         ? 0
                         : 1;
            }),
            0);
  fs::permissions(folder.path(), fs::perms(0755));
}

TEST(StoreOpen, LittleAddressSpace) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeDatabase(path);
  // A small reservation that must grow during imports.
  OpenOptions options;
  options.map_bytes = 1 << 20;
  ASSERT_OK_AND_ASSIGN(auto db, Database::Open(path, options));
  const std::set<Edge> graph = MakeGraph(30000, 5, 60000, 2);
  const ImportReport report = Import(*db, [&](Importer& importer) {
    for (int i = 0; i < 40000; ++i) {
      ASSERT_OK(importer.AddInteraction("user" + std::to_string(i),
                                        std::string(600, 'i') + std::to_string(i), 1, i));
    }
    AddAll(graph, importer);
  });
  EXPECT_EQ(report.interactions_new, 40000u);
  EXPECT_GT(ReadStats(*db)->file_bytes, 24u << 20);
  // A view that is open keeps the map from growing: refused with the remedy, nothing changed.
  const std::string before = StatsText(*db);
  {
    ASSERT_OK_AND_ASSIGN(const ReadView pin, db->Read());
    auto importer = Importer::Begin(*db).value();
    for (int i = 0; i < 200000; ++i) {
      ASSERT_OK(importer->AddInteraction("u", std::string(600, 'j') + std::to_string(i), 1, i));
    }
    const auto result = importer->Commit();
    EXPECT_CODE(result.status(), kResourceExhausted);
    EXPECT_THAT(result.status().ToString(), HasSubstr("map_bytes"));
  }
  EXPECT_EQ(StatsText(*db), before);
}

}  // namespace
}  // namespace undula::kgstore
