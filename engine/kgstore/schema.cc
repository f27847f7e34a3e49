#include "kgstore/schema.h"

#include <algorithm>
#include <charconv>
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

constexpr std::string_view kSections[] = {"format", "columns", "values"};
constexpr std::string_view kFormatKeys[] = {"name",   "kind",     "description", "files",
                                            "separator", "quote", "header",      "encoding",
                                            "skip_lines", "other_columns"};
constexpr std::string_view kValueKeys[] = {"time_unit", "weight_default", "confidence_default",
                                           "method"};

constexpr std::string_view kKinds[] = {"interactions", "items", "links", "triples"};
constexpr std::string_view kHeaders[] = {"none", "skip", "names", "recbole"};
constexpr std::string_view kEncodings[] = {"utf-8", "latin-1"};
constexpr std::string_view kTimeUnits[] = {"s", "ms", "iso8601"};
constexpr std::string_view kMethods[] = {"file", "external_id", "label", "manual"};  // LinkMethod

constexpr std::string_view kUserItem[] = {"user", "item"};
constexpr std::string_view kItem[] = {"item"};
constexpr std::string_view kItemEntity[] = {"item", "entity"};
constexpr std::string_view kTriple[] = {"head", "relation", "tail"};
constexpr std::string_view kWeightTime[] = {"weight", "time"};
constexpr std::string_view kConfidence[] = {"confidence"};

std::string Join(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += Concat(text.empty() ? "" : ", ", word);
  return text;
}

bool Contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Reads the values of one section; the first error sticks.
class Section {
 public:
  Section(std::string source, std::string name, const OptionMap& values)
      : source_(std::move(source)), name_(std::move(name)), values_(values) {}

  void CheckKeys(std::span<const std::string_view> known) {
    for (const auto& [key, value] : values_) {
      if (Contains(known, key)) continue;
      const std::string nearest = NearestKey(key, known);
      Fail(key, nearest.empty() ? Concat("unknown key; known: ", Join(known))
                                : Concat("unknown key; did you mean '", nearest, "'?"));
    }
  }

  const std::string* Find(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

  void Text(const std::string& key, std::string* out) const {
    if (const std::string* value = Find(key)) *out = *value;
  }

  template <class Enum>
  void Choice(const std::string& key, std::span<const std::string_view> words, Enum* out) {
    const std::string* value = Find(key);
    if (value == nullptr) return;
    const auto found = std::find(words.begin(), words.end(), *value);
    if (found == words.end()) {
      Fail(key, Concat("'", *value, "' is none of ", Join(words)));
      return;
    }
    *out = static_cast<Enum>(found - words.begin());
  }

  template <class Number>
  void Value(const std::string& key, double min, double max, Number* out) {
    const std::string* value = Find(key);
    if (value == nullptr) return;
    double number = 0;
    const char* end = value->data() + value->size();
    const auto result = std::from_chars(value->data(), end, number);
    if (result.ec != std::errc() || result.ptr != end || !(number >= min && number <= max)) {
      Fail(key, Concat("'", *value, "' is not a number from ", min, " to ", max));
      return;
    }
    *out = static_cast<Number>(number);
  }

  void Flag(const std::string& key, bool* out) {
    const std::string* value = Find(key);
    if (value == nullptr) return;
    if (*value != "true" && *value != "false") Fail(key, "expected true or false");
    *out = *value == "true";
  }

  void Fail(std::string_view key, std::string_view text) {
    if (status_.ok()) {
      status_ = InvalidArgumentError(source_, ": [", name_, "] ", key, ": ", text);
    }
  }

  const absl::Status& status() const { return status_; }

 private:
  std::string source_, name_;
  const OptionMap& values_;
  absl::Status status_;
};

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

absl::Status ReadFormat(const OptionMap& values, const std::string& source, Schema* schema) {
  Section format(source, "format", values);
  format.CheckKeys(kFormatKeys);
  for (const char* key : {"name", "kind"}) {
    if (format.Find(key) == nullptr) format.Fail(key, "is missing");
  }
  format.Text("name", &schema->name);
  format.Text("description", &schema->description);
  format.Text("separator", &schema->separator);
  format.Choice("kind", kKinds, &schema->kind);
  format.Choice("header", kHeaders, &schema->header);
  format.Choice("encoding", kEncodings, &schema->encoding);
  format.Value("skip_lines", 0, 1e9, &schema->skip_lines);
  format.Flag("other_columns", &schema->other_columns);
  if (const std::string* files = format.Find("files"); files != nullptr && !files->empty()) {
    for (size_t at = 0; at <= files->size();) {
      const size_t bar = std::min(files->find('|', at), files->size());
      schema->files.push_back(files->substr(at, bar - at));
      at = bar + 1;
    }
  }
  if (const std::string* quote = format.Find("quote"); quote != nullptr && !quote->empty()) {
    if (quote->size() != 1) format.Fail("quote", "expected one ASCII character");
    if (schema->separator.size() != 1) {
      format.Fail("quote", "quoted fields need a separator of one character");
    }
    schema->quote = (*quote)[0];
  }
  if (schema->separator.empty() || schema->separator.find('\n') != std::string::npos) {
    format.Fail("separator", "expected a text without a line end, or \"whitespace\"");
  }
  if (schema->other_columns && schema->kind != TableKind::kItems) {
    format.Fail("other_columns", "is for kind = \"items\" only");
  }
  return format.status();
}

absl::Status ReadColumns(const OptionMap& values, const std::string& source, Schema* schema) {
  Section columns(source, "columns", values);
  const auto required = RequiredRoles(schema->kind);
  const auto optional = OptionalRoles(schema->kind);
  const bool named = schema->header == HeaderMode::kNames || schema->header == HeaderMode::kRecbole;
  for (const std::string_view role : required) {
    if (values.find(std::string(role)) == values.end()) {
      columns.Fail(role, Concat("is missing; kind \"", kKinds[static_cast<int>(schema->kind)],
                                "\" needs ", Join(required)));
    }
  }
  for (const auto& [role, column] : values) {
    if (schema->kind != TableKind::kItems && !Contains(required, role) &&
        !Contains(optional, role)) {
      columns.Fail(role, Concat("unknown column; kind \"", kKinds[static_cast<int>(schema->kind)],
                                "\" has ", Join(required), optional.empty() ? "" : ", ",
                                Join(optional)));
    }
    if (!named && !IsNumber(column)) {
      columns.Fail(role, Concat("'", column, "' must be a column number from 0, as the file has no "
                                "header with names"));
    }
    if (IsNumber(column) && column.size() > 4) columns.Fail(role, "column numbers end at 9999");
    if (column.empty()) columns.Fail(role, "is empty");
  }
  schema->columns = values;
  return columns.status();
}

absl::Status ReadValues(const OptionMap& values, const std::string& source, Schema* schema) {
  Section section(source, "values", values);
  section.CheckKeys(kValueKeys);
  section.Choice("time_unit", kTimeUnits, &schema->time_unit);
  section.Value("weight_default", -1e30, 1e30, &schema->weight_default);
  section.Value("confidence_default", 1e-6, 1, &schema->confidence_default);
  section.Choice("method", kMethods, &schema->method);
  return section.status();
}

}  // namespace

std::span<const std::string_view> RequiredRoles(TableKind kind) {
  switch (kind) {
    case TableKind::kInteractions:
      return kUserItem;
    case TableKind::kItems:
      return kItem;
    case TableKind::kLinks:
      return kItemEntity;
    case TableKind::kTriples:
      return kTriple;
  }
  return {};
}

std::span<const std::string_view> OptionalRoles(TableKind kind) {
  switch (kind) {
    case TableKind::kInteractions:
      return kWeightTime;
    case TableKind::kLinks:
      return kConfidence;
    default:
      return {};
  }
}

absl::StatusOr<Schema> ParseSchema(std::string_view text, const std::string& source) {
  UNDULA_ASSIGN_OR_RETURN(auto sections, ParseOptionsText(text, source, kSections));
  Schema schema;
  UNDULA_RETURN_IF_ERROR(ReadFormat(sections["format"], source, &schema));
  UNDULA_RETURN_IF_ERROR(ReadColumns(sections["columns"], source, &schema));
  UNDULA_RETURN_IF_ERROR(ReadValues(sections["values"], source, &schema));
  return schema;
}

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
  for (Schema& schema : schemas) {
    if (schema.name == name) return std::move(schema);
    names.push_back(schema.name);
  }
  const std::string nearest = NearestKey(name, names);
  return NotFoundError("unknown format '", name, "'",
                       nearest.empty() ? "" : Concat("; did you mean '", nearest, "'?"),
                       " Formats: ", Join(names), "; or the path of a .toml file");
}

}  // namespace kgstore
}  // namespace undula
