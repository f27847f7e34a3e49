// Bulk import from files: the same bits for any number of threads, errors in the order of the file,
// named graphs, several documents in one import.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/rdf_reader.h"
#include "kgstore/rejects_file.h"
#include "kgstore/state.h"
#include "kgstore/store.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using internal::kTables;
using internal::Table;
using testing::HasSubstr;

// About 5 MB of N-Quads: hubs, repeated heads, literals of many kinds, blank nodes, graphs.
std::string MakeQuads(int lines, uint32_t seed) {
  std::mt19937 random(seed);
  std::string text;
  std::string head = "<http://e.org/0>";
  for (int i = 0; i < lines; ++i) {
    if (random() % 4 == 0) {
      head = random() % 20 == 0 ? Concat("_:b", random() % 50)
                                : Concat("<http://e.org/", random() % 9000, '>');
    }
    text += Concat(head, " <http://p.org/", random() % 12, "> ");
    switch (random() % 8) {
      case 0:
        text += Concat("\"", random() % 3000, "\"^^<http://www.w3.org/2001/XMLSchema#integer>");
        break;
      case 1:
        text += Concat("\"Title \\u00e9 ", random() % 2000, "\"@en");
        break;
      case 2:
        text += Concat("\"", std::string(random() % 300, 'x'), random() % 100, "\"");
        break;
      case 3:
        text += Concat("_:b", random() % 50);
        break;
      default: {
        const uint32_t limit = 1 + random() % 9000;
        text += Concat("<http://e.org/", random() % limit, '>');
      }
    }
    if (random() % 10 == 0) text += Concat(" <http://g.org/", random() % 5, '>');
    text += random() % 50 == 0 ? " . # comment\n" : " .\n";
  }
  return text;
}

std::string Write(const TempFolder& folder, const std::string& name, const std::string& text) {
  std::ofstream(folder.File(name), std::ios::binary) << text;
  return folder.File(name);
}

std::unique_ptr<Database> Create(const std::string& path, int threads) {
  OpenOptions options;
  options.mode = OpenMode::kCreate;
  options.threads = threads;
  return Take(Database::Open(path, options));
}

absl::StatusOr<ImportReport> ImportFiles(Database* database, const std::vector<std::string>& files,
                                         RdfOptions options = {}) {
  auto importer = Take(Importer::Begin(*database));
  for (const std::string& file : files) {
    const auto read = ReadRdf(file, options, *importer, nullptr);
    if (!read.ok()) return read.status();
    ++options.file_ordinal;
  }
  return importer->Commit();
}

// The sums of all tables but those whose bytes depend on the random number of the file.
std::array<uint64_t, kTables> Sums(const Database& database) {
  auto sums = Take(database.store().BeginView())->state().table_sum;
  for (const Table table : {Table::kEntityIds, Table::kRelationIds, Table::kLiteralIds}) {
    sums[static_cast<size_t>(table)] = 0;
  }
  return sums;
}

TEST(StoreBulk, SameBitsForAnyNumberOfThreads) {
  const TempFolder folder;
  const std::string a = Write(folder, "a.nq", MakeQuads(60000, 1));
  const std::string b = Write(folder, "b.nq", MakeQuads(20000, 2));
  const std::string c =
      Write(folder, "c.ttl", "@prefix e: <http://e.org/> . e:new e:p e:1, \"t\" .");
  std::array<uint64_t, kTables> first{};
  std::vector<std::string> dump;
  for (const int threads : {1, 2, 4}) {
    const auto database = Create(folder.File(Concat("t", threads, ".undula")), threads);
    ASSERT_OK_AND_ASSIGN(const ImportReport report, ImportFiles(database.get(), {a, c, b}));
    EXPECT_GT(report.quads_new, 0u);
    EXPECT_EQ(report.triples_read + report.attributes_read, 80002u);
    // A second import appends in the order of first appearance.
    ASSERT_OK(ImportFiles(database.get(), {Write(folder, "d.nq", MakeQuads(30000, 3))}).status());
    EXPECT_EQ(SumErrors(*database), std::vector<std::string>());
    if (threads == 1) {
      first = Sums(*database);
      dump = Dump(*database);
      continue;
    }
    EXPECT_EQ(Sums(*database), first) << threads << " threads";
    EXPECT_EQ(Dump(*database), dump) << threads << " threads";
  }
}

TEST(StoreBulk, ErrorsComeInTheOrderOfTheFile) {
  const TempFolder folder;
  std::string text = MakeQuads(60000, 4);
  // Two bad lines far apart, in different chunks, and one very long good line.
  const auto insert = [&](size_t near, const std::string& line) {
    const size_t at = text.find('\n', near) + 1;
    text.insert(at, line + "\n");
    return std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
  };
  const auto first = insert(text.size() / 2, "<http://a b> <http://p> <http://o> .");
  const auto second = insert(text.size() * 9 / 10, "<http://s> <http://p> \"open .");
  insert(text.size() / 4, "<http://s> <http://p> \"" + std::string(3000000, 'y') + "\" .");
  const std::string file = Write(folder, "bad.nq", text);
  for (const int threads : {1, 4}) {
    const auto database = Create(folder.File(Concat("e", threads, ".undula")), threads);
    const auto stopped = ImportFiles(database.get(), {file});
    EXPECT_THAT(std::string(Message(stopped.status())),
                HasSubstr(Concat(file, ':', first + 1, ":")));
    EXPECT_EQ(Take(database->Read()).counts().triples, 0u);

    RdfOptions options;
    options.on_error = OnError::kSkip;
    int64_t left = 1;
    options.limits.left = &left;
    const auto limited = ImportFiles(database.get(), {file}, options);
    EXPECT_THAT(std::string(Message(limited.status())), HasSubstr(Concat(":", second + 1, ":")));
    EXPECT_THAT(std::string(Message(limited.status())), HasSubstr("limit"));

    left = 2;
    auto rejects = Take(RejectsFile::Create(folder.File("rejects.tsv")));
    options.limits.rejects = rejects.get();
    ASSERT_OK(ImportFiles(database.get(), {file}, options).status());
    ASSERT_OK(rejects->Finish());
    std::ifstream in(folder.File("rejects.tsv"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].find(Concat(file, '\t', first + 1, '\t')), 0u) << lines[0];
    EXPECT_EQ(lines[1].find(Concat(file, '\t', second + 1, '\t')), 0u) << lines[1];
  }
}

TEST(StoreBulk, GraphsAreKeptOrDropped) {
  const TempFolder folder;
  const std::string text =
      "@prefix e: <http://e.org/> .\n"
      "e:a e:p e:b .\n"
      "GRAPH e:g { e:a e:p e:c . e:c e:p 1 }\n"
      "_:x { e:a e:p e:b }\n";
  const std::string file = Write(folder, "g.trig", text);
  const auto keep = Create(folder.File("keep.undula"), 1);
  ASSERT_OK_AND_ASSIGN(const ImportReport kept, ImportFiles(keep.get(), {file}));
  EXPECT_EQ(kept.triples_new, 2u);
  EXPECT_EQ(kept.attributes_new, 1u);
  EXPECT_EQ(kept.quads_read, 3u);
  RdfOptions options;
  options.drop_graphs = true;
  const auto drop = Create(folder.File("drop.undula"), 1);
  ASSERT_OK_AND_ASSIGN(const ImportReport dropped, ImportFiles(drop.get(), {file}, options));
  EXPECT_EQ(dropped.triples_new, 2u);
  EXPECT_EQ(dropped.attributes_new, 1u);
  EXPECT_EQ(dropped.quads_read, 0u);
}

TEST(StoreBulk, LabelsAreFoundAfterSeveralImports) {
  const TempFolder folder;
  const auto database = Create(folder.File("l.undula"), 2);
  for (int part = 0; part < 3; ++part) {
    std::string text;
    for (int i = part; i < 3000; i += 2 + part) {
      text += Concat("<http://e.org/", i, "> <http://www.w3.org/2000/01/rdf-schema#label> \"Name ",
                     i / 2, "\" .\n");
    }
    ASSERT_OK(ImportFiles(database.get(), {Write(folder, Concat(part, ".nt"), text)}).status());
  }
  const ReadView view = Take(database->Read());
  for (int i = 0; i < 1500; ++i) {
    std::set<std::string> names;
    for (const EntityId e : Take(view.EntitiesByLabel(Concat("name ", i)))) {
      names.insert(Take(view.EntityName(e)));
    }
    std::set<std::string> wanted;
    for (int k = 2 * i; k < 2 * i + 2; ++k) {
      for (int part = 0; part < 3; ++part) {
        if (k >= part && (k - part) % (2 + part) == 0) wanted.insert(Concat("http://e.org/", k));
      }
    }
    ASSERT_EQ(names, wanted) << i;
  }
  EXPECT_TRUE(Take(view.EntitiesByLabel("name")).empty());
  EXPECT_TRUE(Take(view.EntitiesByLabel("a")).empty());
  EXPECT_TRUE(Take(view.EntitiesByLabel("zzz")).empty());
}

}  // namespace
}  // namespace undula::kgstore
