// Imports with bounded memory: the same bits as without a bound, however small it is.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/external_sort.h"
#include "kgstore/rdf_reader.h"
#include "kgstore/state.h"
#include "kgstore/store.h"
#include "kgstore/text_sorter.h"
#include "kgstore/verify.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using internal::ExternalSorter;
using internal::kTables;
using internal::Table;
using internal::TextSorter;
using internal::Triple;
using testing::HasSubstr;

constexpr uint64_t kTiny = 400 << 10;  // some twenty runs of the data below

// N-Quads with hubs, labels, numbers, times, literals that differ in their datatype only, long
// texts, blank nodes, graphs, and everything repeated far apart.
std::string MakeQuads(int lines, uint32_t seed) {
  std::mt19937 random(seed);
  const std::string xsd = "^^<http://www.w3.org/2001/XMLSchema#";
  std::string text;
  for (int i = 0; i < lines; ++i) {
    text += random() % 20 == 0 ? Concat("_:b", random() % 50)
                               : Concat("<http://e.org/", random() % 5000, '>');
    const uint32_t kind = random() % 12;
    text += kind == 1 ? " <http://www.w3.org/2000/01/rdf-schema#label> "
                      : Concat(" <http://p.org/", random() % 12, "> ");
    switch (kind) {
      case 0:
        text += Concat("\"", random() % 900, "\"", xsd, random() % 2 == 0 ? "integer>" : "double>");
        break;
      case 1:
        text += Concat("\"Titl\\u00e9 ", random() % 1500, random() % 2 == 0 ? "\"@en" : "\"");
        break;
      case 2:
        text += Concat("\"", std::string(random() % 300, 'x'), random() % 100, "\"");
        break;
      case 3:
        text += Concat("\"", 1000 + random() % 1000, "-02-03\"", xsd, "date>");
        break;
      case 4:
        text += Concat("\"", std::string(5000 + random() % 5, 'y'), "\"");
        break;
      case 5:
        text += Concat("_:b", random() % 50);
        break;
      default:
        text += Concat("<http://e.org/", random() % (1 + random() % 9000), '>');
    }
    if (random() % 10 == 0) text += Concat(" <http://g.org/", random() % 5, '>');
    text += " .\n";
  }
  return text;
}

std::string Write(const TempFolder& folder, const std::string& name, const std::string& text) {
  std::ofstream(folder.File(name), std::ios::binary) << text;
  return folder.File(name);
}

std::unique_ptr<Database> Create(const std::string& path, int threads) {
  OpenOptions options;
  options.mode = OpenMode::kOpenOrCreate;
  options.threads = threads;
  return Take(Database::Open(path, options));
}

absl::StatusOr<ImportReport> ImportFiles(Database* database, const std::vector<std::string>& files,
                                         uint64_t memory, Progress* progress = nullptr) {
  ImportOptions import_options;
  import_options.memory = memory;
  auto importer = Take(Importer::Begin(*database, import_options));
  RdfOptions options;
  for (const std::string& file : files) {
    const auto read = ReadRdf(file, options, *importer, nullptr);
    if (!read.ok()) return read.status();
    ++options.file_ordinal;
    // Links name entities of the run at hand.
    UNDULA_RETURN_IF_ERROR(importer->AddLink(Concat("item", options.file_ordinal),
                                             Concat("http://e.org/", 17 * options.file_ordinal), 1,
                                             LinkMethod::kFile));
    UNDULA_RETURN_IF_ERROR(importer->AddInteraction("u", "item1", 1, options.file_ordinal));
  }
  return importer->Commit(progress);
}

// The sums of all tables but those whose bytes depend on the random number of the file.
std::array<uint64_t, kTables> Sums(const Database& database) {
  auto sums = Take(database.store().BeginView())->state().table_sum;
  for (const Table table : {Table::kEntityIds, Table::kRelationIds, Table::kLiteralIds,
                            Table::kUserIds, Table::kItemIds, Table::kChanges}) {
    sums[static_cast<size_t>(table)] = 0;
  }
  return sums;
}

TEST(StoreBounded, SameBitsAsUnbounded) {
  const TempFolder folder;
  const std::vector<std::string> first = {
      Write(folder, "a.nq", MakeQuads(20000, 1)),
      Write(folder, "c.ttl", "@prefix e: <http://e.org/> . e:new e:p e:1, \"t\" . e:7 e:p e:new ."),
      Write(folder, "b.nq", MakeQuads(20000, 2))};
  // Into existing data; known and new names, with and without graphs.
  const std::vector<std::string> second = {Write(folder, "d.nq", MakeQuads(20000, 3))};
  std::string plain = MakeQuads(9000, 4);
  for (size_t at; (at = plain.find(" <http://g.org/")) != plain.npos;) plain.erase(at, 17);
  const std::vector<std::string> third = {Write(folder, "e.nt", plain)};

  std::array<uint64_t, kTables> wanted{};
  std::vector<std::string> dump;
  std::string stats;
  for (const uint64_t memory : {uint64_t{0}, uint64_t{1} << 30, kTiny, 3 * kTiny}) {
    for (const int threads : {1, 3}) {
      SCOPED_TRACE(Concat(memory, " bytes, ", threads, " threads"));
      const std::string path = folder.File(Concat("t", memory, "-", threads, ".undula"));
      const auto database = Create(path, threads);
      ImportReport report;
      for (const auto& files : {first, second, third}) {
        ASSERT_OK_AND_ASSIGN(report, ImportFiles(database.get(), files, memory));
        EXPECT_GT(report.triples_new, 100u);
        EXPECT_EQ(SumErrors(*database), std::vector<std::string>());
      }
      VerifyReport verify;
      ASSERT_OK(VerifyContents(*database, &verify, nullptr));
      EXPECT_TRUE(verify.ok()) << verify.findings[0].what;
      if (wanted == std::array<uint64_t, kTables>{}) {
        wanted = Sums(*database);
        dump = Dump(*database);
        continue;
      }
      EXPECT_EQ(Sums(*database), wanted);
      EXPECT_EQ(Dump(*database), dump);
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_EQ(entry.path().string().find("undula-import"), std::string::npos) << entry.path();
  }
}

TEST(StoreBounded, RowsMustFit) {
  const TempFolder folder;
  const auto database = Create(folder.File("r.undula"), 1);
  ImportOptions options;
  options.memory = kTiny;
  auto importer = Take(Importer::Begin(*database, options));
  absl::Status status;
  int rows = 0;
  for (; rows < 100000 && status.ok(); ++rows) {
    status = importer->AddInteraction(Concat("u", rows), "i", 1, rows);
  }
  EXPECT_CODE(status, kResourceExhausted);
  EXPECT_GT(rows, 1000);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("held in memory"));
  EXPECT_CODE(importer->Commit().status(), kResourceExhausted);
  importer.reset();
  EXPECT_EQ(Take(database->Read()).counts().users, 0u);
}

TEST(StoreBounded, DiskFullLeavesTheOldState) {
  const TempFolder folder;
  const std::string path = folder.File("f.undula");
  const std::string one = Write(folder, "one.nq", MakeQuads(3000, 5));
  const std::string two = Write(folder, "two.nq", MakeQuads(20000, 6));
  std::string before;
  {
    const auto database = Create(path, 1);
    ASSERT_OK(ImportFiles(database.get(), {one}, 0).status());
    before = StatsText(*database);
  }
  const uint64_t size = std::filesystem::file_size(path);
  // Full in the temporary files (smaller than the database) or in the database.
  for (const uint64_t limit : {uint64_t{4096}, uint64_t{200000}, size, size + (1u << 20)}) {
    SCOPED_TRACE(limit);
    const int code = RunInChild([&] {
      signal(SIGXFSZ, SIG_IGN);
      const auto database = Create(path, 1);
      ImportOptions options;
      options.memory = kTiny;
      auto importer = Importer::Begin(*database, options).value();
      struct rlimit most {
        limit, limit
      };
      if (setrlimit(RLIMIT_FSIZE, &most) != 0) return 2;
      absl::Status status = ReadRdf(two, {}, *importer, nullptr).status();
      if (status.ok()) status = importer->Commit().status();
      importer.reset();
      if (status.ok()) return 4;
      if (!absl::IsResourceExhausted(status)) {
        fprintf(stderr, "%s\n", status.ToString().c_str());
        return 5;
      }
      return StatsText(*database) == before ? 0 : 6;
    });
    EXPECT_EQ(code, 0);
    const auto database = Create(path, 1);
    EXPECT_EQ(StatsText(*database), before);
  }
}

TEST(StoreBounded, FolderThatIsMissingIsNamed) {
  const TempFolder folder;
  const auto database = Create(folder.File("m.undula"), 1);
  ImportOptions options;
  options.memory = kTiny;
  options.spill_folder = folder.File("missing");
  auto importer = Take(Importer::Begin(*database, options));
  absl::Status status;
  for (int i = 0; i < 20000 && status.ok(); ++i) {
    status = importer->AddTriple(Iri(Concat("e", i)), Iri("r"), Iri("x"));
  }
  EXPECT_CODE(status, kNotFound);
  EXPECT_THAT(std::string(Message(status)), HasSubstr(options.spill_folder));
}

TEST(StoreBounded, SortersSortWhatDoesNotFit) {
  const TempFolder folder;
  for (const uint64_t bytes : {uint64_t{2000}, uint64_t{100000}, uint64_t{1} << 24}) {
    std::mt19937 random(7);
    ExternalSorter<Triple> sorter(folder.path(), bytes);
    TextSorter texts(folder.path(), bytes);
    std::vector<Triple> wanted;
    std::vector<std::string> wanted_texts;
    for (int i = 0; i < 20000; ++i) {
      const Triple t{static_cast<uint32_t>(random() % 50), static_cast<uint32_t>(random() % 20),
                     static_cast<uint32_t>(random() >> (random() % 32))};
      ASSERT_OK(sorter.Add(t));
      wanted.push_back(t);
      std::string text(random() % (i % 1000 == 0 ? 9000 : 20), 'a');
      for (size_t c = 0; c < std::min<size_t>(text.size(), 10); ++c) {
        text[c] = static_cast<char>(random() % 3 * 127);
      }
      ASSERT_OK(texts.Add(text));
      wanted_texts.push_back(text);
    }
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    std::sort(wanted_texts.begin(), wanted_texts.end());
    wanted_texts.erase(std::unique(wanted_texts.begin(), wanted_texts.end()), wanted_texts.end());
    ASSERT_OK(sorter.Finish());
    std::vector<Triple> got;
    for (; sorter.peek() != nullptr; sorter.Advance()) got.push_back(*sorter.peek());
    ASSERT_OK(sorter.status());
    EXPECT_TRUE(got == wanted) << bytes;
    ASSERT_OK(texts.Finish());
    std::vector<std::string> got_texts;
    for (; texts.peek() != nullptr; texts.Advance()) got_texts.emplace_back(*texts.peek());
    ASSERT_OK(texts.status());
    EXPECT_TRUE(got_texts == wanted_texts) << bytes;
  }
  ExternalSorter<Triple> none(folder.path(), 1000);
  ASSERT_OK(none.Finish());
  EXPECT_EQ(none.peek(), nullptr);
  TextSorter no_texts(folder.path(), 1000);
  ASSERT_OK(no_texts.Finish());
  EXPECT_EQ(no_texts.peek(), nullptr);
}

}  // namespace
}  // namespace undula::kgstore
