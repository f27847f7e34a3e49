// The compact (zstd) form of the dictionary beside the plain one.
#include <filesystem>

#include "kgstore/copy_database.h"
#include "kgstore/dictionary.h"
#include "kgstore/store.h"
#include "kgstore/term_block.h"
#include "kgstore/verify.h"
#include "update_support.h"

namespace undula::kgstore {
namespace {

using internal::Space;
using internal::TermCodec;
using testing::HasSubstr;

// A name of two to four made-up words, always the same for a number.
std::string NameOf(const char* prefix, uint32_t number) {
  constexpr const char* kSyllables[] = {"ba",  "cho", "di", "fra", "gou", "kla", "mi", "no",
                                        "pre", "ru",  "sa", "te",  "vi",  "wo",  "ya", "zo"};
  Random random(number);
  std::string name = prefix;
  for (uint32_t word = 0; word < 2 + number % 3; ++word) {
    name += '_';
    for (uint32_t i = 0; i < 2 + number % 2; ++i) name += kSyllables[random(16)];
  }
  return Concat(name, '_', number);
}

std::string EntityOf(uint32_t number) { return NameOf("http://example.org/resource/", number); }

void AddNames(uint32_t begin, uint32_t end, Importer& importer) {
  for (uint32_t i = begin; i < end; ++i) {
    ASSERT_OK(importer.AddTriple(Iri(EntityOf(i)), Iri(Concat("http://example.org/r", i % 5)),
                                 Iri(EntityOf(i / 2))));
    ASSERT_OK(importer.AddTriple(Iri(EntityOf(i)), Iri("http://example.org/label"),
                                 Text(NameOf("", i), "", i % 2 == 0 ? "en" : "fr")));
    ASSERT_OK(importer.AddInteraction(NameOf("user", i % (end / 2)), NameOf("item", i), 1, i));
    if (i % 500 == 7) {  // too long for a block
      ASSERT_OK(importer.AddTriple(Iri(EntityOf(i)), Iri("http://example.org/text"),
                                   Text(std::string(200 + i, 'x') + NameOf("", i))));
    }
  }
}

std::unique_ptr<Database> OpenCompact(const std::string& path) {
  OpenOptions options;
  options.mode = OpenMode::kOpenOrCreate;
  options.compact_dictionary = true;
  auto db = Database::Open(path, options);
  EXPECT_TRUE(db.ok()) << db.status().ToString();
  return *std::move(db);
}

void ExpectSound(const Database& db) {
  VerifyReport report;
  ASSERT_OK(VerifyContents(db, &report, nullptr));
  for (const VerifyReport::Finding& finding : report.findings) ADD_FAILURE() << finding.what;
}

uint64_t ContentOf(const Database& db) {
  return SumContent(Take(db.Read()), nullptr).value().all();
}

// Equal names under equal ids, equal answers, equal contents.
void ExpectEqual(const Database& plain, const Database& compact) {
  ExpectSound(compact);
  EXPECT_EQ(ContentOf(plain), ContentOf(compact));
  EXPECT_EQ(Dump(plain), Dump(compact));
  const ReadView a = Take(plain.Read()), b = Take(compact.Read());
  ASSERT_EQ(a.counts().entities, b.counts().entities);
  for (uint32_t i = 0; i < a.counts().entities; ++i) {
    const std::string name = Take(a.EntityName(EntityId{i}));
    ASSERT_EQ(Take(b.EntityName(EntityId{i})), name);
    ASSERT_EQ(Take(b.FindEntity(name)), EntityId{i});
  }
  for (uint32_t i = 0; i < a.counts().users; ++i) {
    ASSERT_EQ(Take(a.UserName(UserId{i})), Take(b.UserName(UserId{i})));
  }
  EXPECT_EQ(Take(b.FindEntity("nobody")), kNone<EntityId>);
}

const internal::State& StateOf(const ReadView& view) { return view.state().state(); }

uint64_t BytesOf(const Database& db, const std::string& table) {
  for (const TableStats& stats : Take(ReadStats(db)).tables) {
    if (stats.name.compare(0, table.size(), table) == 0) return stats.bytes;
  }
  return 0;
}

TEST(StoreCompactDictionary, AnswersAsThePlainOneThroughImports) {
  TempFolder folder;
  auto plain = OpenOrDie(folder.File("plain.undula"));
  auto compact = OpenCompact(folder.File("compact.undula"));
  // The last step but one keeps the zstd dictionary, the others train it anew or do without.
  const uint32_t ends[] = {20, 6000, 6500, 30000};
  uint32_t begin = 0;
  for (const uint32_t end : ends) {
    SCOPED_TRACE(end);
    for (Database* db : {plain.get(), compact.get()}) {
      Import(*db, [&](Importer& importer) { AddNames(begin, end, importer); });
    }
    begin = end;
    ExpectEqual(*plain, *compact);
    const ReadView view = Take(compact->Read());
    EXPECT_EQ(StateOf(view).compressed[static_cast<size_t>(Space::kEntity)], end > 20);
    EXPECT_FALSE(StateOf(view).compressed[static_cast<size_t>(Space::kRelation)]);
  }
  EXPECT_LT(2 * BytesOf(*compact, "entity_terms@"), BytesOf(*plain, "entity_terms@"));
  EXPECT_LT(2 * BytesOf(*compact, "item_terms@"), BytesOf(*plain, "item_terms@"));
  // Once more from the file, by a process that only reads.
  compact.reset();
  compact = OpenOrDie(folder.File("compact.undula"), OpenMode::kOpen, /*read_only=*/true);
  ExpectEqual(*plain, *compact);
}

TEST(StoreCompactDictionary, UpdatesRewriteBlocks) {
  TempFolder folder;
  auto plain = OpenOrDie(folder.File("plain.undula"));
  auto compact = OpenCompact(folder.File("compact.undula"));
  for (Database* db : {plain.get(), compact.get()}) {
    Import(*db, [](Importer& importer) { AddNames(0, 12000, importer); });
    for (const uint32_t more : {1, 3, 40, 1000}) {
      Update(*db, [&](Updater& updater) {
        const Term relation = Iri("http://example.org/new");
        for (uint32_t i = 0; i < more; ++i) {
          const std::string head = EntityOf(1000 * more + 20000 + i);
          ASSERT_OK(updater.AddTriple(Iri(head), relation, Iri(std::string(120 + i % 3, 'y'))));
          ASSERT_OK(updater.AddInteraction(head, head, 1, i));
        }
      });
    }
    for (const uint32_t user : {0u, 31u, 32u, 33u, 2000u, 5999u}) {
      ASSERT_OK(ForgetUser(*db, NameOf("user", user)).status());
    }
    Import(*db, [](Importer& importer) { AddNames(12000, 12400, importer); });
  }
  ASSERT_TRUE(StateOf(Take(compact->Read())).compressed[static_cast<size_t>(Space::kUser)]);
  ExpectEqual(*plain, *compact);
  EXPECT_EQ(Take(Take(compact->Read()).FindUser(NameOf("user", 32))), kNone<UserId>);
  EXPECT_TRUE(SumErrors(*compact).empty());
}

TEST(StoreCompactDictionary, CompactChangesTheForm) {
  namespace fs = std::filesystem;
  TempFolder folder;
  const std::string path = folder.File("a.undula"), small = folder.File("b.undula"),
                    back = folder.File("c.undula");
  auto plain = OpenOrDie(path);
  Import(*plain, [](Importer& importer) { AddNames(0, 12000, importer); });
  ASSERT_OK(CompactDatabase(*plain, small, DictionaryForm::kCompact, nullptr).status());
  EXPECT_CODE(CompactDatabase(*plain, small, DictionaryForm::kCompact, nullptr).status(),
              kAlreadyExists);
  EXPECT_LT(fs::file_size(small), fs::file_size(path));
  {
    auto compact = OpenOrDie(small, OpenMode::kOpen, /*read_only=*/true);
    EXPECT_EQ(compact->id_space(), plain->id_space());
    EXPECT_TRUE(Take(ReadStats(*compact)).compact_dictionary);
    ExpectEqual(*plain, *compact);
    ASSERT_OK(CompactDatabase(*compact, back, DictionaryForm::kPlain, nullptr).status());
    auto again = OpenOrDie(back);
    EXPECT_FALSE(Take(ReadStats(*again)).compact_dictionary);
    ExpectEqual(*plain, *again);
  }
  const auto before = fs::file_size(back);
  ASSERT_OK_AND_ASSIGN(const CopyReport report,
                       CompactInPlace(back, DictionaryForm::kCompact, nullptr));
  EXPECT_EQ(report.bytes, fs::file_size(back));
  EXPECT_LT(report.bytes, before);
  auto compact = OpenCompact(back);
  ExpectEqual(*plain, *compact);
  for (Database* db : {plain.get(), compact.get()}) {
    Import(*db, [](Importer& importer) { AddNames(12000, 12100, importer); });
  }
  ExpectEqual(*plain, *compact);
  compact.reset();
  EXPECT_TRUE(VerifyFile(back, nullptr)->ok());
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr(".new-")));
  }
  Progress cancelled;
  cancelled.Cancel();
  EXPECT_CODE(CompactDatabase(*plain, folder.File("d.undula"), DictionaryForm::kCompact, &cancelled)
                  .status(),
              kCancelled);
  EXPECT_FALSE(fs::exists(folder.File("d.undula")));
}

TEST(StoreCompactDictionary, IsAskedForAtCreation) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  OpenOrDie(path).reset();
  OpenOptions options;
  options.compact_dictionary = true;
  const absl::Status status = Database::Open(path, options).status();
  EXPECT_CODE(status, kFailedPrecondition);
  EXPECT_THAT(status.ToString(), HasSubstr("compact"));
}

// Puts `value`, with a right checksum, in the place of a stored one.
void PutValue(Database& db, internal::Table table, uint32_t key, std::string_view value) {
  internal::Store& store = db.store();
  const MDB_dbi handle = Take(store.BeginView())->tables()[table];
  ASSERT_OK_AND_ASSIGN(const auto txn, store.BeginWrite(1 << 20));
  ASSERT_OK(txn->Put(handle, internal::AsBytes(key), value));
  ASSERT_OK(txn->Commit());
}

std::string ValueOf(const Database& db, internal::Table table, uint32_t key) {
  const auto view = Take(db.store().BeginView());
  return std::string(Take(view->Get(table, internal::AsBytes(key))).value());
}

TEST(StoreCompactDictionary, DamagedFramesAreDataLoss) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  std::string frame, trained;
  const auto terms = internal::TermsOf(Space::kEntity), texts = internal::TextsOf(Space::kEntity);
  {
    auto db = OpenCompact(path);
    Import(*db, [](Importer& importer) { AddNames(0, 6000, importer); });
    frame = ValueOf(*db, terms, 3);
    trained = ValueOf(*db, texts, internal::kTrainedKey);
  }
  for (const std::string& bad :
       {std::string(), frame.substr(0, frame.size() / 2), frame + "x", std::string(900, 'x'),
        std::string("\x28\xB5\x2F\xFD") + std::string(40, '\xFF')}) {
    auto db = OpenOrDie(path);
    PutValue(*db, terms, 3, bad);
    EXPECT_CODE(Take(db->Read()).EntityName(EntityId{100}).status(), kDataLoss);
    ASSERT_OK(Take(db->Read()).EntityName(EntityId{3 * 32 - 1}).status());
    VerifyReport report;
    ASSERT_OK(VerifyContents(*db, &report, nullptr));
    EXPECT_FALSE(report.ok());
    auto updater = Take(Updater::Begin(*db));
    EXPECT_CODE(SumContent(Take(db->Read()), nullptr).status(), kDataLoss);
  }
  for (const std::string& bad :
       {std::string(), trained.substr(0, 200), std::string(2 << 20, 'x')}) {
    auto db = OpenOrDie(path);
    PutValue(*db, terms, 3, frame);
    PutValue(*db, texts, internal::kTrainedKey, bad);
    EXPECT_CODE(Take(db->Read()).EntityName(EntityId{100}).status(), kDataLoss);
    EXPECT_CODE(Take(db->Read()).FindEntity(EntityOf(5)).status(), kDataLoss);
  }
}

TEST(StoreCompactDictionary, FramesOfAnyBytesAreBounded) {
  std::string blocks;
  std::vector<size_t> sizes;
  std::vector<std::string> all;
  internal::TermBlockEncoder encoder;
  for (uint32_t i = 0; blocks.size() < (size_t{100} << 10); ++i) {
    encoder.Add(EntityOf(i));
    if (encoder.count() < TermCodec::kCompressedTerms) continue;
    blocks += encoder.block();
    sizes.push_back(encoder.block().size());
    all.push_back(encoder.block());
    encoder.Clear();
  }
  ASSERT_OK_AND_ASSIGN(const auto codec,
                       internal::TrainTermCodec(blocks, sizes.data(), sizes.size()));
  ASSERT_TRUE(codec->compressed());
  std::string frame, buffer;
  std::string_view block;
  size_t packed = 0;
  for (const std::string& whole : all) {
    ASSERT_OK(codec->Pack(whole, &frame));
    packed += frame.size();
    for (int round = 0; round < 2; ++round) {  // the second time from what the thread keeps
      ASSERT_TRUE(codec->ExpandOnce(frame, &block));
      ASSERT_EQ(block, whole);
    }
  }
  EXPECT_LT(packed, blocks.size() * 2 / 3);
  ASSERT_OK(codec->Pack(std::string(1 << 20, 'a'), &frame));
  EXPECT_LT(frame.size(), 1000u);
  EXPECT_FALSE(codec->Expand(frame, &buffer, &block));
  EXPECT_FALSE(codec->ExpandOnce(frame, &block));
  Random random(7);
  ASSERT_OK(codec->Pack(all[0], &frame));
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = frame;
    for (uint32_t n = 0; n <= random(3); ++n) {
      damaged[random(static_cast<uint32_t>(damaged.size()))] = static_cast<char>(random(256));
    }
    if (random(4) == 0) damaged.resize(random(static_cast<uint32_t>(damaged.size())));
    if (!codec->ExpandOnce(damaged, &block)) continue;
    ASSERT_LE(block.size(), TermCodec::kMaxBlock);
    std::string text;
    uint32_t texts = 0;
    internal::DecodeTermBlock(block, codec->block_terms(), &text,
                              [&](uint32_t, std::string_view, bool) { return ++texts < 1000; });
    EXPECT_LE(texts, codec->block_terms());
  }
  EXPECT_FALSE(
      internal::TrainTermCodec(blocks.substr(0, 1000), sizes.data(), 1).value()->compressed());
}

}  // namespace
}  // namespace undula::kgstore
