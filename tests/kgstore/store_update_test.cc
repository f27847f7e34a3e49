// Updates in place against a plain model and against fresh imports; forgetting a user.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <map>
#include <thread>

#include "kgstore/change_log.h"
#include "kgstore/dictionary.h"
#include "kgstore/model_store.h"
#include "kgstore/store.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/updater.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using internal::Table;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

UpdateReport Update(Database& db, const std::function<void(Updater&)>& edit) {
  auto updater = Updater::Begin(db);
  EXPECT_TRUE(updater.ok()) << updater.status().ToString();
  if (!updater.ok()) return {};
  edit(**updater);
  auto report = (*updater)->Commit();
  EXPECT_TRUE(report.ok()) << report.status().ToString();
  return report.ok() ? *report : UpdateReport();
}

// What a database must hold, as calls of an importer would put it there.
struct Model {
  using Key = std::tuple<std::string, std::string, std::string, bool>;  // literal tail?
  std::map<Key, std::set<std::string>> triples;                         // graphs, "" = default
  std::map<std::tuple<std::string, std::string, int64_t>, float> interactions;
  std::map<std::pair<std::string, std::string>, float> links, social;
  std::map<std::string, std::map<std::string, std::string>> items, users;
};

Term Tail(const std::string& text, bool literal) {
  // Labels that normalize to the same, numbers and dates.
  if (!literal) return Iri(text);
  return Text(text,
              text[0] >= '0' && text[0] <= '9' ? "http://www.w3.org/2001/XMLSchema#integer" : "");
}

void Fill(const Model& model, Importer& importer) {
  for (const auto& [key, graphs] : model.triples) {
    const auto& [h, r, t, literal] = key;
    for (const std::string& graph : graphs) {
      ASSERT_OK(graph.empty() ? importer.AddTriple(Iri(h), Iri(r), Tail(t, literal))
                              : importer.AddQuad(Iri(h), Iri(r), Tail(t, literal), Iri(graph)));
    }
  }
  for (const auto& [key, weight] : model.interactions) {
    ASSERT_OK(
        importer.AddInteraction(std::get<0>(key), std::get<1>(key), weight, std::get<2>(key)));
  }
  for (const auto& [key, confidence] : model.links) {
    ASSERT_OK(importer.AddLink(key.first, key.second, confidence, LinkMethod::kFile));
  }
  for (const auto& [key, weight] : model.social) {
    ASSERT_OK(importer.AddSocial(key.first, key.second, weight));
  }
  const auto columns = [](const std::map<std::string, std::string>& row) {
    return std::vector<ItemColumn>(row.begin(), row.end());
  };
  for (const auto& [item, row] : model.items) ASSERT_OK(importer.AddItem(item, columns(row)));
  for (const auto& [user, row] : model.users) ASSERT_OK(importer.AddUser(user, columns(row)));
}

// Dump without the names, which stay when nothing refers to them any more; with the graphs.
std::vector<std::string> Content(const Database& db) {
  std::vector<std::string> lines;
  for (std::string& line : Dump(db)) {
    if (line.rfind("entity ", 0) != 0 && line.rfind("item ", 0) != 0) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

std::string CountsText(const Database& db) {
  const Counts c = db.Read()->counts();
  return Concat(c.triples, ' ', c.attributes, ' ', c.labels, ' ', c.interactions, ' ', c.links, ' ',
                c.linked_items, ' ', c.quads, ' ', c.numbers, ' ', c.social);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint32_t operator()(uint32_t bound) {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return static_cast<uint32_t>((z ^ (z >> 31)) % bound);
  }
  std::string Name(const char* prefix, uint32_t bound) {
    return prefix + std::to_string((*this)(bound));
  }

 private:
  uint64_t state_;
};

// One random operation on both.
void Step(Random& random, Model* model, Updater& updater) {
  const bool add = random(5) < 3;
  switch (random(10)) {
    default: {
      const bool literal = random(3) == 0;
      // Few heads with many tails (hubs), many with few.
      const std::string h = random(2) == 0 ? random.Name("e", 3) : random.Name("e", 60);
      const std::string r =
          literal && random(2) == 0 ? random.Name("name", 2) : random.Name("r", 3);
      const std::string t = !literal         ? random.Name("e", 400)
                            : random(2) == 0 ? random.Name(random(2) == 0 ? "Label " : "label  ", 9)
                                             : std::to_string(random(30));
      const std::string graph = random(6) == 0 ? random.Name("g", 2) : "";
      const Term name = Iri(graph);
      const Term* g = graph.empty() ? nullptr : &name;
      const Model::Key key(h, r, t, literal);
      if (add) {
        model->triples[key].insert(graph);
        ASSERT_OK(updater.AddTriple(Iri(h), Iri(r), Tail(t, literal), g));
      } else {
        if (const auto it = model->triples.find(key); it != model->triples.end()) {
          it->second.erase(graph);
          if (it->second.empty()) model->triples.erase(it);
        }
        ASSERT_OK(updater.RemoveTriple(Iri(h), Iri(r), Tail(t, literal), g));
      }
      return;
    }
    case 0: {
      const std::string u = random.Name("u", 4), i = random.Name("i", 6);
      const int64_t time = random(200);
      const float weight = static_cast<float>(1 + random(2));
      if (add) {
        model->interactions[{u, i, time}] = weight;
        ASSERT_OK(updater.AddInteraction(u, i, weight, time));
      } else {
        model->interactions.erase({u, i, time});
        ASSERT_OK(updater.RemoveInteraction(u, i, time));
      }
      return;
    }
    case 1: {
      const std::string i = random.Name("i", 6), e = random.Name("e", 5);
      if (add) {
        const float confidence = static_cast<float>(1 + random(4)) / 4;
        model->links[{i, e}] = confidence;
        ASSERT_OK(updater.AddLink(i, e, confidence, LinkMethod::kFile));
      } else {
        model->links.erase({i, e});
        ASSERT_OK(updater.RemoveLink(i, e));
      }
      return;
    }
    case 2: {
      const std::string u = random.Name("u", 4), o = random.Name("u", 6);
      if (add) {
        const float weight = static_cast<float>(random(3));
        model->social[{u, o}] = weight;
        ASSERT_OK(updater.AddSocial(u, o, weight));
      } else {
        model->social.erase({u, o});
        ASSERT_OK(updater.RemoveSocial(u, o));
      }
      return;
    }
    case 3: {
      const bool user = random(2) == 0;
      const std::string name = random.Name(user ? "u" : "i", 4);
      auto& row = (user ? model->users : model->items)[name];
      if (add) {
        const std::string column = random.Name("c", 3), value = random.Name("v", 3);
        row[column] = value;
        const std::vector<ItemColumn> columns = {{column, value}};
        ASSERT_OK(user ? updater.SetUser(name, columns) : updater.SetItem(name, columns));
      } else {
        row.clear();
        ASSERT_OK(user ? updater.RemoveUser(name) : updater.RemoveItem(name));
      }
      return;
    }
  }
}

TEST(StoreUpdate, RandomSequencesGiveWhatAFreshImportGives) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    TempFolder folder;
    auto db = OpenOrDie(folder.File("updated"));
    Random random(seed);
    Model model;
    for (int batch = 0; batch < 40; ++batch) {
      SCOPED_TRACE(batch);
      Update(*db, [&](Updater& updater) {
        const int steps = batch % 5 == 0 ? 200 : static_cast<int>(1 + random(20));
        for (int i = 0; i < steps; ++i) Step(random, &model, updater);
      });
      if (batch == 20) {  // a bulk import in between
        Import(*db, [&](Importer& importer) { Fill(model, importer); });
      }
      if (batch % 8 != 7 && batch != 21) continue;
      auto fresh = OpenOrDie(folder.File("fresh" + std::to_string(batch)));
      Import(*fresh, [&](Importer& importer) { Fill(model, importer); });
      EXPECT_THAT(SumErrors(*db), IsEmpty());
      EXPECT_EQ(CountsText(*db), CountsText(*fresh));
      EXPECT_TRUE(Content(*db) == Content(*fresh));
      for (const auto& [key, graphs] : model.triples) {
        const auto& [h, r, t, literal] = key;
        ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
        const EntityId head = view.FindEntity(h).value();
        const RelationId relation = view.FindRelation(r).value();
        absl::StatusOr<std::vector<EntityId>> found = absl::UnknownError("");
        if (literal) {
          const Term tail = Tail(t, true);
          found = view.Graphs(head, relation,
                              view.FindLiteral({t, std::string(tail.datatype), ""}).value());
        } else {
          found = view.Graphs(head, relation, view.FindEntity(t).value());
        }
        std::set<std::string> names;
        for (const EntityId graph : Take(found)) {
          names.insert(graph == kNone<EntityId> ? "" : view.EntityName(graph).value());
        }
        EXPECT_EQ(names, graphs);
      }
      ASSERT_OK(TakeSnapshot(*db).status());  // fits the counts
    }
  }
}

// Where ids are equal and no list has left its bucket, the tables are the same, byte for byte.
TEST(StoreUpdate, SumsEqualThoseOfAnImportOfTheSame) {
  TempFolder folder;
  const std::set<Edge> graph = MakeGraph(200, 3, 600, 3);
  auto a = OpenOrDie(folder.File("a"));
  auto b = OpenOrDie(folder.File("b"));
  const auto declare = [&](Importer& importer) {  // the same ids in both
    for (int e = 0; e < 200; ++e) {
      const std::string name = "http://example.org/entity/e" + std::to_string(e);
      ASSERT_OK(importer.AddLink("i" + std::to_string(e), name, 1, LinkMethod::kFile));
    }
    for (const char* user : {"u0", "u1", "u2"}) ASSERT_OK(importer.AddUser(user, {}));
    for (int r = 0; r < 3; ++r) {
      ASSERT_OK(importer.AddTriple(Iri("http://example.org/entity/e0"),
                                   Iri("http://example.org/relation/r" + std::to_string(r)),
                                   Iri("http://example.org/entity/e1")));
    }
  };
  Import(*a, declare);
  Import(*b, declare);
  Import(*a, [&](Importer& importer) {
    AddAll(graph, importer);
    for (int i = 0; i < 3000; ++i) {
      ASSERT_OK(
          importer.AddInteraction("u" + std::to_string(i % 3), "i" + std::to_string(i % 7), 1, i));
    }
  });
  Update(*b, [&](Updater& updater) {
    for (const auto& [h, r, t] : graph) ASSERT_OK(updater.AddTriple(Iri(h), Iri(r), Iri(t)));
    ASSERT_OK(updater.AddTriple(Iri("http://example.org/entity/e5"), Iri("extra"), Iri("x")));
    for (int i = 0; i < 3000; i += 2) {
      ASSERT_OK(
          updater.AddInteraction("u" + std::to_string(i % 3), "i" + std::to_string(i % 7), 1, i));
    }
  });
  Update(*b, [&](Updater& updater) {
    ASSERT_OK(updater.RemoveTriple(Iri("http://example.org/entity/e5"), Iri("extra"), Iri("x")));
    for (int i = 1; i < 3000; i += 2) {
      ASSERT_OK(
          updater.AddInteraction("u" + std::to_string(i % 3), "i" + std::to_string(i % 7), 1, i));
    }
  });
  ASSERT_OK_AND_ASSIGN(const ReadView va, a->Read());
  ASSERT_OK_AND_ASSIGN(const ReadView vb, b->Read());
  for (const Table table : {Table::kOut, Table::kUserLog, Table::kItemLog, Table::kLinks}) {
    const auto at = static_cast<size_t>(table);
    EXPECT_EQ(va.state().state().table_sum[at], vb.state().state().table_sum[at])
        << internal::SpecOf(table).name;
  }
}

TEST(StoreUpdate, HubsGrowAndShrinkInEveryOrder) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  constexpr int kEdges = 5000;
  const auto name = [](int i) { return "n" + std::to_string(i); };
  const auto out_degree = [&] {
    const ReadView view = db->Read().value();
    int degree = 0;
    EXPECT_TRUE(
        view.ForEachOutEdge(view.FindEntity("hub").value(), [&](RelationId, EntityId) { ++degree; })
            .ok());
    return degree;
  };
  for (int part = 0; part < 10; ++part) {
    const UpdateReport report = Update(*db, [&](Updater& updater) {
      for (int i = part; i < kEdges; i += 10) {
        ASSERT_OK(updater.AddTriple(Iri("hub"), Iri("r"), Iri(name(i))));
      }
    });
    EXPECT_EQ(report.added, kEdges / 10u);
  }
  EXPECT_EQ(out_degree(), kEdges);
  EXPECT_GT(ReadStats(*db)->max_out_degree, 4999u);
  for (int i = 0; i < kEdges - 3; i += 500) {
    const UpdateReport report = Update(*db, [&](Updater& updater) {
      for (int k = i; k < i + 500 && k < kEdges - 3; ++k) {
        ASSERT_OK(updater.RemoveTriple(Iri("hub"), Iri("r"), Iri(name(k))));
      }
      ASSERT_OK(updater.RemoveTriple(Iri("hub"), Iri("r"), Iri("never stored")));
    });
    EXPECT_EQ(report.unchanged, 1u);
    EXPECT_THAT(SumErrors(*db), IsEmpty());
  }
  EXPECT_EQ(out_degree(), 3);
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  const auto hubs = view.state().Walk(Table::kOutHubs);
  EXPECT_FALSE(*(*hubs)->First());                                      // back in its bucket
  EXPECT_EQ(view.FindEntity("never stored").value(), kNone<EntityId>);  // removing needs no name
}

TEST(StoreUpdate, DictionariesGrowAndSplitTheirBuckets) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Random random(5);
  std::vector<std::string> names;
  for (int batch = 0; batch < 30; ++batch) {
    Update(*db, [&](Updater& updater) {
      for (int i = 0; i < 40; ++i) {
        std::string text = Concat("name/", batch, "/", i);
        if (random(9) == 0) text += std::string(random(3000), 'x');  // kept aside
        ASSERT_OK(updater.AddTriple(Iri(text), Iri("r"), Text(text)));
        names.push_back(text);
      }
    });
  }
  ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
  EXPECT_GT(view.state().state().bucket_bits[0], 3);
  for (size_t i = 0; i < names.size(); ++i) {
    ASSERT_EQ(view.FindEntity(names[i]).value(), static_cast<EntityId>(i));
    ASSERT_EQ(view.EntityName(static_cast<EntityId>(i)).value(), names[i]);
    ASSERT_EQ(Take(view.FindLiterals(names[i])).size(), 1u);
  }
  EXPECT_THAT(SumErrors(*db), IsEmpty());
}

TEST(StoreUpdate, Reports) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  UpdateReport report = Update(*db, [](Updater&) {});
  EXPECT_EQ(report.change, 0u);  // nothing written
  report = Update(*db, [](Updater& updater) {
    ASSERT_OK(updater.AddTriple(Iri("a"), Iri("r"), Iri("b")));
    ASSERT_OK(updater.AddTriple(Iri("a"), Iri("r"), Iri("b")));
    ASSERT_OK(updater.RemoveTriple(Iri("x"), Iri("r"), Iri("b")));
    ASSERT_OK(updater.AddInteraction("u", "i", 1, 1));
    EXPECT_EQ(updater.pending(), 4u);
  });
  EXPECT_EQ(report.added, 2u);
  EXPECT_EQ(report.unchanged, 1u);
  EXPECT_EQ(report.names_new, 5u);
  EXPECT_EQ(report.change, 1u);
  report = Update(*db, [](Updater& updater) {
    ASSERT_OK(updater.AddTriple(static_cast<EntityId>(1), static_cast<RelationId>(0),
                                static_cast<EntityId>(0)));
    ASSERT_OK(updater.RemoveTriple(static_cast<EntityId>(0), static_cast<RelationId>(0),
                                   static_cast<EntityId>(1)));
    ASSERT_OK(updater.AddInteraction("u", "i", 2, 1));
  });
  EXPECT_EQ(report.added, 1u);
  EXPECT_EQ(report.removed, 1u);
  EXPECT_EQ(report.replaced, 1u);
  EXPECT_EQ(ReadStats(*db)->relations[0].triples, 1u);
  EXPECT_EQ(ReadStats(*db)->generation, 1u);

  auto updater = Updater::Begin(*db).value();
  EXPECT_CODE(Updater::Begin(*db).status(), kFailedPrecondition);
  EXPECT_CODE(Importer::Begin(*db).status(), kFailedPrecondition);
  EXPECT_CODE(updater->AddTriple(Text("a"), Iri("r"), Iri("b")), kInvalidArgument);
  EXPECT_CODE(updater->Commit().status(), kInvalidArgument);  // sticky
  updater->Discard();
  EXPECT_CODE(updater->AddInteraction("u", "i", NAN, 1), kInvalidArgument);
  updater->Discard();
  EXPECT_CODE(updater->AddLink("i", "a", 2, LinkMethod::kFile), kInvalidArgument);
  updater->Discard();
  EXPECT_CODE(updater->AddTriple(static_cast<EntityId>(99), static_cast<RelationId>(0),
                                 static_cast<EntityId>(0)),
              kInvalidArgument);
  updater->Discard();
  ASSERT_OK(updater->Commit().status());
  updater.reset();
  db.reset();
  auto reader = OpenOrDie(folder.File("a"), OpenMode::kOpen, true);
  EXPECT_CODE(Updater::Begin(*reader).status(), kFailedPrecondition);
}

TEST(StoreUpdate, ForgetUser) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  const std::vector<ItemColumn> row = {{"mail", "secret@example.org"}};
  Update(*db, [&](Updater& updater) {
    for (int i = 0; i < 400; ++i) {
      ASSERT_OK(updater.AddInteraction("ann", "i" + std::to_string(i % 9), 1, i));
      ASSERT_OK(updater.AddInteraction("bob", "i" + std::to_string(i % 5), 1, i));
    }
    ASSERT_OK(updater.SetUser("ann", row));
    ASSERT_OK(updater.AddSocial("ann", "bob", 1));
    ASSERT_OK(updater.AddSocial("bob", "ann", 1));
    ASSERT_OK(updater.AddSocial("bob", "cid", 1));
  });
  auto models = OpenModelStore(*db).value();
  const auto put = [&](const char* name, const char* users) {
    TensorMap model;
    if (users[0] != '\0') model.metadata[std::string(kTrainedUsersKey)] = users;
    ASSERT_OK(models->Put(name, model));
  };
  put("before", "0");
  put("after", "3");
  put("unknown", "");
  ASSERT_OK_AND_ASSIGN(const ForgetReport report, ForgetUser(*db, "ann"));
  EXPECT_EQ(report.interactions, 400u);
  EXPECT_EQ(report.social, 2u);
  EXPECT_THAT(report.models, ElementsAre("after", "unknown"));
  {
    ASSERT_OK_AND_ASSIGN(const ReadView view, db->Read());
    EXPECT_EQ(view.FindUser("ann").value(), kNone<UserId>);
    EXPECT_EQ(view.FindUser("").value(), kNone<UserId>);
    EXPECT_EQ(view.UserName(static_cast<UserId>(0)).value(), "");
    EXPECT_EQ(view.counts().interactions, 400u);
    EXPECT_EQ(view.counts().users, 3u);
    EXPECT_EQ(view.counts().social, 1u);
    EXPECT_THAT(Take(view.UserColumns(static_cast<UserId>(0))), IsEmpty());
    // No record of the log lists the user but the one that says that it was forgotten.
    int listed = 0;
    const auto cursor = *view.state().Walk(Table::kChanges);
    for (auto more = cursor->First(); *more; more = cursor->Next()) {
      const auto record = internal::DecodeChangeRecord(cursor->value());
      for (const auto& changed : *record) {
        listed += std::count(changed.rows.begin(), changed.rows.end(), 0u) > 0 &&
                  (&changed == &(*record)[2] || &changed == &(*record)[5]);
      }
    }
    EXPECT_EQ(listed, 1);
  }
  ASSERT_OK_AND_ASSIGN(const Snapshot snapshot, TakeSnapshot(*db));
  EXPECT_EQ(snapshot.by_user.row(0).size(), 0u);
  EXPECT_EQ(snapshot.by_item.size(), 400);
  EXPECT_THAT(SumErrors(*db), IsEmpty());
  EXPECT_CODE(ForgetUser(*db, "ann").status(), kNotFound);
  Update(*db, [](Updater& updater) { ASSERT_OK(updater.AddInteraction("ann", "i1", 1, 1)); });
  EXPECT_EQ(db->Read()->FindUser("ann").value(), static_cast<UserId>(3));  // a new user
  Import(*db, [](Importer& importer) {  // splits the buckets anew
    for (int u = 0; u < 500; ++u)
      ASSERT_OK(importer.AddInteraction("v" + std::to_string(u), "i", 1, 1));
  });
  EXPECT_EQ(db->Read()->FindUser("").value(), kNone<UserId>);
}

// The sum of all weights is 0 after each commit: what a reader sees must be whole.
TEST(StoreUpdate, ReadersSeeWholeTransactions) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Update(*db, [](Updater& updater) {
    for (int i = 0; i < 50; ++i) ASSERT_OK(updater.AddInteraction("u", Concat("i", i), 0, i));
  });
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0, reads = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      while (!done) {
        const auto view = db->Read();
        if (!view.ok()) {
          ++wrong;
          break;
        }
        const auto log = view->UserLog(view->FindUser("u").value());
        double sum = 0;
        for (const Interaction& x : *log) sum += x.weight;
        if (sum != 0 || log->size() < 50) ++wrong;
        ++reads;
      }
    });
  }
  auto updater = Updater::Begin(*db).value();
  Random random(9);
  for (int n = 1; n <= 150; ++n) {
    const uint32_t a = random(50), b = (a + 1 + random(49)) % 50;
    const auto weight = [&](uint32_t i) {
      const ReadView view = db->Read().value();
      return Take(view.UserLog(view.FindUser("u").value()))[i].weight;
    };
    ASSERT_OK(updater->AddInteraction("u", Concat("i", a), weight(a) + static_cast<float>(n), a));
    ASSERT_OK(updater->AddInteraction("u", Concat("i", b), weight(b) - static_cast<float>(n), b));
    ASSERT_OK(updater->Commit().status());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(reads, 0);
}

TEST(StoreUpdate, OldViewsStayAsTheyWere) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  Import(*db, [](Importer& importer) { AddAll(MakeGraph(100, 2, 500, 4), importer); });
  ASSERT_OK_AND_ASSIGN(const ReadView old, db->Read());
  const uint64_t before = old.counts().triples;
  Update(*db, [](Updater& updater) {
    for (const auto& [h, r, t] : MakeGraph(100, 2, 500, 4)) {
      ASSERT_OK(updater.RemoveTriple(Iri(h), Iri(r), Iri(t)));
    }
  });
  EXPECT_EQ(db->Read()->counts().triples, 0u);
  uint64_t seen = 0;
  for (uint32_t e = 0; e < old.counts().entities; ++e) {
    ASSERT_OK(old.ForEachOutEdge(static_cast<EntityId>(e), [&](RelationId, EntityId) { ++seen; }));
  }
  EXPECT_EQ(seen, before);
}

TEST(StoreUpdate, KilledBetweenCommits) {
  TempFolder folder;
  const std::string path = folder.File("a");
  { auto db = OpenOrDie(path); }
  for (int round = 0; round < 8; ++round) {
    const int code = RunInChild([&] {
      const pid_t self = getpid();
      auto db = OpenOrDie(path);
      auto updater = Updater::Begin(*db).value();
      const pid_t killer = fork();
      if (killer == 0) {
        usleep(static_cast<useconds_t>(2000 + round * 7000));
        kill(self, SIGKILL);
        _exit(0);
      }
      for (int n = 0;; ++n) {
        for (int i = 0; i < 30; ++i) {  // each batch is 30 triples and 30 interactions
          const std::string name = Concat("r", round, "-", n, "-", i);
          if (!updater->AddTriple(Iri("hub"), Iri("r"), Iri(name)).ok()) return 1;
          if (!updater->AddInteraction("u", name, 1, n).ok()) return 1;
        }
        if (!updater->Commit().ok()) return 1;
      }
    });
    ASSERT_EQ(code, -SIGKILL);
    absl::StatusOr<std::unique_ptr<Database>> db = absl::UnknownError("");
    for (int i = 0; i < 500 && !db.ok(); ++i) {  // the killer shares the lock until it is gone
      db = Database::Open(path);
      if (!db.ok()) usleep(10000);
    }
    ASSERT_TRUE(db.ok()) << db.status();
    const Counts counts = (*db)->Read()->counts();
    EXPECT_EQ(counts.triples % 30, 0u);
    EXPECT_EQ(counts.triples, counts.interactions);
    EXPECT_THAT(SumErrors(**db), IsEmpty());
    ASSERT_OK(TakeSnapshot(**db).status());
  }
}

}  // namespace
}  // namespace undula::kgstore
