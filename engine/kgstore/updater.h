// Single changes of a database, in batches: each Commit() is one durable transaction (group
// commit).
#ifndef UNDULA_KGSTORE_UPDATER_H_
#define UNDULA_KGSTORE_UPDATER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/database.h"
#include "kgstore/sinks.h"

namespace undula::kgstore {

// What a commit changed. What was there already, or was not there to be removed, is no error: it is
// counted as unchanged. Of several operations on the same thing in one batch the last one counts.
struct UpdateReport {
  uint64_t added = 0;  // triples, attributes, graph memberships, interactions, links, ...
  uint64_t removed = 0;
  uint64_t replaced = 0;  // another weight, confidence or column value
  uint64_t unchanged = 0;
  uint32_t names_new = 0;  // of entities, relations, literals, users and items
  uint64_t change = 0;     // the number of the state that the commit wrote
};

// Collects operations and applies them at Commit() to the present generation of the tables, sorted
// so that each bucket or block is read and written once. All or nothing: after an error or a kill
// the database is as it was. Views and snapshots taken before stay as they are. Names that do not
// exist yet are appended to the dictionaries where something is added; removing needs none. Ids
// never change, and names stay when nothing refers to them any more (until `compact --renumber`).
//
// Holds the right to write from Begin() until it is destroyed; may commit any number of batches.
// One thread at a time. Sticky: after an error of an Add or Remove every further call returns it,
// until Discard(). Errors: those of Importer.
class Updater {
 public:
  // FailedPrecondition: the database is read-only, or another writing call is under way.
  static absl::StatusOr<std::unique_ptr<Updater>> Begin(Database& database);
  ~Updater();
  Updater(const Updater&) = delete;
  Updater& operator=(const Updater&) = delete;

  // Triples and attributes, of the default graph or of a named one. A triple is gone when no graph
  // has it any more.
  absl::Status AddTriple(const Term& head, const Term& relation, const Term& tail,
                         const Term* graph = nullptr);
  absl::Status RemoveTriple(const Term& head, const Term& relation, const Term& tail,
                            const Term* graph = nullptr);
  // The same with known ids, in the default graph. InvalidArgument for an id out of range.
  absl::Status AddTriple(EntityId head, RelationId relation, EntityId tail);
  absl::Status RemoveTriple(EntityId head, RelationId relation, EntityId tail);

  absl::Status AddInteraction(std::string_view user, std::string_view item, float weight,
                              int64_t time);
  absl::Status RemoveInteraction(std::string_view user, std::string_view item, int64_t time);
  absl::Status AddLink(std::string_view item, std::string_view entity, float confidence,
                       LinkMethod method);
  absl::Status RemoveLink(std::string_view item, std::string_view entity);
  absl::Status AddSocial(std::string_view user, std::string_view other, float weight);
  absl::Status RemoveSocial(std::string_view user, std::string_view other);
  // Sets the given columns and keeps the others; Remove takes all columns away, not the name.
  absl::Status SetItem(std::string_view item, std::span<const ItemColumn> columns);
  absl::Status RemoveItem(std::string_view item);
  absl::Status SetUser(std::string_view user, std::span<const ItemColumn> columns);
  absl::Status RemoveUser(std::string_view user);

  uint64_t pending() const;  // operations since the last Commit
  void Discard();            // forgets them
  // Durable when it returns. An empty batch writes nothing. After an error nothing of the batch is
  // stored and its operations are forgotten.
  absl::StatusOr<UpdateReport> Commit();

 private:
  struct Impl;
  explicit Updater(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Erases a user in one transaction: interactions (both logs), social edges (both directions),
// columns, the rows of pre-computed vectors (kgstore/vectors.h; records of these that have no other
// row go), the name itself, and what the change log knew of it. The id stays used; the same name
// may come back later as a new user. Old pages of the file may hold the bytes until they are
// written over: `compact` makes a file without them.
//
// Metadata key of a model: the number of users when it was trained. A model without it is named.
inline constexpr std::string_view kTrainedUsersKey = "n_users";

struct ForgetReport {
  uint64_t interactions = 0, social = 0;
  std::vector<std::string> vectors;  // records of vectors that had a row of the user
  // Stored models that were trained when the user existed: they still hold what they learned.
  std::vector<std::string> models;
};
// NotFound: no such user. FailedPrecondition as for Begin().
absl::StatusOr<ForgetReport> ForgetUser(Database& database, std::string_view user);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_UPDATER_H_
