// A TOML text as a tree of texts, for files that are richer than flat options (base/options.h).
// Every node knows its place, so that the reader of the tree can name it in its messages.
#ifndef UNDULA_BASE_TOML_TREE_H_
#define UNDULA_BASE_TOML_TREE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace undula {

struct TomlEntry;

struct TomlNode {
  enum class Kind { kValue, kList, kTable };

  Kind kind = Kind::kTable;
  std::string where;  // "file:line:column"
  std::string text;   // of a value: as base/options.h writes numbers, true and false
  std::vector<TomlNode> list;
  std::vector<TomlEntry> table;  // in byte order of the keys

  // The entry of a table; null where there is none.
  const TomlNode* Find(std::string_view key) const;
};

struct TomlEntry {
  std::string key;
  TomlNode node;
};

inline const TomlNode* TomlNode::Find(std::string_view key) const {
  for (const TomlEntry& entry : table) {
    if (entry.key == key) return &entry.node;
  }
  return nullptr;
}

// The tree of a text; `name` takes the file's place in messages. InvalidArgument with
// name:line:column for a syntax error, a date or time (write it as a string), tables nested more
// than 8 deep.
absl::StatusOr<TomlNode> ParseToml(std::string_view text, const std::string& name);

}  // namespace undula

#endif  // UNDULA_BASE_TOML_TREE_H_
