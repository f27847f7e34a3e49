#include "kgstore/edit_labels.h"

#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kgstore/labels.h"

namespace undula::kgstore::internal {
namespace {

// The block that a label belongs to: the last one that does not begin behind it, else the first.
struct Found {
  std::optional<std::string> key;
  std::string value;
  std::optional<std::string> next;  // the key of the block behind
};

absl::StatusOr<Found> FindBlock(const OpenTables& open, std::string_view label) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> blocks,
                          Cursor::Open(open.store.env(), open.txn->raw(), open[Table::kLabels]));
  Found found;
  UNDULA_ASSIGN_OR_RETURN(bool more, blocks->Seek(label));
  if (more && blocks->key() != label) {
    UNDULA_ASSIGN_OR_RETURN(more, blocks->Prev());
    if (!more) {
      UNDULA_ASSIGN_OR_RETURN(more, blocks->First());
    }
  } else if (!more) {
    UNDULA_ASSIGN_OR_RETURN(more, blocks->Last());
  }
  if (!more) return found;
  found.key.emplace(blocks->key());
  found.value.assign(blocks->value());
  UNDULA_ASSIGN_OR_RETURN(more, blocks->Next());
  if (more) found.next.emplace(blocks->key());
  return found;
}

}  // namespace

absl::StatusOr<int64_t> EditLabelBlocks(
    const OpenTables& open, const std::map<std::pair<std::string, uint32_t>, bool>& wanted) {
  int64_t grown = 0;
  for (auto edit = wanted.begin(); edit != wanted.end();) {
    UNDULA_ASSIGN_OR_RETURN(const Found found, FindBlock(open, edit->first.first));
    std::map<std::string, std::set<uint32_t>> labels;
    if (found.key.has_value()) {
      if (!ReadLabelBlock(*found.key, found.value,
                          [&](std::string_view label, const std::vector<uint32_t>& entities) {
                            labels[std::string(label)].insert(entities.begin(), entities.end());
                            return true;
                          })) {
        return open.Damaged(Table::kLabels);
      }
      UNDULA_RETURN_IF_ERROR(open.txn->Delete(open[Table::kLabels], *found.key));
    }
    for (; edit != wanted.end() && (!found.next.has_value() || edit->first.first < *found.next);
         ++edit) {
      const auto& [label, entity] = edit->first;
      if (edit->second) {
        grown += labels[label].insert(entity).second ? 1 : 0;
      } else if (const auto at = labels.find(label); at != labels.end()) {
        grown -= static_cast<int64_t>(at->second.erase(entity));
        if (at->second.empty()) labels.erase(at);
      }
    }
    LabelPacker packer([&](std::string_view key, std::string_view value) {
      return open.txn->Put(open[Table::kLabels], key, value);
    });
    for (const auto& [label, entities] : labels) {
      UNDULA_RETURN_IF_ERROR(
          packer.Add(label, std::vector<uint32_t>(entities.begin(), entities.end())));
    }
    UNDULA_RETURN_IF_ERROR(packer.Finish());
  }
  return grown;
}

}  // namespace undula::kgstore::internal
