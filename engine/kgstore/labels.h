// Labels: which relations carry them, and the labels table.
//
// A relation is a label relation where its name is one of rdfs:label, skos:prefLabel, foaf:name,
// schema.org name (http or https), skos:altLabel, or where its local name (what follows the last
// '#', '/', ':' or '.') is label, prefLabel, name, title or altLabel in any case.
#ifndef UNDULA_KGSTORE_LABELS_H_
#define UNDULA_KGSTORE_LABELS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"

namespace undula::kgstore::internal {

inline constexpr size_t kMaxLabelBytes = 400;  // normalized; longer ones are not in the table

// The order in which labels are preferred for display, 0 first; nothing for other relations.
std::optional<uint8_t> LabelRank(std::string_view relation);

// The value of the labels table: ascending entity ids.
std::string EncodeEntities(const std::vector<uint32_t>& entities);
// False where the bytes are damaged; appends.
bool DecodeEntities(std::string_view bytes, std::vector<EntityId>* entities);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_LABELS_H_
