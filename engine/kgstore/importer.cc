#include "kgstore/importer.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <new>
#include <string>
#include <utility>

#include "base/status.h"
#include "kgstore/collected_parts.h"
#include "kgstore/commit_import.h"
#include "kgstore/import_data.h"
#include "kgstore/import_spill.h"
#include "kgstore/store.h"
#include "kgstore/write_link_table.h"

namespace undula::kgstore {

using internal::Space;

struct Importer::Impl {
  std::shared_ptr<internal::Store> store;
  std::unique_ptr<internal::WriteTurn> turn;
  ImportOptions options;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  internal::ImportData data;
  ImportReport report;
  absl::Status status;
  std::unique_ptr<internal::ImportSpill> spill;  // with options.memory
  std::unique_ptr<internal::CollectedParts> parts;

  uint32_t Id(Space space, std::string_view text) {
    const absl::StatusOr<uint32_t> id = parts->main().AddName(space, text);
    if (id.ok()) return *id;
    status = id.status();
    return kNoIndex;
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

  // Keeps to options.memory.
  void CheckMemory() {
    if (spill == nullptr || !status.ok()) return;
    status = parts->SpillMain();
    if (internal::RowBytes(data) > options.memory / 2) {
      status.Update(ResourceExhaustedError(
          "the interactions, catalogue rows, social edges and links of an import are held in "
          "memory and take more than half of the ",
          options.memory >> 20, " MiB allowed; allow more or import them in several steps"));
    }
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

  template <class F>
  absl::Status Adding(F&& add) {
    return Guarded([&] {
      add();
      CheckMemory();
    });
  }
};

absl::StatusOr<std::unique_ptr<Importer>> Importer::Begin(Database& database,
                                                          ImportOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->store = database.store().shared_from_this();
  UNDULA_ASSIGN_OR_RETURN(impl->turn, impl->store->TakeWriteTurn());
  impl->options = std::move(options);
  if (impl->options.memory > 0) {
    std::string folder = impl->options.spill_folder;
    if (folder.empty()) folder = std::filesystem::path(impl->store->path()).parent_path().string();
    impl->spill = std::make_unique<internal::ImportSpill>(folder.empty() ? "." : folder,
                                                          impl->options.memory);
  }
  impl->parts = std::make_unique<internal::CollectedParts>(
      impl->store->id_space(), &impl->store->arena(), &impl->data, impl->spill.get());
  impl->parts->SetBlankScope(impl->options.blank_scope);
  return std::unique_ptr<Importer>(new Importer(std::move(impl)));
}

Importer::Importer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Importer::~Importer() = default;

absl::Status Importer::AddTriple(const Term& head, const Term& relation, const Term& tail) {
  const Statement statement{head, relation, tail, {}};
  return AddStatements({&statement, 1});
}

absl::Status Importer::AddQuad(const Term& head, const Term& relation, const Term& tail,
                               const Term& graph) {
  const Statement statement{head, relation, tail, graph};
  return AddStatements({&statement, 1});
}

absl::Status Importer::AddStatements(std::span<const Statement> statements) {
  return impl_->Adding([&] { impl_->status = impl_->parts->main().Add(statements); });
}

ParallelSink* Importer::parallel() { return impl_->parts.get(); }

absl::Status Importer::AddInteraction(std::string_view user, std::string_view item, float weight,
                                      int64_t time) {
  return impl_->Adding([&] { impl_->AddInteraction(user, item, weight, time); });
}

absl::Status Importer::AddItem(std::string_view item, std::span<const ItemColumn> columns) {
  internal::ImportData& data = impl_->data;
  return impl_->Adding(
      [&] { impl_->AddRow(Space::kItem, item, columns, &data.column_names, &data.cells); });
}

absl::Status Importer::AddUser(std::string_view user, std::span<const ItemColumn> columns) {
  internal::ImportData& data = impl_->data;
  return impl_->Adding([&] {
    impl_->AddRow(Space::kUser, user, columns, &data.user_column_names, &data.user_cells);
  });
}

absl::Status Importer::AddSocial(std::string_view user, std::string_view other, float weight) {
  return impl_->Adding([&] { impl_->AddSocial(user, other, weight); });
}

absl::Status Importer::AddLink(std::string_view item, std::string_view entity, float confidence,
                               LinkMethod method) {
  return impl_->Adding([&] { impl_->AddLink(item, entity, confidence, method); });
}

void Importer::SetBlankScope(std::string scope) { impl_->parts->SetBlankScope(scope); }

absl::StatusOr<ImportReport> Importer::Commit(Progress* progress) {
  Impl& impl = *impl_;
  impl.status.Update(impl.parts->status());
  absl::Status status = impl.Guarded([&] {
    impl.status = impl.parts->Merge();
    if (!impl.status.ok()) return;
    impl.report.triples_read = impl.parts->triples();
    impl.report.attributes_read = impl.parts->attributes();
    impl.report.quads_read = impl.parts->quads();
    impl.status = internal::CommitImport(impl.store.get(), &impl.data, impl.spill.get(),
                                         impl.options, progress, &impl.report);
  });
  UNDULA_RETURN_IF_ERROR(status);
  impl.status = FailedPreconditionError("the import is committed; begin a new one");
  impl.parts =
      std::make_unique<internal::CollectedParts>(0, &impl.store->arena(), &impl.data, nullptr);
  impl.spill.reset();
  impl.data = internal::ImportData();
  impl.turn.reset();
  impl.report.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - impl.start).count();
  return impl.report;
}

}  // namespace undula::kgstore
