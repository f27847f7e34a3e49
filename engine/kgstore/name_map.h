// Names files: what the numbers of a data set stand for, e.g. KGAT's entity_list.txt
// ("org_id remap_id") or PEARLM's r_map.txt (id, IRI, name).
#ifndef UNDULA_KGSTORE_NAME_MAP_H_
#define UNDULA_KGSTORE_NAME_MAP_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"

namespace undula::kgstore {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using NameMap = std::unordered_map<std::string, std::string, TextHash, std::equal_to<>>;

// Field `key` of each row -> field `value`. Fields are separated by tabs where the first row has
// one, else by one blank each, with "quoted" fields. Rows without the two fields (blank lines) and
// those with an empty key are left out; a header line becomes an entry that nobody asks for.
// Where there is no file `path`, the same with .gz, .bz2, .xz or .zst is taken.
// NotFound for a missing file; InvalidArgument (file:line) for a key that comes twice with
// different values and for invalid UTF-8; at most 1 GiB of text (ResourceExhausted).
absl::StatusOr<NameMap> ReadNameMap(const std::string& path, int64_t key, int64_t value);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_NAME_MAP_H_
