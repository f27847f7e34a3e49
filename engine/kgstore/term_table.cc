#include "kgstore/term_table.h"

#include <algorithm>
#include <cstddef>

#include "base/ids.h"
#include "kgstore/hash.h"

namespace undula::kgstore::internal {
namespace {

constexpr int kFirstBits = 10;
constexpr uint64_t kSeed = 0x756e64756c61;  // of Add only; any will do

}  // namespace

TermTable::TermTable() : slots_(size_t{1} << kFirstBits), shift_(32 - kFirstBits) {}

uint32_t TermTable::Add(std::string_view text) {
  Reserve(1);
  return AddOne({text, HashText(kSeed, text)});
}

void TermTable::AddBatch(std::span<TermProbe> probes) {
  Reserve(probes.size());
  for (const TermProbe& probe : probes) __builtin_prefetch(&slots_[Start(Fingerprint(probe))]);
  for (const TermProbe& probe : probes) {
    const uint32_t fingerprint = Fingerprint(probe);
    const Slot& slot = slots_[Start(fingerprint)];
    if (slot.place == 0 || slot.fingerprint != fingerprint) continue;
    const char* record = Address(slot.place - 1);
    __builtin_prefetch(record);
    __builtin_prefetch(record + 64);
  }
  for (TermProbe& probe : probes) probe.id = AddOne(probe);
}

uint32_t TermTable::AddOne(const TermProbe& probe) {
  const uint32_t fingerprint = Fingerprint(probe);
  const size_t mask = slots_.size() - 1;
  size_t at = Start(fingerprint);
  for (; slots_[at].place != 0; at = (at + 1) & mask) {
    if (slots_[at].fingerprint != fingerprint) continue;
    const Record record = At(slots_[at].place - 1);
    if (record.size == probe.text.size() &&
        std::memcmp(record.text, probe.text.data(), record.size) == 0) {
      return record.id;
    }
  }
  if (places_.size() >= kMaxIds) return kNoIndex;
  const auto id = static_cast<uint32_t>(places_.size());
  const uint32_t place = Keep(probe, id);
  if (place == kNoIndex) return kNoIndex;
  places_.push_back(place);  // Reserve has made room
  slots_[at] = {fingerprint, place + 1};
  return id;
}

void TermTable::Reserve(size_t more) {
  const size_t needed = places_.size() + more;
  if (needed > places_.capacity()) places_.reserve(2 * needed);
  if (2 * needed <= slots_.size()) return;
  size_t size = slots_.size();
  int shift = shift_;
  while (2 * needed > size && shift > 0) {
    size *= 2;
    --shift;
  }
  if (size == slots_.size()) return;
  std::vector<Slot> bigger(size);
  for (const Slot& slot : slots_) {
    if (slot.place == 0) continue;
    size_t at = slot.fingerprint >> shift;
    while (bigger[at].place != 0) at = (at + 1) & (size - 1);
    bigger[at] = slot;
  }
  slots_.swap(bigger);
  shift_ = shift;
}

uint32_t TermTable::Keep(const TermProbe& probe, uint32_t id) {
  const size_t bytes = (kHeader + probe.text.size() + kUnit - 1) / kUnit * kUnit;
  size_t block = blocks_.size() - 1, offset = used_;
  if (bytes > kBlockBytes - used_) {
    const size_t count = (bytes + kBlockBytes - 1) / kBlockBytes;
    // Places have 32 bits, and place + 1 must not wrap.
    if (blocks_.size() + count >= (size_t{1} << (32 - kBlockBits))) return kNoIndex;
    if (blocks_.size() + count > blocks_.capacity()) blocks_.reserve(2 * (blocks_.size() + count));
    memory_.emplace_back(new char[count * kBlockBytes]);
    block = blocks_.size();
    offset = 0;
    for (size_t i = 0; i < count; ++i) {
      blocks_.push_back(memory_.back().get() + i * kBlockBytes);
    }
    // A text that spans blocks uses them up.
    used_ = count > 1 ? kBlockBytes : bytes;
  } else {
    used_ += bytes;
  }
  char* const p = blocks_[block] + offset;
  const auto size = static_cast<uint32_t>(probe.text.size());
  std::memcpy(p, &probe.hash, 8);
  std::memcpy(p + 8, &id, 4);
  std::memcpy(p + 12, &size, 4);
  if (size > 0) std::memcpy(p + kHeader, probe.text.data(), size);
  return static_cast<uint32_t>((block << kBlockBits) + offset / kUnit);
}

}  // namespace undula::kgstore::internal
