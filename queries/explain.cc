#include "queries/explain.h"

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "base/status.h"
#include "queries/connections/connection_reasons.h"

namespace undula::queries {
namespace {

using models::AttentionSlot;

constexpr size_t kTriedSlots = 64;  // the heaviest, where each is tried

// Builds the reasons of one (query, item).
class ReasonBuilder {
 public:
  ReasonBuilder(const Context& context, const models::Explanation& attention, ItemId item)
      : context_(context),
        attention_(attention),
        item_(item),
        item_entity_(context.catalog->item_entity[Index(item)]) {}

  // hop is 0-based.
  Reason Build(size_t hop, const AttentionSlot& slot) const {
    Reason reason;
    reason.hop = static_cast<int>(hop) + 1;
    reason.weight = slot.weight;
    // Walk back to the history: the slot starts at an item of it, or where a slot of the hop before
    // ends (the heaviest one, ties by the hop's order).
    std::vector<const AttentionSlot*> back = {&slot};
    ItemId seed = SeedOf(slot.from());
    for (size_t h = hop; h > 0 && seed == kNone<ItemId>; --h) {
      const AttentionSlot* before = HeaviestTo(h - 1, back.back()->from());
      if (before == nullptr) continue;  // a copied hop: look one hop further back
      back.push_back(before);
      seed = SeedOf(before->from());
    }
    for (auto it = back.rbegin(); it != back.rend(); ++it) reason.path.push_back(Edge(**it));
    if (seed != kNone<ItemId>) {
      reason.seed_item = std::string(context_.catalog->items[Index(seed)]);
      reason.seed_title = std::string(context_.catalog->ItemTitle(seed));
    }
    const auto [touches, relation] = ItemTouches(slot.to());
    reason.shared = touches;
    reason.sentence = Sentence(reason, relation);
    return reason;
  }

 private:
  ItemId SeedOf(EntityId entity) const {
    for (const ItemId item : attention_.seeds) {
      if (context_.catalog->item_entity[Index(item)] == entity) return item;
    }
    return kNone<ItemId>;
  }

  const AttentionSlot* HeaviestTo(size_t hop, EntityId entity) const {
    const AttentionSlot* best = nullptr;
    for (const AttentionSlot& slot : attention_.hops[hop]) {
      if (slot.to() == entity && (best == nullptr || slot.weight > best->weight)) best = &slot;
    }
    return best;
  }

  PathEdge Edge(const AttentionSlot& slot) const {
    const Catalog& catalog = *context_.catalog;
    return PathEdge{std::string(catalog.entities[Index(slot.head)]),
                    std::string(catalog.relations[Index(slot.relation)]),
                    std::string(catalog.entities[Index(slot.tail)]),
                    catalog.EntityLabel(slot.head),
                    std::string(catalog.relation_labels[Index(slot.relation)]),
                    catalog.EntityLabel(slot.tail)};
  }

  // Whether the item's entity is this one or has an edge to it, and by which relation.
  std::pair<bool, RelationId> ItemTouches(EntityId entity) const {
    if (item_entity_ == kNone<EntityId>) return {false, kNone<RelationId>};
    if (item_entity_ == entity) return {true, kNone<RelationId>};
    const EdgeCsr& out = context_.snapshot->out;
    for (int64_t e = out.ptr[Index(item_entity_)]; e < out.ptr[Index(item_entity_) + 1]; ++e) {
      if (out.entity[e] == entity) return {true, out.relation[e]};
    }
    return {false, kNone<RelationId>};
  }

  std::string Sentence(const Reason& reason, RelationId item_relation) const {
    std::string text;
    for (const PathEdge& edge : reason.path) {
      if (!text.empty()) text += ", ";
      text += Concat(edge.head_label, " has ", edge.relation_label, " ", edge.tail_label);
    }
    if (!reason.shared) return text;
    const std::string_view title = context_.catalog->ItemTitle(item_);
    if (item_relation == kNone<RelationId>) {
      return Concat(text, ": this is ", title);
    }
    const std::string_view relation = context_.catalog->relation_labels[Index(item_relation)];
    if (relation == reason.path.back().relation_label) return Concat(text, "; so has ", title);
    return Concat(text, "; ", title, " has it as ", relation);
  }

  const Context& context_;
  const models::Explanation& attention_;
  const ItemId item_;
  const EntityId item_entity_;
};

absl::StatusOr<double> ScoreOf(const Context& context, const models::UserQuery& query,
                               ItemId item) {
  float score = 0;
  propagation::Arena scratch;
  UNDULA_RETURN_IF_ERROR(
      context.scorer->ScoreItems(query, std::span(&item, 1), std::span(&score, 1), scratch));
  return score;
}

bool Heavier(const AttentionSlot& a, const AttentionSlot& b) {
  return std::tuple(-a.weight, a.head, a.relation, a.tail) <
         std::tuple(-b.weight, b.head, b.relation, b.tail);
}

}  // namespace

absl::StatusOr<EffectOf> EffectOf::Make(const Context& context, const models::UserQuery& query,
                                        ItemId item) {
  EffectOf effect(context, query, item);
  if (!context.spec->capabilities.explains) return effect;
  const auto score = context.scorer->ScoreWithout(query, item, 0, {});
  if (score.status().code() == absl::StatusCode::kUnimplemented) return effect;
  if (!score.ok()) return score.status();
  effect.known_ = true;
  effect.score_ = static_cast<double>(*score);
  return effect;
}

absl::StatusOr<std::optional<double>> EffectOf::operator()(
    std::span<const AttentionSlot> triples) const {
  if (!known_) return std::optional<double>();
  UNDULA_ASSIGN_OR_RETURN(const float without,
                          context_->scorer->ScoreWithout(query_, item_, 0, triples));
  return std::optional<double>(score_ - static_cast<double>(without));
}

absl::Status CheckSteps(int steps) {
  if (steps >= 1 && steps <= kMostSteps) return absl::OkStatus();
  return InvalidArgumentError("a connection has 1 to ", kMostSteps, " steps, not ", steps);
}

absl::StatusOr<Explanation> Explain(const Context& context, const models::UserQuery& query,
                                    ItemId item, const ExplainOptions& options) {
  UNDULA_RETURN_IF_ERROR(CheckSteps(options.steps));
  Explanation out;
  std::optional<EffectOf> effect;
  if (options.effect) {
    UNDULA_ASSIGN_OR_RETURN(effect, EffectOf::Make(context, query, item));
  }
  for (auto& [reason, edges] :
       ConnectionReasons(context, query, item, options.connections, options.steps)) {
    if (effect.has_value() && reason.kind == Reason::Kind::kConnection) {
      UNDULA_ASSIGN_OR_RETURN(reason.effect, (*effect)(edges));
    }
    out.connections.push_back(std::move(reason));
  }
  models::Explanation attention;
  if (context.spec->capabilities.explains || options.connections <= 0) {
    UNDULA_ASSIGN_OR_RETURN(attention, context.scorer->Explain(query, item));
  } else {
    UNDULA_ASSIGN_OR_RETURN(attention.score, ScoreOf(context, query, item));
  }
  const ReasonBuilder builder(context, attention, item);
  out.item = std::string(context.catalog->items[Index(item)]);
  out.title = std::string(context.catalog->ItemTitle(item));
  out.score = attention.score;
  for (size_t hop = 0; hop < attention.hops.size(); ++hop) {
    std::vector<AttentionSlot> order = attention.hops[hop];
    std::sort(order.begin(), order.end(), Heavier);
    if (options.slots > 0 && order.size() > static_cast<size_t>(options.slots)) {
      order.resize(static_cast<size_t>(options.slots));
    }
    std::vector<Reason>& reasons = out.hops.emplace_back();
    double shown = 0;
    for (const AttentionSlot& slot : order) {
      Reason& reason = reasons.emplace_back(builder.Build(hop, slot));
      if (effect.has_value()) {
        UNDULA_ASSIGN_OR_RETURN(reason.effect, (*effect)(std::span(&slot, 1)));
      }
      shown += slot.weight;
    }
    out.hop_weight_shown.push_back(shown);
  }
  return out;
}

absl::StatusOr<std::vector<ModelReason>> ModelReasons(const Context& context,
                                                      const models::UserQuery& query, ItemId item,
                                                      int count) {
  UNDULA_ASSIGN_OR_RETURN(const models::Explanation attention,
                          context.scorer->Explain(query, item));
  const ReasonBuilder builder(context, attention, item);
  struct Candidate {
    Reason reason;
    const AttentionSlot* slot;
    double loss = 0;  // of the score without it
  };
  std::vector<Candidate> candidates;
  for (size_t hop = 0; hop < attention.hops.size(); ++hop) {
    for (const AttentionSlot& slot : attention.hops[hop]) {
      candidates.push_back({builder.Build(hop, slot), &slot});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    if (a.reason.shared != b.reason.shared) return a.reason.shared;
    return Heavier(*a.slot, *b.slot);
  });
  // Attention that starts at the item and not at the history (KGCN) weighs the terms of a mean over
  // the item's own neighbors: which of them sets the item apart only their loss shows.
  if (attention.seeds.empty()) {
    UNDULA_ASSIGN_OR_RETURN(const EffectOf effect, EffectOf::Make(context, query, item));
    if (candidates.size() > kTriedSlots) candidates.resize(kTriedSlots);
    for (Candidate& c : candidates) {
      UNDULA_ASSIGN_OR_RETURN(const std::optional<double> loss, effect(std::span(c.slot, 1)));
      c.loss = loss.value_or(0);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const auto& a, const auto& b) { return a.loss > b.loss; });
  }
  std::vector<ModelReason> best;
  std::set<std::tuple<EntityId, RelationId, EntityId>> used;
  for (Candidate& c : candidates) {
    if (best.size() >= static_cast<size_t>(count)) break;
    if (used.insert({c.slot->head, c.slot->relation, c.slot->tail}).second) {
      best.push_back({std::move(c.reason), *c.slot});
    }
  }
  return best;
}

absl::StatusOr<std::vector<Reason>> BestReasons(const Context& context,
                                                const models::UserQuery& query, ItemId item,
                                                int count) {
  UNDULA_ASSIGN_OR_RETURN(std::vector<ModelReason> best, ModelReasons(context, query, item, count));
  std::vector<Reason> reasons;
  for (ModelReason& r : best) reasons.push_back(std::move(r.reason));
  return reasons;
}

}  // namespace undula::queries
