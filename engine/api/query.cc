#include "undula/query.h"

#include <chrono>
#include <ctime>
#include <utility>

#include "api/database_impl.h"
#include "base/status.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/prepared.h"
#include "queries/pattern/result_format.h"
#include "queries/pattern/row_store.h"

namespace undula {

using queries::pattern::Term;
using queries::pattern::TermKind;
using queries::pattern::Value;

struct Query::Impl {
  queries::pattern::Query query;
};

struct QueryResult::Impl {
  std::unique_ptr<queries::pattern::PreparedQuery> prepared;
  std::vector<std::string> columns;
  bool is_ask = false, answer = false;
  queries::pattern::RowStore rows{0};  // one value a column
  std::string plan;

  absl::StatusOr<std::vector<std::optional<Term>>> Terms(int64_t row) {
    std::vector<std::optional<Term>> cells(columns.size());
    const Value* const values = rows.Row(static_cast<size_t>(row));
    for (size_t i = 0; i < cells.size(); ++i) {
      if (values[i] == queries::pattern::kUnbound) continue;
      UNDULA_ASSIGN_OR_RETURN(cells[i], prepared->source().Get(values[i]));
    }
    return cells;
  }
};

absl::StatusOr<Query> Query::Parse(std::string_view text) {
  auto impl = std::make_shared<Impl>();
  UNDULA_ASSIGN_OR_RETURN(impl->query, queries::pattern::ParseQuery(text));
  return Query(std::move(impl));
}

QueryResult::QueryResult(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
QueryResult::QueryResult(QueryResult&&) noexcept = default;
QueryResult& QueryResult::operator=(QueryResult&&) noexcept = default;
QueryResult::~QueryResult() = default;

const std::vector<std::string>& QueryResult::columns() const { return impl_->columns; }
bool QueryResult::is_ask() const { return impl_->is_ask; }
bool QueryResult::answer() const { return impl_->answer; }
int64_t QueryResult::rows() const { return static_cast<int64_t>(impl_->rows.size()); }
const std::string& QueryResult::plan() const { return impl_->plan; }

absl::StatusOr<std::vector<std::optional<QueryValue>>> QueryResult::Row(int64_t row) {
  if (row < 0 || row >= rows()) {
    return InvalidArgumentError("row ", row, " of a result with ", rows(), " rows");
  }
  UNDULA_ASSIGN_OR_RETURN(const auto terms, impl_->Terms(row));
  std::vector<std::optional<QueryValue>> cells(terms.size());
  for (size_t i = 0; i < terms.size(); ++i) {
    if (!terms[i].has_value()) continue;
    constexpr QueryValue::Kind kKinds[] = {QueryValue::Kind::kIri, QueryValue::Kind::kBlank,
                                           QueryValue::Kind::kLiteral, QueryValue::Kind::kUser,
                                           QueryValue::Kind::kItem};
    cells[i] = QueryValue{kKinds[static_cast<size_t>(terms[i]->kind)], terms[i]->text,
                          terms[i]->datatype, terms[i]->language};
  }
  return cells;
}

absl::Status QueryResult::Write(std::string_view format,
                                const std::function<absl::Status(std::string_view)>& write) {
  using queries::pattern::ResultFormat;
  if (format != "csv" && format != "tsv" && format != "json") {
    return InvalidArgumentError("no result format '", format, "'; there are csv, tsv and json");
  }
  constexpr size_t kPiece = size_t{1} << 16;
  std::string text;
  queries::pattern::ResultWriter writer(format == "csv"   ? ResultFormat::kCsv
                                        : format == "tsv" ? ResultFormat::kTsv
                                                          : ResultFormat::kJson,
                                        impl_->columns, &text);
  if (impl_->is_ask) {
    writer.Answer(impl_->answer);
    return write(text);
  }
  writer.Begin();
  for (int64_t row = 0; row < rows(); ++row) {
    UNDULA_ASSIGN_OR_RETURN(const auto cells, impl_->Terms(row));
    writer.Row(cells);
    if (text.size() < kPiece) continue;
    UNDULA_RETURN_IF_ERROR(write(text));
    text.clear();
  }
  writer.End();
  return write(text);
}

absl::StatusOr<QueryResult> Database::Select(const Query& query, const QueryOptions& options,
                                             Progress* progress) const {
  std::vector<std::string> names;
  std::vector<Term> terms;
  for (const auto& [name, text] : options.params) {
    UNDULA_ASSIGN_OR_RETURN(Term term, queries::pattern::ParameterTerm(name, text));
    names.push_back(name);
    terms.push_back(std::move(term));
  }
  UNDULA_ASSIGN_OR_RETURN(kgstore::ReadView view, impl_->store->Read());
  queries::pattern::EvaluatorOptions evaluator;
  evaluator.now = static_cast<int64_t>(std::time(nullptr));
  evaluator.seed = options.seed;
  auto impl = std::make_unique<QueryResult::Impl>();
  UNDULA_ASSIGN_OR_RETURN(impl->prepared,
                          queries::pattern::PreparedQuery::Make(
                              query.impl().query, names, std::move(view), evaluator, impl_->reads));
  queries::pattern::PreparedQuery& prepared = *impl->prepared;
  queries::pattern::Executor& executor = prepared.executor();
  std::vector<Value> params;
  for (const Term& term : terms) {
    UNDULA_ASSIGN_OR_RETURN(const Value value, prepared.source().Intern(term));
    if (queries::pattern::KindOf(value) == queries::pattern::ValueKind::kComputed &&
        (term.kind == TermKind::kUser || term.kind == TermKind::kItem)) {
      return NotFoundError(term.kind == TermKind::kUser ? "no user '" : "no item '", term.text,
                           "' in the database");
    }
    params.push_back(value);
  }
  if (impl_->options.log) {
    UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> unknown, prepared.UnknownRelations());
    for (const std::string& text : unknown) impl_->Log(Severity::kWarning, text);
    for (const std::string& product : executor.CartesianProducts()) {
      impl_->Log(Severity::kWarning, "no variable connects " + product +
                                         ": each solution of one meets each of the other");
    }
  }
  queries::pattern::Limits limits;
  if (options.deadline_seconds > 0) {
    limits.deadline = std::chrono::steady_clock::now() +
                      std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                          std::chrono::duration<double>(options.deadline_seconds));
  }
  limits.max_rows = static_cast<uint64_t>(options.max_rows);
  limits.max_memory = static_cast<uint64_t>(options.max_memory);
  limits.progress = progress;
  impl->columns = prepared.query().columns;
  impl->is_ask = prepared.query().form == queries::pattern::QueryForm::kAsk;
  impl->rows = queries::pattern::RowStore(impl->columns.size());
  absl::Status status;
  const auto collect = [&] {
    impl->answer = true;
    if (impl->is_ask) return false;
    const uint64_t rows = impl->rows.size();
    if (rows >= limits.max_rows ||
        rows * impl->columns.size() * sizeof(Value) > limits.max_memory) {
      status = ResourceExhaustedError("the result has more than ", rows,
                                      " rows, the limit; add LIMIT, or allow more");
      return false;
    }
    Value* cell = impl->rows.Add();
    for (const int slot : prepared.query().column_slots) *cell++ = executor.row()[slot];
    return true;
  };
  UNDULA_RETURN_IF_ERROR(executor.Run(params, limits, collect));
  UNDULA_RETURN_IF_ERROR(status);
  impl->plan = executor.Explain();
  return QueryResult(std::move(impl));
}

}  // namespace undula
