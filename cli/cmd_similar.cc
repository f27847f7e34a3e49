#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/table.h"

namespace undula::cli {

absl::Status RunSimilar(const Args& args) {
  Arguments a("similar",
              "Items whose vectors are most like a given item's or, with --user or --history, "
              "items\nnear to what a user did: around the clusters of it (PinnerSage), the latest "
              "items, or\ntheir mean.",
              "  undula similar films.undula f-12 -k 5\n"
              "  undula similar films.undula --user user-1 --by recent");
  std::string db, item, user, model, format = "table", pattern, device = "cpu";
  std::vector<std::string> history, params;
  ItemFilter filter;
  OptionMap options;
  std::string by = "clusters", merge = "rank", interests, recent, alpha, decay;
  bool with_seen = false;
  int64_t k = 10;
  a.Positional("database", &db, "database file");
  a.Positional("item", &item, "item id, as imported", false);
  a.Option("--user", &user, "near to what this user did, instead of an item");
  a.Option("--history", &history, "near to these items, latest last, comma separated");
  a.Option("--model", &model, "stored model; may be left out where there is one");
  a.Option("-k,--top", &k, "items to list");
  a.Choice("--by", &by, {"clusters", "recent", "mean"},
           "what of the user's actions to look around");
  a.Option("--interests", &interests, "clusters or latest items to look around; 0: all (3)");
  a.Option("--recent", &recent, "only so many of the latest actions count; 0: all (0)");
  a.Option("--alpha", &alpha, "clusters: how far apart one may reach (1)");
  a.Option("--decay", &decay, "how an action loses weight, a day (0.01)");
  a.Choice("--merge", &merge, {"rank", "cosine"}, "order by weighted ranks or by largest cosine");
  a.Option("--allow", &filter.allow, "only these items, comma separated");
  a.Option("--deny", &filter.deny, "never these items");
  a.Option("--pattern", &pattern, "only items that this query file selects (docs/queries.md)");
  a.Option("--param", &params, "name=value of a $variable of the pattern, comma separated");
  a.Option("--device", &device, "where to search: cpu, auto, cuda or cuda:N");
  a.Flag("--with-seen", &with_seen, "also items of the user's own history");
  a.Choice("--format", &format, {"table", "csv", "json"}, "how to print rows");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if ((item.empty() ? 0 : 1) + (user.empty() ? 0 : 1) + (history.empty() ? 0 : 1) != 1) {
    return absl::InvalidArgumentError("give an item, --user or --history, one of the three");
  }
  if (absl::Status s = ReadPattern(pattern, params, &filter); !s.ok()) return s;
  filter.exclude_seen = !with_seen;
  options = {{"by", by}, {"merge", merge}};
  const std::pair<const char*, const std::string*> given[] = {
      {"interests", &interests}, {"recent", &recent}, {"alpha", &alpha}, {"lambda", &decay}};
  for (const auto& [key, value] : given) {
    if (!value->empty()) options[key] = *value;
  }
  auto database = OpenDatabase(db, false, true, 0, 0, false, device);
  if (!database.ok()) return database.status();
  auto recommender = (*database)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();
  auto list = item.empty() ? (*recommender)->Retrieve(user, history, k, filter, options)
                           : (*recommender)->Similar(item, k, filter);
  if (!list.ok()) return list.status();
  const bool cosine = !item.empty() || merge == "cosine";
  Table table({"rank", "item", "title", cosine ? "cosine" : "score"});
  int64_t rank = 0;
  for (const Recommendation& r : *list) table.Add({++rank, r.item, r.title, r.score});
  table.Print(format);
  return absl::OkStatus();
}

}  // namespace undula::cli
