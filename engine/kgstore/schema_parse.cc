// ParseSchema: the TOML form of a column map (docs/data-formats.md).
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/options.h"
#include "base/status.h"
#include "base/toml_tree.h"
#include "kgstore/row_splitter.h"
#include "kgstore/schema.h"

namespace undula::kgstore {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::string_view kSections[] = {"format", "columns", "values", "record"};
constexpr std::string_view kRecordSections[] = {"kind", "columns", "values"};
constexpr std::string_view kFormatKeys[] = {"name",       "kind",   "description", "files",
                                            "separator",  "quote",  "header",      "encoding",
                                            "skip_lines", "comment"};
constexpr std::string_view kValueKeys[] = {"time_unit", "weight_default", "confidence_default",
                                           "method", "other_columns"};
constexpr std::string_view kColumnKeys[] = {
    "column",       "value",      "count",     "missing",     "list",       "rest",
    "json",         "before",     "after",     "before_last", "after_last", "strip_prefix",
    "strip_suffix", "names_file", "names_key", "names_value", "prefix",     "suffix",
    "drop",         "optional",   "literal",   "datatype",    "language"};

constexpr std::string_view kKinds[] = {"interactions", "items", "links",
                                       "triples",      "users", "social"};
constexpr std::string_view kHeaders[] = {"none", "skip", "names", "recbole"};
constexpr std::string_view kEncodings[] = {"utf-8", "latin-1"};
constexpr std::string_view kTimeUnits[] = {"s", "ms", "iso8601", "m/d/y"};
constexpr std::string_view kMethods[] = {"file", "external_id", "label", "manual"};  // LinkMethod
constexpr std::string_view kCounters[] = {"none", "element", "row"};

std::string Join(Words words) {
  std::string text;
  for (const std::string_view word : words) text += Concat(text.empty() ? "" : ", ", word);
  return text;
}

bool Contains(Words words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// Reads the entries of one table; the first error sticks.
class Section {
 public:
  // `node` may be null: a table without entries.
  Section(const TomlNode* node, std::string name) : node_(node), name_(std::move(name)) {
    if (node_ != nullptr && node_->kind != TomlNode::Kind::kTable) {
      status_ = InvalidArgumentError(node_->where, ": ", name_, " must be a table");
      node_ = nullptr;
    }
  }

  const std::vector<TomlEntry>& entries() const {
    static const std::vector<TomlEntry> none;
    return node_ == nullptr ? none : node_->table;
  }

  void CheckKeys(Words known) {
    for (const auto& [key, value] : entries()) {
      if (Contains(known, key)) continue;
      const std::string nearest = NearestKey(key, known);
      Fail(key, nearest.empty() ? Concat("unknown key; known: ", Join(known))
                                : Concat("unknown key; did you mean '", nearest, "'?"));
    }
  }

  const TomlNode* Find(std::string_view key) const {
    return node_ == nullptr ? nullptr : node_->Find(key);
  }

  // A scalar; null where the key is missing.
  const std::string* FindText(std::string_view key) {
    const TomlNode* value = Find(key);
    if (value == nullptr) return nullptr;
    if (value->kind == TomlNode::Kind::kValue) return &value->text;
    Fail(key, "expected one value");
    return nullptr;
  }

  void Text(std::string_view key, std::string* out) {
    if (const std::string* value = FindText(key)) *out = *value;
  }

  // A scalar or a list of scalars.
  void Texts(std::string_view key, std::vector<std::string>* out) {
    const TomlNode* value = Find(key);
    if (value == nullptr) return;
    if (value->kind == TomlNode::Kind::kValue) out->push_back(value->text);
    for (const TomlNode& element : value->list) {
      if (element.kind == TomlNode::Kind::kValue) {
        out->push_back(element.text);
      } else {
        Fail(key, "expected a list of texts or numbers");
      }
    }
    if (value->kind == TomlNode::Kind::kTable) Fail(key, "expected a text or a list of texts");
  }

  template <class Enum>
  void Choice(std::string_view key, Words words, Enum* out) {
    const std::string* value = FindText(key);
    if (value == nullptr) return;
    const auto found = std::find(words.begin(), words.end(), *value);
    if (found == words.end()) {
      Fail(key, Concat("'", *value, "' is none of ", Join(words)));
      return;
    }
    *out = static_cast<Enum>(found - words.begin());
  }

  template <class Number>
  void Value(std::string_view key, double min, double max, Number* out) {
    const std::string* value = FindText(key);
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

  void Flag(std::string_view key, bool* out) {
    const std::string* value = FindText(key);
    if (value == nullptr) return;
    if (*value != "true" && *value != "false") Fail(key, "expected true or false");
    *out = *value == "true";
  }

  void Fail(std::string_view key, std::string_view text) {
    if (!status_.ok()) return;
    const TomlNode* at = Find(key);
    if (at == nullptr) at = node_;
    status_ = InvalidArgumentError(at == nullptr ? "" : at->where, at == nullptr ? "" : ": ", name_,
                                   " ", key, ": ", text);
  }

  const absl::Status& status() const { return status_; }

 private:
  const TomlNode* node_;
  std::string name_;
  absl::Status status_;
};

absl::Status CheckSource(const std::string& source, absl::Status status) {
  if (status.ok() || Message(status).substr(0, source.size()) == source) return status;
  return Error(status.code(), source, ": ", Message(status));
}

absl::Status ReadFormat(Section format, Schema* schema) {
  format.CheckKeys(kFormatKeys);
  for (const char* key : {"name", "kind"}) {
    if (format.Find(key) == nullptr) format.Fail(key, "is missing");
  }
  format.Text("name", &schema->name);
  format.Text("description", &schema->description);
  format.Text("separator", &schema->separator);
  format.Text("comment", &schema->comment);
  format.Texts("files", &schema->files);
  format.Choice("header", kHeaders, &schema->header);
  format.Choice("encoding", kEncodings, &schema->encoding);
  format.Value("skip_lines", 0, 1e9, &schema->skip_lines);
  if (const std::string* quote = format.FindText("quote"); quote != nullptr && !quote->empty()) {
    if (quote->size() != 1) format.Fail("quote", "expected one ASCII character");
    if (schema->separator.size() != 1) {
      format.Fail("quote", "quoted fields need a separator of one character");
    }
    schema->quote = (*quote)[0];
  }
  if (schema->separator.empty() || schema->separator.find('\n') != std::string::npos) {
    format.Fail("separator", "expected a text without a line end, or \"whitespace\"");
  }
  if (schema->separator == RowSplitter::kJson &&
      (schema->header != HeaderMode::kNone || schema->encoding != TextEncoding::kUtf8 ||
       schema->skip_lines != 0 || !schema->comment.empty())) {
    format.Fail("separator", "a JSON file has no header, comments or encoding");
  }
  return format.status();
}

// A number, a name, a list of names, or a table.
absl::StatusOr<Column> ReadColumn(const TomlNode& node, const std::string& role, bool named) {
  Column column;
  TomlNode plain;  // the short form as a table
  if (node.kind != TomlNode::Kind::kTable) {
    plain.where = node.where;
    plain.table.push_back({"column", node});
  }
  Section s(node.kind == TomlNode::Kind::kTable ? &node : &plain, Concat("column '", role, "':"));
  s.CheckKeys(kColumnKeys);
  s.Texts("column", &column.names);
  if (const std::string* value = s.FindText("value")) column.value = *value;
  s.Choice("count", kCounters, &column.counter);
  s.Texts("missing", &column.missing);
  s.Text("list", &column.list);
  s.Flag("rest", &column.rest);
  if (const std::string* json = s.FindText("json")) column.json = *json;
  s.Text("before", &column.before);
  s.Text("after", &column.after);
  s.Text("before_last", &column.before_last);
  s.Text("after_last", &column.after_last);
  s.Text("strip_prefix", &column.strip_prefix);
  s.Text("strip_suffix", &column.strip_suffix);
  s.Text("names_file", &column.names_file);
  s.Value("names_key", 0, 9999, &column.names_key);
  s.Value("names_value", 0, 9999, &column.names_value);
  s.Text("prefix", &column.prefix);
  s.Text("suffix", &column.suffix);
  s.Texts("drop", &column.drop);
  s.Flag("optional", &column.optional);
  s.Flag("literal", &column.literal);
  s.Text("datatype", &column.datatype);
  s.Text("language", &column.language);

  const int sources =
      !column.names.empty() + column.value.has_value() + (column.counter != Counter::kNone);
  if (sources != 1) s.Fail("column", "give one of column, value and count");
  for (const std::string& name : column.names) {
    if (name.empty()) s.Fail("column", "is empty");
    if (IsNumber(name) && name.size() > 4) s.Fail("column", "column numbers end at 9999");
    if (named || IsNumber(name)) continue;
    s.Fail("column", Concat("'", name,
                            "' must be a column number from 0, as the file has no "
                            "header with names"));
  }
  if (!column.list.empty() + column.rest + column.json.has_value() > 1) {
    s.Fail("list", "give one of list, rest and json");
  }
  if (column.names.empty() && column.is_list()) s.Fail("list", "a constant is no list");
  if (column.rest && (column.names.size() != 1 || !IsNumber(column.names[0]))) {
    s.Fail("rest", "needs a column number");
  }
  column.literal |= !column.datatype.empty() || !column.language.empty();
  if (column.literal && role != "tail") s.Fail("literal", "is for tail only");
  if (!column.datatype.empty() && !column.language.empty()) {
    s.Fail("language", "a literal has a datatype or a language");
  }
  if (column.names_file.empty() != (s.Find("names_key") == nullptr) ||
      column.names_file.empty() != (s.Find("names_value") == nullptr)) {
    s.Fail("names_file", "names_file, names_key and names_value belong together");
  }
  if (!s.status().ok()) return s.status();
  return column;
}

absl::Status ReadRecord(Section columns, Section values, bool named, RecordMap* record) {
  const Words required = RequiredRoles(record->kind);
  const Words optional = OptionalRoles(record->kind);
  const auto allowed = [&] {
    return Concat("kind \"", KindName(record->kind), "\" has ", Join(required),
                  optional.empty() ? "" : ", ", Join(optional));
  };
  for (const std::string_view role : required) {
    if (columns.Find(role) == nullptr) columns.Fail(role, Concat("is missing; ", allowed()));
  }
  std::string list_field;
  for (const auto& [role, node] : columns.entries()) {
    if (!HasFreeColumns(record->kind) && !Contains(required, role) && !Contains(optional, role)) {
      columns.Fail(role, Concat("unknown column; ", allowed()));
    }
    if (!columns.status().ok()) return columns.status();
    UNDULA_ASSIGN_OR_RETURN(Column column, ReadColumn(node, role, named));
    if (column.is_list()) {
      if (!list_field.empty() && list_field != column.names[0]) {
        columns.Fail(role, Concat("lists of one record must be of the same column, not ",
                                  list_field, " and ", column.names[0]));
      }
      list_field = column.names[0];
    }
    record->columns.emplace(role, std::move(column));
  }
  for (const auto& [role, column] : record->columns) {
    if (column.counter == Counter::kElement && list_field.empty()) {
      columns.Fail(role, "counts the elements of a list, but no column of this record is a list");
    }
  }
  UNDULA_RETURN_IF_ERROR(columns.status());

  values.CheckKeys(kValueKeys);
  values.Choice("time_unit", kTimeUnits, &record->time_unit);
  values.Value("weight_default", -1e30, 1e30, &record->weight_default);
  values.Value("confidence_default", 1e-6, 1, &record->confidence_default);
  values.Choice("method", kMethods, &record->method);
  values.Flag("other_columns", &record->other_columns);
  if (record->other_columns && (!HasFreeColumns(record->kind) || !named)) {
    values.Fail("other_columns", "is for items and users of files with column names only");
  }
  return values.status();
}

absl::StatusOr<Schema> ReadSchema(const TomlNode& root) {
  Schema schema;
  Section top(&root, "");
  for (const auto& [key, node] : root.table) {
    if (Contains(kSections, key)) continue;
    const std::string nearest = NearestKey(key, kSections);
    return InvalidArgumentError(node.where, ": unknown section [", key, "]",
                                nearest.empty() ? Concat("; known: ", Join(kSections))
                                                : Concat("; did you mean [", nearest, "]?"));
  }
  UNDULA_RETURN_IF_ERROR(ReadFormat(Section(root.Find("format"), "[format]"), &schema));
  Section format(root.Find("format"), "[format]");
  RecordMap& first = schema.records.emplace_back();
  format.Choice("kind", kKinds, &first.kind);
  UNDULA_RETURN_IF_ERROR(format.status());
  UNDULA_RETURN_IF_ERROR(ReadRecord(Section(root.Find("columns"), "[columns]"),
                                    Section(root.Find("values"), "[values]"), schema.has_names(),
                                    &first));
  const TomlNode* more = root.Find("record");
  if (more == nullptr) return schema;
  if (more->kind != TomlNode::Kind::kList) {
    return InvalidArgumentError(more->where, ": write [[record]], as there may be several");
  }
  for (const TomlNode& node : more->list) {
    Section section(&node, "[[record]]");
    RecordMap& record = schema.records.emplace_back();
    section.CheckKeys(kRecordSections);
    if (section.Find("kind") == nullptr) section.Fail("kind", "is missing");
    section.Choice("kind", kKinds, &record.kind);
    UNDULA_RETURN_IF_ERROR(section.status());
    UNDULA_RETURN_IF_ERROR(ReadRecord(Section(node.Find("columns"), "[record.columns]"),
                                      Section(node.Find("values"), "[record.values]"),
                                      schema.has_names(), &record));
  }
  return schema;
}

}  // namespace

absl::StatusOr<Schema> ParseSchema(std::string_view text, const std::string& source) {
  UNDULA_ASSIGN_OR_RETURN(const TomlNode root, ParseToml(text, source));
  auto schema = ReadSchema(root);
  if (!schema.ok()) return CheckSource(source, schema.status());
  return schema;
}

}  // namespace undula::kgstore
