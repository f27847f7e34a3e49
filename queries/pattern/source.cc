#include "queries/pattern/source.h"

#include <algorithm>

#include "base/status.h"
#include "base/text/normalize.h"
#include "queries/pattern/vocabulary.h"

namespace undula::queries::pattern {
namespace {

using Kind = RelationRef::Kind;
using kgstore::GraphChoice;

Value EntityValue(EntityId id) { return MakeValue(ValueKind::kEntity, Index(id)); }
Value UserValue(UserId id) { return MakeValue(ValueKind::kUser, Index(id)); }
Value ItemValue(ItemId id) { return MakeValue(ValueKind::kItem, Index(id)); }

void SortDistinct(std::vector<Value>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

}  // namespace

absl::StatusOr<Term> Source::Get(Value value) {
  const uint32_t id = IdOf(value);
  Term term;
  switch (KindOf(value)) {
    case ValueKind::kEntity: {
      UNDULA_ASSIGN_OR_RETURN(term.text, view_.EntityName(static_cast<EntityId>(id)));
      if (term.text.starts_with("_:")) {
        term.kind = TermKind::kBlank;
        term.text.erase(0, 2);
      }
      return term;
    }
    case ValueKind::kLiteral: {
      UNDULA_ASSIGN_OR_RETURN(kgstore::Literal literal,
                              view_.GetLiteral(static_cast<LiteralId>(id)));
      return Term{TermKind::kLiteral, std::move(literal.text), std::move(literal.datatype),
                  std::move(literal.language)};
    }
    case ValueKind::kRelation: {
      UNDULA_ASSIGN_OR_RETURN(term.text, view_.RelationName(static_cast<RelationId>(id)));
      return term;
    }
    case ValueKind::kUser: {
      term.kind = TermKind::kUser;
      UNDULA_ASSIGN_OR_RETURN(term.text, view_.UserName(static_cast<UserId>(id)));
      return term;
    }
    case ValueKind::kItem: {
      term.kind = TermKind::kItem;
      UNDULA_ASSIGN_OR_RETURN(term.text, view_.ItemName(static_cast<ItemId>(id)));
      return term;
    }
    case ValueKind::kComputed:
      return computed_[id];
    case ValueKind::kUnbound:
      break;
  }
  return InternalError("an unbound value has no term");
}

// The value of a term that the database has, else kUnbound.
absl::StatusOr<Value> Source::Find(const Term& term) {
  switch (term.kind) {
    case TermKind::kIri: {
      UNDULA_ASSIGN_OR_RETURN(const EntityId entity, view_.FindEntity(term.text));
      if (entity != kNone<EntityId>) return EntityValue(entity);
      UNDULA_ASSIGN_OR_RETURN(const RelationId relation, view_.FindRelation(term.text));
      if (relation == kNone<RelationId>) return kUnbound;
      return MakeValue(ValueKind::kRelation, Index(relation));
    }
    case TermKind::kBlank:
      return kUnbound;  // those of the database have no name outside
    case TermKind::kUser: {
      UNDULA_ASSIGN_OR_RETURN(const UserId user, view_.FindUser(term.text));
      return user == kNone<UserId> ? kUnbound : UserValue(user);
    }
    case TermKind::kItem: {
      UNDULA_ASSIGN_OR_RETURN(const ItemId item, view_.FindItem(term.text));
      return item == kNone<ItemId> ? kUnbound : ItemValue(item);
    }
    case TermKind::kLiteral:
      break;
  }
  UNDULA_ASSIGN_OR_RETURN(LiteralId literal,
                          view_.FindLiteral({term.text, term.datatype, term.language}));
  if (literal == kNone<LiteralId> && !term.language.empty()) {
    UNDULA_ASSIGN_OR_RETURN(const auto candidates, view_.FindLiterals(term.text));
    const std::string wanted = LowerText(term.language);
    for (const LiteralId candidate : candidates) {
      UNDULA_ASSIGN_OR_RETURN(const kgstore::Literal stored, view_.GetLiteral(candidate));
      if (LowerText(stored.language) == wanted) literal = candidate;
    }
  }
  if (literal == kNone<LiteralId>) return kUnbound;
  return MakeValue(ValueKind::kLiteral, Index(literal));
}

absl::StatusOr<Value> Source::Intern(const Term& term) {
  TermKey key(term.kind, term.text);
  if (term.kind == TermKind::kLiteral) {
    key.second += Concat('\0', term.datatype, '\0', LowerText(term.language));
  }
  const auto [place, is_new] = known_.try_emplace(std::move(key), kUnbound);
  if (!is_new) return place->second;
  absl::StatusOr<Value> found = Find(term);
  if (!found.ok()) {
    known_.erase(place);
    return found.status();
  }
  if (*found == kUnbound) {
    if (computed_.size() >= kMaxIds) return ResourceExhaustedError("too many computed terms");
    found = MakeValue(ValueKind::kComputed, static_cast<uint32_t>(computed_.size()));
    computed_.push_back(term);
  }
  bytes_ += 2 * term.text.size() + 200;
  place->second = *found;
  return *found;
}

absl::StatusOr<RelationRef> Source::Relation(Value value) {
  const auto [place, is_new] = relations_.try_emplace(value);
  if (!is_new) return place->second;
  RelationRef& ref = place->second;
  if (KindOf(value) == ValueKind::kRelation) {
    ref = {Kind::kGraph, static_cast<RelationId>(IdOf(value))};
    return ref;
  }
  if (KindOf(value) != ValueKind::kEntity && KindOf(value) != ValueKind::kComputed) return ref;
  UNDULA_ASSIGN_OR_RETURN(const Term term, Get(value));
  if (term.kind != TermKind::kIri) return ref;
  constexpr std::pair<std::string_view, Kind> kVirtual[] = {{kInteractedIri, Kind::kInteracted},
                                                            {kLinkIri, Kind::kLink},
                                                            {kTrustsIri, Kind::kTrusts},
                                                            {kLabelIri, Kind::kLabel}};
  for (const auto& [iri, kind] : kVirtual) {
    if (term.text == iri) {
      ref.kind = kind;
      return ref;
    }
  }
  UNDULA_ASSIGN_OR_RETURN(ref.id, view_.FindRelation(term.text));
  if (ref.id != kNone<RelationId>) ref.kind = Kind::kGraph;
  return ref;
}

absl::StatusOr<Value> Source::FindRelationValue(RelationId id) {
  if (Index(id) >= relation_values_.size()) {
    relation_values_.resize(std::max<size_t>(view_.counts().relations, Index(id) + 1), kUnbound);
  }
  UNDULA_ASSIGN_OR_RETURN(const std::string name, view_.RelationName(id));
  UNDULA_ASSIGN_OR_RETURN(const EntityId entity, view_.FindEntity(name));
  Value& value = relation_values_[Index(id)];
  value =
      entity != kNone<EntityId> ? EntityValue(entity) : MakeValue(ValueKind::kRelation, Index(id));
  return value;
}

void Source::Follow(const std::vector<Pair>& pairs, Value from, std::vector<Value>* out) {
  for (auto it = std::lower_bound(pairs.begin(), pairs.end(), Pair(from, 0));
       it != pairs.end() && it->first == from; ++it) {
    out->push_back(it->second);
  }
}

absl::StatusOr<const Source::BothWays*> Source::Links() {
  if (links_ != nullptr) return links_.get();
  UNDULA_ASSIGN_OR_RETURN(links_, shared_->Links(view_, [&]() -> absl::StatusOr<BothWays> {
    UNDULA_ASSIGN_OR_RETURN(const auto pairs, scan_.AllLinks());
    BothWays links;
    for (const auto& [item, entity] : pairs) {
      links.forward.emplace_back(ItemValue(item), EntityValue(entity));
      links.backward.emplace_back(EntityValue(entity), ItemValue(item));
    }
    std::sort(links.backward.begin(), links.backward.end());
    return links;
  }));
  return links_.get();
}

absl::StatusOr<const Source::BothWays*> Source::Trust() {
  if (trust_ != nullptr) return trust_.get();
  UNDULA_ASSIGN_OR_RETURN(trust_, shared_->Trust(view_, [&]() -> absl::StatusOr<BothWays> {
    UNDULA_ASSIGN_OR_RETURN(const auto pairs, scan_.AllSocial());
    BothWays trust;
    for (const auto& [user, other] : pairs) {
      trust.forward.emplace_back(UserValue(user), UserValue(other));
      trust.backward.emplace_back(UserValue(other), UserValue(user));
    }
    std::sort(trust.backward.begin(), trust.backward.end());
    return trust;
  }));
  return trust_.get();
}

absl::Status Source::Tails(const RelationRef& relation, Value head, const GraphChoice& graph,
                           std::vector<Value>* out) {
  out->clear();
  const ValueKind kind = KindOf(head);
  switch (relation.kind) {
    case Kind::kNone:
      return absl::OkStatus();
    case Kind::kGraph:
      if (kind != ValueKind::kEntity) return absl::OkStatus();
      return scan_.Tails(static_cast<EntityId>(IdOf(head)), relation.id, graph, out);
    case Kind::kInteracted: {
      if (kind != ValueKind::kUser) return absl::OkStatus();
      // Often one pattern asks for one user's items at several places.
      if (head != items_user_) {
        items_user_ = kUnbound;
        items_.clear();
        UNDULA_ASSIGN_OR_RETURN(const auto items, scan_.ItemsOf(static_cast<UserId>(IdOf(head))));
        for (const ItemId item : items) items_.push_back(ItemValue(item));
        items_user_ = head;
      }
      *out = items_;
      return absl::OkStatus();
    }
    case Kind::kLink: {
      if (kind != ValueKind::kItem) return absl::OkStatus();
      UNDULA_ASSIGN_OR_RETURN(const auto links, view_.Links(static_cast<ItemId>(IdOf(head))));
      for (const kgstore::Link& link : links) out->push_back(EntityValue(link.entity));
      SortDistinct(out);
      return absl::OkStatus();
    }
    case Kind::kTrusts: {
      if (kind != ValueKind::kUser) return absl::OkStatus();
      UNDULA_ASSIGN_OR_RETURN(const auto social, view_.Social(static_cast<UserId>(IdOf(head))));
      for (const kgstore::SocialLink& link : social) out->push_back(UserValue(link.user));
      SortDistinct(out);
      return absl::OkStatus();
    }
    case Kind::kLabel: {
      if (kind != ValueKind::kEntity) return absl::OkStatus();
      UNDULA_ASSIGN_OR_RETURN(std::string label,
                              view_.BestLabel(static_cast<EntityId>(IdOf(head))));
      UNDULA_ASSIGN_OR_RETURN(const Value value,
                              Intern({TermKind::kLiteral, std::move(label), "", ""}));
      out->push_back(value);
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::Status Source::Heads(const RelationRef& relation, Value tail, const GraphChoice& graph,
                           std::vector<Value>* out) {
  out->clear();
  const ValueKind kind = KindOf(tail);
  switch (relation.kind) {
    case Kind::kNone:
      return absl::OkStatus();
    case Kind::kGraph:
      if (kind != ValueKind::kEntity && kind != ValueKind::kLiteral) return absl::OkStatus();
      return scan_.Heads(relation.id, tail, graph, out);
    case Kind::kInteracted: {
      if (kind != ValueKind::kItem) return absl::OkStatus();
      UNDULA_ASSIGN_OR_RETURN(const auto users, scan_.UsersOf(static_cast<ItemId>(IdOf(tail))));
      for (const UserId user : users) out->push_back(UserValue(user));
      return absl::OkStatus();
    }
    case Kind::kLink: {
      UNDULA_ASSIGN_OR_RETURN(const BothWays* const links, Links());
      Follow(links->backward, tail, out);
      return absl::OkStatus();
    }
    case Kind::kTrusts: {
      UNDULA_ASSIGN_OR_RETURN(const BothWays* const trust, Trust());
      Follow(trust->backward, tail, out);
      return absl::OkStatus();
    }
    case Kind::kLabel: {
      UNDULA_ASSIGN_OR_RETURN(const Term term, Get(tail));
      if (term.kind != TermKind::kLiteral) return absl::OkStatus();
      const absl::StatusOr<std::string> normalized = NormalizeText(term.text);
      if (!normalized.ok()) return absl::OkStatus();
      UNDULA_ASSIGN_OR_RETURN(const auto entities, view_.EntitiesByLabel(*normalized));
      for (const EntityId entity : entities) out->push_back(EntityValue(entity));
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::Status Source::Edges(Value end, bool tails, const GraphChoice& graph,
                           std::vector<kgstore::Edge>* out, const kgstore::RelationSet* only) {
  out->clear();
  const ValueKind kind = KindOf(end);
  if (kind == ValueKind::kEntity && tails) {
    return scan_.Out(static_cast<EntityId>(IdOf(end)), graph, out, only);
  }
  if (tails || (kind != ValueKind::kEntity && kind != ValueKind::kLiteral)) {
    return absl::OkStatus();
  }
  return scan_.In(end, graph, out, only);
}

absl::Status Source::NamedEdges(Value end, bool tails, const GraphChoice& graph,
                                std::vector<ValueEdge>* out) {
  out->clear();
  UNDULA_RETURN_IF_ERROR(Edges(end, tails, graph, &edges_));
  for (const kgstore::Edge& e : edges_) {
    UNDULA_ASSIGN_OR_RETURN(const Value relation, RelationValue(e.relation));
    out->push_back({relation, e.end});
  }
  return absl::OkStatus();
}

absl::Status Source::Out(Value head, const GraphChoice& graph, std::vector<ValueEdge>* out) {
  return NamedEdges(head, true, graph, out);
}

absl::Status Source::In(Value tail, const GraphChoice& graph, std::vector<ValueEdge>* out) {
  return NamedEdges(tail, false, graph, out);
}

absl::Status Source::Pairs(const RelationRef& relation, const GraphChoice& graph,
                           std::vector<std::pair<Value, Value>>* out) {
  out->clear();
  switch (relation.kind) {
    case Kind::kNone:
      return absl::OkStatus();
    case Kind::kGraph: {
      std::vector<kgstore::ScannedTriple> triples;
      UNDULA_RETURN_IF_ERROR(scan_.All(relation.id, graph, &triples));
      out->reserve(triples.size());
      for (const kgstore::ScannedTriple& t : triples) out->emplace_back(t.head, t.tail);
      return absl::OkStatus();
    }
    case Kind::kInteracted: {
      UNDULA_ASSIGN_OR_RETURN(const auto pairs, scan_.AllInteractions());
      for (const auto& [user, item] : pairs) out->emplace_back(UserValue(user), ItemValue(item));
      return absl::OkStatus();
    }
    case Kind::kLink: {
      UNDULA_ASSIGN_OR_RETURN(const BothWays* const links, Links());
      *out = links->forward;
      return absl::OkStatus();
    }
    case Kind::kTrusts: {
      UNDULA_ASSIGN_OR_RETURN(const BothWays* const trust, Trust());
      *out = trust->forward;
      return absl::OkStatus();
    }
    case Kind::kLabel:
      break;
  }
  return UnimplementedError(
      "u:label needs an entity or a text that is known before; put another "
      "triple pattern or VALUES beside it");
}

absl::StatusOr<uint64_t> Source::CountOf(const RelationRef& relation) {
  switch (relation.kind) {
    case Kind::kNone:
      return uint64_t{0};
    case Kind::kGraph: {
      UNDULA_ASSIGN_OR_RETURN(const auto counts, scan_.CountOf(relation.id));
      return counts.triples + counts.attributes;
    }
    case Kind::kInteracted:
      return view_.counts().interactions;
    case Kind::kLink:
      return view_.counts().links;
    case Kind::kTrusts:
      return view_.counts().social;
    case Kind::kLabel:
      return view_.counts().labels;
  }
  return uint64_t{0};
}

absl::StatusOr<Source::Fanout> Source::FanoutOf(const RelationRef& relation) {
  const auto [place, is_new] = fanouts_.try_emplace({relation.kind, relation.id});
  if (!is_new) return place->second;
  UNDULA_ASSIGN_OR_RETURN(const uint64_t all, CountOf(relation));
  const auto count = static_cast<double>(all);
  const auto per = [&](uint64_t n) { return std::max(1.0, count / std::max(1.0, double(n))); };
  const kgstore::Counts& counts = view_.counts();
  Fanout& fanout = place->second;
  switch (relation.kind) {
    case Kind::kInteracted:
      fanout = {per(counts.users), per(counts.items)};
      break;
    case Kind::kTrusts:
      fanout = {per(counts.users), per(counts.users)};
      break;
    case Kind::kGraph: {
      UNDULA_ASSIGN_OR_RETURN(const auto stored, scan_.CountOf(relation.id));
      if (stored.attributes > stored.triples || all <= 1000) {
        // Most attributes have one value an entity; how many entities share one is anyone's guess.
        fanout = {1.0, std::max(1.0, count / 100)};
        break;
      }
      UNDULA_ASSIGN_OR_RETURN(
          fanout, shared_->FanoutOf(view_, relation.id, [&]() -> absl::StatusOr<Fanout> {
            UNDULA_ASSIGN_OR_RETURN(const auto ends, scan_.EndsOf(relation.id));
            const auto n = static_cast<double>(ends.triples);
            return Fanout{n / std::max(1.0, static_cast<double>(ends.heads)),
                          n / std::max(1.0, static_cast<double>(ends.tails))};
          }));
      break;
    }
    default:
      break;
  }
  return fanout;
}

absl::StatusOr<const std::vector<Value>*> Source::GraphNames() {
  if (!graph_names_.has_value()) {
    UNDULA_ASSIGN_OR_RETURN(const auto names, scan_.GraphNames());
    graph_names_.emplace();
    for (const EntityId name : names) graph_names_->push_back(EntityValue(name));
  }
  return &*graph_names_;
}

absl::StatusOr<std::optional<double>> Source::Catalog(Function function, Value first,
                                                      Value second) {
  std::optional<double> result;
  if (function == Function::kPopularity) {
    if (KindOf(first) != ValueKind::kItem) return result;
    UNDULA_ASSIGN_OR_RETURN(const auto users, scan_.UsersOf(static_cast<ItemId>(IdOf(first))));
    return std::optional<double>(static_cast<double>(users.size()));
  }
  if (function == Function::kConfidence) {
    if (KindOf(first) != ValueKind::kItem) return result;
    UNDULA_ASSIGN_OR_RETURN(const auto links, view_.Links(static_cast<ItemId>(IdOf(first))));
    for (const kgstore::Link& link : links) {
      if (EntityValue(link.entity) == second) result = link.confidence;
    }
    return result;
  }
  if (KindOf(first) != ValueKind::kUser) return result;
  UNDULA_ASSIGN_OR_RETURN(const auto log, view_.UserLog(static_cast<UserId>(IdOf(first))));
  for (const kgstore::Interaction& i : log) {  // the last one counts
    if (ItemValue(i.item) != second) continue;
    result = function == Function::kTime ? static_cast<double>(i.time) : i.weight;
  }
  return result;
}

}  // namespace undula::queries::pattern
