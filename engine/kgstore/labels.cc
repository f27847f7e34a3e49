#include "kgstore/labels.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/status.h"

namespace undula::kgstore::internal {
namespace {

struct Known {
  std::string_view name;
  uint8_t rank;
};

constexpr std::array<Known, 6> kKnownNames = {{
    {"http://www.w3.org/2000/01/rdf-schema#label", 0},
    {"http://www.w3.org/2004/02/skos/core#prefLabel", 1},
    {"http://xmlns.com/foaf/0.1/name", 2},
    {"http://schema.org/name", 3},
    {"https://schema.org/name", 3},
    {"http://www.w3.org/2004/02/skos/core#altLabel", 9},
}};

constexpr std::array<Known, 5> kLocalNames = {{
    {"label", 4},
    {"preflabel", 5},
    {"name", 6},
    {"title", 7},
    {"altlabel", 10},
}};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<uint8_t> LabelRank(std::string_view relation) {
  for (const Known& known : kKnownNames) {
    if (relation == known.name) return known.rank;
  }
  const size_t cut = relation.find_last_of("#/:.");
  const std::string_view local =
      cut == std::string_view::npos ? relation : relation.substr(cut + 1);
  for (const Known& known : kLocalNames) {
    if (std::equal(local.begin(), local.end(), known.name.begin(), known.name.end(),
                   [](char a, char b) { return Lower(a) == b; })) {
      return known.rank;
    }
  }
  return std::nullopt;
}

absl::Status LabelPacker::Add(std::string_view label, const std::vector<uint32_t>& entities) {
  size_t shared = label.size();
  if (open_) {
    const size_t most = std::min(label.size(), last_.size());
    shared = 0;
    while (shared < most && label[shared] == last_[shared]) ++shared;
  }
  entry_.clear();
  if (open_) PutVarint(&entry_, shared);
  PutVarint(&entry_, 2 * (label.size() - shared) + (entities.size() > 1 ? 1 : 0));
  entry_.append(label.substr(shared));
  if (entities.size() > 1) PutVarint(&entry_, entities.size() - 2);
  uint32_t last = 0;
  for (const uint32_t entity : entities) {
    PutVarint(&entry_, entity - last);
    last = entity;
  }
  if (open_ && block_.size() + entry_.size() > kMaxLabelBlock) {
    UNDULA_RETURN_IF_ERROR(Finish());
    return Add(label, entities);
  }
  if (!open_) first_.assign(label);
  open_ = true;
  last_.assign(label);
  block_.append(entry_);
  return absl::OkStatus();
}

absl::Status LabelPacker::Finish() {
  if (!open_) return absl::OkStatus();
  const absl::Status status = put_(first_, block_);
  block_.clear();
  open_ = false;
  return status;
}

absl::StatusOr<std::vector<uint32_t>> FindLabel(const ViewState& view, std::string_view label) {
  std::vector<uint32_t> found;
  if (label.empty() || label.size() > kMaxLabelBytes) return found;
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> blocks, view.Walk(Table::kLabels));
  // The last block whose first label is not greater.
  UNDULA_ASSIGN_OR_RETURN(bool more, blocks->Seek(label));
  if (!more) {
    UNDULA_ASSIGN_OR_RETURN(more, blocks->Last());
  } else if (blocks->key() != label) {
    UNDULA_ASSIGN_OR_RETURN(more, blocks->Prev());
  }
  if (!more) return found;
  const bool ok = ReadLabelBlock(blocks->key(), blocks->value(),
                                 [&](std::string_view text, const std::vector<uint32_t>& ids) {
                                   if (text == label) found = ids;
                                   return text < label;
                                 });
  if (!ok) {
    return DataLossError(view.store().path(),
                         ": table labels is damaged; restore the file from a backup");
  }
  return found;
}

}  // namespace undula::kgstore::internal
