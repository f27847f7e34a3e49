#include "linking/linker.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/options.h"
#include "base/status.h"
#include "base/text/normalize.h"

namespace undula::linking {
namespace {

enum class Method { kLabel, kIdentity, kColumn, kValue };

constexpr std::string_view kMethods[] = {"label", "identity", "column", "value"};

struct Condition {
  std::string column;
  RelationId relation;
};

// The options after checking against the source.
struct Plan {
  Method method;
  std::string column;
  RelationId relation = kNone<RelationId>;
  std::vector<Condition> conditions;
};

const std::string* FindColumn(const ItemRow& item, std::string_view name) {
  for (const auto& [column, text] : item.columns) {
    if (column == name) return &text;
  }
  return nullptr;
}

absl::StatusOr<Method> ParseMethod(const std::string& text) {
  for (size_t i = 0; i < std::size(kMethods); ++i) {
    if (text == kMethods[i]) return static_cast<Method>(i);
  }
  const std::string nearest = NearestKey(text, kMethods);
  return InvalidArgumentError(
      "unknown linking method '", text, "'; use label, identity, column or value",
      nearest.empty() ? "" : "; did you mean ", nearest, nearest.empty() ? "" : "?");
}

absl::StatusOr<RelationId> ResolveRelation(const LinkSource& source, const std::string& name) {
  UNDULA_ASSIGN_OR_RETURN(const RelationId relation, source.FindRelation(name));
  if (relation == kNone<RelationId>) {
    return NotFoundError("the graph has no relation '", name,
                         "'; the statistics of the database list its relations");
  }
  return relation;
}

absl::StatusOr<Plan> MakePlan(const LinkSource& source, const LinkOptions& options) {
  Plan plan;
  UNDULA_ASSIGN_OR_RETURN(plan.method, ParseMethod(options.method));
  plan.column = options.column;
  if (plan.method != Method::kIdentity && plan.column.empty()) {
    return InvalidArgumentError("linking method ", options.method, " needs a column");
  }
  if (plan.method == Method::kValue) {
    if (options.relation.empty()) {
      return InvalidArgumentError(
          "linking method value needs the relation whose literals the column holds");
    }
    UNDULA_ASSIGN_OR_RETURN(plan.relation, ResolveRelation(source, options.relation));
  } else if (!options.relation.empty()) {
    return InvalidArgumentError("a relation is used by linking method value only, not by ",
                                options.method, "; conditions are given by require");
  }
  for (const std::string& text : options.require) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      return InvalidArgumentError("condition '", text, "' is not of the form column=relation");
    }
    UNDULA_ASSIGN_OR_RETURN(const RelationId relation,
                            ResolveRelation(source, text.substr(equals + 1)));
    plan.conditions.push_back({text.substr(0, equals), relation});
  }
  return plan;
}

// What one item gives to look up, and the entities that it finds.
struct Lookup {
  std::string text;
  bool usable = false;  // there is something to look up
  std::vector<EntityId> candidates;
};

absl::StatusOr<Lookup> FindCandidates(const LinkSource& source, const Plan& plan,
                                      const ItemRow& item) {
  Lookup lookup;
  if (plan.method == Method::kIdentity) {
    lookup.text = item.text;
  } else if (const std::string* text = FindColumn(item, plan.column)) {
    lookup.text = *text;
  }
  if (lookup.text.empty()) return lookup;
  switch (plan.method) {
    case Method::kLabel: {
      const absl::StatusOr<std::string> normalized = NormalizeText(lookup.text);
      if (!normalized.ok()) {
        return InvalidArgumentError("item '", item.text, "', column ", plan.column, ": ",
                                    Message(normalized.status()));
      }
      if (normalized->empty()) return lookup;
      UNDULA_ASSIGN_OR_RETURN(lookup.candidates, source.EntitiesByLabel(*normalized));
      break;
    }
    case Method::kIdentity:
    case Method::kColumn: {
      UNDULA_ASSIGN_OR_RETURN(const EntityId entity, source.FindEntity(lookup.text));
      if (entity != kNone<EntityId>) lookup.candidates.push_back(entity);
      break;
    }
    case Method::kValue: {
      UNDULA_ASSIGN_OR_RETURN(lookup.candidates,
                              source.EntitiesByValue(plan.relation, lookup.text));
      break;
    }
  }
  lookup.usable = true;
  return lookup;
}

// Takes away the candidates that lack the condition's literal.
absl::Status Filter(const LinkSource& source, RelationId relation, std::string_view text,
                    std::vector<EntityId>* candidates) {
  std::vector<EntityId> kept;
  for (const EntityId candidate : *candidates) {
    UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> values,
                            source.Values(candidate, relation));
    if (std::find(values.begin(), values.end(), text) != values.end()) kept.push_back(candidate);
  }
  *candidates = std::move(kept);
  return absl::OkStatus();
}

class Linker {
 public:
  Linker(const LinkSource& source, const Plan& plan, bool replace)
      : source_(source), plan_(plan), replace_(replace) {}

  absl::Status Visit(const ItemRow& item) {
    ++result_.items;
    for (const auto& [column, text] : item.columns) Note(column);
    if (item.linked && !replace_) {
      ++result_.already;
      return absl::OkStatus();
    }
    UNDULA_ASSIGN_OR_RETURN(Lookup lookup, FindCandidates(source_, plan_, item));
    if (!lookup.usable) return AddUnlinked(item, std::move(lookup), Unlinked::kNoText);
    if (lookup.candidates.empty()) {
      return AddUnlinked(item, std::move(lookup), Unlinked::kNoCandidate);
    }
    for (const Condition& condition : plan_.conditions) {
      const std::string* const text = FindColumn(item, condition.column);
      if (text == nullptr || text->empty()) {
        return AddUnlinked(item, std::move(lookup), Unlinked::kConditionText);
      }
      UNDULA_RETURN_IF_ERROR(Filter(source_, condition.relation, *text, &lookup.candidates));
    }
    if (lookup.candidates.empty()) {
      return AddUnlinked(item, std::move(lookup), Unlinked::kConditions);
    }
    if (lookup.candidates.size() > 1) return AddAmbiguous(item, std::move(lookup));
    ++result_.linked;
    const bool by_label = plan_.method == Method::kLabel;
    result_.links.push_back({item.id, lookup.candidates.front(),
                             by_label ? kLabelConfidence : kIdConfidence,
                             by_label ? LinkMethod::kLabel : LinkMethod::kExternalId});
    return absl::OkStatus();
  }

  // A column that no item has is a slip of the caller, not a property of the items.
  absl::Status CheckColumns() const {
    if (plan_.method != Method::kIdentity) UNDULA_RETURN_IF_ERROR(CheckColumn(plan_.column));
    for (const Condition& condition : plan_.conditions) {
      UNDULA_RETURN_IF_ERROR(CheckColumn(condition.column));
    }
    return absl::OkStatus();
  }

  LinkResult&& TakeResult() { return std::move(result_); }

 private:
  void Note(const std::string& column) {
    if (seen_.find(column) == seen_.end()) seen_.insert(column);
  }

  absl::Status CheckColumn(const std::string& name) const {
    if (seen_.contains(name)) return absl::OkStatus();
    const std::vector<std::string_view> known(seen_.begin(), seen_.end());
    if (known.empty()) {
      return InvalidArgumentError("no item has a column '", name,
                                  "': import a catalogue first, or link by identity");
    }
    const std::string nearest = NearestKey(name, known);
    std::string list;
    for (const std::string_view column : known) list += Concat(list.empty() ? "" : ", ", column);
    return InvalidArgumentError("no item has a column '", name, "'; ",
                                nearest.empty() ? Concat("the catalogue has ", list)
                                                : Concat("did you mean '", nearest, "'?"));
  }

  absl::Status AddUnlinked(const ItemRow& item, Lookup lookup, Unlinked reason) {
    if (++result_.unlinked <= static_cast<int64_t>(kMaxCases)) {
      result_.unlinked_cases.push_back(
          {std::string(item.text), std::move(lookup.text), reason, {}});
    }
    return absl::OkStatus();
  }

  absl::Status AddAmbiguous(const ItemRow& item, Lookup lookup) {
    if (++result_.ambiguous > static_cast<int64_t>(kMaxCases)) return absl::OkStatus();
    LinkResult::Case found{std::string(item.text), std::move(lookup.text), Unlinked::kNoText, {}};
    for (const EntityId candidate : lookup.candidates) {
      if (found.candidates.size() == kMaxCandidates) break;
      UNDULA_ASSIGN_OR_RETURN(std::string name, source_.EntityName(candidate));
      found.candidates.push_back(std::move(name));
    }
    result_.ambiguous_cases.push_back(std::move(found));
    return absl::OkStatus();
  }

  const LinkSource& source_;
  const Plan& plan_;
  const bool replace_;
  std::set<std::string, std::less<>> seen_;  // columns
  LinkResult result_;
};

}  // namespace

std::string_view ReasonText(Unlinked reason) {
  switch (reason) {
    case Unlinked::kNoText:
      return "the item has no text in this column";
    case Unlinked::kNoCandidate:
      return "no entity fits";
    case Unlinked::kConditionText:
      return "the item lacks the column of a condition";
    case Unlinked::kConditions:
      return "no entity that fits fulfills the conditions";
  }
  return "unknown";
}

absl::StatusOr<LinkResult> FindLinks(const LinkSource& source, const LinkOptions& options,
                                     Progress* progress) {
  const int64_t total = source.ItemCount();
  if (total == 0) {
    return FailedPreconditionError(
        "there are no items to link: import a catalogue or interactions first");
  }
  UNDULA_ASSIGN_OR_RETURN(const Plan plan, MakePlan(source, options));
  Linker linker(source, plan, options.replace);
  int64_t done = 0;
  UNDULA_RETURN_IF_ERROR(source.ForEachItem([&](const ItemRow& item) {
    UNDULA_RETURN_IF_ERROR(linker.Visit(item));
    return Progress::Report(progress, ++done, total, "linking items");
  }));
  UNDULA_RETURN_IF_ERROR(linker.CheckColumns());
  return linker.TakeResult();
}

}  // namespace undula::linking
