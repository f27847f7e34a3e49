#include "kgstore/repeated_text.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/dictionary.h"
#include "kgstore/hash.h"

namespace undula::kgstore::internal {

absl::StatusOr<bool> HasRepeatedText(const ViewState& view, Space space) {
  const DictionaryReader reader(view, space);
  const auto skipped = [space](std::string_view text) {
    return text.empty() && space == Space::kUser;
  };
  // Not HashText, in which similar names meet far more often than by chance.
  const auto hash_of = [](std::string_view text) { return MixBytes(0, text); };
  std::vector<uint64_t> hashes;
  hashes.reserve(reader.size());
  UNDULA_RETURN_IF_ERROR(reader.ForEach([&](uint32_t, std::string_view text) {
    if (!skipped(text)) hashes.push_back(hash_of(text));
    return absl::OkStatus();
  }));
  std::sort(hashes.begin(), hashes.end());
  std::set<uint64_t> equal;
  for (size_t i = 1; i < hashes.size(); ++i) {
    if (hashes[i] == hashes[i - 1]) equal.insert(hashes[i]);
  }
  if (equal.empty()) return false;
  bool found = false;
  std::set<std::string, std::less<>> texts;
  UNDULA_RETURN_IF_ERROR(reader.ForEach([&](uint32_t, std::string_view text) {
    if (!skipped(text) && equal.contains(hash_of(text))) {
      found = !texts.emplace(text).second || found;
    }
    return absl::OkStatus();
  }));
  return found;
}

}  // namespace undula::kgstore::internal
