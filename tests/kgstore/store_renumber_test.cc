// Renumbered copies (kgstore/renumber.h) of a database without models, and what a failed one
// leaves.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "kgstore/copy_database.h"
#include "kgstore/model_store.h"
#include "kgstore/verify.h"
#include "update_support.h"

namespace undula::kgstore {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Knows models that say how many entities they have.
class CountingModels final : public ModelRenumberer {
 public:
  absl::StatusOr<uint32_t> Entities(const std::string&, const TensorMap& model) const override {
    return static_cast<uint32_t>(std::stoul(model.metadata.at("entities")));
  }
  absl::Status Renumber(const std::string& name, const Renumbering&, TensorMap*) const override {
    return name == "bad" ? InvalidArgumentError("no") : absl::OkStatus();
  }
  bool drop_unknown() const override { return drop; }
  bool drop = false;
};

void PutModel(Database& db, const std::string& name, uint32_t entities, uint64_t id_space) {
  TensorMap model;
  model.metadata = {{"entities", std::to_string(entities)}, {"id_space", std::to_string(id_space)}};
  ASSERT_OK(Take(OpenModelStore(db))->Put(name, model));
}

constexpr char kInteger[] = "http://www.w3.org/2001/XMLSchema#integer";

// Hubs, texts aside, labels, numbers, graphs; in two imports, then names that nothing refers to.
void Fill(Database& db, uint32_t entities) {
  for (uint32_t part = 0; part < 2; ++part) {
    Import(db, [&](Importer& importer) {
      AddAll(MakeGraph(entities, 7, 8 * entities, 5 + part), importer);
      for (uint32_t i = part; i < entities; i += 2) {
        const std::string entity = Concat("http://example.org/entity/e", i);
        ASSERT_OK(importer.AddTriple(Iri(entity), Iri("http://example.org/label"),
                                     Text(Concat("Name ", i % 400), "", "en")));
        ASSERT_OK(importer.AddTriple(Iri(entity), Iri("http://example.org/year"),
                                     Text(std::to_string(i), kInteger)));
        ASSERT_OK(importer.AddQuad(Iri(entity), Iri("http://example.org/in"),
                                   Iri("http://example.org/part"),
                                   Iri(Concat("http://g/", i % 9))));
        if (i % 50 == 0) {
          ASSERT_OK(importer.AddQuad(Iri(entity), Iri("http://example.org/text"),
                                     Text(std::string(300 + i, 'x')), Iri("http://g/1")));
        }
        ASSERT_OK(importer.AddLink(Concat("i", i % 500), entity, i % 2 == 0 ? 1.0f : 0.5f,
                                   LinkMethod::kFile));
        ASSERT_OK(importer.AddInteraction(Concat("u", i % 40), Concat("i", i % 500), 1, i));
      }
      const ItemColumn columns[] = {{"title", "Alien"}};
      ASSERT_OK(importer.AddItem("i1", columns));
      ASSERT_OK(importer.AddUser("u1", columns));
      ASSERT_OK(importer.AddSocial("u1", "u2", 0.5f));
    });
  }
  for (const bool add : {true, false}) {
    Update(db, [&](Updater& updater) {
      for (int i = 0; i < 20; ++i) {
        const std::string dead = Concat("http://example.org/dead", i), gone = Concat("gone ", i);
        const Term terms[] = {Iri(dead), Iri("http://example.org/r"), Text(gone)};
        ASSERT_OK(add ? updater.AddTriple(terms[0], terms[1], terms[2])
                      : updater.RemoveTriple(terms[0], terms[1], terms[2]));
      }
    });
  }
}

// Dump() without the names that nothing refers to.
std::vector<std::string> LivingLines(const Database& db) {
  std::vector<std::string> lines = Dump(db);
  std::erase_if(lines, [](const std::string& line) {
    return line.find("http://example.org/dead") != std::string::npos;
  });
  return lines;
}

uint64_t ContentOf(const Database& db) {
  return SumContent(Take(db.Read()), nullptr).value().all();
}

std::vector<std::string> EntityNames(const Database& db) {
  const ReadView view = Take(db.Read());
  std::vector<std::string> names;
  for (uint32_t i = 0; i < view.counts().entities; ++i) {
    names.push_back(Take(view.EntityName(EntityId{i})));
  }
  return names;
}

TEST(StoreRenumber, SameContentsUnderOtherIds) {
  TempFolder folder;
  const std::string path = folder.File("a.undula"), to = folder.File("b.undula");
  auto db = OpenOrDie(path);
  Fill(*db, 3000);
  const CountingModels models;
  for (const DictionaryForm form : {DictionaryForm::kKeep, DictionaryForm::kCompact}) {
    fs::remove(to);
    ASSERT_OK(CompactDatabase(*db, to, form, nullptr, &models).status());
    ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyFile(to, nullptr));
    for (const auto& finding : report.findings) ADD_FAILURE() << finding.what;
    auto copy = OpenOrDie(to);
    EXPECT_EQ(Dump(*copy), LivingLines(*db));
    EXPECT_EQ(ContentOf(*copy), ContentOf(*db));
    const Counts a = Take(db->Read()).counts(), b = Take(copy->Read()).counts();
    EXPECT_EQ(b.entities + 20, a.entities);
    EXPECT_EQ(b.literals + 20, a.literals);
    EXPECT_EQ(b.quads, a.quads);
    EXPECT_EQ(b.numbers, a.numbers);
    EXPECT_EQ(b.labels, a.labels);
    EXPECT_EQ(b.links, a.links);
    EXPECT_EQ(Take(ReadStats(*copy)).imports.size(), Take(ReadStats(*db)).imports.size());
    EXPECT_GT(Take(ReadStats(*copy)).generation, Take(ReadStats(*db)).generation);
    EXPECT_NE(EntityNames(*copy), EntityNames(*db));
    // It goes on from there.
    Import(*copy, [](Importer& importer) { AddAll(MakeGraph(50, 3, 100, 9), importer); });
    Update(*copy, [](Updater& updater) {
      ASSERT_OK(updater.AddTriple(Iri("http://example.org/entity/e1"), Iri("r"), Text("1")));
    });
    copy.reset();
    EXPECT_TRUE(VerifyFile(to, nullptr)->ok());
  }
}

TEST(StoreRenumber, ModelsKeepTheirNumberOfEntities) {
  TempFolder folder;
  const std::string to = folder.File("b.undula");
  auto db = OpenOrDie(folder.File("a.undula"));
  // e: no degree, but below the models' number; f: dead.
  Import(*db, [](Importer& importer) {
    ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("b")));
    ASSERT_OK(importer.AddTriple(Iri("a"), Iri("r"), Iri("c")));
  });
  Update(*db, [](Updater& updater) {
    ASSERT_OK(updater.AddTriple(Iri("d"), Iri("r"), Iri("e")));
    ASSERT_OK(updater.AddTriple(Iri("f"), Iri("r"), Iri("g")));
    ASSERT_OK(updater.AddTriple(Iri("h"), Iri("r"), Iri("c")));
    ASSERT_OK(updater.AddTriple(Iri("h"), Iri("s"), Iri("c")));
    ASSERT_OK(updater.AddTriple(Iri("h"), Iri("t"), Iri("c")));
  });
  Update(*db, [](Updater& updater) {
    ASSERT_OK(updater.RemoveTriple(Iri("d"), Iri("r"), Iri("e")));
    ASSERT_OK(updater.RemoveTriple(Iri("f"), Iri("r"), Iri("g")));
  });
  EXPECT_THAT(EntityNames(*db), ElementsAre("a", "b", "c", "d", "e", "f", "g", "h"));
  PutModel(*db, "five", 5, db->id_space());
  PutModel(*db, "two", 2, db->id_space());
  CountingModels models;
  ASSERT_OK(CompactDatabase(*db, to, DictionaryForm::kKeep, nullptr, &models).status());
  EXPECT_THAT(EntityNames(*OpenOrDie(to)), ElementsAre("a", "b", "c", "d", "e", "h"));

  // Of another id space, with more entities than there are, refused at last.
  PutModel(*db, "foreign", 1, db->id_space() + 1);
  PutModel(*db, "large", 9, db->id_space());
  PutModel(*db, "bad", 3, db->id_space());
  for (const std::string name : {"foreign", "large", "bad"}) {
    const std::string failed = folder.File("failed.undula");
    const absl::Status status =
        CompactDatabase(*db, failed, DictionaryForm::kKeep, nullptr, &models).status();
    EXPECT_FALSE(status.ok()) << name;
    EXPECT_FALSE(fs::exists(failed));
    models.drop = true;
    fs::remove(to);
    ASSERT_OK_AND_ASSIGN(const CopyReport report,
                         CompactDatabase(*db, to, DictionaryForm::kKeep, nullptr, &models));
    EXPECT_THAT(report.dropped_models, testing::Contains(name));
    models.drop = false;
    ASSERT_OK(Take(OpenModelStore(*db))->Remove(name));
  }
  auto copy = OpenOrDie(to);
  EXPECT_THAT(Take(Take(OpenModelStore(*copy))->List()), ElementsAre("five", "two"));
  EXPECT_THAT(Take(Take(OpenModelStore(*copy))->Metadata("two")).at("id_space"),
              std::to_string(copy->id_space()));
}

TEST(StoreRenumber, FullDiskAndCancelLeaveNothing) {
  TempFolder folder;
  const std::string path = folder.File("a.undula");
  {
    auto db = OpenOrDie(path);
    Fill(*db, 400);
    PutModel(*db, "m", 5, db->id_space());
  }
  const auto before = Dump(*OpenOrDie(path));
  const CountingModels models;
  const int code = RunInChild([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{300000, 300000};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto db = OpenOrDie(path, OpenMode::kOpen, /*read_only=*/true);
    return static_cast<int>(
        CompactDatabase(*db, folder.File("full.undula"), DictionaryForm::kKeep, nullptr, &models)
            .status()
            .code());
  });
  EXPECT_EQ(code, static_cast<int>(absl::StatusCode::kResourceExhausted));
  // Before the first step, when pages are checked, when models are written.
  for (const std::string_view stop : {"", "checking pages", "writing models"}) {
    bool seen = stop.empty();
    Progress* self = nullptr;
    Progress progress([&](int64_t done, int64_t total, std::string_view message) {
      if (done != total || message != stop) return;
      seen = true;
      self->Cancel();
    });
    self = &progress;
    if (stop.empty()) progress.Cancel();
    EXPECT_CODE(CompactInPlace(path, DictionaryForm::kKeep, &progress, &models).status(),
                kCancelled);
    EXPECT_TRUE(seen) << stop;
  }
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_THAT(entry.path().filename().string(), testing::AnyOf("a.undula", "a.undula-lock"));
  }
  EXPECT_EQ(Dump(*OpenOrDie(path)), before);
}

}  // namespace
}  // namespace undula::kgstore
