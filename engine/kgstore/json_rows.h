// Files that are one JSON object, {"item": [1, 2], ...}: every member is a row of two fields, the
// key and the JSON text of its value.
#ifndef UNDULA_KGSTORE_JSON_ROWS_H_
#define UNDULA_KGSTORE_JSON_ROWS_H_

#include <cstddef>
#include <string_view>

namespace undula::kgstore {

struct JsonRow {
  std::string_view key;    // between its quotes, as it stands
  std::string_view value;  // not checked beyond its brackets and quotes
  size_t begin = 0;        // of the key's quote in the text
  size_t taken = 0;        // bytes of the text up to the end of the value
};

enum class JsonScan { kRow, kMore, kEnd, kBad };

// The next member at the front of `text`. `first`: the object has not begun yet. `at_end`: no text
// follows. kMore: the member ends behind `text`. kBad: *error and *offset.
JsonScan NextJsonRow(std::string_view text, bool first, bool at_end, JsonRow* row,
                     std::string_view* error, size_t* offset);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_JSON_ROWS_H_
