#include "kgstore/term_table.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/ids.h"
#include "kgstore/hash.h"

namespace undula::kgstore::internal {
namespace {

constexpr size_t kFirstSlots = 1024;
constexpr size_t kArenaBytes = size_t{1} << 20;
constexpr uint64_t kSeed = 0x756e64756c61;  // of this table only; any will do

}  // namespace

TermTable::TermTable() : slots_(kFirstSlots) {}

uint32_t TermTable::Add(std::string_view text) {
  const uint64_t hash = HashText(kSeed, text);
  const auto fingerprint = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (; slots_[at].id != 0; at = (at + 1) & mask) {
    const uint32_t id = slots_[at].id - 1;
    if (slots_[at].fingerprint == fingerprint && texts_[id] == text) return id;
  }
  if (texts_.size() >= kMaxIds) return kNoIndex;
  // Everything that may throw comes before the first change of the table.
  hashes_.reserve(texts_.size() + 1 > hashes_.capacity() ? 2 * texts_.size() + 64 : 0);
  texts_.reserve(texts_.size() + 1 > texts_.capacity() ? 2 * texts_.size() + 64 : 0);
  const std::string_view kept = Keep(text);
  const auto id = static_cast<uint32_t>(texts_.size());
  texts_.push_back(kept);
  hashes_.push_back(hash);
  slots_[at] = {fingerprint, id + 1};
  if (2 * texts_.size() > slots_.size()) Grow();
  return id;
}

void TermTable::Grow() {
  std::vector<Slot> bigger(2 * slots_.size());
  const size_t mask = bigger.size() - 1;
  for (uint32_t id = 0; id < texts_.size(); ++id) {
    size_t at = hashes_[id] & mask;
    while (bigger[at].id != 0) at = (at + 1) & mask;
    bigger[at] = {static_cast<uint32_t>(hashes_[id] >> 32), id + 1};
  }
  slots_.swap(bigger);
}

std::string_view TermTable::Keep(std::string_view text) {
  if (text.size() > free_bytes_) {
    const size_t bytes = std::max(text.size(), kArenaBytes);
    arena_.emplace_back(new char[bytes]);
    free_ = arena_.back().get();
    free_bytes_ = bytes;
  }
  if (!text.empty()) std::memcpy(free_, text.data(), text.size());
  const std::string_view kept(free_, text.size());
  free_ += text.size();
  free_bytes_ -= text.size();
  return kept;
}

}  // namespace undula::kgstore::internal
