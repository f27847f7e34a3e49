// Several processes and threads at one database: waiting writers, killed readers, growing maps,
// whole transactions.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "store_support.h"
#include "tests/kgstore/balance.h"

namespace undula::kgstore {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

absl::StatusOr<std::unique_ptr<Database>> OpenWaiting(const std::string& path, double seconds) {
  OpenOptions options;
  options.wait_seconds = seconds;
  return Database::Open(path, options);
}

// A child process that says when it is ready, and ends when told or killed.
class Child {
 public:
  // `body` calls its argument once it is ready: that waits until Release().
  explicit Child(const std::function<int(const std::function<void()>& ready)>& body) {
    if (pipe(up_) != 0 || pipe(down_) != 0) return;
    pid_ = fork();
    if (pid_ != 0) {
      close(up_[1]);
      close(down_[0]);
      char byte;
      ready_ = read(up_[0], &byte, 1) == 1;
      return;
    }
    close(down_[1]);
    _exit(body([&] {
      char byte = 'r';
      (void)!write(up_[1], &byte, 1);
      (void)!read(down_[0], &byte, 1);
    }));
  }
  ~Child() {
    close(up_[0]);
    close(down_[1]);
    if (pid_ > 0) Kill();
  }
  bool ready() const { return ready_; }
  pid_t pid() const { return pid_; }
  void Release() { (void)!write(down_[1], "g", 1); }
  int Wait() {
    int code = 0;
    waitpid(std::exchange(pid_, 0), &code, 0);
    return WIFEXITED(code) ? WEXITSTATUS(code) : -WTERMSIG(code);
  }
  void Kill() {
    kill(pid_, SIGKILL);
    Wait();
  }

 private:
  int up_[2], down_[2];
  pid_t pid_ = 0;
  bool ready_ = false;
};

void AddOne(const std::string& path, const std::string& user) {
  auto db = OpenOrDie(path);
  Import(*db, [&](Importer& importer) { ASSERT_OK(importer.AddInteraction(user, "i", 1, 1)); });
}

// LMDB's number of the last transaction, in the lock file behind magic, format and a mutex.
class LastTransaction {
 public:
  explicit LastTransaction(const std::string& path)
      : file_(open((path + "-lock").c_str(), O_RDWR)) {}
  ~LastTransaction() { close(file_); }
  size_t Get() const {
    size_t number = 0;
    EXPECT_EQ(pread(file_, &number, sizeof(number), kOffset), static_cast<ssize_t>(sizeof(number)));
    return number;
  }
  void Set(size_t number) const {
    EXPECT_EQ(pwrite(file_, &number, sizeof(number), kOffset),
              static_cast<ssize_t>(sizeof(number)));
  }

 private:
  static constexpr off_t kOffset = 8 + sizeof(pthread_mutex_t);
  int file_;
};

// A reader that is interrupted between reading the number N of the last transaction and copying its
// meta page, while N + 1 is committed and N + 2 has written its meta page, but is not done: it must
// not see N + 2 as N, nor may the next one then see N + 1.
TEST(StoreConcurrency, AReaderThatIsLateDoesNotSeeAnUnfinishedCommit) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  auto db = OpenOrDie(path);
  const LastTransaction last(path);
  const auto commit = [&](const std::string& user) {
    Import(*db,
           [&](Importer& importer) { ASSERT_OK(importer.AddInteraction(user, "item", 1, 1)); });
  };
  commit("a");
  ASSERT_EQ(Take(db->Read()).transaction(), last.Get());
  commit("b");
  const size_t after = last.Get();
  last.Set(after - 2);
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    last.Set(after);
  });
  {
    const auto view = db->Read();
    writer.join();
    ASSERT_OK(view.status());
    EXPECT_EQ(view->transaction(), after);
    EXPECT_EQ(view->counts().users, 2u);
  }
  last.Set(after - 2);  // for ever: given up after 2 s
  const auto never = db->Read();
  last.Set(after);
  EXPECT_CODE(never.status(), kUnavailable);
  EXPECT_EQ(Take(db->Read()).transaction(), after);
}

TEST(StoreConcurrency, SecondWriterWaitsUntilTheFirstIsDone) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  AddOne(path, "u0");
  Child first([&](const auto& ready) {
    auto db = OpenOrDie(path);
    ready();
    Import(*db, [](Importer& importer) { ASSERT_OK(importer.AddInteraction("u1", "i", 1, 1)); });
    return testing::Test::HasFailure() ? 1 : 0;
  });
  ASSERT_TRUE(first.ready());
  // Gives up at its deadline and names the holder.
  const Clock::time_point start = Clock::now();
  const absl::Status status = OpenWaiting(path, 0.2).status();
  EXPECT_CODE(status, kFailedPrecondition);
  EXPECT_GE(SecondsSince(start), 0.2);
  if (fs::exists("/proc/locks") && std::ifstream("/proc/locks").peek() != EOF) {
    EXPECT_THAT(status.ToString(), HasSubstr("process " + std::to_string(first.pid())));
  }
  std::thread releaser([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    first.Release();
  });
  auto second = OpenWaiting(path, 60);  // gets its turn, and sees what the first has written
  releaser.join();
  ASSERT_OK(second.status());
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(ReadStats(**second)->counts.users, 2u);
  // This process's own Database is not waited for.
  const Clock::time_point again = Clock::now();
  EXPECT_CODE(OpenWaiting(path, 60).status(), kFailedPrecondition);
  EXPECT_LT(SecondsSince(again), 30);
}

TEST(StoreConcurrency, AKilledHolderEndsTheWait) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  AddOne(path, "u0");
  Child holder([&](const auto& ready) {
    auto db = OpenOrDie(path);
    ready();
    return 0;
  });
  ASSERT_TRUE(holder.ready());
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    holder.Kill();
  });
  ASSERT_OK(OpenWaiting(path, 60).status());
  killer.join();
}

TEST(StoreConcurrency, ReaderKilledBesideAnOpenWriter) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  AddOne(path, "u0");
  std::unique_ptr<Database> db;
  const auto write = [&](int i) {
    Import(*db, [&](Importer& importer) {
      for (int k = 0; k < 300; ++k) {
        ASSERT_OK(importer.AddTriple(Iri(Concat("n", i, "/", k)), Iri("r"), Iri("x")));
      }
    });
  };
  // Forked first: a child has its parent's open files.
  Child reader([&](const auto& ready) {
    auto mine = OpenOrDie(path, OpenMode::kOpen, true);
    const ReadView view = mine->Read().value();
    ready();
    return view.counts().interactions == 1 ? 0 : 1;
  });
  ASSERT_TRUE(reader.ready());
  db = OpenOrDie(path);
  write(0);
  reader.Kill();
  // Its slot is cleared without opening the file anew: pages are reused, growth is that of the
  // data.
  for (int i = 1; i < 8; ++i) write(i);
  const uint64_t bytes = ReadStats(*db)->file_bytes;
  for (int i = 8; i < 16; ++i) write(i);
  EXPECT_LE(ReadStats(*db)->file_bytes, 3 * bytes);
}

TEST(StoreConcurrency, FilesOfAKilledCreationAreRemoved) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  const pid_t dead = [] {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, nullptr, 0);
    return child;
  }();
  const std::string left = Concat(path, ".new-", dead, "-12"), lock = left + "-lock";
  const std::string alive = Concat(path, ".new-", getpid(), "-12");
  const std::string other = folder.File("b.undula.new-1-1");
  for (const std::string& name : {left, lock, alive, other}) std::ofstream(name) << "x";
  AddOne(path, "u0");
  EXPECT_FALSE(fs::exists(left));
  EXPECT_FALSE(fs::exists(lock));
  EXPECT_TRUE(fs::exists(alive));
  EXPECT_TRUE(fs::exists(other));
}

TEST(StoreConcurrency, MapGrowsInEveryProcess) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  AddOne(path, "u0");
  const auto open_small = [&](bool read_only) {
    OpenOptions options;
    options.read_only = read_only;
    options.map_bytes = 1 << 20;
    return Database::Open(path, options);
  };
  // Reads before the other process has made the file larger than this one's map, and after.
  Child reader([&](const auto& ready) {
    auto db = open_small(true);
    if (!db.ok() || !(*db)->Read().ok()) return 2;
    ready();
    const auto view = (*db)->Read();
    if (!view.ok() || view->counts().items != 40001) return 3;
    return view->FindItem("i").ok() && view->FindItem(std::string(600, 'i') + "39999").ok() &&
                   *view->FindItem(std::string(600, 'i') + "39999") != kNone<ItemId>
               ? 0
               : 4;
  });
  ASSERT_TRUE(reader.ready());
  {
    ASSERT_OK_AND_ASSIGN(auto db, open_small(false));
    Import(*db, [](Importer& importer) {
      for (int i = 0; i < 40000; ++i) {
        ASSERT_OK(importer.AddInteraction("u", std::string(600, 'i') + std::to_string(i), 1, i));
      }
    });
  }
  EXPECT_GT(fs::file_size(path), 17u << 20);  // more than the smallest map
  reader.Release();
  EXPECT_EQ(reader.Wait(), 0);
}

TEST(StoreConcurrency, ImportBesideReadersAndASecondWriter) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  ASSERT_OK(MakeBalanced(path, 200));
  Child reader([&](const auto& ready) {
    auto db = OpenOrDie(path, OpenMode::kOpen, true);
    ready();
    ReadLatency latency;
    const Clock::time_point start = Clock::now();
    const absl::Status status = ReadBalanced(
        *db, 200, 1, [&] { return SecondsSince(start) > 1; }, &latency);
    return status.ok() && latency.reads > 0 ? 0 : 1;
  });
  Child importing([&](const auto& ready) {
    auto db = OpenOrDie(path);
    ready();
    for (int round = 0; round < 3; ++round) {
      if (!ImportBalanced(*db, 200, round).ok()) return 1;
    }
    return 0;
  });
  ASSERT_TRUE(reader.ready() && importing.ready());
  EXPECT_CODE(Database::Open(path).status(), kFailedPrecondition);
  reader.Release();
  importing.Release();
  ASSERT_OK_AND_ASSIGN(auto db, OpenWaiting(path, 60));
  ASSERT_OK(ChangeBalanced(*db, 200, 3));
  EXPECT_EQ(importing.Wait(), 0);
  EXPECT_EQ(reader.Wait(), 0);
  EXPECT_EQ(ReadStats(*db)->counts.triples, 10u * (200 + 3));
}

TEST(StoreConcurrency, ProcessesSeeWholeTransactions) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  ASSERT_OK(MakeBalanced(path, 100));
  std::vector<std::unique_ptr<Child>> readers;
  for (uint64_t i = 0; i < 4; ++i) {
    readers.push_back(std::make_unique<Child>([&](const auto& ready) {
      auto db = OpenOrDie(path, OpenMode::kOpen, true);
      ready();
      ReadLatency latency;
      const Clock::time_point start = Clock::now();
      const absl::Status status = ReadBalanced(
          *db, 100, i, [&] { return SecondsSince(start) > 2; }, &latency);
      if (!status.ok()) fprintf(stderr, "%s\n", status.ToString().c_str());
      return status.ok() && latency.reads > 0 ? 0 : 1;
    }));
    ASSERT_TRUE(readers.back()->ready());
  }
  auto db = OpenOrDie(path);
  for (const auto& reader : readers) reader->Release();
  const Clock::time_point start = Clock::now();
  int round = 0;
  for (; SecondsSince(start) < 2; ++round) ASSERT_OK(ChangeBalanced(*db, 100, round));
  for (const auto& reader : readers) EXPECT_EQ(reader->Wait(), 0);
  EXPECT_GT(round, 0);
  EXPECT_EQ(ReadStats(*db)->counts.triples, 1000u);
}

TEST(StoreConcurrency, ThreadsSeeWholeTransactions) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  ASSERT_OK(MakeBalanced(path, 50));
  auto db = OpenOrDie(path);
  std::atomic<bool> done{false};
  std::vector<absl::Status> statuses(4);
  std::vector<ReadLatency> latencies(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < statuses.size(); ++i) {
    threads.emplace_back([&, i] {
      statuses[i] = ReadBalanced(
          *db, 50, i, [&] { return done.load(); }, &latencies[i]);
    });
  }
  const Clock::time_point start = Clock::now();
  int round = 0;
  absl::Status writing;
  for (; SecondsSince(start) < 1 && writing.ok(); ++round) {
    writing = ChangeBalanced(*db, 50, round);
  }
  done.store(true);
  for (std::thread& thread : threads) thread.join();
  ASSERT_OK(writing);
  for (const absl::Status& status : statuses) ASSERT_OK(status);
  for (const ReadLatency& latency : latencies) EXPECT_GT(latency.reads, 0u);
}

}  // namespace
}  // namespace undula::kgstore
