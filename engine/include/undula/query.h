// Graph patterns: SPARQL 1.1 SELECT and ASK over the stored graph, users, items, interactions and
// links (docs/queries.md).
#ifndef UNDULA_QUERY_H_
#define UNDULA_QUERY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace undula {

// A query that was read and found sound. Copies share it; immutable, for any thread.
class Query {
 public:
  // InvalidArgument "line:column: message". Unimplemented for what changes data.
  static absl::StatusOr<Query> Parse(std::string_view text);

  struct Impl;
  explicit Query(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

struct QueryOptions {
  // Values of variables, by name without '$': `user` and `item` are ids as imported, others are
  // terms as in a query: <http://...>, "text", 42.
  std::map<std::string, std::string> params;
  double deadline_seconds = 0;            // 0: none
  int64_t max_rows = 10'000'000;          // of the result, and of what ORDER BY holds
  int64_t max_memory = int64_t{1} << 30;  // bytes, about
  uint64_t seed = 0;                      // of RAND() and UUID()
};

struct QueryValue {
  enum class Kind { kIri, kBlank, kLiteral, kUser, kItem };
  Kind kind = Kind::kIri;
  std::string text;      // IRI, label, lexical form, or id as imported
  std::string datatype;  // of literals; empty for strings
  std::string language;
};

// All rows of a result, held as numbers; a row's texts are read when it is asked for. Holds the
// state of the database that it was read from: keep it short. One thread at a time.
class QueryResult {
 public:
  QueryResult(QueryResult&&) noexcept;
  QueryResult& operator=(QueryResult&&) noexcept;
  ~QueryResult();

  const std::vector<std::string>& columns() const;
  bool is_ask() const;
  bool answer() const;  // of ASK
  int64_t rows() const;
  // Cells of row 0 .. rows()-1; nothing where a variable has no value.
  absl::StatusOr<std::vector<std::optional<QueryValue>>> Row(int64_t row);
  // "csv", "tsv" or "json" as the W3C defines them, given to `write` piece by piece.
  absl::Status Write(std::string_view format,
                     const std::function<absl::Status(std::string_view)>& write);
  // How the query was run: its parts in their order, with expected and real rows.
  const std::string& plan() const;

  struct Impl;
  explicit QueryResult(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace undula

#endif  // UNDULA_QUERY_H_
