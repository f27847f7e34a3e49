#include "queries/explanation_quality.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "models/score/tile_scorer.h"
#include "queries/connections/connection_reasons.h"
#include "queries/connections/user_reasons.h"
#include "queries/explain.h"
#include "queries/explanation_tally.h"
#include "queries/path_metrics.h"
#include "queries/recommend.h"

namespace undula::queries {
namespace {

using models::AttentionSlot;

double ThreadSeconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Distinct triples that the model looked at.
std::vector<AttentionSlot> LookedAt(const models::Explanation& attention) {
  std::map<std::tuple<EntityId, RelationId, EntityId>, AttentionSlot> distinct;
  for (const auto& hop : attention.hops) {
    for (const AttentionSlot& slot : hop) {
      distinct.try_emplace({slot.head, slot.relation, slot.tail}, slot);
    }
  }
  std::vector<AttentionSlot> out;
  for (const auto& [key, slot] : distinct) out.push_back(slot);
  return out;
}

// A way of asking one of several models for its reasons: ids differ where they were loaded from
// different states of the database.
struct Other {
  const Context* context;
  UserId user = kNone<UserId>;
};

absl::StatusOr<ItemReasons> OfModel(const Context& context, const models::UserQuery& query,
                                    ItemId item, int count) {
  ItemReasons out;
  UNDULA_ASSIGN_OR_RETURN(auto reasons, ModelReasons(context, query, item, count));
  for (auto& [reason, slot] : reasons) {
    out.reasons.push_back(std::move(reason));
    out.triples.push_back({slot});
    out.last.push_back(slot);
  }
  return out;
}

// What the graph says, from the history on, or behind users.
struct OfGraph {
  ItemReasons connections, behind_users;
  bool users = false;  // stand in for both
};

OfGraph ReasonsOfGraph(const Context& context, const models::UserQuery& query, ItemId item,
                       const ExplanationQualityOptions& options) {
  OfGraph out;
  for (auto& [reason, edges] :
       ConnectionReasons(context, query, item, options.reasons, options.steps)) {
    if (reason.path.empty()) {
      out.users = out.users || reason.kind == Reason::Kind::kUsers;
      continue;
    }
    ItemReasons& kind =
        reason.kind == Reason::Kind::kConnection ? out.connections : out.behind_users;
    kind.last.push_back(edges[reason.path.size() - 1]);  // those of the cheapest path come first
    kind.triples.push_back(std::move(edges));
    kind.reasons.push_back(std::move(reason));
  }
  return out;
}

ItemReasons OfUsers(const Context& context, const models::UserQuery& query, ItemId item,
                    int count) {
  ItemReasons out;
  for (auto& [reason, edges] : UserReasons(context, query, item, count)) {
    out.reasons.push_back(std::move(reason));
  }
  return out;
}

// Measures one user after the other.
class Measure {
 public:
  Measure(const Context& context, const ExplanationQualityOptions& options,
          std::span<const Context* const> others)
      : context_(context),
        options_(options),
        ground_(context),
        model_("model", &ground_),
        connection_("connection", &ground_),
        users_("users", &ground_),
        behind_users_("users+graph", &ground_),
        any_("any", &ground_),
        all_("all", &ground_) {
    tile_.k = options.k;
    for (const Context* other : others) others_.push_back({other});
  }

  absl::Status AddUser(UserId user) {
    const models::UserQuery query{user, {}};
    const std::vector<ItemId> seen = SeenItems(context_, query);
    std::vector<models::ScoredItem> ranked;
    UNDULA_RETURN_IF_ERROR(models::RankOne(*context_.scorer, query, {seen, nullptr, nullptr}, tile_,
                                           &scratch_, &ranked));
    scores_.resize(context_.scorer->n_items());
    scratch_.arena.Reset();
    UNDULA_RETURN_IF_ERROR(
        context_.scorer->Score(query, {0, context_.scorer->n_items()}, scores_, scratch_.arena));
    for (const ItemId item : seen) {
      if (Index(item) < scores_.size()) scores_[Index(item)] = kOut;
    }
    for (Other& other : others_) {
      const auto found = other.context->catalog->FindUser(context_.catalog->users[Index(user)]);
      const bool known = found.ok() && other.context->scorer->KnowsUser(*found);
      other.user = known ? *found : kNone<UserId>;
    }
    recency_ = ground_.Recency(user);
    for (const models::ScoredItem& item : ranked) {
      UNDULA_RETURN_IF_ERROR(AddItem(query, item.item));
    }
    for (Tally* tally : {&model_, &connection_, &users_, &behind_users_, &any_, &all_}) {
      tally->EndUser();
    }
    return absl::OkStatus();
  }

  std::vector<ExplanationQuality> Finish() {
    std::vector<ExplanationQuality> out;
    if (context_.spec->capabilities.explains) out.push_back(model_.Finish(options_.seed));
    for (Tally* tally : {&connection_, &users_, &behind_users_, &any_, &all_}) {
      out.push_back(tally->Finish(options_.seed));
    }
    return out;
  }

 private:
  static constexpr float kOut = -3.4e38f;  // of items that are not ranked

  absl::Status AddItem(const models::UserQuery& query, ItemId item) {
    double start = ThreadSeconds();
    const OfGraph graph = ReasonsOfGraph(context_, query, item, options_);
    const double graph_seconds = ThreadSeconds() - start;
    const ItemReasons& connections = graph.connections;
    connection_.AddItem(connections, recency_, graph_seconds);
    behind_users_.AddItem(graph.behind_users, recency_, graph_seconds);
    start = ThreadSeconds();
    const ItemReasons of_users = OfUsers(context_, query, item, options_.reasons);
    users_.AddItem(of_users, recency_, ThreadSeconds() - start);
    const bool any =
        graph.users || !connections.reasons.empty() || !graph.behind_users.reasons.empty();
    any_.AddCovered(any);
    UNDULA_RETURN_IF_ERROR(Compare(connections, item, &connection_,
                                   [&](const Context& other, const auto& who, ItemId same) {
                                     return absl::StatusOr<ItemReasons>(
                                         ReasonsOfGraph(other, who, same, options_).connections);
                                   }));
    UNDULA_RETURN_IF_ERROR(AddHistory(query, item, connections, &connection_));
    UNDULA_RETURN_IF_ERROR(AddHistory(query, item, of_users, &users_));
    if (!context_.spec->capabilities.explains) {
      all_.AddCovered(any);
      return absl::OkStatus();
    }
    start = ThreadSeconds();
    UNDULA_ASSIGN_OR_RETURN(const ItemReasons of_model,
                            OfModel(context_, query, item, options_.reasons));
    model_.AddItem(of_model, recency_, ThreadSeconds() - start);
    all_.AddCovered(any || !of_model.reasons.empty());
    UNDULA_RETURN_IF_ERROR(
        Compare(of_model, item, &model_, [&](const Context& other, const auto& who, ItemId same) {
          return OfModel(other, who, same, options_.reasons);
        }));
    UNDULA_RETURN_IF_ERROR(AddHistory(query, item, of_model, &model_));
    UNDULA_ASSIGN_OR_RETURN(const EffectOf effect, EffectOf::Make(context_, query, item));
    UNDULA_ASSIGN_OR_RETURN(const models::Explanation attention,
                            context_.scorer->Explain(query, item));
    const std::vector<AttentionSlot> looked_at = LookedAt(attention);
    UNDULA_RETURN_IF_ERROR(Delete(effect, item, of_model, looked_at, &model_));
    return Delete(effect, item, connections, looked_at, &connection_);
  }

  // What the models say of one item, each with each.
  template <class Ask>
  absl::Status Compare(const ItemReasons& own, ItemId item, Tally* tally, const Ask& ask) {
    if (others_.empty()) return absl::OkStatus();
    std::vector<std::set<std::string>> said = {own.Names()};
    for (const Other& other : others_) {
      const auto same = other.context->catalog->FindItem(context_.catalog->items[Index(item)]);
      if (other.user == kNone<UserId> || !same.ok() ||
          Index(*same) >= other.context->scorer->n_items()) {
        continue;
      }
      UNDULA_ASSIGN_OR_RETURN(const ItemReasons theirs,
                              ask(*other.context, models::UserQuery{other.user, {}}, *same));
      said.push_back(theirs.Names());
    }
    for (size_t a = 0; a < said.size(); ++a) {
      for (size_t b = a + 1; b < said.size(); ++b) tally->AddPair(Jaccard(said[a], said[b]));
    }
    return absl::OkStatus();
  }

  absl::Status AddHistory(const models::UserQuery& query, ItemId item, const ItemReasons& shown,
                          Tally* tally) {
    if (!context_.spec->capabilities.fold_in) return absl::OkStatus();
    std::set<std::string_view> starts;
    for (const Reason& reason : shown.reasons) {
      if (!reason.seed_item.empty()) starts.insert(reason.seed_item);
      starts.insert(reason.supports.begin(), reason.supports.end());
    }
    if (starts.empty()) return absl::OkStatus();
    std::vector<ItemId> whole = LatestPositives(context_, query);
    std::erase_if(whole, [&](ItemId i) { return Index(i) >= context_.scorer->n_items(); });
    std::reverse(whole.begin(), whole.end());  // oldest first
    std::vector<ItemId> part = whole;
    std::erase_if(part,
                  [&](ItemId i) { return !starts.contains(context_.catalog->items[Index(i)]); });
    UNDULA_ASSIGN_OR_RETURN(const std::optional<double> all, ScoreOfHistory(whole, item));
    UNDULA_ASSIGN_OR_RETURN(const std::optional<double> some, ScoreOfHistory(part, item));
    if (all.has_value() && some.has_value()) tally->AddHistory(*some, *all);
    return absl::OkStatus();
  }

  // Nothing where the history says nothing to the model.
  absl::StatusOr<std::optional<double>> ScoreOfHistory(const std::vector<ItemId>& history,
                                                       ItemId item) {
    if (history.empty()) return std::optional<double>();
    float score = 0;
    scratch_.arena.Reset();
    const absl::Status status = context_.scorer->ScoreItems(
        {kNone<UserId>, history}, std::span(&item, 1), std::span(&score, 1), scratch_.arena);
    if (absl::IsFailedPrecondition(status)) return std::optional<double>();
    if (!status.ok()) return status;
    return std::optional<double>(score);
  }

  absl::Status Delete(const EffectOf& effect, ItemId item, const ItemReasons& shown,
                      const std::vector<AttentionSlot>& looked_at, Tally* tally) {
    if (shown.reasons.empty()) return absl::OkStatus();
    const std::vector<AttentionSlot>& first = shown.triples[0];
    // Where all that it looked at is the reason, there is nothing to compare with.
    if (looked_at.size() <= first.size()) return absl::OkStatus();
    UNDULA_ASSIGN_OR_RETURN(const std::optional<double> drop, effect(first));
    if (!drop.has_value()) return absl::OkStatus();
    std::vector<AttentionSlot> random = looked_at;
    const Rng rng(options_.seed, RngStream::kBootstrap, drawn_++);
    for (size_t i = 0; i < first.size(); ++i) {
      const auto left = static_cast<uint32_t>(random.size() - i);
      std::swap(random[i], random[i + rng.Below(i, left)]);
    }
    random.resize(first.size());
    UNDULA_ASSIGN_OR_RETURN(const std::optional<double> random_drop, effect(random));
    const double score = effect.score(), before = Rank(item, score);
    tally->AddDeletion({*drop, *random_drop, Rank(item, score - *drop) - before,
                        Rank(item, score - *random_drop) - before});
    std::vector<AttentionSlot> rest = looked_at;
    const std::vector<AttentionSlot> kept = shown.AllTriples();
    std::erase_if(rest, [&](const AttentionSlot& slot) {
      return std::any_of(kept.begin(), kept.end(), [&](const AttentionSlot& k) {
        return k.head == slot.head && k.relation == slot.relation && k.tail == slot.tail;
      });
    });
    UNDULA_ASSIGN_OR_RETURN(const std::optional<double> without_rest, effect(rest));
    UNDULA_ASSIGN_OR_RETURN(const std::optional<double> without_all, effect(looked_at));
    tally->AddScores(score, score - *without_rest, score - *without_all);
    return absl::OkStatus();
  }

  // How many of the items that may be recommended stand before it with this score.
  double Rank(ItemId item, double score) const {
    int64_t before = 0;
    for (size_t i = 0; i < scores_.size(); ++i) {
      before += i != Index(item) && static_cast<double>(scores_[i]) > score;
    }
    return static_cast<double>(before);
  }

  const Context& context_;
  const ExplanationQualityOptions& options_;
  Ground ground_;
  Tally model_, connection_, users_, behind_users_, any_, all_;
  std::vector<Other> others_;
  models::RankScratch scratch_;
  models::TileOptions tile_;
  Ground::Times recency_;
  std::vector<float> scores_;
  uint32_t drawn_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<ExplanationQuality>> MeasureExplanations(
    const Context& context, const ExplanationQualityOptions& options,
    std::span<const Context* const> others, Progress* progress) {
  if (options.k < 1 || options.reasons < 1) {
    return InvalidArgumentError("explanations: k and reasons must be at least 1");
  }
  UNDULA_RETURN_IF_ERROR(CheckSteps(options.steps));
  for (const Context* other : others) {
    if (other->spec != context.spec) {
      return InvalidArgumentError("explanations: ", other->spec->title, " is no other seed of ",
                                  context.spec->title);
    }
  }
  std::vector<UserId> users;
  for (uint32_t u = 0; u < context.scorer->n_users(); ++u) {
    if (context.scorer->KnowsUser(UserId{u}) && !SeenItems(context, {UserId{u}, {}}).empty()) {
      users.push_back(UserId{u});
    }
  }
  if (users.empty()) {
    return FailedPreconditionError("explanations: the model knows no user with interactions");
  }
  if (options.users > 0 && static_cast<size_t>(options.users) < users.size()) {
    const Rng rng(options.seed, RngStream::kShuffle);
    for (size_t i = 0; i < static_cast<size_t>(options.users); ++i) {
      std::swap(users[i], users[i + rng.Below(i, static_cast<uint32_t>(users.size() - i))]);
    }
    users.resize(static_cast<size_t>(options.users));
  }
  Measure measure(context, options, others);
  for (size_t i = 0; i < users.size(); ++i) {
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, static_cast<int64_t>(i),
                                            static_cast<int64_t>(users.size()), "explaining"));
    UNDULA_RETURN_IF_ERROR(measure.AddUser(users[i]));
  }
  return measure.Finish();
}

}  // namespace undula::queries
