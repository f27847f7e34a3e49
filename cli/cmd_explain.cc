#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunExplain(const Args& args) {
  Arguments a(
      "explain",
      "Why an item, for a user: what the model looked at (the slots of its memory with the\n"
      "attention that the forward pass used), or with --connections N the N paths of the graph\n"
      "that say most of what the item has to do with the user's history, whatever the model\n"
      "made of it; these work with every model.",
      "  undula explain films.undula user-1 f-40 --slots 5\n"
      "  undula explain films.undula user-1 f-40 --connections 3");
  std::string db, model, format = "table";
  std::vector<std::string> who, history;
  ExplainOptions options;
  int64_t slots = options.slots, connections = 0;
  a.Positional("database", &db, "database file");
  a.Positionals("user_item", &who, "user id and item id (only the item with --history)");
  a.Option("--history", &history, "items instead of a user, comma separated");
  a.Option("--model", &model, "stored model; may be left out where there is one");
  a.Option("--slots", &slots, "slots of each hop, heaviest first; 0 = all");
  a.Option("--connections", &connections, "show so many connections instead");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (who.size() != (history.empty() ? 2u : 1u)) {
    return absl::InvalidArgumentError("give USER ITEM, or --history A,B ITEM");
  }
  options.slots = static_cast<int>(slots);
  options.connections = static_cast<int>(connections);
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  auto recommender = (*database)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();
  auto explanation = history.empty() ? (*recommender)->Explain(who[0], who[1], options)
                                     : (*recommender)->ExplainForHistory(history, who[0], options);
  if (!explanation.ok()) return explanation.status();
  std::cerr << explanation->title << " (" << explanation->item << "): score " << explanation->score
            << "\n";
  if (connections > 0) {
    Table table({"bits", "steps", "supports", "from", "connection"});
    for (const Reason& r : explanation->connections) {
      table.Add({r.bits, static_cast<int64_t>(r.hop), static_cast<int64_t>(r.supports.size()),
                 r.seed_title, r.sentence});
    }
    table.Print(format);
    if (explanation->connections.empty()) {
      std::cerr << "no path of four steps or fewer leads there; does the item have a link?\n";
    }
    return absl::OkStatus();
  }
  Table table({"hop", "weight", "head", "relation", "tail", "from", "shared"});
  for (const auto& hop : explanation->hops) {
    for (const Reason& r : hop) {
      const PathEdge& edge = r.path.back();
      table.Add({static_cast<int64_t>(r.hop), r.weight, edge.head_label, edge.relation_label,
                 edge.tail_label, r.seed_title, r.shared ? "yes" : "no"});
    }
  }
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
