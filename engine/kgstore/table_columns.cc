#include "kgstore/table_columns.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/options.h"
#include "base/status.h"

namespace undula::kgstore {
namespace {

bool HasNames(const Schema& schema) {
  return schema.header == HeaderMode::kNames || schema.header == HeaderMode::kRecbole;
}

// The field of a column, kAbsent where the header lacks it.
absl::StatusOr<int> FindColumn(const std::string& column, std::span<const std::string> header,
                               bool named) {
  const auto found = std::find(header.begin(), header.end(), column);
  if (found != header.end()) {
    if (std::find(found + 1, header.end(), column) != header.end()) {
      return InvalidArgumentError("the header has column '", column, "' twice");
    }
    return static_cast<int>(found - header.begin());
  }
  int number = 0;
  const char* end = column.data() + column.size();
  const auto result = std::from_chars(column.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return TableColumns::kAbsent;
  if (named && number >= static_cast<int>(header.size())) return TableColumns::kAbsent;
  return number;
}

absl::Status MissingColumn(std::string_view role, const std::string& column,
                           std::span<const std::string> header) {
  std::string list;
  std::vector<std::string_view> names;
  for (const std::string& name : header) {
    list += Concat(list.empty() ? "" : ", ", name.empty() ? "''" : name);
    names.push_back(name);
  }
  const std::string nearest = NearestKey(column, names);
  return NotFoundError("the header has no column '", column, "' (", role, ")",
                       nearest.empty() ? "" : Concat("; did you mean '", nearest, "'?"),
                       " It has: ", list);
}

int* RoleField(TableColumns* columns, std::string_view role) {
  const std::pair<std::string_view, int*> roles[] = {
      {"user", &columns->user},         {"item", &columns->item},
      {"weight", &columns->weight},     {"time", &columns->time},
      {"head", &columns->head},         {"relation", &columns->relation},
      {"tail", &columns->tail},         {"entity", &columns->entity},
      {"confidence", &columns->confidence}};
  for (const auto& [name, field] : roles) {
    if (name == role) return field;
  }
  return nullptr;
}

bool Contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

std::vector<std::string> HeaderNames(const std::vector<Field>& fields, HeaderMode mode) {
  std::vector<std::string> names;
  for (const Field& field : fields) {
    std::string_view name = field.text;
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (mode == HeaderMode::kRecbole) name = name.substr(0, name.rfind(':'));
    names.emplace_back(name);
  }
  return names;
}

absl::StatusOr<TableColumns> ResolveColumns(const Schema& schema,
                                            std::span<const std::string> header) {
  const bool named = HasNames(schema);
  const auto required = RequiredRoles(schema.kind);
  const auto optional = OptionalRoles(schema.kind);
  TableColumns columns;
  std::set<int> used;
  for (const auto& [role, column] : schema.columns) {
    UNDULA_ASSIGN_OR_RETURN(const int field, FindColumn(column, header, named));
    const bool is_required = Contains(required, role);
    if (field == TableColumns::kAbsent && is_required) return MissingColumn(role, column, header);
    if (field == TableColumns::kAbsent) continue;
    used.insert(field);
    columns.needed = std::max(columns.needed, field + 1);
    if (is_required || Contains(optional, role)) {
      *RoleField(&columns, role) = field;
    } else {
      columns.item_columns.emplace_back(role, field);
    }
  }
  if (schema.other_columns) {
    for (int field = 0; field < static_cast<int>(header.size()); ++field) {
      if (used.count(field) != 0 || header[field].empty()) continue;
      columns.item_columns.emplace_back(header[field], field);
    }
  }
  if (named) columns.expected = static_cast<int>(header.size());
  return columns;
}

}  // namespace undula::kgstore
