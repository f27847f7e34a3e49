// verify, content sums, open(check = full), backup and compact; damaged copies of a small database.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/rng.h"
#include "kgstore/copy_database.h"
#include "kgstore/hash.h"
#include "kgstore/lmdb_env.h"
#include "kgstore/model_store.h"
#include "kgstore/page_check.h"
#include "kgstore/store.h"
#include "kgstore/verify.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string ReadBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteBytes(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Graph with hubs, long texts, numbers and labels, catalogue, interactions, links, social, a model.
void FillAll(Database& db, bool reversed = false) {
  const auto add = [&](int part) {
    Import(db, [&](Importer& importer) {
      if (part == 0) {
        AddAll(MakeGraph(150, 5, 900, 1), importer);
        for (int i = 0; i < 90; ++i) {
          const std::string entity = Concat("http://example.org/entity/e", i);
          ASSERT_OK(importer.AddTriple(Iri(entity), Iri("http://example.org/label"),
                                       Text(Concat("Name ", i % 40), "", "en")));
          ASSERT_OK(importer.AddTriple(
              Iri(entity), Iri("http://example.org/year"),
              Text(std::to_string(1900 + i), "http://www.w3.org/2001/XMLSchema#integer")));
        }
        ASSERT_OK(importer.AddTriple(Iri("http://example.org/entity/e1"),
                                     Iri("http://example.org/t"), Text(std::string(2500, 'x'))));
        ASSERT_OK(importer.AddQuad(Iri("http://example.org/entity/e1"), Iri("http://example.org/q"),
                                   Iri("http://example.org/entity/e2"), Iri("http://g/1")));
      } else {
        for (int i = 0; i < 400; ++i) {
          ASSERT_OK(importer.AddInteraction(Concat("u", i % 40), Concat("i", i % 23),
                                            static_cast<float>(i % 3), i));
        }
        ASSERT_OK(importer.AddLink("i1", "http://example.org/entity/e1", 1, LinkMethod::kFile));
        const ItemColumn columns[] = {{"title", "Alien"}, {"year", "1979"}};
        ASSERT_OK(importer.AddItem("i1", columns));
        ASSERT_OK(importer.AddSocial("u1", "u2", 0.5f));
      }
    });
  };
  add(reversed ? 1 : 0);
  add(reversed ? 0 : 1);
}

void PutModel(Database& db) {
  auto models = Take(OpenModelStore(db));
  TensorMap model;
  std::vector<float> values(6000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  model.tensors["weights"] = MakeTensor<float>({6000}, values.data());
  model.metadata["family"] = "test";
  ASSERT_OK(models->Put("m", model));
}

void MakeSound(const std::string& path) {
  auto db = OpenOrDie(path);
  FillAll(*db);
  PutModel(*db);
}

// Every answer of a database as text.
absl::StatusOr<std::string> Answers(Database& db) {
  std::string text;
  for (const std::string& line : Dump(db)) text += line + "\n";
  UNDULA_ASSIGN_OR_RETURN(const ReadView view, db.Read());
  UNDULA_ASSIGN_OR_RETURN(const ContentSums sums, SumContent(view, nullptr));
  text += Concat(sums.all(), ' ', sums.graph, ' ', sums.social, '\n');
  UNDULA_ASSIGN_OR_RETURN(const auto models, OpenModelStore(db));
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> names, models->List());
  for (const std::string& name : names) {
    UNDULA_ASSIGN_OR_RETURN(const TensorMap model, models->Get(name));
    for (const auto& [tensor_name, tensor] : model.tensors) {
      text += Concat(name, '/', tensor_name, ' ');
      text.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    }
  }
  return text;
}

std::string Findings(const VerifyReport& report) {
  std::string text;
  for (const auto& finding : report.findings) text += finding.what + "\n";
  return text;
}

// Replaces the value of the first entry of a table, with a right checksum and, as a bug of ours
// would, without a change of the sums.
void Spoil(const std::string& path, internal::Table table,
           const std::function<std::string(std::string)>& change) {
  auto db = OpenOrDie(path, OpenMode::kOpen);
  auto& store = db->store();
  std::string key, value;
  MDB_dbi handle;
  {
    auto view = Take(store.BeginView());
    handle = view->tables()[table];
    auto cursor = Take(internal::Cursor::Open(store.env(), view->txn(), handle));
    ASSERT_TRUE(Take(cursor->First())) << internal::SpecOf(table).name;
    key = std::string(cursor->key());
    value = std::string(cursor->value());
  }
  auto txn = Take(store.BeginWrite(1 << 20));
  ASSERT_OK(txn->Put(handle, key, change(value)));
  ASSERT_OK(txn->Commit());
}

TEST(StoreVerify, SoundDatabases) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  OpenOrDie(path).reset();
  ASSERT_OK_AND_ASSIGN(VerifyReport report, VerifyFile(path, nullptr));
  EXPECT_TRUE(report.ok()) << Findings(report);
  MakeSound(path);
  ASSERT_OK_AND_ASSIGN(report, VerifyFile(path, nullptr));
  EXPECT_TRUE(report.ok()) << Findings(report);
  EXPECT_GT(report.entries, 100u);
  EXPECT_EQ(report.models, 1u);
  EXPECT_CODE(VerifyFile(folder.File("none.undula"), nullptr).status(), kNotFound);
}

// Two names that begin with `first` and have equal HashText(seed, name). A difference in the last
// letter of the first eight stays within bytes 3 and 7 of the hash's state, where letters of the
// second eight take it back.
std::pair<std::string, std::string> MeetingNames(uint64_t seed, char first) {
  using internal::HashText;
  const std::string letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (const char a : letters) {
    for (const char b : letters) {
      for (int d = 1; a != b && d < 128; ++d) {
        for (const char c : letters) {
          const auto other = static_cast<char>(c ^ d);
          if (letters.find(other) == std::string::npos) continue;
          std::string one = "entity/aabbbcbbb", two = "entity/babbbcbbb";
          one[0] = two[0] = first;
          one[7] = a;
          two[7] = b;
          one[11] = one[15] = c;
          two[11] = two[15] = other;
          if (HashText(seed, one) == HashText(seed, two)) return {one, two};
        }
      }
    }
  }
  ADD_FAILURE() << "no two such names";
  return {};
}

TEST(StoreVerify, NamesWithEqualHashesAreTwoNames) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  auto db = OpenOrDie(path);
  std::vector<std::string> names;
  for (const uint64_t seed : {db->id_space(), ~db->id_space(), uint64_t{0}}) {
    const auto [one, two] = MeetingNames(seed, static_cast<char>('a' + names.size()));
    names.push_back(one);
    names.push_back(two);
  }
  Import(*db, [&](Importer& importer) {
    for (const std::string& name : names) {
      ASSERT_OK(importer.AddTriple(Iri(name), Iri("is"), Iri("thing")));
      ASSERT_OK(importer.AddInteraction(name, name, 1, 1));
    }
  });
  {
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    EXPECT_EQ(view.counts().entities, names.size() + 1);
    for (size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(Take(view.EntityName(Take(view.FindEntity(names[i])))), names[i]);
      EXPECT_EQ(Take(view.UserName(Take(view.FindUser(names[i])))), names[i]);
    }
  }
  db.reset();
  ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyFile(path, nullptr));
  EXPECT_TRUE(report.ok()) << Findings(report);
  OpenOptions options;
  options.check = OpenCheck::kFull;
  ASSERT_OK(Database::Open(path, options).status());
}

// Replaces the text of name 1 by that of name 0, both of the same length, as a bug of ours would.
TEST(StoreVerify, ANameTwice) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  {
    auto db = OpenOrDie(path);
    Import(*db, [](Importer& importer) {
      ASSERT_OK(importer.AddInteraction("anna", "x", 1, 1));
      ASSERT_OK(importer.AddInteraction("otto", "x", 1, 1));
    });
  }
  Spoil(path, internal::Table::kUserTerms, [](std::string block) {
    const size_t at = block.find("otto");
    EXPECT_NE(at, std::string::npos);
    return block.replace(at, 4, "anna");
  });
  ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyFile(path, nullptr));
  EXPECT_THAT(Findings(report), HasSubstr("user names has a text twice"));
}

TEST(StoreVerify, ContentSumsDoNotDependOnIds) {
  TempFolder folder;
  auto a = OpenOrDie(folder.File("a.undula")), b = OpenOrDie(folder.File("b.undula"));
  FillAll(*a);
  FillAll(*b, /*reversed=*/true);
  ASSERT_OK_AND_ASSIGN(const ReadView view, a->Read());
  ASSERT_OK_AND_ASSIGN(const ContentSums first, SumContent(view, nullptr));
  const auto sums_of_b = [&] { return Take(SumContent(Take(b->Read()), nullptr)); };
  EXPECT_EQ(first.all(), sums_of_b().all());
  const ContentSums before = sums_of_b();
  Import(*b, [](Importer& importer) {
    ASSERT_OK(importer.AddTriple(Iri("http://example.org/entity/e1"), Iri("http://example.org/new"),
                                 Iri("http://example.org/entity/e2")));
  });
  EXPECT_NE(before.graph, sums_of_b().graph);
  EXPECT_EQ(before.interactions, sums_of_b().interactions);
  EXPECT_NE(before.all(), sums_of_b().all());
}

TEST(StoreVerify, IndexAgainstIndex) {
  using internal::Table;
  TempFolder folder;
  const std::string sound = folder.File("sound.undula"), path = folder.File("a.undula");
  MakeSound(sound);
  const std::string bytes = ReadBytes(sound);
  const std::pair<Table, const char*> cases[] = {
      {Table::kOut, "out"},           {Table::kIn, "in"},
      {Table::kAttributes, "values"}, {Table::kValues, "values"},
      {Table::kUserLog, "item_log"},  {Table::kItemLog, "item_log"},
      {Table::kEntityIds, "entity"},  {Table::kLinks, "links"},
      {Table::kSocial, "social"},     {Table::kItems, "items"},
      {Table::kLabels, "labels"},     {Table::kGraphs, "graphs"},
  };
  for (const auto& [table, text] : cases) {
    SCOPED_TRACE(internal::SpecOf(table).name);
    WriteBytes(path, bytes);
    fs::remove(path + "-lock");
    Spoil(path, table, [](std::string value) {
      value.back() = static_cast<char>(value.back() ^ 1);
      return value;
    });
    ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyFile(path, nullptr));
    ASSERT_FALSE(report.ok());
    EXPECT_THAT(Findings(report), HasSubstr(text));
    EXPECT_FALSE(report.findings[0].remedy.empty());
    OpenOptions options;
    options.check = OpenCheck::kFull;
    EXPECT_CODE(Database::Open(path, options).status(), kDataLoss);
  }
}

TEST(StoreCopy, BackupAndCompactOfALiveDatabase) {
  TempFolder folder;
  const std::string path = folder.File("a.undula"), backup = folder.File("b.undula"),
                    compact = folder.File("c.undula");
  MakeSound(path);
  auto db = OpenOrDie(path);
  Import(*db, [](Importer& importer) { AddAll(MakeGraph(150, 5, 900, 2), importer); });
  const std::string answers = Take(Answers(*db));
  ASSERT_OK(CopyDatabase(*db, backup, CopyKind::kBackup, nullptr).status());
  ASSERT_OK_AND_ASSIGN(const CopyReport report,
                       CopyDatabase(*db, compact, CopyKind::kCompact, nullptr));
  EXPECT_EQ(report.bytes, fs::file_size(compact));
  EXPECT_LT(report.bytes, fs::file_size(path));
  EXPECT_CODE(CopyDatabase(*db, backup, CopyKind::kBackup, nullptr).status(), kAlreadyExists);
  EXPECT_CODE(CopyDatabase(*db, folder.File("no/b.undula"), CopyKind::kCompact, nullptr).status(),
              kNotFound);
  for (const std::string& copy : {backup, compact}) {
    SCOPED_TRACE(copy);
    ASSERT_OK_AND_ASSIGN(const VerifyReport sound, VerifyFile(copy, nullptr));
    EXPECT_TRUE(sound.ok()) << Findings(sound);
    auto other = OpenOrDie(copy);
    EXPECT_EQ(other->id_space(), db->id_space());
    EXPECT_EQ(Take(Answers(*other)), answers);
    // A copy can be written to.
    Import(*other, [](Importer& importer) { AddAll(MakeGraph(20, 2, 50, 3), importer); });
    EXPECT_NE(Take(Answers(*other)), answers);
    other.reset();
    EXPECT_TRUE(VerifyFile(copy, nullptr)->ok());
  }
}

TEST(StoreCopy, FullDiskAndCancelLeaveNothing) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer: a forked child cannot start the threads of the copy";
#endif
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeSound(path);
  for (const CopyKind kind : {CopyKind::kBackup, CopyKind::kCompact}) {
    const int code = RunInChild([&] {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{100000, 100000};
      setrlimit(RLIMIT_FSIZE, &limit);
      auto db = OpenOrDie(path, OpenMode::kOpen, /*read_only=*/true);
      return static_cast<int>(
          CopyDatabase(*db, folder.File("full.undula"), kind, nullptr).status().code());
    });
    EXPECT_EQ(code, static_cast<int>(absl::StatusCode::kResourceExhausted));
    auto db = OpenOrDie(path, OpenMode::kOpen, /*read_only=*/true);
    Progress progress;
    progress.Cancel();
    EXPECT_CODE(CopyDatabase(*db, folder.File("full.undula"), kind, &progress).status(),
                kCancelled);
  }
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("full")));
  }
}

TEST(StoreCopy, CompactInPlaceNeedsToBeAlone) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeSound(path);
  const std::string answers = Take(Answers(*OpenOrDie(path)));
  const auto before = fs::file_size(path);
  int ready[2], done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  const pid_t reader = fork();
  char byte = 0;
  if (reader == 0) {
    auto db = OpenOrDie(path, OpenMode::kOpen, /*read_only=*/true);
    (void)!write(ready[1], &byte, 1);
    (void)!read(done[0], &byte, 1);
    db.reset();
    _exit(0);
  }
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_CODE(CompactInPlace(path, DictionaryForm::kKeep, nullptr).status(), kFailedPrecondition);
  ASSERT_EQ(write(done[1], &byte, 1), 1);
  ASSERT_EQ(waitpid(reader, nullptr, 0), reader);
  {
    auto db = OpenOrDie(path);
    EXPECT_CODE(CompactInPlace(path, DictionaryForm::kKeep, nullptr).status(), kFailedPrecondition);
  }
  ASSERT_OK_AND_ASSIGN(const CopyReport report,
                       CompactInPlace(path, DictionaryForm::kKeep, nullptr));
  EXPECT_LT(report.bytes, before);
  auto db = OpenOrDie(path);
  EXPECT_EQ(Take(Answers(*db)), answers);
  Import(*db, [](Importer& importer) { AddAll(MakeGraph(20, 2, 50, 3), importer); });
  db.reset();
  EXPECT_TRUE(VerifyFile(path, nullptr)->ok());
}

// Damages a copy: anywhere, or (half of the trials) in page headers, node tables and node headers.
void Damage(std::string* bytes, const Rng& rng) {
  const uint32_t pages = static_cast<uint32_t>(bytes->size() / 4096);
  if (rng.Below(0, 20) == 0) {
    bytes->resize(rng.Below(1, static_cast<uint32_t>(bytes->size())));
    return;
  }
  const bool header = rng.Below(2, 2) == 0;
  const uint32_t changes = 1 + rng.Below(3, 3);
  for (uint64_t i = 0; i < changes; ++i) {
    const auto random = [&](uint64_t n, uint32_t bound) {
      return rng.Below(16 * (i + 1) + n, bound);
    };
    const size_t page = random(0, pages);
    size_t at = page * 4096 + (header ? random(1, random(2, 2) == 0 ? 16 : 160) : random(1, 4096));
    switch (random(3, 5)) {
      case 0:
      case 1:
        (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << random(4, 8)));
        break;
      case 2:
        for (size_t k = 0; k < 1 + random(5, 16) && at < bytes->size(); ++k, ++at) {
          (*bytes)[at] = static_cast<char>(random(6, 256) + k);
        }
        break;
      case 3:  // a sector that was never written
        std::fill_n(bytes->begin() + static_cast<std::ptrdiff_t>(at / 512 * 512), 512, '\0');
        break;
      default:  // a page in the place of another
        bytes->replace(page * 4096, 4096, bytes->substr(random(7, pages) * 4096, 4096));
    }
  }
}

// UNDULA_CORRUPTION_TRIALS (default 200) damaged files from number UNDULA_CORRUPTION_FIRST on; see
// bench/corruption_trials. Every fourth file has a compact dictionary.
TEST(StoreCorruption, DataLossOrTheRightAnswers) {
  const auto env = [](const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::atoi(text);
  };
  const int trials = env("UNDULA_CORRUPTION_TRIALS", 200), from = env("UNDULA_CORRUPTION_FIRST", 0);
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  MakeSound(path);
  const std::string plain = ReadBytes(path);
  const std::string answers = Take(Answers(*OpenOrDie(path)));
  ASSERT_OK(CompactInPlace(path, DictionaryForm::kCompact, nullptr).status());
  const std::string compact = ReadBytes(path);
  ASSERT_EQ(Take(Answers(*OpenOrDie(path))), answers);
  // In a child: a crash or a hang is a failure of that trial, not of the test program.
  constexpr int kSame = 10, kLost = 11, kWrong = 12, kOtherError = 13, kVerifyDiffers = 14;
  int same = 0, lost = 0;
  for (int trial = from; trial < from + trials; ++trial) {
    std::string damaged = trial % 4 == 3 ? compact : plain;
    Damage(&damaged, Rng(20261123, RngStream::kTest, static_cast<uint32_t>(trial)));
    const int code = RunInChild([&] {
      alarm(60);
      WriteBytes(path, damaged);
      unlink((path + "-lock").c_str());
      const auto report = VerifyFile(path, nullptr);
      OpenOptions options;
      options.check = OpenCheck::kFull;
      options.read_only = trial % 2 == 0;
      auto db = Database::Open(path, options);
      if (!db.ok()) {
        if (report.ok() && report->ok()) {
          std::cerr << "verify finds nothing, open says: " << db.status() << "\n";
          return kVerifyDiffers;
        }
        // Where the magic of both meta pages or of the header record is gone it is another file.
        if (absl::IsDataLoss(db.status()) || absl::IsInvalidArgument(db.status()) ||
            absl::IsFailedPrecondition(db.status())) {
          return kLost;
        }
        std::cerr << "open says: " << db.status() << "\n";
        return kOtherError;
      }
      if (!report.ok() || !report->ok()) {
        std::cerr << "open finds nothing, verify says: "
                  << (report.ok() ? report->findings.front().what : report.status().ToString())
                  << "\n";
        return kVerifyDiffers;
      }
      const auto now = Answers(**db);
      return now.ok() && *now == answers ? kSame : kWrong;
    });
    EXPECT_TRUE(code == kSame || code == kLost) << "trial " << trial << " ended with " << code;
    same += code == kSame;
    lost += code == kLost;
  }
  EXPECT_EQ(same + lost, trials);
  std::cout << trials << " damaged files: " << lost << " refused, " << same
            << " with every answer right\n";
  RecordProperty("refused", lost);
}

}  // namespace
}  // namespace undula::kgstore
