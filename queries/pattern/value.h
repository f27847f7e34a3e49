// A value of a solution: 64 bits, the kind of term above the id. Equal terms have equal values
// within one run of a query: joins, DISTINCT and sameTerm compare numbers.
#ifndef UNDULA_QUERIES_PATTERN_VALUE_H_
#define UNDULA_QUERIES_PATTERN_VALUE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "queries/pattern/syntax.h"

namespace undula::queries::pattern {

using Value = uint64_t;
inline constexpr Value kUnbound = 0;

enum class ValueKind : uint8_t {
  kUnbound,
  kEntity,  // also of a relation whose IRI is an entity's
  kLiteral,
  kRelation,  // an IRI that is no entity
  kUser,
  kItem,
  kComputed,  // a term that the database does not have
};

inline constexpr int kKindShift = 40;

constexpr Value MakeValue(ValueKind kind, uint32_t id) {
  return static_cast<Value>(kind) << kKindShift | id;
}
constexpr ValueKind KindOf(Value value) { return static_cast<ValueKind>(value >> kKindShift); }
constexpr uint32_t IdOf(Value value) { return static_cast<uint32_t>(value); }

// Terms of values and values of terms. One thread at a time.
class TermMap {
 public:
  virtual ~TermMap() = default;
  // Of a value that this map gave out; not of kUnbound.
  virtual absl::StatusOr<Term> Get(Value value) = 0;
  // The term's value; a new one where nobody has it yet.
  virtual absl::StatusOr<Value> Intern(const Term& term) = 0;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_VALUE_H_
