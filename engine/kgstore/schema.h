// Column maps: how the rows of a delimited text file become interactions, catalogue rows, links or
// triples. The TOML form is described in data/schemas/README.md; the maps of that folder are
// compiled into the library.
#ifndef UNDULA_KGSTORE_SCHEMA_H_
#define UNDULA_KGSTORE_SCHEMA_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/csr.h"

namespace undula::kgstore {

enum class TableKind : uint8_t { kInteractions, kItems, kLinks, kTriples };
enum class HeaderMode : uint8_t { kNone, kSkip, kNames, kRecbole };
enum class TextEncoding : uint8_t { kUtf8, kLatin1 };
enum class TimeUnit : uint8_t { kSeconds, kMilliseconds, kIso8601 };

struct Schema {
  std::string name;
  std::string description;
  TableKind kind = TableKind::kInteractions;
  std::vector<std::string> files;  // file names for DetectSchema, with * and ?
  std::string separator = "\t";    // any text; "whitespace": runs of blanks and tabs
  char quote = '\0';               // '\0': fields are never quoted
  HeaderMode header = HeaderMode::kNone;
  TextEncoding encoding = TextEncoding::kUtf8;
  int64_t skip_lines = 0;      // before the header
  bool other_columns = false;  // of items: keep every column of the header under its own name
  // Role (user, item, weight, ...; of items also any column name) -> number from 0, or name in the
  // header.
  std::map<std::string, std::string> columns;
  TimeUnit time_unit = TimeUnit::kSeconds;
  float weight_default = 1;      // where the column or the field is empty
  float confidence_default = 1;  // of links, likewise
  LinkMethod method = LinkMethod::kFile;
};

// The roles of a kind. A role in neither list is an item column (kItems) or an error.
std::span<const std::string_view> RequiredRoles(TableKind kind);
std::span<const std::string_view> OptionalRoles(TableKind kind);

// A column map in its TOML form. InvalidArgument names `source`, the key and what is allowed.
absl::StatusOr<Schema> ParseSchema(std::string_view text, const std::string& source);
absl::StatusOr<Schema> LoadSchemaFile(const std::string& path);

// The compiled-in maps, ordered by file name.
absl::StatusOr<std::vector<Schema>> EmbeddedSchemas();

// A compiled-in map by name, or where `name` ends in ".toml" that file's. NotFound names the
// nearest name and lists all.
absl::StatusOr<Schema> FindSchema(const std::string& name);

// The compiled-in map that fits the file: by its name (a plain name before a pattern), where several
// fit by the columns of the first line, where none does by that line alone (the map of which it has
// most columns). NotFound and
// InvalidArgument (several fit) list the names to choose from; errors of InputStream.
absl::StatusOr<Schema> DetectSchema(const std::string& path);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_SCHEMA_H_
