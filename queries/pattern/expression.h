// Evaluation of expressions over a row of values (SPARQL 1.1, section 17).
#ifndef UNDULA_QUERIES_PATTERN_EXPRESSION_H_
#define UNDULA_QUERIES_PATTERN_EXPRESSION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "queries/pattern/algebra.h"
#include "queries/pattern/operand.h"
#include "queries/pattern/regex.h"
#include "queries/pattern/value.h"

namespace undula::queries::pattern {

// What the functions of one run depend on.
struct EvaluatorOptions {
  int64_t now = 0;    // seconds since 1970-01-01 UTC
  uint64_t seed = 0;  // of RAND, UUID, STRUUID
  std::string base;   // of IRI()
};

// One run of a query. One thread at a time. An error of an expression is a value
// (OperandKind::kError); what goes wrong below (a damaged file, EXISTS past its deadline) is kept
// in status().
class Evaluator {
 public:
  using ExistsFn = std::function<absl::StatusOr<bool>(const Algebra& pattern, const Value* row)>;
  // u:weight, u:time, u:confidence, u:popularity; nothing where there is no such thing.
  using CatalogFn =
      std::function<absl::StatusOr<std::optional<double>>(Function, Value first, Value second)>;

  Evaluator(TermMap* terms, EvaluatorOptions options) : terms_(terms), options_(options) {}
  void set_exists(ExistsFn exists) { exists_ = std::move(exists); }
  void set_catalog(CatalogFn catalog) { catalog_ = std::move(catalog); }

  // The operand is *scratch or one that lives as long as the evaluator or the expression.
  const Operand& Eval(const Expr& expr, const Value* row, Operand* scratch);
  // Whether the effective boolean value is true.
  bool Holds(const Expr& expr, const Value* row) { return Truth(expr, row).value_or(false); }
  // The value to bind; kUnbound for an error.
  Value EvalValue(const Expr& expr, const Value* row);
  Value ToValue(const Operand& operand);
  Value CountValue(int64_t count);  // of the integer, which is not below 0
  // The operand of a value that is bound; *scratch or one that lives as long as the evaluator.
  const Operand& Decode(Value value, Operand* scratch);

  // To be called for each row that BNODE(label) tells apart.
  void NextRow() { ++row_number_; }

  const absl::Status& status() const { return status_; }
  void Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

 private:
  Operand Compute(const Expr& expr, const Value* row);
  // The effective boolean value; nothing = error.
  std::optional<bool> Truth(const Expr& expr, const Value* row);
  std::optional<bool> Logical(const Expr& expr, const Value* row);
  std::optional<bool> Comparison(const Expr& expr, const Value* row);
  std::optional<bool> Exists(const Expr& expr, const Value* row);
  Operand Member(const Expr& expr, const Value* row);
  Operand Call(const Expr& expr, const Value* row);
  Operand TermCall(Function function, const Operand* args, size_t count);
  Operand Text(Function function, const Operand* args, size_t count);
  Operand Number(Function function, const Operand& arg);
  Operand Time(Function function, const Operand& arg);
  Operand Pattern(Function function, const Operand* args, size_t count);
  Operand CatalogCall(Function function, const Operand* args, size_t count);
  std::string RandomUuid();
  const Regex* CompiledRegex(const std::string& expression, const std::string& flags);

  TermMap* terms_;
  EvaluatorOptions options_;
  ExistsFn exists_;
  CatalogFn catalog_;
  absl::Status status_;
  std::unordered_map<Value, Operand> decoded_;
  std::vector<Value> small_counts_;  // their values; kUnbound: not known yet
  std::map<std::pair<std::string, std::string>, std::optional<Regex>> regexes_;
  uint64_t row_number_ = 0, draws_ = 0, blanks_ = 0;
  std::map<std::pair<uint64_t, std::string>, uint64_t> row_blanks_;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_EXPRESSION_H_
