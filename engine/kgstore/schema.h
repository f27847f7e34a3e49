// Column maps: how the rows of a delimited text file become records (interactions, catalogue rows,
// links, triples, users, social edges). The TOML form is described in docs/data-formats.md; the
// maps of data/schemas are compiled into the library.
#ifndef UNDULA_KGSTORE_SCHEMA_H_
#define UNDULA_KGSTORE_SCHEMA_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/csr.h"

namespace undula::kgstore {

enum class TableKind : uint8_t { kInteractions, kItems, kLinks, kTriples, kUsers, kSocial };
enum class HeaderMode : uint8_t { kNone, kSkip, kNames, kRecbole };
enum class TextEncoding : uint8_t { kUtf8, kLatin1 };
enum class TimeUnit : uint8_t { kSeconds, kMilliseconds, kIso8601, kMonthDayYear };
enum class Counter : uint8_t { kNone, kElement, kRow };

// Where the text of one role comes from, and what is done to it: in the order of the members.
struct Column {
  // Number from 0, or name in the header; of several the first that the header has. Empty: `value`
  // or `counter` is given instead.
  std::vector<std::string> names;
  std::optional<std::string> value;  // a constant
  Counter counter = Counter::kNone;  // the number of the element in its list, of the row; from 1

  std::vector<std::string> missing;  // texts of the cell that mean an empty one
  // The cell is a list: one record for each of its elements. All columns of a record that are lists
  // name the same field and walk through it together.
  std::string list;                 // separator, or "whitespace"
  bool rest = false;                // this field and all behind it are the elements
  std::optional<std::string> json;  // a JSON array of objects: the member to take; "": of scalars

  std::string before, after, before_last, after_last;  // the part of the text before or behind this
  std::string strip_prefix, strip_suffix;              // taken off where the text has it
  // A file beside the table whose column `names_key` holds the text and `names_value` what to put
  // in its place.
  std::string names_file;
  int64_t names_key = 0, names_value = 0;
  std::string prefix, suffix;  // put around a text that is not empty
  std::vector<std::string>
      drop;               // texts of which no record is made (no column, of items and users)
  bool optional = false;  // no record where the text is empty, instead of an error

  bool literal = false;  // of tail: a literal instead of an entity
  std::string datatype, language;

  bool is_list() const { return !list.empty() || rest || json.has_value(); }
};

// One record made of a row.
struct RecordMap {
  TableKind kind = TableKind::kInteractions;
  // Role (user, item, weight, ...; of items and users also any column name) -> column.
  std::map<std::string, Column> columns;
  bool other_columns = false;  // items, users: keep every other column of the header by its name
  TimeUnit time_unit = TimeUnit::kSeconds;
  float weight_default = 1;      // where the column or the field is empty
  float confidence_default = 1;  // of links, likewise
  LinkMethod method = LinkMethod::kFile;
};

struct Schema {
  std::string name;
  std::string description;
  std::vector<std::string> files;  // file names for DetectSchema, with * and ?
  std::string separator = "\t";    // any text; "whitespace": runs of blanks and tabs; "json"
  char quote = '\0';               // '\0': fields are never quoted
  HeaderMode header = HeaderMode::kNone;
  TextEncoding encoding = TextEncoding::kUtf8;
  int64_t skip_lines = 0;  // before the header
  std::string comment;     // lines that begin with this are left out; empty: none
  std::vector<RecordMap> records;

  TableKind kind() const { return records.front().kind; }
  bool has_names() const { return header == HeaderMode::kNames || header == HeaderMode::kRecbole; }
};

// "interactions", "items", ...
std::string_view KindName(TableKind kind);

// The roles of a kind. A role in neither list is a column of the item or user, else an error.
std::span<const std::string_view> RequiredRoles(TableKind kind);
std::span<const std::string_view> OptionalRoles(TableKind kind);
// The kind has columns of any name: items and users.
bool HasFreeColumns(TableKind kind);

// A column map in its TOML form. InvalidArgument names the place, the key and what is allowed.
absl::StatusOr<Schema> ParseSchema(std::string_view text, const std::string& source);
absl::StatusOr<Schema> LoadSchemaFile(const std::string& path);

// The compiled-in maps, ordered by file name.
absl::StatusOr<std::vector<Schema>> EmbeddedSchemas();

// A compiled-in map by name, or where `name` ends in ".toml" that file's. NotFound names the
// nearest name and lists all.
absl::StatusOr<Schema> FindSchema(const std::string& name);

// The compiled-in map that fits the file: by its name (a plain name before a pattern), where
// several fit by the columns of the first line, where none does by that line alone (the map of
// which it has most columns). NotFound and InvalidArgument (several fit) list the names to choose
// from; errors of InputStream.
absl::StatusOr<Schema> DetectSchema(const std::string& path);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_SCHEMA_H_
