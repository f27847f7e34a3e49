// Links of items to entities that follow from the data alone. Nothing is guessed: an item gets a
// link where exactly one entity fits, is reported as ambiguous where several do, and as unlinked
// where none does.
#ifndef UNDULA_LINKING_LINKER_H_
#define UNDULA_LINKING_LINKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/csr.h"
#include "base/ids.h"
#include "base/progress.h"
#include "linking/link_source.h"

namespace undula::linking {

struct LinkOptions {
  // label:    the column equals a label or alias of the entity after NormalizeText()
  // identity: the item's own id is the entity's name
  // column:   the column holds the entity's name (its IRI)
  // value:    the column equals a literal of `relation` (an external id)
  std::string method = "label";
  std::string column = "title";  // of the catalogue; not used by identity
  std::string relation;          // of method value
  // Conditions "column=relation" (split at the first '='): the item's column must equal, character
  // by character, a literal of that relation. They only take candidates away. An item that lacks
  // the column is not linked.
  std::vector<std::string> require;
  // Look at items that have links too. (How found links replace old ones is the writer's choice.)
  bool replace = false;
};

// Of links found by identity, column or value; label links rank behind them.
inline constexpr float kIdConfidence = 1.0f;
inline constexpr float kLabelConfidence = 0.9f;

// Why an item is not linked. The order is that of the checks.
enum class Unlinked : uint8_t {
  kNoText,         // the item lacks the column, or nothing is left of it after normalizing
  kNoCandidate,    // no entity has this label, name or value
  kConditionText,  // the item lacks the column of a condition
  kConditions,     // entities fit, but none fulfills the conditions
};
std::string_view ReasonText(Unlinked reason);  // "no entity has this label", ...

struct FoundLink {
  ItemId item;
  EntityId entity;
  float confidence;
  LinkMethod method;
};

struct LinkResult {
  // Sum of the four others.
  int64_t items = 0;
  int64_t linked = 0, already = 0, ambiguous = 0, unlinked = 0;

  struct Case {
    std::string item, text;               // the item's id; what was looked up
    Unlinked reason = Unlinked::kNoText;  // of unlinked items
    std::vector<std::string> candidates;  // names, of ambiguous items (the first kMaxCandidates)
  };
  std::vector<Case> ambiguous_cases, unlinked_cases;  // by item, the first kMaxCases of each

  std::vector<FoundLink> links;  // by item
};
inline constexpr size_t kMaxCases = 1000;
inline constexpr size_t kMaxCandidates = 20;

// Finds links; stores nothing. Deterministic: depends on the source and the options only.
// InvalidArgument: unknown method, a column that no item has (the nearest is named), a condition
// without '=', a relation missing for method value or given to another one. NotFound: a relation
// that the graph does not have. FailedPrecondition: no items. Cancelled and DeadlineExceeded by
// `progress` (may be null).
absl::StatusOr<LinkResult> FindLinks(const LinkSource& source, const LinkOptions& options,
                                     Progress* progress = nullptr);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_LINKER_H_
