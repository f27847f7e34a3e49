// Labels: which relations carry them, and the labels table.
//
// A relation is a label relation where its name is one of rdfs:label, skos:prefLabel, foaf:name,
// schema.org name (http or https), skos:altLabel, or where its local name (what follows the last
// '#', '/', ':' or '.') is label, prefLabel, name, title or altLabel in any case.
#ifndef UNDULA_KGSTORE_LABELS_H_
#define UNDULA_KGSTORE_LABELS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kgstore/store.h"
#include "kgstore/varint.h"

namespace undula::kgstore::internal {

inline constexpr size_t kMaxLabelBytes = 400;  // normalized; longer ones are not in the table

// The order in which labels are preferred for display, 0 first; nothing for other relations.
std::optional<uint8_t> LabelRank(std::string_view relation);

// One label of the table and its entities, ascending.
struct LabelEntry {
  std::string label;
  std::vector<uint32_t> entities;
};

// The table holds runs of labels that follow each other, front-coded: key = the first label of the
// block (docs/file-format.md).
inline constexpr size_t kMaxLabelBlock = 960;  // bytes, unless one label alone needs more

// Packs labels, ascending and distinct, into blocks and gives each to put(key, value) as soon as it
// is full.
class LabelPacker {
 public:
  using Put = std::function<absl::Status(std::string_view key, std::string_view value)>;
  explicit LabelPacker(Put put) : put_(std::move(put)) {}

  // `entities`: ascending, distinct, at least one.
  absl::Status Add(std::string_view label, const std::vector<uint32_t>& entities);
  absl::Status Finish();

 private:
  Put put_;
  std::string first_, last_, block_, entry_;
  bool open_ = false;
};

// Calls f(label, entities) for the labels of a block, ascending, until f returns false; the
// arguments hold during the call. False where the block is damaged.
template <class F>
bool ReadLabelBlock(std::string_view key, std::string_view value, F&& f) {
  FieldReader in(value);
  std::string label(key);
  std::vector<uint32_t> entities;
  for (bool first = true; !in.done(); first = false) {
    const uint64_t shared = first ? key.size() : in.Varint();
    const uint64_t tag = in.Varint();
    const std::string_view rest = in.Bytes(tag >> 1);
    const uint64_t more = (tag & 1) != 0 ? in.Varint() + 1 : 0;
    if (!in.ok() || shared > label.size() || more > value.size()) return false;
    label.resize(shared);
    label.append(rest);
    entities.clear();
    uint64_t entity = 0;
    for (uint64_t i = 0; i <= more; ++i) {
      entity += in.Varint();
      if (!in.ok() || entity > kMaxIds) return false;
      entities.push_back(static_cast<uint32_t>(entity));
    }
    if (!f(std::string_view(label), entities)) return true;
  }
  return in.ok();
}

// The entities of a label; DataLoss for a damaged table.
absl::StatusOr<std::vector<uint32_t>> FindLabel(const ViewState& view, std::string_view label);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_LABELS_H_
