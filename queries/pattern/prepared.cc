#include "queries/pattern/prepared.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/options.h"
#include "base/status.h"
#include "queries/pattern/parser.h"

namespace undula::queries::pattern {
namespace {

void CollectRelations(const PathTree& tree, std::vector<Value>* out) {
  if (tree.relation != kUnbound) out->push_back(tree.relation);
  for (const PathTree& part : tree.parts) CollectRelations(part, out);
}

void CollectRelations(const Algebra& node, std::vector<Value>* out) {
  for (const TriplePlaces& t : node.triples) {
    if (!t.relation.is_slot()) out->push_back(t.relation.value);
  }
  CollectRelations(node.path, out);
  const auto in_expr = [&](const Expr& expr, const auto& self) -> void {
    if (expr.pattern != nullptr) CollectRelations(*expr.pattern, out);
    for (const Expr& arg : expr.args) self(arg, self);
  };
  for (const Expr& expr : node.exprs) in_expr(expr, in_expr);
  for (const Algebra& child : node.children) CollectRelations(child, out);
}

}  // namespace

absl::StatusOr<Term> ParameterTerm(const std::string& name, const std::string& text) {
  if (name == "user" || name == "item") {
    return Term{name == "user" ? TermKind::kUser : TermKind::kItem, text, "", ""};
  }
  absl::StatusOr<Term> term = ParseTerm(text);
  if (term.ok()) return term;
  return InvalidArgumentError("parameter ", name, ": ", Message(term.status()),
                              "; write an IRI as <http://...>, a text as \"...\", a number as 42");
}

absl::StatusOr<std::unique_ptr<PreparedQuery>> PreparedQuery::Make(
    const Query& query, const std::vector<std::string>& params, kgstore::ReadView view,
    const EvaluatorOptions& options, std::shared_ptr<SharedReads> shared) {
  auto prepared =
      std::unique_ptr<PreparedQuery>(new PreparedQuery(std::move(view), std::move(shared)));
  UNDULA_ASSIGN_OR_RETURN(prepared->query_, Translate(query, params, &prepared->source_));
  EvaluatorOptions with_base = options;
  with_base.base = prepared->query_.base;
  prepared->executor_ =
      std::make_unique<Executor>(&prepared->query_, &prepared->source_, with_base);
  return prepared;
}

bool PreparedQuery::UsesParameter(size_t number) const {
  SlotSet slots;
  CollectSlots(query_.root, &slots);
  return slots.Has(static_cast<int>(number));
}

absl::StatusOr<std::vector<std::string>> PreparedQuery::UnknownRelations() {
  std::vector<Value> relations;
  CollectRelations(query_.root, &relations);
  std::sort(relations.begin(), relations.end());
  relations.erase(std::unique(relations.begin(), relations.end()), relations.end());
  std::vector<std::string> unknown, names;
  for (const Value relation : relations) {
    UNDULA_ASSIGN_OR_RETURN(const RelationRef ref, source_.Relation(relation));
    if (ref.kind != RelationRef::Kind::kNone) continue;
    UNDULA_ASSIGN_OR_RETURN(const Term term, source_.Get(relation));
    if (names.empty()) {
      for (uint32_t i = 0; i < view_.counts().relations; ++i) {
        UNDULA_ASSIGN_OR_RETURN(names.emplace_back(),
                                view_.RelationName(static_cast<RelationId>(i)));
      }
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    const std::string nearest = NearestKey(term.text, views);
    unknown.push_back(Concat("the database has no relation <", term.text, ">",
                             nearest.empty() ? "" : "; did you mean <" + nearest + ">?"));
  }
  return unknown;
}

absl::StatusOr<std::unique_ptr<ItemPattern>> ItemPattern::Make(
    std::shared_ptr<const kgstore::Database> store, std::string_view text,
    const std::map<std::string, std::string>& params, std::shared_ptr<SharedReads> shared) {
  if (store == nullptr) {
    return FailedPreconditionError(
        "a pattern as a filter reads the database; keep it open while recommending");
  }
  auto filter = std::make_unique<ItemPattern>();
  filter->store_ = std::move(store);
  const auto fail = [](const absl::Status& status) {
    return Error(status.code(), "filter pattern: ", Message(status));
  };
  const absl::StatusOr<Query> query = ParseQuery(text);
  if (!query.ok()) return fail(query.status());
  std::vector<std::string> names = {"user"};
  std::vector<Term> terms;
  for (const auto& [name, value] : params) {
    if (name == "user") {
      return InvalidArgumentError(
          "filter pattern: $user is the user of each request; leave the "
          "parameter 'user' out");
    }
    UNDULA_ASSIGN_OR_RETURN(Term term, ParameterTerm(name, value));
    names.push_back(name);
    terms.push_back(std::move(term));
  }
  UNDULA_ASSIGN_OR_RETURN(kgstore::ReadView view, filter->store_->Read());
  absl::StatusOr<std::unique_ptr<PreparedQuery>> prepared =
      PreparedQuery::Make(*query, names, std::move(view), {}, std::move(shared));
  if (!prepared.ok()) return fail(prepared.status());
  filter->prepared_ = *std::move(prepared);
  PreparedQuery& ready = *filter->prepared_;
  for (size_t i = 0; i < ready.query().columns.size(); ++i) {
    const std::string& column = ready.query().columns[i];
    if (column != "item" && (column != "entity" || filter->slot_ >= 0)) continue;
    filter->by_entity_ = column == "entity";
    filter->slot_ = ready.query().column_slots[i];
  }
  if (filter->slot_ < 0) {
    return InvalidArgumentError(
        "filter pattern: it must be a SELECT with a column ?item or ?entity");
  }
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> unknown, ready.UnknownRelations());
  if (!unknown.empty()) return InvalidArgumentError("filter pattern: ", unknown[0]);
  const std::vector<std::string> products = ready.executor().CartesianProducts();
  if (!products.empty()) {
    return InvalidArgumentError("filter pattern: no variable connects ", products[0],
                                "; each solution of one would meet each of the other");
  }
  filter->uses_user_ = ready.UsesParameter(0);
  ready.TakeRowsAsSet();
  if (filter->uses_user_) ready.executor().KeepTails();
  filter->params_.push_back(kUnbound);
  for (const Term& term : terms) {
    UNDULA_ASSIGN_OR_RETURN(filter->params_.emplace_back(), ready.source().Intern(term));
  }
  return filter;
}

absl::StatusOr<std::span<const uint64_t>> ItemPattern::Items(UserId user, const Limits& limits) {
  if (uses_user_ && user == kNone<UserId>) {
    return InvalidArgumentError(
        "filter pattern: it reads $user, and this request names no user of "
        "the database; use a pattern without $user");
  }
  if (!uses_user_ && has_items_) return std::span<const uint64_t>(items_);
  has_items_ = false;
  Source& source = prepared_->source();
  items_.assign((size_t{source.view().counts().items} + 63) / 64, 0);
  params_[0] = MakeValue(ValueKind::kUser, user == kNone<UserId> ? 0 : Index(user));
  const RelationRef link{RelationRef::Kind::kLink, kNone<RelationId>};
  std::vector<Value> linked;
  absl::Status status;
  const auto add_item = [&](Value item) {
    const uint32_t id = IdOf(item);
    if (id / 64 < items_.size()) items_[id / 64] |= uint64_t{1} << (id % 64);
  };
  const auto add = [&] {
    const Value value = prepared_->executor().row()[slot_];
    if (by_entity_) {
      status = source.Heads(link, value, {}, &linked);
      for (const Value item : linked) add_item(item);
    } else if (KindOf(value) == ValueKind::kItem) {
      add_item(value);
    }
    return status.ok();
  };
  UNDULA_RETURN_IF_ERROR(prepared_->executor().Run(params_, limits, add));
  UNDULA_RETURN_IF_ERROR(status);
  has_items_ = true;
  return std::span<const uint64_t>(items_);
}

}  // namespace undula::queries::pattern
