// Import of pre-computed vectors and reading them again.
#include <chrono>
#include <span>
#include <string>

#include "api/database_impl.h"
#include "base/file.h"
#include "base/status.h"
#include "kgstore/input_stream.h"
#include "kgstore/npy.h"
#include "kgstore/read_view.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/vectors.h"

namespace undula {
namespace {

struct VectorFormat {
  std::string_view name;
  std::string_view file;    // of which this is the format, without compression
  std::string_view format;  // kgstore::VectorFileOptions
  std::string_view space, prefix;
  std::string_view description;
};

constexpr VectorFormat kFormats[] = {
    {"mind-vectors", "entity_embedding.vec", "text", "entities", "http://www.wikidata.org/entity/",
     "MIND entity_embedding.vec: Wikidata id, values"},
    {"mind-relation-vectors", "relation_embedding.vec", "text", "relations",
     "http://www.wikidata.org/prop/direct/", "MIND relation_embedding.vec: Wikidata id, values"},
    {"word2vec", "", "text", "entities", "",
     "text vectors: word2vec and fastText (.vec), GloVe; name, values"},
    {"text-hash", "", "text-hash", "items", "",
     "texts of names (lines: name, text; or what `undula export DB items` writes), hashed"},
    {"npy", "", "npy", "entities", "", "NumPy array of two dimensions (.npy); names by --names"},
    {"safetensors", "", "safetensors", "entities", "",
     "a tensor of two dimensions of a .safetensors file; names by --names"},
};

const VectorFormat* FindFormat(std::string_view name) {
  for (const VectorFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

}  // namespace

bool IsVectorImport(const std::string& file, std::string_view format) {
  return FindFormat(format) != nullptr || (format == "auto" && kgstore::IsVectorFileName(file));
}

std::vector<ImportFormat> VectorFormats() {
  std::vector<ImportFormat> out;
  for (const VectorFormat& f : kFormats) {
    out.push_back({std::string(f.name), "vectors", std::string(f.description)});
  }
  return out;
}

absl::StatusOr<VectorImportReport> Database::ImportVectors(const std::string& file,
                                                           const VectorImportOptions& options,
                                                           Progress* progress) {
  const auto start = std::chrono::steady_clock::now();
  const std::string plain = kgstore::PlainFileName(file);
  const VectorFormat* format = FindFormat(options.format);
  if (format == nullptr && options.format != "auto") {
    std::string list;
    for (const VectorFormat& f : kFormats) list += Concat(", ", f.name);
    return NotFoundError("unknown vector format '", options.format, "'; there are auto", list);
  }
  for (const VectorFormat& f : kFormats) {
    if (format == nullptr && !f.file.empty() && f.file == plain) format = &f;
  }
  kgstore::VectorFileOptions read;
  if (format != nullptr) read.format = format->format;
  read.names_file = options.names_file;
  read.tensor = options.tensor;
  read.prefix = options.prefix.value_or(std::string(format == nullptr ? "" : format->prefix));
  std::string space = options.space;
  if (space.empty()) space = format == nullptr ? "entities" : format->space;
  UNDULA_ASSIGN_OR_RETURN(const kgstore::VectorSpace kind, kgstore::ParseVectorSpace(space));
  UNDULA_ASSIGN_OR_RETURN(const kgstore::VectorTable table,
                          kgstore::ReadVectorFile(file, read, progress));

  VectorImportReport report;
  report.name = options.name.empty() ? plain.substr(0, plain.rfind('.')) : options.name;
  const std::lock_guard writing(impl_->writing);
  const std::lock_guard lock(impl_->model_access);
  if (impl_->models == nullptr) return FailedPreconditionError("the database is read-only");
  UNDULA_ASSIGN_OR_RETURN(
      const kgstore::VectorReport stored,
      kgstore::StoreVectors(*impl_->store, *impl_->models, report.name, kind, table, file));
  report.format = format == nullptr ? "auto" : format->name;
  report.space = space;
  report.dim = table.dim;
  report.stored = stored.stored;
  report.unknown = stored.unknown;
  report.unknown_names = stored.unknown_names;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

absl::StatusOr<StoredVectors> Database::ReadVectors(std::string_view name) const {
  const std::lock_guard lock(impl_->model_access);
  if (impl_->models == nullptr) return NotFoundError("the database holds no vectors");
  UNDULA_ASSIGN_OR_RETURN(kgstore::Vectors vectors,
                          kgstore::ReadVectors(*impl_->store, *impl_->models, name));
  StoredVectors out;
  out.space = kgstore::SpaceName(vectors.space);
  out.dim = vectors.dim;
  out.source = std::move(vectors.source);
  out.values = std::move(vectors.values);
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
  for (const uint32_t id : vectors.ids) {
    std::string& text = out.names.emplace_back();
    switch (vectors.space) {
      case kgstore::VectorSpace::kEntities: {
        UNDULA_ASSIGN_OR_RETURN(text, view.EntityName(EntityId{id}));
        break;
      }
      case kgstore::VectorSpace::kItems: {
        UNDULA_ASSIGN_OR_RETURN(text, view.ItemName(ItemId{id}));
        break;
      }
      case kgstore::VectorSpace::kUsers: {
        UNDULA_ASSIGN_OR_RETURN(text, view.UserName(UserId{id}));
        break;
      }
      case kgstore::VectorSpace::kRelations: {
        UNDULA_ASSIGN_OR_RETURN(text, view.RelationName(RelationId{id}));
        break;
      }
    }
  }
  return out;
}

namespace {

// Item vectors of a trained model, as its scorer has them.
absl::StatusOr<StoredVectors> ItemVectors(const Database::Impl& impl, const TensorMap& stored,
                                          std::string_view name) {
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl.store->Read());
  UNDULA_ASSIGN_OR_RETURN(Snapshot taken, kgstore::TakeSnapshot(view, impl.arena()));
  const auto snapshot = std::make_shared<const Snapshot>(std::move(taken));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Model> model,
                          api::RestoreModel(stored, name, snapshot));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<models::Scorer> scorer,
                          model->MakeScorer(impl.arena()));
  StoredVectors out;
  out.space = kgstore::SpaceName(kgstore::VectorSpace::kItems);
  for (uint32_t i = 0; i < scorer->n_items(); ++i) {
    const std::span<const float> row = scorer->ItemVector(ItemId{i});
    if (row.empty()) continue;
    out.dim = static_cast<int64_t>(row.size());
    UNDULA_ASSIGN_OR_RETURN(out.names.emplace_back(), view.ItemName(ItemId{i}));
    out.values.insert(out.values.end(), row.begin(), row.end());
  }
  if (!out.names.empty()) return out;
  return InvalidArgumentError("model '", name, "' (", model->spec().name,
                              ") has no item vectors; undula models list shows which have");
}

}  // namespace

absl::Status api::WriteNamedVectors(const std::vector<std::string>& names, int64_t dim,
                                    std::span<const float> values, const std::string& file) {
  std::string lines;
  for (const std::string& text : names) {
    if (text.find_first_of("\r\n") != std::string::npos) {
      return InvalidArgumentError("the name '", text,
                                  "' has a line break; FILE.names cannot hold it");
    }
    lines += text;
    lines += '\n';
  }
  const int64_t shape[] = {static_cast<int64_t>(names.size()), dim};
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()),
                               values.size() * sizeof(float));
  UNDULA_RETURN_IF_ERROR(WriteFileAtomically(file + ".names", {lines}));
  return WriteFileAtomically(file, {kgstore::MakeNpyHeader("<f4", shape), bytes});
}

absl::StatusOr<int64_t> Database::ExportVectors(std::string_view name,
                                                const std::string& file) const {
  if (name.empty()) {
    return InvalidArgumentError("name the vectors or the model (undula models lists them)");
  }
  StoredVectors vectors;
  TensorMap stored;
  {
    const std::lock_guard lock(impl_->model_access);
    if (impl_->models == nullptr) return NotFoundError("the database holds no vectors");
    UNDULA_ASSIGN_OR_RETURN(stored, impl_->models->Get(std::string(name)));
  }
  if (kgstore::IsVectors(stored)) {
    UNDULA_ASSIGN_OR_RETURN(vectors, ReadVectors(name));
  } else {
    UNDULA_ASSIGN_OR_RETURN(vectors, ItemVectors(*impl_, stored, name));
  }
  UNDULA_RETURN_IF_ERROR(api::WriteNamedVectors(vectors.names, vectors.dim, vectors.values, file));
  return static_cast<int64_t>(vectors.names.size());
}

}  // namespace undula
