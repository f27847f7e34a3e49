// Names for display and look-up: what the engine's dense ids are called in the user's world. Built
// once from a read transaction; immutable and shareable afterwards.
#ifndef UNDULA_QUERIES_CATALOG_H_
#define UNDULA_QUERIES_CATALOG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"

namespace undula::queries {

// Strings by dense index in one block of memory.
class StringTable {
 public:
  void Reserve(size_t strings, size_t bytes) {
    offsets_.reserve(strings + 1);
    text_.reserve(bytes);
  }
  void Add(std::string_view s) {
    text_.append(s);
    offsets_.push_back(text_.size());
  }
  size_t size() const { return offsets_.size() - 1; }
  std::string_view operator[](size_t i) const {
    return std::string_view(text_).substr(offsets_[i], offsets_[i + 1] - offsets_[i]);
  }

 private:
  std::string text_;
  std::vector<uint64_t> offsets_ = {0};
};

// StringTable with look-up by text (open addressing over indices; no copies of the strings).
class NameIndex {
 public:
  // Indexes every string of `table`, which must outlive the index. Of equal strings the first wins.
  void Build(const StringTable& table);
  // kNoIndex where there is none.
  uint32_t Find(std::string_view name) const;

 private:
  const StringTable* table_ = nullptr;
  std::vector<uint32_t> slots_;
};

struct Catalog {
  StringTable users, items, entities, relations;  // names as imported
  StringTable titles;                             // per item; empty where the catalogue has none
  StringTable entity_labels;                      // best label; empty where there is none
  StringTable relation_labels;  // label of the relation, else words made from its name
  NameIndex user_index, item_index;
  std::vector<EntityId> item_entity;  // best link, or none

  Catalog() = default;
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // To be called once after the tables are filled.
  void BuildIndexes();

  // NotFound names the nearest existing name.
  absl::StatusOr<UserId> FindUser(std::string_view name) const;
  absl::StatusOr<ItemId> FindItem(std::string_view name) const;
  // Title, else the linked entity's label, else the item's own id.
  std::string_view ItemTitle(ItemId item) const;
  // Label, else the name's last part.
  std::string EntityLabel(EntityId entity) const;
};

// "http://x.org/ns#directedBy" -> "directed by"; "film.film.starring" -> "starring".
std::string WordsOfName(std::string_view name);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_CATALOG_H_
