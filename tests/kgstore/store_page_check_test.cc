// page_check: sound files in every state, damaged pages, truncation, a file that is being written.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/rng.h"
#include "kgstore/model_store.h"
#include "kgstore/page_check.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

namespace fs = std::filesystem;
using internal::CheckPages;
using internal::PageReport;
using internal::ReadMetaPages;

absl::StatusOr<PageReport> CheckPath(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY);
  EXPECT_GE(fd, 0);
  auto meta = ReadMetaPages(fd, path);
  auto report = meta.ok() ? CheckPages(fd, path, meta->newest, nullptr)
                          : absl::StatusOr<PageReport>(meta.status());
  close(fd);
  return report;
}

std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Graph with hubs, texts of their own, catalogue, interactions, links and a model of many pages.
void Fill(const std::string& path) {
  auto db = OpenOrDie(path);
  Import(*db, [](Importer& importer) {
    AddAll(MakeGraph(400, 5, 3000, 1), importer);
    const std::string big(3000, 'x');
    ASSERT_OK(importer.AddTriple(Iri("http://example.org/entity/e1"), Iri("http://example.org/t"),
                                 Text(big)));
  });
  Import(*db, [](Importer& importer) {
    for (int i = 0; i < 500; ++i) {
      ASSERT_OK(importer.AddInteraction(Concat("u", i % 40), Concat("i", i % 23), 1, i));
    }
    ASSERT_OK(importer.AddLink("i1", "http://example.org/entity/e1", 1, LinkMethod::kFile));
  });
  auto models = Take(OpenModelStore(*db));
  TensorMap model;
  NamedTensor& tensor = model.tensors["weights"];
  tensor.dtype = DType::kF32;
  tensor.shape = {9000};
  tensor.bytes.resize(36000, std::byte{7});
  ASSERT_OK(models->Put("a", model));
  ASSERT_OK(models->Put("b", model));
  ASSERT_OK(models->Remove("a"));
}

TEST(StorePageCheck, SoundFiles) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  OpenOrDie(path).reset();
  ASSERT_OK_AND_ASSIGN(PageReport empty, CheckPath(path));
  EXPECT_EQ(empty.lost_pages, 0u);
  EXPECT_GE(empty.tables.size(), 30u);
  Fill(path);
  ASSERT_OK_AND_ASSIGN(PageReport full, CheckPath(path));
  EXPECT_EQ(full.lost_pages, 0u);
  EXPECT_GT(full.free_pages, 0u);
  EXPECT_EQ(full.pages * full.page_bytes, fs::file_size(path));
  uint64_t used = 2, entries = 0;
  for (const PageReport::Table& table : full.tables) {
    used += table.pages;
    entries += table.entries;
  }
  EXPECT_LE(used + full.free_pages, full.pages);
  EXPECT_GT(entries, 150u);
}

TEST(StorePageCheck, OpenChecksFully) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  Fill(path);
  OpenOptions options;
  options.check = OpenCheck::kFull;
  ASSERT_OK(Database::Open(path, options).status());
  options.read_only = true;
  ASSERT_OK(Database::Open(path, options).status());
  // A leaf that says it is a branch page.
  std::string bytes = ReadBytes(path);
  ASSERT_OK_AND_ASSIGN(const PageReport report, CheckPath(path));
  bool found = false;
  for (size_t at = 2 * report.page_bytes; at < bytes.size() && !found; at += report.page_bytes) {
    std::string damaged = bytes;
    damaged[at + 10] = 1;
    WriteBytes(path, damaged);
    const absl::Status status = Database::Open(path, options).status();
    if (status.ok()) continue;  // a free page
    found = true;
    EXPECT_CODE(status, kDataLoss);
    EXPECT_THAT(status.ToString(), testing::HasSubstr("page "));
    EXPECT_THAT(status.ToString(), testing::HasSubstr("backup"));
  }
  EXPECT_TRUE(found);
}

TEST(StorePageCheck, TruncationIsFound) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  Fill(path);
  const std::string bytes = ReadBytes(path);
  for (size_t length = 1; length < bytes.size(); length += 1777) {
    WriteBytes(path, bytes.substr(0, length));
    const absl::Status status = CheckPath(path).status();
    EXPECT_FALSE(status.ok()) << length;
    EXPECT_TRUE(absl::IsDataLoss(status) || length < 4096) << status.ToString();
  }
}

// Page headers, node tables and node headers, wherever they are changed: an error, or the change
// was in free space and every answer is the same.
TEST(StorePageCheck, DamagedStructureNeverReachesLmdb) {
  TempFolder folder;
  const std::string path = folder.File("a.undula"), copy = folder.File("copy.undula");
  Fill(path);
  const std::string bytes = ReadBytes(path);
  const size_t pages = bytes.size() / 4096;
  WriteBytes(copy, bytes);
  const int fd = open(copy.c_str(), O_RDWR);
  int passed = 0, refused = 0;
  for (uint32_t trial = 0; trial < 3000; ++trial) {
    const Rng rng(17, RngStream::kTest, trial);
    const auto random = [&](uint64_t i, uint64_t bound) { return rng.Bits64(i) % bound; };
    const size_t page = random(0, pages);
    const size_t at = page * 4096 + random(1, random(2, 2) == 0 ? 16 : 200);
    const auto to = static_cast<char>(random(3, 2) == 0 ? bytes[at] ^ (1 << random(4, 8))
                                                        : static_cast<int>(random(5, 256)));
    ASSERT_EQ(pwrite(fd, &to, 1, static_cast<off_t>(at)), 1);
    const absl::Status status = CheckPath(copy).status();
    ASSERT_EQ(pwrite(fd, &bytes[at], 1, static_cast<off_t>(at)), 1);
    status.ok() ? ++passed : ++refused;
    if (!status.ok()) {
      EXPECT_TRUE(absl::IsDataLoss(status) || page < 2) << status.ToString();
    }
  }
  close(fd);
  EXPECT_GT(refused, 500);
  EXPECT_GT(passed, 100);
}

TEST(StorePageCheck, WhileItIsWritten) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  Fill(path);
  // The writer is another process: a file is open once per process.
  const pid_t child = fork();
  if (child == 0) {
    OpenOptions options;
    auto db = Database::Open(path, options);
    if (!db.ok()) _exit(1);
    for (int i = 0; i < 25; ++i) {
      auto importer = Importer::Begin(**db, {"test", ""});
      if (!importer.ok()) _exit(2);
      for (const auto& [h, r, t] : MakeGraph(200, 3, 300, 100 + static_cast<uint64_t>(i))) {
        if (!(*importer)->AddTriple(Iri(h), Iri(r), Iri(t)).ok()) _exit(3);
      }
      if (!(*importer)->Commit().ok()) _exit(4);
    }
    _exit(0);
  }
  int checked = 0, status = 0;
  OpenOptions options;
  options.read_only = true;
  options.check = OpenCheck::kFull;
  while (waitpid(child, &status, WNOHANG) == 0) {
    ASSERT_OK(Database::Open(path, options).status());
    ++checked;
  }
  EXPECT_EQ(status, 0);
  EXPECT_GT(checked, 0);
  ASSERT_OK(CheckPath(path).status());
}

}  // namespace
}  // namespace undula::kgstore
