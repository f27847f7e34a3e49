#include "kgstore/importer.h"

#include <chrono>
#include <cmath>
#include <new>
#include <string>
#include <utility>

#include "base/status.h"
#include "kgstore/commit_import.h"
#include "kgstore/import_data.h"
#include "kgstore/literal_key.h"
#include "kgstore/store.h"
#include "kgstore/write_link_table.h"

namespace undula::kgstore {

using internal::Space;
using internal::TailKind;
using internal::Triple;

struct Importer::Impl {
  std::shared_ptr<internal::Store> store;
  std::unique_ptr<internal::WriteTurn> turn;
  ImportOptions options;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  internal::ImportData data;
  ImportReport report;
  absl::Status status;
  std::string key;        // scratch: a term as the dictionary stores it
  std::string last_head;  // heads often repeat
  uint32_t last_head_id = kNoIndex;

  uint32_t Id(Space space, std::string_view text) {
    if (text.size() >= size_t{1} << 30) {
      status = InvalidArgumentError("a name or text of ", text.size(),
                                    " bytes; at most 1 GiB is allowed");
      return kNoIndex;
    }
    const uint32_t id = data.space(space).Add(text);
    if (id == kNoIndex) {
      status = ResourceExhaustedError("more than ", kMaxIds, " ", internal::SpaceName(space),
                                      " names; one database holds no more");
    }
    return id;
  }

  uint32_t Entity(const Term& term) {
    if (term.kind == TermKind::kIri) return Id(Space::kEntity, term.text);
    key.assign("_:");
    key += options.blank_scope;
    key += term.text;
    return Id(Space::kEntity, key);
  }

  uint32_t Head(const Term& term) {
    if (term.kind != TermKind::kIri) return Entity(term);
    if (last_head_id != kNoIndex && term.text == last_head) return last_head_id;
    last_head_id = Entity(term);
    last_head.assign(term.text);
    return last_head_id;
  }

  void AddTriple(const Term& head, const Term& relation, const Term& tail, const Term* graph) {
    if (head.kind == TermKind::kLiteral || relation.kind != TermKind::kIri) {
      status = InvalidArgumentError(
          "a triple's head must be an IRI or a blank node and its "
          "relation an IRI");
      return;
    }
    if (graph != nullptr && graph->kind == TermKind::kLiteral) {
      status = InvalidArgumentError("a graph's name must be an IRI or a blank node");
      return;
    }
    const uint32_t h = Head(head);
    const uint32_t r = status.ok() ? Id(Space::kRelation, relation.text) : kNoIndex;
    const uint32_t g = status.ok() && graph != nullptr ? Entity(*graph) : kNoIndex;
    if (!status.ok()) return;
    const auto keep = [&](const Triple& triple, TailKind kind, std::vector<Triple>* plain) {
      if (graph == nullptr) {
        plain->push_back(triple);
      } else {
        data.quads.push_back({kind, triple, g});
        ++report.quads_read;
      }
    };
    if (tail.kind == TermKind::kLiteral) {
      status = internal::EncodeLiteral(tail.text, tail.datatype, tail.language, &key);
      const uint32_t l = status.ok() ? Id(Space::kLiteral, key) : kNoIndex;
      if (!status.ok()) return;
      keep({h, r, l}, TailKind::kLiteral, &data.attributes);
      ++report.attributes_read;
    } else {
      const uint32_t t = Entity(tail);
      if (!status.ok()) return;
      keep({h, r, t}, TailKind::kEntity, &data.triples);
      ++report.triples_read;
    }
  }

  void AddInteraction(std::string_view user, std::string_view item, float weight, int64_t time) {
    if (!std::isfinite(weight)) {
      status = InvalidArgumentError("the weight of an interaction of user '", user,
                                    "' is not a finite number");
      return;
    }
    const uint32_t u = Id(Space::kUser, user);
    const uint32_t i = status.ok() ? Id(Space::kItem, item) : kNoIndex;
    if (!status.ok()) return;
    data.interactions.push_back({u, i, weight, time});
    ++report.interactions_read;
  }

  // A row of the catalogue of items or users.
  void AddRow(Space space, std::string_view name, std::span<const ItemColumn> columns,
              internal::TermTable* column_names, std::vector<internal::ItemCell>* cells) {
    const uint32_t i = Id(space, name);
    if (!status.ok()) return;
    for (const auto& [column, value] : columns) {
      const uint32_t text = data.cell_texts.Add(value);
      if (text == kNoIndex) {
        status = ResourceExhaustedError("more than ", kMaxIds, " catalogue values in one import");
        return;
      }
      cells->push_back({i, column_names->Add(column), data.cell_texts.text(text)});
    }
  }

  void AddSocial(std::string_view user, std::string_view other, float weight) {
    if (!std::isfinite(weight)) {
      status = InvalidArgumentError("the weight of a social edge of user '", user,
                                    "' is not a finite number");
      return;
    }
    const uint32_t u = Id(Space::kUser, user);
    const uint32_t o = status.ok() ? Id(Space::kUser, other) : kNoIndex;
    if (!status.ok()) return;
    data.social.push_back({u, o, weight});
    ++report.social_read;
  }

  void AddLink(std::string_view item, std::string_view entity, float confidence,
               LinkMethod method) {
    status = internal::CheckConfidence(confidence);
    const uint32_t i = status.ok() ? Id(Space::kItem, item) : kNoIndex;
    const uint32_t e = status.ok() ? Id(Space::kEntity, entity) : kNoIndex;
    if (!status.ok()) return;
    data.links.push_back({static_cast<ItemId>(i), static_cast<EntityId>(e), confidence, method});
    ++report.links_read;
  }

  // Runs one Add with the sticky status; memory that runs out becomes a status.
  template <class F>
  absl::Status Guarded(F&& add) {
    if (!status.ok()) return status;
    try {
      add();
    } catch (const std::bad_alloc&) {
      status = ResourceExhaustedError(
          "out of memory while collecting an import; import the files "
          "one by one");
    }
    return status;
  }
};

absl::StatusOr<std::unique_ptr<Importer>> Importer::Begin(Database& database,
                                                          ImportOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->store = database.store().shared_from_this();
  UNDULA_ASSIGN_OR_RETURN(impl->turn, impl->store->TakeWriteTurn());
  impl->options = std::move(options);
  return std::unique_ptr<Importer>(new Importer(std::move(impl)));
}

Importer::Importer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Importer::~Importer() = default;

absl::Status Importer::AddTriple(const Term& head, const Term& relation, const Term& tail) {
  return impl_->Guarded([&] { impl_->AddTriple(head, relation, tail, nullptr); });
}

absl::Status Importer::AddQuad(const Term& head, const Term& relation, const Term& tail,
                               const Term& graph) {
  return impl_->Guarded([&] { impl_->AddTriple(head, relation, tail, &graph); });
}

absl::Status Importer::AddInteraction(std::string_view user, std::string_view item, float weight,
                                      int64_t time) {
  return impl_->Guarded([&] { impl_->AddInteraction(user, item, weight, time); });
}

absl::Status Importer::AddItem(std::string_view item, std::span<const ItemColumn> columns) {
  internal::ImportData& data = impl_->data;
  return impl_->Guarded(
      [&] { impl_->AddRow(Space::kItem, item, columns, &data.column_names, &data.cells); });
}

absl::Status Importer::AddUser(std::string_view user, std::span<const ItemColumn> columns) {
  internal::ImportData& data = impl_->data;
  return impl_->Guarded([&] {
    impl_->AddRow(Space::kUser, user, columns, &data.user_column_names, &data.user_cells);
  });
}

absl::Status Importer::AddSocial(std::string_view user, std::string_view other, float weight) {
  return impl_->Guarded([&] { impl_->AddSocial(user, other, weight); });
}

absl::Status Importer::AddLink(std::string_view item, std::string_view entity, float confidence,
                               LinkMethod method) {
  return impl_->Guarded([&] { impl_->AddLink(item, entity, confidence, method); });
}

void Importer::SetBlankScope(std::string scope) { impl_->options.blank_scope = std::move(scope); }

absl::StatusOr<ImportReport> Importer::Commit(Progress* progress) {
  Impl& impl = *impl_;
  UNDULA_RETURN_IF_ERROR(impl.status);
  absl::Status status = impl.Guarded([&] {
    impl.status =
        internal::CommitImport(impl.store.get(), &impl.data, impl.options, progress, &impl.report);
  });
  UNDULA_RETURN_IF_ERROR(status);
  impl.status = FailedPreconditionError("the import is committed; begin a new one");
  impl.data = internal::ImportData();
  impl.turn.reset();
  impl.report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - impl.start).count();
  return impl.report;
}

}  // namespace undula::kgstore
