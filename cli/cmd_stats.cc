#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunStats(const Args& args) {
  Arguments a("stats", "What the database holds.",
              "  undula stats films.undula --by relation --format csv");
  std::string db, by = "all", format = "table";
  a.Positional("database", &db, "database file");
  a.Choice("--by", &by, {"all", "relation", "table"}, "totals, rows by relation, rows by table");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  auto stats = (*database)->Stats();
  if (!stats.ok()) return stats.status();
  if (by == "relation") {
    Table table({"relation", "triples", "attributes"});
    for (const RelationStats& r : stats->by_relation) {
      table.Add({r.relation, r.triples, r.attributes});
    }
    table.Print(format);
  } else if (by == "table") {
    Table table({"table", "bytes"});
    for (const auto& [name, bytes] : stats->tables) table.Add({name, bytes});
    table.Print(format);
  } else {
    Table table({"what", "count"});
    table.Add({"entities", stats->entities});
    table.Add({"relations", stats->relations});
    table.Add({"triples", stats->triples});
    table.Add({"attributes", stats->attributes});
    table.Add({"literals", stats->literals});
    table.Add({"labels", stats->labels});
    table.Add({"users", stats->users});
    table.Add({"items", stats->items});
    table.Add({"interactions", stats->interactions});
    table.Add({"links", stats->links});
    table.Add({"items with a link", stats->items_linked});
    table.Add({"social edges", stats->social});
    table.Add({"triples in named graphs", stats->quads});
    table.Add({"models", static_cast<int64_t>(stats->models.size())});
    table.Add({"generation", stats->generation});
    table.Add({"dictionary", std::string(stats->compact_dictionary ? "compact" : "plain")});
    table.Add({"format version", stats->format_version});
    table.Add({"file bytes", stats->file_bytes});
    table.Print(format);
  }
  return absl::OkStatus();
}

}  // namespace undula::cli
