#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

Cell EffectCell(const Reason& reason) {
  if (!reason.effect.has_value())
    return reason.kind == Reason::Kind::kPopularity ? "" : "not known";
  if (reason.kind == Reason::Kind::kConnection && *reason.effect == 0)
    return "none: connection only";
  return *reason.effect;
}

absl::Status PrintCounterfactual(const Recommender& recommender, const std::string& user,
                                 const std::string& item, const std::string& format) {
  const CounterfactualOptions options;
  const auto found = recommender.FindCounterfactual(user, item, options);
  if (!found.ok()) return found.status();
  if (!found->found) {
    std::cerr << "more than " << options.most << " items of the history would have to go\n";
  } else {
    std::cerr << "rank " << found->before << " with the whole history; without these it would be ";
    if (found->after == 0) {
      std::cerr << "unknown: nothing else of the history leads anywhere\n";
    } else {
      std::cerr << found->after << "\n";
    }
  }
  Table table({"item", "title"});
  for (size_t i = 0; i < found->items.size(); ++i) table.Add({found->items[i], found->titles[i]});
  table.Print(format);
  return absl::OkStatus();
}

absl::Status PrintQuality(const Recommender& recommender, int64_t users,
                          const std::string& format) {
  ExplanationQualityOptions options;
  options.users = users;
  ProgressBar bar(false);
  const auto quality = recommender.MeasureExplanations(options, bar.progress());
  bar.Clear();
  if (!quality.ok()) return quality.status();
  Table table({"kind",       "users",       "items",      "coverage",          "touching",
               "faithful",   "bits",        "recency",    "popularity",        "diversity",
               "ms_an_item", "deletions",   "drop",       "random_drop",       "better",
               "better_low", "better_high", "ranks_lost", "random_ranks_lost", "without_effect"});
  for (const ExplanationQuality& q : *quality) {
    table.Add({q.kind,         q.users,       q.items,      q.coverage,          q.touching,
               q.faithful,     q.bits,        q.recency,    q.popularity,        q.diversity,
               q.milliseconds, q.deletions,   q.drop,       q.random_drop,       q.better,
               q.better_low,   q.better_high, q.ranks_lost, q.random_ranks_lost, q.without_effect});
  }
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace

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
  int64_t slots = options.slots, connections = 0, measure = 0;
  a.Positional("database", &db, "database file");
  a.Positionals("user_item", &who, "user id and item id (only the item with --history)", false);
  a.Option("--history", &history, "items instead of a user, comma separated");
  a.Option("--model", &model, "stored model; may be left out where there is one");
  a.Option("--slots", &slots, "slots of each hop, heaviest first; 0 = all");
  a.Option("--connections", &connections, "show so many connections instead");
  a.Flag("--effect", &options.effect,
         "also what the edges are worth to the model: the score less the score without them");
  a.Option(
      "--measure", &measure,
      "instead of explaining: how good both kinds of reasons are for the top 10 of so many users");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool without = false;
  a.Flag(
      "--without", &without,
      "instead: the smallest part of the user's history without which the item leaves the top 10");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (measure > 0 && (!who.empty() || !history.empty())) {
    return absl::InvalidArgumentError("--measure takes neither a user nor an item");
  }
  if (measure <= 0 && who.size() != (history.empty() ? 2u : 1u)) {
    return absl::InvalidArgumentError("give USER ITEM, or --history A,B ITEM");
  }
  options.slots = static_cast<int>(slots);
  options.connections = static_cast<int>(connections);
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  auto recommender = (*database)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();
  if (measure > 0) return PrintQuality(**recommender, measure, format);
  if (without) {
    if (!history.empty()) return absl::InvalidArgumentError("--without takes a user");
    return PrintCounterfactual(**recommender, who[0], who[1], format);
  }
  auto explanation = history.empty() ? (*recommender)->Explain(who[0], who[1], options)
                                     : (*recommender)->ExplainForHistory(history, who[0], options);
  if (!explanation.ok()) return explanation.status();
  std::cerr << explanation->title << " (" << explanation->item << "): score " << explanation->score
            << "\n";
  if (connections > 0) {
    std::vector<std::string> columns = {"bits", "steps", "supports", "from", "connection"};
    if (options.effect) columns.push_back("effect");
    Table table(columns);
    for (const Reason& r : explanation->connections) {
      std::vector<Cell> row = {r.bits, static_cast<int64_t>(r.hop),
                               static_cast<int64_t>(r.supports.size()), r.seed_title, r.sentence};
      if (options.effect) row.push_back(EffectCell(r));
      table.Add(std::move(row));
    }
    table.Print(format);
    if (explanation->connections.empty() ||
        explanation->connections[0].kind == Reason::Kind::kPopularity) {
      std::cerr << "no path of four steps or fewer leads there; does the item have a link?\n";
    }
    return absl::OkStatus();
  }
  std::vector<std::string> columns = {"hop",  "weight", "head",  "relation",
                                      "tail", "from",   "shared"};
  if (options.effect) columns.push_back("effect");
  Table table(columns);
  for (const auto& hop : explanation->hops) {
    for (const Reason& r : hop) {
      const PathEdge& edge = r.path.back();
      std::vector<Cell> row = {static_cast<int64_t>(r.hop), r.weight,        edge.head_label,
                               edge.relation_label,         edge.tail_label, r.seed_title,
                               r.shared ? "yes" : "no"};
      if (options.effect) row.push_back(EffectCell(r));
      table.Add(std::move(row));
    }
  }
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
