// A query made ready over one view of a database, and patterns as filters of items.
#ifndef UNDULA_QUERIES_PATTERN_PREPARED_H_
#define UNDULA_QUERIES_PATTERN_PREPARED_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kgstore/database.h"
#include "kgstore/read_view.h"
#include "queries/pattern/algebra.h"
#include "queries/pattern/executor.h"
#include "queries/pattern/source.h"
#include "queries/pattern/syntax.h"

namespace undula::queries::pattern {

// The term that a parameter of this name and text stands for: `user` and `item` are ids, all others
// terms as in a query (<iri>, "text", 42). InvalidArgument says how to write it.
absl::StatusOr<Term> ParameterTerm(const std::string& name, const std::string& text);

// Owns its view: keep it short (kgstore/read_view.h). One thread at a time.
class PreparedQuery {
 public:
  // `params`: names of the variables whose values are given to Run. Unimplemented for CONSTRUCT,
  // DESCRIBE, SERVICE.
  static absl::StatusOr<std::unique_ptr<PreparedQuery>> Make(
      const Query& query, const std::vector<std::string>& params, kgstore::ReadView view,
      const EvaluatorOptions& options, std::shared_ptr<SharedReads> shared = nullptr);

  const Translated& query() const { return query_; }
  Source& source() { return source_; }
  Executor& executor() { return *executor_; }
  bool UsesParameter(size_t number) const;
  // Duplicate rows do not matter: DISTINCT is left out. Before the first run.
  void TakeRowsAsSet() { query_.rows_as_set = true; }

  // Relations that the database does not have, each with the nearest name.
  absl::StatusOr<std::vector<std::string>> UnknownRelations();

 private:
  PreparedQuery(kgstore::ReadView view, std::shared_ptr<SharedReads> shared)
      : view_(std::move(view)), source_(view_, std::move(shared)) {}

  kgstore::ReadView view_;
  Source source_;
  Translated query_;
  std::unique_ptr<Executor> executor_;
};

// A pattern that says which items may be recommended: SELECT with a column ?item, or ?entity, whose
// items are those that link to it. $user is the user of the request. What does not read $user is
// worked out once, the rest for each user.
class ItemPattern {
 public:
  // InvalidArgument, naming the thing: syntax, neither column, an unknown relation, parts that no
  // variable connects. FailedPrecondition: `store` is gone (the database was closed).
  static absl::StatusOr<std::unique_ptr<ItemPattern>> Make(
      std::shared_ptr<const kgstore::Database> store, std::string_view text,
      const std::map<std::string, std::string>& params,
      std::shared_ptr<SharedReads> shared = nullptr);

  // Whether the answer depends on the user.
  bool uses_user() const { return uses_user_; }
  // One bit an item, those beyond the last word being 0; valid until the next call. With kNone for
  // a pattern that reads $user: InvalidArgument. `limits`: those of each call.
  absl::StatusOr<std::span<const uint64_t>> Items(UserId user, const Limits& limits = {});

 private:
  std::shared_ptr<const kgstore::Database> store_;
  std::unique_ptr<PreparedQuery> prepared_;
  std::vector<Value> params_;
  bool uses_user_ = false, has_items_ = false;
  bool by_entity_ = false;
  int slot_ = -1;
  std::vector<uint64_t> items_;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_PREPARED_H_
