#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/report/write_report.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

Cell EffectCell(const Reason& reason) {
  const bool path = reason.kind == Reason::Kind::kModel || !reason.path.empty();
  if (!reason.effect.has_value()) return path ? "not known" : "";
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

absl::Status PrintQuality(const Recommender& recommender, const ExplanationQualityOptions& options,
                          const std::string& format) {
  ProgressBar bar(false);
  const auto quality = recommender.MeasureExplanations(options, bar.progress());
  bar.Clear();
  if (!quality.ok()) return quality.status();
  // What was not measured has no value.
  const auto known = [](bool is, double value) { return is ? Cell(value) : Cell(""); };
  using Row = std::vector<std::pair<std::string, Cell>>;
  std::optional<Table> table;
  for (const ExplanationQuality& q : *quality) {
    const bool some = q.reasons > 0, deleted = q.deletions > 0;
    const bool paths = some && q.kind != "users";  // "any" and "all" count no reasons
    const Row row = {{"kind", q.kind},
                     {"users", q.users},
                     {"items", q.items},
                     {"coverage", q.coverage},
                     {"touching", known(paths, q.touching)},
                     {"faithful", known(paths, q.faithful)},
                     {"bits", known(some && q.kind != "model", q.bits)},
                     {"recency", known(some, q.recency)},
                     {"popularity", known(paths, q.popularity)},
                     {"diversity", known(paths, q.diversity)},
                     {"starts", known(paths, q.starts)},
                     {"entities", known(paths, q.entities)},
                     {"patterns", known(paths, q.patterns)},
                     {"types", known(paths, q.types)},
                     {"evenness", known(paths, q.evenness)},
                     {"ms_an_item", q.milliseconds},
                     {"deletions", q.deletions},
                     {"drop", known(deleted, q.drop)},
                     {"random_drop", known(deleted, q.random_drop)},
                     {"better", known(deleted, q.better)},
                     {"better_low", known(deleted, q.better_low)},
                     {"better_high", known(deleted, q.better_high)},
                     {"ranks_lost", known(deleted, q.ranks_lost)},
                     {"random_ranks_lost", known(deleted, q.random_ranks_lost)},
                     {"without_effect", known(deleted, q.without_effect)},
                     {"score", known(deleted, q.score)},
                     {"score_of_reasons", known(deleted, q.score_of_reasons)},
                     {"score_of_none", known(deleted, q.score_of_none)},
                     {"sufficiency", known(q.histories > 0, q.sufficiency)},
                     {"stability", known(q.pairs > 0, q.stability)}};
    std::vector<std::string> columns;
    std::vector<Cell> cells;
    for (const auto& [name, cell] : row) {
      columns.push_back(name);
      cells.push_back(cell);
    }
    if (!table.has_value()) table.emplace(columns);
    table->Add(std::move(cells));
  }
  if (table.has_value()) table->Print(format);
  return absl::OkStatus();
}

// Loads the models of `others` and measures.
absl::Status Measure(const Database& database, const Recommender& recommender,
                     const std::vector<std::string>& others, ExplanationQualityOptions options,
                     const std::string& format) {
  std::vector<std::unique_ptr<Recommender>> loaded;
  for (const std::string& name : others) {
    auto other = database.LoadRecommender(name);
    if (!other.ok()) return other.status();
    options.others.push_back(other->get());
    loaded.push_back(std::move(*other));
  }
  return PrintQuality(recommender, options, format);
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
  std::vector<std::string> others;
  std::string graphviz;
  int64_t slots = options.slots, connections = 0, measure = 0, steps = options.steps;
  a.Positional("database", &db, "database file");
  a.Positionals("user_item", &who, "user id and item id (only the item with --history)", false);
  a.Option("--history", &history, "items instead of a user, comma separated");
  a.Option("--model", &model, "stored model; may be left out where there is one");
  a.Option("--slots", &slots, "slots of each hop, heaviest first; 0 = all");
  a.Option("--connections", &connections, "show so many connections instead");
  a.Option("--steps", &steps,
           "steps of a connection at most, up to 6; above 4 for sparse graphs, some ten ms each");
  a.Option("--graphviz", &graphviz,
           "also write the reasons shown as a graph to this file, in the DOT language");
  a.Flag("--effect", &options.effect,
         "also what the edges are worth to the model: the score less the score without them");
  a.Option(
      "--measure", &measure,
      "instead of explaining: how good both kinds of reasons are for the top 10 of so many users");
  a.Option("--others", &others,
           "with --measure: models trained with other seeds; how alike are their reasons?");
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
  options.steps = static_cast<int>(steps);
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  auto recommender = (*database)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();
  if (measure > 0) {
    ExplanationQualityOptions quality;
    quality.users = measure;
    quality.steps = options.steps;
    return Measure(**database, **recommender, others, std::move(quality), format);
  }
  if (without) {
    if (!history.empty()) return absl::InvalidArgumentError("--without takes a user");
    return PrintCounterfactual(**recommender, who[0], who[1], format);
  }
  auto explanation = history.empty() ? (*recommender)->Explain(who[0], who[1], options)
                                     : (*recommender)->ExplainForHistory(history, who[0], options);
  if (!explanation.ok()) return explanation.status();
  if (!graphviz.empty()) {
    if (absl::Status s = report::WriteFile(graphviz, GraphViz(*explanation)); !s.ok()) return s;
  }
  std::cerr << explanation->title << " (" << explanation->item << "): score " << explanation->score
            << "\n";
  if (connections > 0) {
    std::vector<std::string> columns = {"bits", "steps", "supports", "from", "connection"};
    if (options.effect) columns.push_back("effect");
    Table table(columns);
    for (const Reason& r : explanation->connections) {
      std::vector<Cell> row = {r.bits, static_cast<int64_t>(r.path.size()),
                               static_cast<int64_t>(r.supports.size()), r.seed_title, r.sentence};
      if (options.effect) row.push_back(EffectCell(r));
      table.Add(std::move(row));
    }
    table.Print(format);
    if (explanation->connections.empty() ||
        explanation->connections[0].kind != Reason::Kind::kConnection) {
      std::cerr << "no path of " << steps
                << " steps or fewer leads there; does the item have a link?\n";
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
