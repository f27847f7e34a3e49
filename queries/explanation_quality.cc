#include "queries/explanation_quality.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/rng.h"
#include "base/status.h"
#include "models/eval/metrics.h"
#include "models/score/tile_scorer.h"
#include "queries/connections/connection_reasons.h"
#include "queries/explain.h"
#include "queries/recommend.h"

namespace undula::queries {
namespace {

using models::AttentionSlot;

constexpr double kBeta = .3;
constexpr int64_t kReplicates = 1000;

double ThreadSeconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The reasons of one kind for one item, and the triples of the first one.
struct ItemReasons {
  std::vector<Reason> reasons;
  std::vector<AttentionSlot> triples;
};

// Where names lead to, and how recent and popular things are.
class Ground {
 public:
  explicit Ground(const Context& context) : context_(context) {
    entities_.Build(context.catalog->entities);
    relations_.Build(context.catalog->relations);
  }

  bool Has(const PathEdge& edge) const {
    const uint32_t head = entities_.Find(edge.head), tail = entities_.Find(edge.tail);
    const uint32_t relation = relations_.Find(edge.relation);
    if (head == kNoIndex || tail == kNoIndex || relation == kNoIndex) return false;
    const EdgeCsr& out = context_.snapshot->out;
    for (int64_t e = out.ptr[head]; e < out.ptr[head + 1]; ++e) {
      if (Index(out.relation[e]) == relation && Index(out.entity[e]) == tail) return true;
    }
    return false;
  }

  // By item of the user's history, the latest time counting.
  std::map<std::string, double, std::less<>> Recency(UserId user) const {
    std::map<std::string, double, std::less<>> out;
    const InteractionCsr<ItemId>& log = context_.snapshot->by_user;
    if (Index(user) >= log.rows()) return out;
    const int64_t begin = log.ptr[Index(user)], end = log.ptr[Index(user) + 1];
    std::vector<double> times(log.time.begin() + begin, log.time.begin() + end);
    const std::vector<double> smoothed = SmoothedRanks(times);
    for (int64_t i = begin; i < end; ++i) {
      out[std::string(context_.catalog->items[Index(log.other[i])])] =
          smoothed[static_cast<size_t>(i - begin)];
    }
    return out;
  }

  // Of the last vertex between among those that its relation leads to.
  double Popularity(const Reason& reason) {
    const PathEdge& edge = reason.path.back();
    const uint32_t relation = relations_.Find(edge.relation);
    const uint32_t entity = entities_.Find(edge.tail);
    if (relation == kNoIndex || entity == kNoIndex) return 0;
    const auto [at, fresh] = popularity_.try_emplace(relation);
    if (fresh) at->second = PopularityOf(relation);
    const auto found = at->second.find(entity);
    return found == at->second.end() ? 0 : found->second;
  }

 private:
  std::map<uint32_t, double> PopularityOf(uint32_t relation) const {
    const EdgeCsr& out = context_.snapshot->out;
    std::map<uint32_t, double> degree;
    for (int64_t e = 0; e < out.edges(); ++e) {
      if (Index(out.relation[e]) == relation) degree[Index(out.entity[e])] += 1;
    }
    std::vector<std::pair<double, uint32_t>> order;
    for (const auto& [entity, n] : degree) order.emplace_back(n, entity);
    std::sort(order.begin(), order.end());
    std::vector<double> values;
    for (const auto& [n, entity] : order) values.push_back(n);
    const std::vector<double> smoothed = SmoothedRanks(values);
    std::map<uint32_t, double> out_by_entity;
    for (size_t i = 0; i < order.size(); ++i) out_by_entity[order[i].second] = smoothed[i];
    return out_by_entity;
  }

  const Context& context_;
  NameIndex entities_, relations_;
  std::map<uint32_t, std::map<uint32_t, double>> popularity_;
};

// Sums over the items of one kind of reasons.
class Tally {
 public:
  Tally(std::string kind, Ground* ground) : ground_(ground) { out_.kind = std::move(kind); }

  void AddItem(const ItemReasons& item, const std::map<std::string, double, std::less<>>& recency,
               double seconds) {
    ++out_.items;
    out_.milliseconds += 1e3 * seconds;
    out_.coverage += !item.reasons.empty();
    out_.touching += std::any_of(item.reasons.begin(), item.reasons.end(),
                                 [](const Reason& r) { return r.shared; });
    std::set<std::string> last_relations;
    for (const Reason& reason : item.reasons) {
      ++out_.reasons;
      out_.faithful += std::all_of(reason.path.begin(), reason.path.end(),
                                   [&](const PathEdge& e) { return ground_->Has(e); });
      out_.bits += reason.bits;
      out_.popularity += ground_->Popularity(reason);
      const auto start = recency.find(reason.seed_item);
      if (start != recency.end()) out_.recency += start->second;
      last_relations.insert(reason.path.back().relation);
    }
    if (!item.reasons.empty()) {
      diverse_ +=
          static_cast<double>(last_relations.size()) / static_cast<double>(item.reasons.size());
      ++with_reasons_;
    }
  }

  void AddDeletion(double drop, double random_drop, double ranks, double random_ranks) {
    ++out_.deletions;
    out_.drop += drop;
    out_.random_drop += random_drop;
    out_.ranks_lost += ranks;
    out_.random_ranks_lost += random_ranks;
    out_.without_effect += drop == 0;
    user_.push_back(drop - random_drop);
  }

  void EndUser() {
    ++out_.users;
    if (user_.empty()) return;
    better_.push_back(std::accumulate(user_.begin(), user_.end(), 0.0) /
                      static_cast<double>(user_.size()));
    user_.clear();
  }

  ExplanationQuality Finish(uint64_t seed) {
    const auto share = [](double* sum, int64_t n) {
      *sum = n == 0 ? 0 : *sum / static_cast<double>(n);
    };
    share(&out_.coverage, out_.items);
    share(&out_.touching, out_.items);
    share(&out_.milliseconds, out_.items);
    for (double* sum : {&out_.faithful, &out_.bits, &out_.popularity, &out_.recency}) {
      share(sum, out_.reasons);
    }
    for (double* sum : {&out_.drop, &out_.random_drop, &out_.ranks_lost, &out_.random_ranks_lost,
                        &out_.without_effect}) {
      share(sum, out_.deletions);
    }
    out_.diversity = with_reasons_ == 0 ? 0 : diverse_ / static_cast<double>(with_reasons_);
    if (!better_.empty()) {
      const models::Interval interval = models::BootstrapMean(better_, kReplicates, seed);
      out_.better = interval.value;
      out_.better_low = interval.low;
      out_.better_high = interval.high;
    }
    return out_;
  }

 private:
  Ground* ground_;
  ExplanationQuality out_;
  double diverse_ = 0;
  int64_t with_reasons_ = 0;
  std::vector<double> user_, better_;  // differences: of the user's items; means by user
};

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

// Measures one user after the other.
class Measure {
 public:
  Measure(const Context& context, const ExplanationQualityOptions& options)
      : context_(context),
        options_(options),
        ground_(context),
        model_("model", &ground_),
        connection_("connection", &ground_) {
    tile_.k = options.k;
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
    const auto recency = ground_.Recency(user);
    for (const models::ScoredItem& item : ranked) {
      UNDULA_RETURN_IF_ERROR(AddItem(query, item.item, recency));
    }
    model_.EndUser();
    connection_.EndUser();
    return absl::OkStatus();
  }

  std::vector<ExplanationQuality> Finish() {
    std::vector<ExplanationQuality> out;
    if (context_.spec->capabilities.explains) out.push_back(model_.Finish(options_.seed));
    out.push_back(connection_.Finish(options_.seed));
    return out;
  }

 private:
  static constexpr float kOut = -3.4e38f;  // of items that are not ranked

  absl::Status AddItem(const models::UserQuery& query, ItemId item,
                       const std::map<std::string, double, std::less<>>& recency) {
    double start = ThreadSeconds();
    ItemReasons connections;
    for (auto& [reason, edges] : ConnectionReasons(context_, query, item, options_.reasons)) {
      if (reason.kind != Reason::Kind::kConnection) continue;
      if (connections.reasons.empty()) connections.triples = edges;
      connections.reasons.push_back(std::move(reason));
    }
    connection_.AddItem(connections, recency, ThreadSeconds() - start);
    if (!context_.spec->capabilities.explains) return absl::OkStatus();
    start = ThreadSeconds();
    ItemReasons of_model;
    UNDULA_ASSIGN_OR_RETURN(auto reasons, ModelReasons(context_, query, item, options_.reasons));
    for (auto& [reason, slot] : reasons) {
      if (of_model.reasons.empty()) of_model.triples = {slot};
      of_model.reasons.push_back(std::move(reason));
    }
    model_.AddItem(of_model, recency, ThreadSeconds() - start);
    UNDULA_ASSIGN_OR_RETURN(const EffectOf effect, EffectOf::Make(context_, query, item));
    UNDULA_ASSIGN_OR_RETURN(const models::Explanation attention,
                            context_.scorer->Explain(query, item));
    const std::vector<AttentionSlot> looked_at = LookedAt(attention);
    UNDULA_RETURN_IF_ERROR(Delete(effect, item, of_model, looked_at, &model_));
    return Delete(effect, item, connections, looked_at, &connection_);
  }

  absl::Status Delete(const EffectOf& effect, ItemId item, const ItemReasons& shown,
                      const std::vector<AttentionSlot>& looked_at, Tally* tally) {
    // Where all that it looked at is the reason, there is nothing to compare with.
    if (shown.reasons.empty() || looked_at.size() <= shown.triples.size()) return absl::OkStatus();
    UNDULA_ASSIGN_OR_RETURN(const std::optional<double> drop, effect(shown.triples));
    if (!drop.has_value()) return absl::OkStatus();
    std::vector<AttentionSlot> random = looked_at;
    const Rng rng(options_.seed, RngStream::kBootstrap, drawn_++);
    for (size_t i = 0; i < shown.triples.size(); ++i) {
      const auto left = static_cast<uint32_t>(random.size() - i);
      std::swap(random[i], random[i + rng.Below(i, left)]);
    }
    random.resize(shown.triples.size());
    UNDULA_ASSIGN_OR_RETURN(const std::optional<double> random_drop, effect(random));
    const double before = Rank(item, effect.score());
    tally->AddDeletion(*drop, *random_drop, Rank(item, effect.score() - *drop) - before,
                       Rank(item, effect.score() - *random_drop) - before);
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
  Tally model_, connection_;
  models::RankScratch scratch_;
  models::TileOptions tile_;
  std::vector<float> scores_;
  uint32_t drawn_ = 0;
};

}  // namespace

std::vector<double> SmoothedRanks(std::span<const double> ascending) {
  std::vector<double> out(ascending.begin(), ascending.end());
  for (size_t i = 1; i < out.size(); ++i) out[i] = (1 - kBeta) * out[i - 1] + kBeta * ascending[i];
  if (out.empty()) return out;
  const auto [low, high] = std::minmax_element(out.begin(), out.end());
  const double least = *low, range = *high - *low;
  for (double& value : out) value = range > 0 ? (value - least) / range : 1;
  return out;
}

absl::StatusOr<std::vector<ExplanationQuality>> MeasureExplanations(
    const Context& context, const ExplanationQualityOptions& options, Progress* progress) {
  if (options.k < 1 || options.reasons < 1) {
    return InvalidArgumentError("explanations: k and reasons must be at least 1");
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
  Measure measure(context, options);
  for (size_t i = 0; i < users.size(); ++i) {
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, static_cast<int64_t>(i),
                                            static_cast<int64_t>(users.size()), "explaining"));
    UNDULA_RETURN_IF_ERROR(measure.AddUser(users[i]));
  }
  return measure.Finish();
}

}  // namespace undula::queries
