// The same triples in memory for the naive evaluator and in a database file for the executor.
#ifndef UNDULA_TESTS_QUERIES_MEMORY_WORLD_H_
#define UNDULA_TESTS_QUERIES_MEMORY_WORLD_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kgstore/database.h"
#include "naive_evaluator.h"
#include "queries/pattern/executor.h"
#include "tests/kgstore/read_support.h"
#include "w3c_sparql.h"

namespace undula::queries::pattern {

// Takes triples into memory.
class MemorySink final : public kgstore::RecordingSink {
 public:
  MemorySink(MemoryTerms* terms, MemoryGraph* graph) : terms_(terms), graph_(graph) {}
  absl::Status AddTriple(const kgstore::Term& head, const kgstore::Term& relation,
                         const kgstore::Term& tail) override;
  absl::Status AddQuad(const kgstore::Term& head, const kgstore::Term& relation,
                       const kgstore::Term& tail, const kgstore::Term& graph) override;

 private:
  Value ValueOf(const kgstore::Term& term);
  MemoryTerms* terms_;
  MemoryGraph* graph_;
};

// A folder for databases of tests: on a memory disk where there is one.
std::string DatabaseFolder();
// A new database of this name there; what was there is removed.
absl::StatusOr<std::unique_ptr<kgstore::Database>> NewDatabase(const std::string& name);

absl::StatusOr<ResultTable> RunNaively(const Query& query, const MemoryGraph& graph,
                                       MemoryTerms* terms);
// *explained gets the plan.
absl::StatusOr<ResultTable> RunStored(const Query& query, const kgstore::Database& database,
                                      std::string* explained, const Limits& limits = {},
                                      bool keep_tails = false);

}  // namespace undula::queries::pattern

#endif  // UNDULA_TESTS_QUERIES_MEMORY_WORLD_H_
