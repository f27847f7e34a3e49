// Bulk import: takes records from any reader and adds them to a database in one step.
#ifndef UNDULA_KGSTORE_IMPORTER_H_
#define UNDULA_KGSTORE_IMPORTER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/database.h"
#include "kgstore/sinks.h"

namespace undula::kgstore {

struct ImportOptions {
  std::string source;  // what is imported (file names), for the import history
  // Put before the labels of blank nodes ("_:" + scope + label), so that two documents do not
  // share theirs. Importer::SetBlankScope changes it between documents.
  std::string blank_scope;
  // Size of one write transaction: bounds the memory for changed pages.
  uint64_t transaction_bytes = uint64_t{32} << 20;
  // Bounds the memory that the import takes, about; 0 = no bound. What does not fit is sorted in
  // temporary files in `spill_folder` (empty: the folder of the database), which have no name and
  // so are gone with the process. Only interactions, catalogues, social edges, links and the names
  // of users and items must fit: ResourceExhausted beyond half of it.
  uint64_t memory = 0;
  std::string spill_folder;
};

struct ImportReport {
  uint64_t triples_read = 0;     // entity-relation-entity
  uint64_t triples_new = 0;      // of these not stored before, without duplicates
  uint64_t attributes_read = 0;  // entity-relation-literal
  uint64_t attributes_new = 0;
  uint64_t interactions_read = 0;
  uint64_t interactions_new = 0;  // distinct (user, item, time) not stored before
  uint64_t links_read = 0;
  uint64_t links_new = 0;
  uint64_t quads_read = 0;  // (triple, named graph); the triples are counted above as well
  uint64_t quads_new = 0;
  uint64_t social_read = 0;
  uint64_t social_new = 0;
  uint32_t entities_new = 0;
  uint32_t relations_new = 0;
  uint32_t literals_new = 0;
  uint32_t users_new = 0;
  uint32_t items_new = 0;
  uint32_t generation = 0;  // of the database after the import
  double seconds = 0;       // from Begin to the end of Commit
};

// Collects the records, in memory or as ImportOptions::memory says; Commit() writes the tables of
// the next generation beside the present ones in transactions of bounded size and makes them
// visible by one last small one. Readers keep what they see; a crash, an error or a destroyed
// importer leaves the database as it was.
//
// Set semantics: what is stored already is kept. Ids of stored things never change. Where the
// database has no entities yet, entities get their ids by descending degree, else in the order of
// first appearance.
//
// One thread at a time. Sticky: after an error every further call returns it. Errors of Add* and
// Commit: ResourceExhausted (memory, disk, more than 2^32-2 ids), InvalidArgument (weight not
// finite, confidence outside (0, 1], empty name, text of 1 GiB or more), Cancelled and
// DeadlineExceeded of `progress`.
class Importer final : public RecordSink {
 public:
  // FailedPrecondition: the database is read-only, or another writing call is under way.
  static absl::StatusOr<std::unique_ptr<Importer>> Begin(Database& database,
                                                         ImportOptions options = {});
  ~Importer() override;
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  absl::Status AddTriple(const Term& head, const Term& relation, const Term& tail) override;
  absl::Status AddQuad(const Term& head, const Term& relation, const Term& tail,
                       const Term& graph) override;
  absl::Status AddStatements(std::span<const Statement> statements) override;
  // Takes a document on as many threads as the database has; the result is the same.
  ParallelSink* parallel() override;
  absl::Status AddInteraction(std::string_view user, std::string_view item, float weight,
                              int64_t time) override;
  absl::Status AddUser(std::string_view user, std::span<const ItemColumn> columns) override;
  absl::Status AddSocial(std::string_view user, std::string_view other, float weight) override;
  absl::Status AddItem(std::string_view item, std::span<const ItemColumn> columns) override;
  absl::Status AddLink(std::string_view item, std::string_view entity, float confidence,
                       LinkMethod method) override;
  void SetBlankScope(std::string scope);

  // Once. An import without records changes nothing but the generation and the import history.
  absl::StatusOr<ImportReport> Commit(Progress* progress = nullptr);

 private:
  struct Impl;
  explicit Importer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_IMPORTER_H_
