#include "kgstore/updater.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <new>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kgstore/apply_update.h"
#include "kgstore/literal_key.h"
#include "kgstore/write_link_table.h"

namespace undula::kgstore {

using internal::PendingOps;
using internal::Space;
using internal::TailKind;

struct Updater::Impl {
  std::shared_ptr<internal::Store> store;
  std::unique_ptr<internal::WriteTurn> turn;
  PendingOps pending;
  absl::Status status;
  std::string key;  // scratch: a term as the dictionary stores it
  Counts counts;    // of the state that the batch will be applied to

  // The provisional id of a name; adding makes it known where it is not.
  uint32_t Id(Space space, std::string_view text, bool add) {
    if (!status.ok()) return kNoIndex;
    if (text.size() >= size_t{1} << 30) {
      status = InvalidArgumentError("a name or text of ", text.size(),
                                    " bytes; at most 1 GiB is allowed");
      return kNoIndex;
    }
    if (text.empty()) {
      status = InvalidArgumentError("an empty ", internal::SpaceName(space),
                                    " name; every name has a character");
      return kNoIndex;
    }
    internal::PendingNames& names = pending.names[static_cast<size_t>(space)];
    const uint32_t id = names.texts.Add(text);
    if (id == names.create.size()) names.create.push_back(false);
    if (add) names.create[id] = true;
    return id;
  }

  uint32_t Entity(const Term& term, bool add) {
    // An empty blank node label is an empty name, too.
    if (term.kind == TermKind::kIri || term.text.empty()) {
      return Id(Space::kEntity, term.text, add);
    }
    key.assign("_:").append(term.text);
    return Id(Space::kEntity, key, add);
  }

  void EditTriple(const Term& head, const Term& relation, const Term& tail, const Term* graph,
                  bool add) {
    if (head.kind == TermKind::kLiteral || relation.kind != TermKind::kIri ||
        (graph != nullptr && graph->kind == TermKind::kLiteral)) {
      status = InvalidArgumentError(
          "a triple's head must be an IRI or a blank node, its relation an IRI and its graph an "
          "IRI or a blank node");
      return;
    }
    internal::PendingTriple op;
    op.op.add = add;
    op.op.triple.a = Entity(head, add);
    op.op.triple.b = Id(Space::kRelation, relation.text, add);
    op.has_graph = graph != nullptr;
    op.op.graph = graph != nullptr ? Entity(*graph, add) : 0;
    if (tail.kind == TermKind::kLiteral) {
      op.op.kind = TailKind::kLiteral;
      const absl::Status encoded =
          internal::EncodeLiteral(tail.text, tail.datatype, tail.language, &key);
      if (!encoded.ok()) status = encoded;
      op.op.triple.c = Id(Space::kLiteral, key, add);
    } else {
      op.op.kind = TailKind::kEntity;
      op.op.triple.c = Entity(tail, add);
    }
    if (status.ok()) pending.triples.push_back(op);
  }

  void EditTriple(EntityId head, RelationId relation, EntityId tail, bool add) {
    if (Index(head) >= counts.entities || Index(tail) >= counts.entities ||
        Index(relation) >= counts.relations) {
      status = InvalidArgumentError("a triple has an id that the database does not have");
      return;
    }
    internal::PendingTriple op;
    op.op = {TailKind::kEntity, {Index(head), Index(relation), Index(tail)}, 0, add};
    op.is_final = true;
    pending.triples.push_back(op);
  }

  void EditInteraction(std::string_view user, std::string_view item, float weight, int64_t time,
                       bool add) {
    if (!std::isfinite(weight)) {
      status = InvalidArgumentError("the weight of an interaction of user '", user,
                                    "' is not a finite number");
      return;
    }
    const uint32_t u = Id(Space::kUser, user, add), i = Id(Space::kItem, item, add);
    if (status.ok()) pending.ops.interactions.push_back({{u, i, weight, time}, add});
  }

  void EditLink(std::string_view item, std::string_view entity, float confidence, LinkMethod method,
                bool add) {
    if (add) status = internal::CheckConfidence(confidence);
    const uint32_t i = Id(Space::kItem, item, add), e = Id(Space::kEntity, entity, add);
    if (!status.ok()) return;
    pending.ops.links.push_back(
        {{static_cast<ItemId>(i), static_cast<EntityId>(e), confidence, method}, add});
  }

  void EditSocial(std::string_view user, std::string_view other, float weight, bool add) {
    if (!std::isfinite(weight)) {
      status = InvalidArgumentError("the weight of a social edge of user '", user,
                                    "' is not a finite number");
      return;
    }
    const uint32_t u = Id(Space::kUser, user, add), o = Id(Space::kUser, other, add);
    if (status.ok()) pending.ops.social.push_back({{u, o, weight}, add});
  }

  void EditRow(Space space, std::string_view name, std::span<const ItemColumn> columns, bool add) {
    internal::ColumnsOp op{Id(space, name, add), {}, add};
    for (const auto& [column, text] : columns) op.columns.emplace_back(column, text);
    auto& ops = space == Space::kItem ? pending.ops.items : pending.ops.users;
    if (status.ok()) ops.push_back(std::move(op));
  }

  // Runs one edit with the sticky status; memory that runs out becomes a status.
  template <class F>
  absl::Status Guarded(F&& edit) {
    if (!status.ok()) return status;
    try {
      edit();
      ++pending.count;
    } catch (const std::bad_alloc&) {
      status = ResourceExhaustedError(
          "out of memory while collecting updates; commit smaller "
          "batches");
    }
    return status;
  }

  absl::Status ReadCounts() {
    UNDULA_ASSIGN_OR_RETURN(const auto view, store->BeginView());
    counts = view->state().counts;
    return absl::OkStatus();
  }
};

Updater::Updater(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Updater::~Updater() = default;

absl::StatusOr<std::unique_ptr<Updater>> Updater::Begin(Database& database) {
  auto impl = std::make_unique<Impl>();
  impl->store = database.store().shared_from_this();
  UNDULA_ASSIGN_OR_RETURN(impl->turn, impl->store->TakeWriteTurn());
  UNDULA_RETURN_IF_ERROR(impl->ReadCounts());
  return std::unique_ptr<Updater>(new Updater(std::move(impl)));
}

absl::Status Updater::AddTriple(const Term& head, const Term& relation, const Term& tail,
                                const Term* graph) {
  return impl_->Guarded([&] { impl_->EditTriple(head, relation, tail, graph, true); });
}
absl::Status Updater::RemoveTriple(const Term& head, const Term& relation, const Term& tail,
                                   const Term* graph) {
  return impl_->Guarded([&] { impl_->EditTriple(head, relation, tail, graph, false); });
}
absl::Status Updater::AddTriple(EntityId head, RelationId relation, EntityId tail) {
  return impl_->Guarded([&] { impl_->EditTriple(head, relation, tail, true); });
}
absl::Status Updater::RemoveTriple(EntityId head, RelationId relation, EntityId tail) {
  return impl_->Guarded([&] { impl_->EditTriple(head, relation, tail, false); });
}
absl::Status Updater::AddInteraction(std::string_view user, std::string_view item, float weight,
                                     int64_t time) {
  return impl_->Guarded([&] { impl_->EditInteraction(user, item, weight, time, true); });
}
absl::Status Updater::RemoveInteraction(std::string_view user, std::string_view item,
                                        int64_t time) {
  return impl_->Guarded([&] { impl_->EditInteraction(user, item, 0, time, false); });
}
absl::Status Updater::AddLink(std::string_view item, std::string_view entity, float confidence,
                              LinkMethod method) {
  return impl_->Guarded([&] { impl_->EditLink(item, entity, confidence, method, true); });
}
absl::Status Updater::RemoveLink(std::string_view item, std::string_view entity) {
  return impl_->Guarded([&] { impl_->EditLink(item, entity, 1, LinkMethod::kFile, false); });
}
absl::Status Updater::AddSocial(std::string_view user, std::string_view other, float weight) {
  return impl_->Guarded([&] { impl_->EditSocial(user, other, weight, true); });
}
absl::Status Updater::RemoveSocial(std::string_view user, std::string_view other) {
  return impl_->Guarded([&] { impl_->EditSocial(user, other, 0, false); });
}
absl::Status Updater::SetItem(std::string_view item, std::span<const ItemColumn> columns) {
  return impl_->Guarded([&] { impl_->EditRow(Space::kItem, item, columns, true); });
}
absl::Status Updater::RemoveItem(std::string_view item) {
  return impl_->Guarded([&] { impl_->EditRow(Space::kItem, item, {}, false); });
}
absl::Status Updater::SetUser(std::string_view user, std::span<const ItemColumn> columns) {
  return impl_->Guarded([&] { impl_->EditRow(Space::kUser, user, columns, true); });
}
absl::Status Updater::RemoveUser(std::string_view user) {
  return impl_->Guarded([&] { impl_->EditRow(Space::kUser, user, {}, false); });
}

uint64_t Updater::pending() const { return impl_->pending.count; }

void Updater::Discard() {
  impl_->pending = PendingOps();
  impl_->status = absl::OkStatus();
}

absl::StatusOr<UpdateReport> Updater::Commit() {
  UNDULA_RETURN_IF_ERROR(impl_->status);
  UpdateReport report;
  if (impl_->pending.count == 0) return report;
  absl::Status status;
  try {
    status = internal::ApplyUpdate(impl_->store.get(), &impl_->pending, &report, &impl_->counts);
  } catch (const std::bad_alloc&) {
    status = ResourceExhaustedError("out of memory while writing updates; commit smaller batches");
  }
  impl_->pending = PendingOps();
  UNDULA_RETURN_IF_ERROR(status);
  return report;
}

}  // namespace undula::kgstore
