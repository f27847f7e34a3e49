// A LinkSource in memory, filled by a test.
#ifndef UNDULA_TESTS_LINKING_MEMORY_SOURCE_H_
#define UNDULA_TESTS_LINKING_MEMORY_SOURCE_H_

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/text/normalize.h"
#include "linking/link_source.h"

namespace undula::linking {

class MemorySource final : public LinkSource {
 public:
  struct Item {
    std::string text;
    std::vector<std::pair<std::string, std::string>> columns;
    bool linked = false;
  };

  EntityId AddEntity(const std::string& name, const std::vector<std::string>& labels,
                     const std::vector<std::pair<std::string, std::string>>& values = {}) {
    const EntityId id{static_cast<uint32_t>(names_.size())};
    names_.push_back(name);
    for (const std::string& label : labels) {
      std::vector<EntityId>& list = by_label_[*NormalizeText(label)];
      if (list.empty() || list.back() != id) list.push_back(id);
    }
    for (const auto& [relation, value] : values) {
      const auto [it, added] = relations_.try_emplace(relation, relations_.size());
      values_[{id, RelationId{static_cast<uint32_t>(it->second)}}].push_back(value);
    }
    return id;
  }
  void AddItem(Item item) { items_.push_back(std::move(item)); }
  const Item& item(ItemId id) const { return items_.at(Index(id)); }

  absl::Status ForEachItem(
      const std::function<absl::Status(const ItemRow&)>& visit) const override {
    for (uint32_t i = 0; i < items_.size(); ++i) {
      UNDULA_RETURN_IF_ERROR(
          visit(ItemRow{ItemId{i}, items_[i].text, items_[i].columns, items_[i].linked}));
    }
    return absl::OkStatus();
  }
  int64_t ItemCount() const override { return static_cast<int64_t>(items_.size()); }
  absl::StatusOr<std::vector<EntityId>> EntitiesByLabel(
      std::string_view normalized) const override {
    const auto it = by_label_.find(std::string(normalized));
    return it == by_label_.end() ? std::vector<EntityId>() : it->second;
  }
  absl::StatusOr<EntityId> FindEntity(std::string_view name) const override {
    const auto it = std::find(names_.begin(), names_.end(), name);
    return it == names_.end() ? kNone<EntityId>
                              : EntityId{static_cast<uint32_t>(it - names_.begin())};
  }
  absl::StatusOr<RelationId> FindRelation(std::string_view name) const override {
    const auto it = relations_.find(std::string(name));
    return it == relations_.end() ? kNone<RelationId>
                                  : RelationId{static_cast<uint32_t>(it->second)};
  }
  absl::StatusOr<std::vector<EntityId>> EntitiesByValue(RelationId relation,
                                                        std::string_view lexical) const override {
    std::vector<EntityId> found;
    for (const auto& [key, values] : values_) {
      if (key.second == relation &&
          std::find(values.begin(), values.end(), lexical) != values.end()) {
        found.push_back(key.first);
      }
    }
    return found;
  }
  absl::StatusOr<std::vector<std::string>> Values(EntityId entity,
                                                  RelationId relation) const override {
    const auto it = values_.find({entity, relation});
    return it == values_.end() ? std::vector<std::string>() : it->second;
  }
  absl::StatusOr<std::string> EntityName(EntityId entity) const override {
    return names_.at(Index(entity));
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::vector<EntityId>> by_label_;
  std::map<std::string, size_t> relations_;
  std::map<std::pair<EntityId, RelationId>, std::vector<std::string>> values_;
  std::vector<Item> items_;
};

}  // namespace undula::linking

#endif  // UNDULA_TESTS_LINKING_MEMORY_SOURCE_H_
