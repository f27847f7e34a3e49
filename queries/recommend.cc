#include "queries/recommend.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/status.h"
#include "queries/connections/connection_reasons.h"
#include "queries/explain.h"

namespace undula::queries {
namespace {

absl::StatusOr<std::unique_ptr<models::ItemSet>> Resolve(const Context& context,
                                                         const std::vector<std::string>& names) {
  if (names.empty()) return std::unique_ptr<models::ItemSet>();
  auto set =
      std::make_unique<models::ItemSet>(static_cast<uint32_t>(context.catalog->items.size()));
  for (const std::string& name : names) {
    UNDULA_ASSIGN_OR_RETURN(const ItemId item, context.catalog->FindItem(name));
    set->Add(item);
  }
  return set;
}

Recommendation Named(const Context& context, ItemId item, double score) {
  Recommendation r;
  r.item = std::string(context.catalog->items[Index(item)]);
  r.title = std::string(context.catalog->ItemTitle(item));
  r.score = score;
  return r;
}

absl::Status CheckK(int64_t k) {
  if (k >= 1) return absl::OkStatus();
  return InvalidArgumentError("k is ", k, "; it must be at least 1");
}

}  // namespace

absl::StatusOr<ResolvedFilter> ResolveFilter(const Context& context, const ItemFilter& filter) {
  ResolvedFilter out;
  UNDULA_ASSIGN_OR_RETURN(out.allow, Resolve(context, filter.allow));
  UNDULA_ASSIGN_OR_RETURN(out.deny, Resolve(context, filter.deny));
  out.exclude_seen = filter.exclude_seen;
  if (!filter.pattern.empty()) {
    UNDULA_ASSIGN_OR_RETURN(out.pattern,
                            pattern::ItemPattern::Make(context.store.lock(), filter.pattern,
                                                       filter.pattern_params, context.reads));
  }
  return out;
}

absl::StatusOr<const models::ItemSet*> AllowedItems(const Context& context, ResolvedFilter* filter,
                                                    UserId user,
                                                    std::unique_ptr<models::ItemSet>* storage) {
  if (filter->pattern == nullptr) return filter->allow.get();
  UNDULA_ASSIGN_OR_RETURN(const std::span<const uint64_t> items, filter->pattern->Items(user));
  auto set =
      std::make_unique<models::ItemSet>(static_cast<uint32_t>(context.catalog->items.size()));
  for (size_t i = 0; i < items.size(); ++i) {
    for (uint64_t bits = items[i]; bits != 0; bits &= bits - 1) {
      const auto item = static_cast<ItemId>(64 * i + static_cast<size_t>(std::countr_zero(bits)));
      if (filter->allow == nullptr || filter->allow->contains(item)) set->Add(item);
    }
  }
  if (filter->pattern->uses_user()) {
    *storage = std::move(set);
    return storage->get();
  }
  filter->allow = std::move(set);
  filter->pattern.reset();
  return filter->allow.get();
}

std::vector<ItemId> SeenItems(const Context& context, const models::UserQuery& query) {
  std::vector<ItemId> seen;
  const InteractionCsr<ItemId>& log = context.snapshot->by_user;
  if (query.user != kNone<UserId> && Index(query.user) < log.rows()) {
    const auto row = log.row(Index(query.user));
    seen.assign(row.begin(), row.end());
  }
  seen.insert(seen.end(), query.history.begin(), query.history.end());
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  return seen;
}

absl::StatusOr<std::vector<Recommendation>> Recommend(const Context& context,
                                                      const models::UserQuery& query,
                                                      const RecommendOptions& options,
                                                      UserId seen_by) {
  UNDULA_RETURN_IF_ERROR(CheckK(options.k));
  UNDULA_ASSIGN_OR_RETURN(ResolvedFilter filter, ResolveFilter(context, options.filter));
  std::unique_ptr<models::ItemSet> allowed;
  UNDULA_ASSIGN_OR_RETURN(
      const models::ItemSet* const allow,
      AllowedItems(context, &filter, seen_by == kNone<UserId> ? query.user : seen_by, &allowed));
  std::vector<ItemId> seen;
  if (filter.exclude_seen) {
    seen = SeenItems(context, {seen_by == kNone<UserId> ? query.user : seen_by, query.history});
  }
  models::RankScratch scratch;
  models::TileOptions tile;
  tile.k = options.k;
  std::vector<models::ScoredItem> ranked;
  UNDULA_RETURN_IF_ERROR(models::RankOne(*context.scorer, query, {seen, allow, filter.deny.get()},
                                         tile, &scratch, &ranked));
  std::vector<Recommendation> out;
  out.reserve(ranked.size());
  for (const models::ScoredItem& s : ranked) {
    Recommendation r = Named(context, s.item, s.score);
    if (options.reasons > 0) {
      UNDULA_ASSIGN_OR_RETURN(r.reasons, BestReasons(context, query, s.item, options.reasons));
    }
    for (auto& connection : ConnectionReasons(context, query, s.item, options.connections)) {
      r.reasons.push_back(std::move(connection.reason));
    }
    out.push_back(std::move(r));
  }
  return out;
}

}  // namespace undula::queries
