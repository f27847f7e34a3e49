#include "store_support.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "kgstore/hash.h"
#include "kgstore/store.h"

namespace undula::kgstore {

TempFolder::TempFolder() {
  std::string pattern = testing::TempDir() + "/undula_store_XXXXXX";
  path_ = mkdtemp(pattern.data());
}

TempFolder::~TempFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

Term Iri(std::string_view text) { return Term{TermKind::kIri, text, {}, {}}; }

Term Text(std::string_view text, std::string_view datatype, std::string_view language) {
  return Term{TermKind::kLiteral, text, datatype, language};
}

std::unique_ptr<Database> OpenOrDie(const std::string& path, OpenMode mode, bool read_only) {
  OpenOptions options;
  options.mode = mode;
  options.read_only = read_only;
  options.threads = 2;
  auto database = Database::Open(path, options);
  EXPECT_TRUE(database.ok()) << database.status().ToString();
  return database.ok() ? *std::move(database) : nullptr;
}

ImportReport Import(Database& database, const std::function<void(Importer&)>& add) {
  auto importer = Importer::Begin(database, {"test", ""});
  EXPECT_TRUE(importer.ok()) << importer.status().ToString();
  if (!importer.ok()) return {};
  add(**importer);
  auto report = (*importer)->Commit();
  EXPECT_TRUE(report.ok()) << report.status().ToString();
  return report.ok() ? *report : ImportReport();
}

std::vector<std::string> Dump(const Database& database) {
  std::vector<std::string> lines;
  auto view_or = database.Read();
  EXPECT_TRUE(view_or.ok()) << view_or.status().ToString();
  if (!view_or.ok()) return lines;
  const ReadView& view = *view_or;
  const Counts& counts = view.counts();
  for (uint32_t e = 0; e < counts.entities; ++e) {
    const auto id = static_cast<EntityId>(e);
    const std::string name = view.EntityName(id).value();
    lines.push_back("entity " + name);
    EXPECT_TRUE(view.ForEachOutEdge(id,
                                    [&](RelationId r, EntityId t) {
                                      lines.push_back("triple " + name + " " +
                                                      view.RelationName(r).value() + " " +
                                                      view.EntityName(t).value());
                                    })
                    .ok());
    EXPECT_TRUE(view.ForEachInEdge(id,
                                   [&](RelationId r, EntityId h) {
                                     lines.push_back("in " + name + " " +
                                                     view.RelationName(r).value() + " " +
                                                     view.EntityName(h).value());
                                   })
                    .ok());
    for (const Attribute& a : Take(view.Attributes(id))) {
      const Literal l = view.GetLiteral(a.literal).value();
      lines.push_back("attribute " + name + " " + view.RelationName(a.relation).value() + " '" +
                      l.text + "'^^" + l.datatype + "@" + l.language);
    }
  }
  for (uint32_t r = 0; r < counts.relations; ++r) {
    const auto id = static_cast<RelationId>(r);
    EXPECT_TRUE(view.ForEachRelationEdge(id,
                                         [&](EntityId h, EntityId t) {
                                           lines.push_back("by relation " +
                                                           view.RelationName(id).value() + " " +
                                                           view.EntityName(t).value() + " " +
                                                           view.EntityName(h).value());
                                         })
                    .ok());
  }
  EXPECT_TRUE(view.ForEachLabel([&](std::string_view label, std::span<const EntityId> entities) {
                    for (const EntityId e : entities) {
                      lines.push_back("label " + std::string(label) + " " +
                                      view.EntityName(e).value());
                    }
                  })
                  .ok());
  for (uint32_t i = 0; i < counts.items; ++i) {
    const auto id = static_cast<ItemId>(i);
    const std::string name = view.ItemName(id).value();
    lines.push_back("item " + name);
    for (const auto& [column, value] : Take(view.ItemColumns(id))) {
      lines.push_back("column " + name + " " + column + "=" + value);
    }
    for (const Link& link : Take(view.Links(id))) {
      lines.push_back("link " + name + " " + view.EntityName(link.entity).value() + " " +
                      std::to_string(link.confidence) + " " +
                      std::to_string(static_cast<int>(link.method)));
    }
  }
  for (uint32_t u = 0; u < counts.users; ++u) {
    const auto id = static_cast<UserId>(u);
    for (const auto& [column, value] : Take(view.UserColumns(id))) {
      lines.push_back("user column " + view.UserName(id).value() + " " + column + "=" + value);
    }
    for (const SocialLink& link : Take(view.Social(id))) {
      lines.push_back("social " + view.UserName(id).value() + " " +
                      view.UserName(link.user).value() + " " + std::to_string(link.weight));
    }
    for (const Interaction& x : Take(view.UserLog(id))) {
      lines.push_back("interaction " + view.UserName(id).value() + " " +
                      view.ItemName(x.item).value() + " " + std::to_string(x.weight) + " " +
                      std::to_string(x.time));
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::string StatsText(const Database& database) {
  const auto stats = ReadStats(database);
  EXPECT_TRUE(stats.ok()) << stats.status().ToString();
  if (!stats.ok()) return "";
  const Counts& c = stats->counts;
  std::string text = Concat(c.entities, ' ', c.relations, ' ', c.literals, ' ', c.users, ' ',
                            c.items, ' ', c.triples, ' ', c.attributes, ' ', c.labels, ' ',
                            c.interactions, ' ', c.links, ' ', c.linked_items, " generation ",
                            stats->generation, " imports ", stats->imports.size(), '\n');
  for (const TableStats& table : stats->tables) {
    text += Concat(table.name, ' ', table.entries, ' ', table.bytes, '\n');
  }
  for (const ModelInfo& model : stats->models) text += Concat(model.name, ' ', model.bytes, '\n');
  return text;
}

std::vector<std::string> SumErrors(const Database& database) {
  std::vector<std::string> wrong;
  auto view = database.Read();
  EXPECT_TRUE(view.ok()) << view.status().ToString();
  if (!view.ok()) return wrong;
  for (int i = 0; i < internal::kTables; ++i) {
    const auto table = static_cast<internal::Table>(i);
    auto cursor = view->state().Walk(table);
    uint64_t sum = 0;
    absl::StatusOr<bool> more = (*cursor)->First();
    for (; more.ok() && *more; more = (*cursor)->Next()) {
      sum += internal::HashEntry(static_cast<uint8_t>(i), (*cursor)->key(), (*cursor)->value());
    }
    if (!more.ok() || sum != view->state().state().table_sum[static_cast<size_t>(i)]) {
      wrong.push_back(internal::SpecOf(table).name);
    }
  }
  return wrong;
}

std::set<Edge> MakeGraph(uint32_t entities, uint32_t relations, uint32_t edges, uint64_t seed) {
  std::set<Edge> graph;
  uint64_t state = seed;
  const auto next = [&](uint64_t bound) {  // splitmix64
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (z ^ (z >> 31)) % bound;
  };
  while (graph.size() < edges) {
    const uint64_t tail = next(4) == 0 ? next(8) : next(entities);
    graph.insert({"http://example.org/entity/e" + std::to_string(next(entities)),
                  "http://example.org/relation/r" + std::to_string(next(relations)),
                  "http://example.org/entity/e" + std::to_string(tail)});
  }
  return graph;
}

void AddAll(const std::set<Edge>& edges, Importer& importer) {
  for (const auto& [h, r, t] : edges) {
    ASSERT_OK(importer.AddTriple(Iri(h), Iri(r), Iri(t)));
  }
}

int RunInChild(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return -1000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace undula::kgstore
