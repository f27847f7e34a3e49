// Reads of one consistent state of a database.
#ifndef UNDULA_KGSTORE_READ_VIEW_H_
#define UNDULA_KGSTORE_READ_VIEW_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/csr.h"
#include "base/ids.h"
#include "kgstore/counts.h"

namespace undula::kgstore {

namespace internal {
class ViewState;
}

struct Literal {
  std::string text;      // lexical form
  std::string datatype;  // IRI; empty for plain strings (xsd:string) and language-tagged ones
  std::string language;  // tag as written; empty for none
};

struct Attribute {
  RelationId relation;
  LiteralId literal;
};

struct Link {
  EntityId entity;
  float confidence;
  LinkMethod method;
};

struct SocialLink {
  UserId user;
  float weight;
};

struct Interaction {
  ItemId item;
  float weight;
  int64_t time;
};

// Made by Database::Read(). Movable; one thread at a time (take one view per thread). Every result
// is a copy: nothing refers to the view afterwards. DataLoss where the file contradicts itself.
class ReadView {
 public:
  explicit ReadView(std::unique_ptr<internal::ViewState> state);
  ~ReadView();
  ReadView(ReadView&&) noexcept;
  ReadView& operator=(ReadView&&) noexcept;

  const Counts& counts() const;
  uint64_t id_space() const;
  uint64_t transaction() const;
  uint32_t generation() const;

  // Names -> ids: kNone<...> where the text is unknown. Blank nodes are entities named "_:label".
  absl::StatusOr<EntityId> FindEntity(std::string_view text) const;
  absl::StatusOr<RelationId> FindRelation(std::string_view text) const;
  absl::StatusOr<UserId> FindUser(std::string_view text) const;
  absl::StatusOr<ItemId> FindItem(std::string_view text) const;
  absl::StatusOr<LiteralId> FindLiteral(const Literal& literal) const;
  // All literals with this lexical form, whatever their datatype or language; ascending.
  absl::StatusOr<std::vector<LiteralId>> FindLiterals(std::string_view text) const;

  // Ids -> names: InvalidArgument for an id that the database does not have.
  absl::StatusOr<std::string> EntityName(EntityId id) const;
  absl::StatusOr<std::string> RelationName(RelationId id) const;
  absl::StatusOr<std::string> UserName(UserId id) const;
  absl::StatusOr<std::string> ItemName(ItemId id) const;
  absl::StatusOr<Literal> GetLiteral(LiteralId id) const;
  // All names of a kind by id, faster than one by one.
  absl::Status ForEachEntityName(const std::function<void(EntityId, std::string_view)>& fn) const;
  absl::Status ForEachItemName(const std::function<void(ItemId, std::string_view)>& fn) const;
  absl::Status ForEachUserName(const std::function<void(UserId, std::string_view)>& fn) const;

  using EdgeFn = std::function<void(RelationId, EntityId)>;
  // Edges in ascending (relation, other end); nothing for an entity without edges.
  absl::Status ForEachOutEdge(EntityId head, const EdgeFn& fn) const;
  absl::Status ForEachInEdge(EntityId tail, const EdgeFn& fn) const;
  // The same for many entities, one after the other, in about half the time: fn(i, relation, other
  // end) for entity i of the list. An entity may stand in it more than once.
  using EdgeOfFn = std::function<void(size_t i, RelationId, EntityId)>;
  absl::Status ForEachOutEdge(std::span<const EntityId> heads, const EdgeOfFn& fn) const;
  absl::Status ForEachInEdge(std::span<const EntityId> tails, const EdgeOfFn& fn) const;
  // All triples of a relation in ascending (tail, head).
  absl::Status ForEachRelationEdge(
      RelationId relation, const std::function<void(EntityId head, EntityId tail)>& fn) const;
  // Heads h of triples (h, relation, tail), ascending.
  absl::StatusOr<std::vector<EntityId>> Heads(RelationId relation, EntityId tail) const;
  absl::StatusOr<bool> HasTriple(EntityId head, RelationId relation, EntityId tail) const;

  // Ascending (relation, literal).
  absl::StatusOr<std::vector<Attribute>> Attributes(EntityId entity) const;
  absl::Status ForEachAttribute(EntityId entity,
                                const std::function<void(RelationId, LiteralId)>& fn) const;
  // Of many entities, as with edges.
  absl::Status ForEachAttribute(
      std::span<const EntityId> entities,
      const std::function<void(size_t i, RelationId, LiteralId)>& fn) const;
  // Entities with (entity, relation, literal whose lexical form is `text`), ascending, distinct.
  absl::StatusOr<std::vector<EntityId>> EntitiesByValue(RelationId relation,
                                                        std::string_view text) const;
  // Entities with any literal of this lexical form, over all relations; ascending, distinct.
  absl::StatusOr<std::vector<EntityId>> EntitiesByAnyValue(std::string_view text) const;

  // The label to show: among the values of the label relations (kgstore/labels.h) the one whose
  // language comes first in `languages` ("" = no language tag; other languages come last), then by
  // relation (rdfs:label before aliases), then the smallest literal id. The entity's name where it
  // has no label.
  absl::StatusOr<std::string> BestLabel(EntityId entity,
                                        std::span<const std::string> languages = {}) const;
  // Entities that carry this label or alias, ascending; `normalized` by NormalizeText().
  absl::StatusOr<std::vector<EntityId>> EntitiesByLabel(std::string_view normalized) const;
  // Every (normalized label, its entities), labels in byte order.
  absl::Status ForEachLabel(
      const std::function<void(std::string_view, std::span<const EntityId>)>& fn) const;

  // (name, value) by ascending name; empty where the catalogue says nothing of the item.
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ItemColumns(ItemId item) const;
  // Best confidence first.
  absl::StatusOr<std::vector<Link>> Links(ItemId item) const;
  // Ordered by (time, item).
  absl::StatusOr<std::vector<Interaction>> UserLog(UserId user) const;

  // (name, value) by ascending name; empty where nothing is known of the user.
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> UserColumns(UserId user) const;
  // Whom the user trusts or follows, ascending.
  absl::StatusOr<std::vector<SocialLink>> Social(UserId user) const;

  // The graphs that a triple is stated in: entities that name them, kNone<EntityId> for the default
  // graph, which comes last. Empty where there is no such triple.
  absl::StatusOr<std::vector<EntityId>> Graphs(EntityId head, RelationId relation,
                                               EntityId tail) const;
  absl::StatusOr<std::vector<EntityId>> Graphs(EntityId head, RelationId relation,
                                               LiteralId tail) const;

  // Literals of the relation that are numbers (or dates) between two literals, both included, in
  // ascending order of value; kgstore/number_key.h says which ones have an order and how exact it
  // is. nullopt: no bound on that side. InvalidArgument: no bound at all, a bound without order,
  // or one a number and the other a date.
  absl::StatusOr<std::vector<LiteralId>> LiteralsByRange(RelationId relation,
                                                         const std::optional<Literal>& from,
                                                         const std::optional<Literal>& to) const;
  // Entities with such a literal; ascending, distinct.
  absl::StatusOr<std::vector<EntityId>> EntitiesByRange(RelationId relation,
                                                        const std::optional<Literal>& from,
                                                        const std::optional<Literal>& to) const;

  const internal::ViewState& state() const { return *state_; }  // for kgstore only

 private:
  std::unique_ptr<internal::ViewState> state_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_READ_VIEW_H_
