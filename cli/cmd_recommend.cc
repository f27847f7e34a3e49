#include <iostream>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

// To standard error, where it is in nobody's way: the rows are for programs.
void PrintAge(const Recommender& recommender, bool quiet) {
  const ModelAge& age = recommender.age();
  if (quiet || !age.known) return;
  std::cerr << "model '" << recommender.model_name() << "' of " << age.trained << ": ";
  if (age.changes == 0) {
    std::cerr << "up to date\n";
    return;
  }
  std::cerr << age.changes << (age.changes == 1 ? " change since" : " changes since");
  const std::pair<const char*, int64_t> counts[] = {{"interactions", age.interactions},
                                                    {"triples", age.triples},
                                                    {"users", age.users},
                                                    {"items", age.items},
                                                    {"entities", age.entities}};
  for (const auto& [name, n] : counts) {
    if (n != 0) std::cerr << ", " << (n > 0 ? "+" : "") << n << " " << name;
  }
  std::cerr << "; `undula train --from " << recommender.model_name() << "` brings it up to date\n";
}

}  // namespace

absl::Status RunRecommend(const Args& args) {
  Arguments a("recommend", "The best items for a user, or for a history given on the spot.",
              "  undula recommend films.undula user-1 -k 5 --reasons 1\n"
              "  undula recommend films.undula --history f-12,f-40 -k 5");
  std::string db, user, model, format = "table";
  std::vector<std::string> history;
  RecommendOptions options;
  int64_t reasons = 0, connections = 0;
  bool with_seen = false, quiet = false;
  std::string pattern;
  std::vector<std::string> params;
  a.Positional("database", &db, "database file");
  a.Positional("user", &user, "user id, as imported", false);
  a.Option("--history", &history, "items instead of a user, comma separated");
  a.Option("--model", &model, "stored model; may be left out where there is one");
  a.Option("-k,--top", &options.k, "items to recommend");
  a.Option("--reasons", &reasons, "reasons of the model for each item");
  a.Option("--connections", &connections, "connections over the graph for each item");
  a.Option("--allow", &options.filter.allow, "only these items, comma separated");
  a.Option("--deny", &options.filter.deny, "never these items");
  a.Option("--pattern", &pattern, "only items that this query file selects (docs/queries.md)");
  a.Option("--param", &params, "name=value of a $variable of the pattern, comma separated");
  a.Flag("--with-seen", &with_seen, "also items of the user's own history");
  a.Flag("--quiet", &quiet, "do not say how old the model is");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (user.empty() == history.empty()) {
    return absl::InvalidArgumentError("give a user or --history, one of the two");
  }
  options.reasons = static_cast<int>(reasons);
  options.connections = static_cast<int>(connections);
  options.filter.exclude_seen = !with_seen;
  if (absl::Status s = ReadPattern(pattern, params, &options.filter); !s.ok()) return s;
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  auto recommender = (*database)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();
  auto list = user.empty() ? (*recommender)->RecommendForHistory(history, options)
                           : (*recommender)->Recommend(user, options);
  if (!list.ok()) return list.status();
  PrintAge(**recommender, quiet);
  if (!quiet && static_cast<int64_t>(list->size()) < options.k) {
    std::cerr << list->size() << " of " << options.k << ": no more items may be recommended\n";
  }
  std::vector<std::string> columns = {"rank", "item", "title", "score"};
  const bool why = reasons > 0 || connections > 0;
  if (reasons > 0) columns.insert(columns.end(), {"hop", "weight"});
  if (connections > 0) columns.push_back("bits");
  if (why) columns.push_back("reason");
  Table table(columns);
  int64_t rank = 0;
  for (const Recommendation& r : *list) {
    ++rank;
    if (!why || r.reasons.empty()) {
      std::vector<Cell> row = {rank, r.item, r.title, r.score};
      row.resize(columns.size(), Cell(""));
      table.Add(std::move(row));
    }
    for (const Reason& reason : r.reasons) {
      const bool of_model = reason.kind == Reason::Kind::kModel;
      const bool connects = !of_model && reason.kind != Reason::Kind::kPopularity;
      std::vector<Cell> row = {rank, r.item, r.title, r.score};
      if (reasons > 0) {
        row.push_back(of_model ? Cell(static_cast<int64_t>(reason.hop)) : Cell(""));
        row.push_back(of_model ? Cell(reason.weight) : Cell(""));
      }
      if (connections > 0) row.push_back(connects ? Cell(reason.bits) : Cell(""));
      row.push_back(reason.sentence);
      table.Add(std::move(row));
    }
  }
  table.Print(format);
  return absl::OkStatus();
}

absl::Status RunSimilar(const Args& args) {
  Arguments a("similar", "Items whose vectors are most like a given item's.",
              "  undula similar films.undula f-12 -k 5");
  std::string db, item, model, format = "table";
  int64_t k = 10;
  a.Positional("database", &db, "database file");
  a.Positional("item", &item, "item id, as imported");
  a.Option("--model", &model, "stored model; may be left out where there is one");
  a.Option("-k,--top", &k, "items to list");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  auto recommender = (*database)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();
  auto list = (*recommender)->Similar(item, k);
  if (!list.ok()) return list.status();
  Table table({"rank", "item", "title", "cosine"});
  int64_t rank = 0;
  for (const Recommendation& r : *list) table.Add({++rank, r.item, r.title, r.score});
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
