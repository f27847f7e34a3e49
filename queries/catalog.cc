#include "queries/catalog.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <functional>
#include <span>

#include "base/options.h"
#include "base/status.h"

namespace undula::queries {
namespace {

// The part of a name after the last '/', '#' or ':'; the whole name where nothing follows.
std::string_view LastPart(std::string_view name) {
  const size_t at = name.find_last_of("/#:");
  return at == std::string_view::npos || at + 1 == name.size() ? name : name.substr(at + 1);
}

absl::Status UnknownName(std::string_view kind, std::string_view name, const StringTable& table) {
  // An edit-distance search over a whole catalogue is for small ones only; the message of a large
  // one still says how to list the names.
  constexpr size_t kMostNames = 200'000;
  std::string nearest;
  if (table.size() <= kMostNames) {
    std::vector<std::string_view> names(table.size());
    for (size_t i = 0; i < names.size(); ++i) names[i] = table[i];
    nearest = NearestKey(name, names);
  }
  if (!nearest.empty()) nearest = "; did you mean '" + nearest + "'?";
  return NotFoundError("no ", kind, " '", name, "' among the ", table.size(),
                       " that the database knows", nearest);
}

}  // namespace

void NameIndex::Build(const StringTable& table) {
  table_ = &table;
  slots_.assign(std::bit_ceil(table.size() * 2 + 1), kNoIndex);
  const size_t mask = slots_.size() - 1;
  for (uint32_t i = 0; i < table.size(); ++i) {
    size_t at = std::hash<std::string_view>{}(table[i]) & mask;
    while (slots_[at] != kNoIndex && table[slots_[at]] != table[i]) at = (at + 1) & mask;
    if (slots_[at] == kNoIndex) slots_[at] = i;
  }
}

uint32_t NameIndex::Find(std::string_view name) const {
  if (table_ == nullptr) return kNoIndex;
  const size_t mask = slots_.size() - 1;
  size_t at = std::hash<std::string_view>{}(name)&mask;
  while (slots_[at] != kNoIndex) {
    if ((*table_)[slots_[at]] == name) return slots_[at];
    at = (at + 1) & mask;
  }
  return kNoIndex;
}

void Catalog::BuildIndexes() {
  user_index.Build(users);
  item_index.Build(items);
}

absl::StatusOr<UserId> Catalog::FindUser(std::string_view name) const {
  const uint32_t index = user_index.Find(name);
  if (index == kNoIndex) return UnknownName("user", name, users);
  return UserId{index};
}

absl::StatusOr<ItemId> Catalog::FindItem(std::string_view name) const {
  const uint32_t index = item_index.Find(name);
  if (index == kNoIndex) return UnknownName("item", name, items);
  return ItemId{index};
}

std::string_view Catalog::ItemTitle(ItemId item) const {
  const uint32_t i = Index(item);
  if (i < titles.size() && !titles[i].empty()) return titles[i];
  const EntityId entity = i < item_entity.size() ? item_entity[i] : kNone<EntityId>;
  if (entity != kNone<EntityId> && Index(entity) < entity_labels.size() &&
      !entity_labels[Index(entity)].empty()) {
    return entity_labels[Index(entity)];
  }
  return items[i];
}

std::string Catalog::EntityLabel(EntityId entity) const {
  const uint32_t i = Index(entity);
  if (i < entity_labels.size() && !entity_labels[i].empty()) return std::string(entity_labels[i]);
  return std::string(LastPart(entities[i]));
}

std::string WordsOfName(std::string_view name) {
  std::string_view part = LastPart(name);
  if (part.size() == name.size() && name.find('/') == std::string_view::npos) {
    // No IRI: a dotted name as in Freebase.
    const size_t dot = part.find_last_of('.');
    if (dot != std::string_view::npos && dot + 1 < part.size()) part = part.substr(dot + 1);
  }
  std::string words;
  for (size_t i = 0; i < part.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(part[i]);
    if (c == '_' || c == '-' || c == ' ') {
      if (!words.empty() && words.back() != ' ') words.push_back(' ');
    } else if (std::isupper(c)) {
      const bool after_lower = i > 0 && std::islower(static_cast<unsigned char>(part[i - 1]));
      if (after_lower) words.push_back(' ');
      words.push_back(static_cast<char>(std::tolower(c)));
    } else {
      words.push_back(part[i]);
    }
  }
  return words;
}

}  // namespace undula::queries
