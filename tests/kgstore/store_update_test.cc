// Updates in place against a plain model and against fresh imports.
#include <map>

#include "kgstore/store.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/updater.h"
#include "update_support.h"

namespace undula::kgstore {
namespace {

using internal::Table;
using testing::IsEmpty;

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

}  // namespace
}  // namespace undula::kgstore
