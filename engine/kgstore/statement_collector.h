// Statements -> provisional ids and records of an import, in batches whose dictionary look-ups
// fetch their memory ahead.
#ifndef UNDULA_KGSTORE_STATEMENT_COLLECTOR_H_
#define UNDULA_KGSTORE_STATEMENT_COLLECTOR_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/import_data.h"
#include "kgstore/sinks.h"

namespace undula::kgstore::internal {

// The probe of a dictionary term; `key` as the dictionary stores it. Equal for equal terms,
// whichever collector makes it; its hash is that of the dictionary (HashText of the hashed part).
TermProbe ProbeOf(Space space, uint64_t id_space, std::string_view key);

// Not thread-safe: one collector and one ImportData for each thread. May throw std::bad_alloc.
class StatementCollector {
 public:
  // `id_space`: of the database. `data` outlives the collector.
  StatementCollector(uint64_t id_space, ImportData* data) : id_space_(id_space), data_(*data) {}

  // Put before blank node labels, behind "_:".
  void set_blank_scope(std::string scope) { blank_scope_ = std::move(scope); }

  // The names of `data` have been taken out of it.
  void Forget();

  // InvalidArgument for terms where they may not stand or texts of 1 GiB; ResourceExhausted where
  // ids run out.
  absl::Status Add(std::span<const Statement> statements);
  // A name of a space beside statements.
  absl::StatusOr<uint32_t> AddName(Space space, std::string_view text);

  uint64_t triples = 0, attributes = 0, quads = 0;  // as read

 private:
  static constexpr size_t kBatch = 64;

  absl::Status AddBatch(std::span<const Statement> statements);
  std::string_view Key(const Term& term);
  absl::StatusOr<uint32_t> Relation(std::string_view text);

  uint64_t id_space_;
  ImportData& data_;
  std::string blank_scope_;
  // Names made for the batch.
  std::vector<std::string> made_;
  size_t made_count_ = 0;
  std::vector<TermProbe> entities_, literals_;
  // The head of the last statement, kept across batches.
  std::string last_head_;
  uint32_t last_head_id_ = ~uint32_t{0};
  // Relations seen, by a cheap hash: few and often.
  struct Seen {
    std::string_view text;  // in the relations' table
    uint32_t id = 0;
  };
  std::array<Seen, 256> relations_{};
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_STATEMENT_COLLECTOR_H_
