#include "kgstore/schema.h"

#include <utility>

#include "base/file.h"
#include "base/options.h"
#include "base/status.h"

namespace undula {

// Made by undula_embed (cmake/EmbedFiles.cmake): file name, text.
extern const std::pair<std::string_view, std::string_view> kSchemas[];
extern const size_t kSchemasCount;

namespace kgstore {
namespace {

struct Kind {
  std::string_view name;
  std::vector<std::string_view> required, optional;
  bool free_columns;
};

const Kind& Describe(TableKind kind) {
  static const Kind kinds[] = {
      {"interactions", {"user", "item"}, {"weight", "time", "offset"}, false},
      {"items", {"item"}, {}, true},
      {"links", {"item", "entity"}, {"confidence"}, false},
      {"triples", {"head", "relation", "tail"}, {}, false},
      {"users", {"user"}, {}, true},
      {"social", {"user", "other"}, {"weight"}, false},
  };
  return kinds[static_cast<int>(kind)];
}

}  // namespace

std::string_view KindName(TableKind kind) { return Describe(kind).name; }
std::span<const std::string_view> RequiredRoles(TableKind kind) { return Describe(kind).required; }
std::span<const std::string_view> OptionalRoles(TableKind kind) { return Describe(kind).optional; }
bool HasFreeColumns(TableKind kind) { return Describe(kind).free_columns; }

absl::StatusOr<Schema> LoadSchemaFile(const std::string& path) {
  UNDULA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, int64_t{1} << 20));
  return ParseSchema(text, path);
}

absl::StatusOr<std::vector<Schema>> EmbeddedSchemas() {
  std::vector<Schema> schemas;
  for (size_t i = 0; i < kSchemasCount; ++i) {
    const auto& [file, text] = kSchemas[i];
    UNDULA_ASSIGN_OR_RETURN(Schema schema, ParseSchema(text, std::string(file)));
    schemas.push_back(std::move(schema));
  }
  return schemas;
}

absl::StatusOr<Schema> FindSchema(const std::string& name) {
  if (name.size() > 5 && name.ends_with(".toml")) return LoadSchemaFile(name);
  UNDULA_ASSIGN_OR_RETURN(std::vector<Schema> schemas, EmbeddedSchemas());
  std::vector<std::string_view> names;
  std::string list;
  for (Schema& schema : schemas) {
    if (schema.name == name) return std::move(schema);
    names.push_back(schema.name);
    list += Concat(list.empty() ? "" : ", ", schema.name);
  }
  const std::string nearest = NearestKey(name, names);
  return NotFoundError("unknown format '", name, "'",
                       nearest.empty() ? "" : Concat("; did you mean '", nearest, "'?"),
                       " Formats: ", list, "; or the path of a .toml file");
}

}  // namespace kgstore
}  // namespace undula
