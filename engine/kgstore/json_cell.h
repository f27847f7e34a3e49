// JSON arrays in the cells of a table, e.g. the entities of MIND's news.tsv:
//   [{"Label": "Apollo 11", "WikidataId": "Q43653", "Confidence": 0.99}, ...]
#ifndef UNDULA_KGSTORE_JSON_CELL_H_
#define UNDULA_KGSTORE_JSON_CELL_H_

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace undula::kgstore {

// A member of an object whose value is a string, a number, true or false; null is an empty text.
// Members that are arrays or objects are checked and left out.
struct JsonMember {
  std::string_view key;
  std::string_view text;  // strings without quotes and escapes, the others as they stand
};

// The elements of a JSON array; an element that is no object is one member with an empty key. A
// blank cell is an array without elements. The views point into `cell` or into strings added to
// `texts`. RFC 8259, nested at most 32 deep; false with *error and *offset (of the first byte that
// does not fit).
bool ParseJsonArray(std::string_view cell, std::deque<std::string>* texts,
                    std::vector<std::vector<JsonMember>>* elements, std::string_view* error,
                    size_t* offset);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_JSON_CELL_H_
