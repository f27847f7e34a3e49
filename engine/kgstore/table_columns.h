// The columns of one file: the roles of its schema as field numbers.
#ifndef UNDULA_KGSTORE_TABLE_COLUMNS_H_
#define UNDULA_KGSTORE_TABLE_COLUMNS_H_

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kgstore/row_splitter.h"
#include "kgstore/schema.h"

namespace undula::kgstore {

struct TableColumns {
  static constexpr int kAbsent = -1;

  int user = kAbsent, item = kAbsent, weight = kAbsent, time = kAbsent;
  int head = kAbsent, relation = kAbsent, tail = kAbsent;
  int entity = kAbsent, confidence = kAbsent;
  std::vector<std::pair<std::string, int>> item_columns;  // of catalogue rows: name, field
  int needed = 0;    // fields that a row must have at least
  int expected = 0;  // fields that a row must have exactly; 0 where the file does not tell
};

// The names in a header line: blanks trimmed, RecBole's ":type" taken off.
std::vector<std::string> HeaderNames(const std::vector<Field>& fields, HeaderMode mode);

// `header` is empty where the schema has no header with names. NotFound for a required column that
// the header lacks (all its names are listed), InvalidArgument for one that it has twice.
absl::StatusOr<TableColumns> ResolveColumns(const Schema& schema,
                                            std::span<const std::string> header);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_TABLE_COLUMNS_H_
