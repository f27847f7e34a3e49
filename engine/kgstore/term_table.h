// A dictionary in memory: texts -> provisional ids in the order of first appearance.
#ifndef UNDULA_KGSTORE_TERM_TABLE_H_
#define UNDULA_KGSTORE_TERM_TABLE_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace undula::kgstore::internal {

// One look-up of TermTable::AddBatch.
struct TermProbe {
  std::string_view text;
  uint64_t hash = 0;    // kept with a new text
  uint32_t spread = 0;  // tells apart texts with equal hashes; 0 for none
  uint32_t id = 0;      // the answer
};

// Open addressing over (32 bits of the hash, place of the text); a text stands in an arena with its
// hash and id before it, so that a look-up touches two cache lines. Not thread-safe. Throws
// std::bad_alloc where memory runs out; it is then still whole.
class TermTable {
 public:
  TermTable();
  TermTable(TermTable&&) = default;
  TermTable& operator=(TermTable&&) = default;

  // The id of the text, a new one where it has none; kNoIndex where the ids or their
  // 32 GiB are used up.
  uint32_t Add(std::string_view text);
  // The same for many texts, with the caller's hashes (equal texts have equal hashes): their memory
  // is fetched ahead. Ids are given in the order of the probes.
  void AddBatch(std::span<TermProbe> probes);

  uint32_t size() const { return static_cast<uint32_t>(places_.size()); }
  // Memory in use, about.
  uint64_t bytes() const {
    return slots_.size() * sizeof(Slot) + places_.size() * 2 * sizeof(uint32_t) +
           (blocks_.empty() ? 0 : (blocks_.size() - 1) * kBlockBytes + used_);
  }
  struct Record {
    uint64_t hash;
    uint32_t id, size;
    const char* text;
  };
  Record record(uint32_t id) const { return At(places_[id]); }
  std::string_view text(uint32_t id) const {
    const Record found = record(id);
    return {found.text, found.size};
  }

 private:
  struct Slot {
    uint32_t fingerprint = 0;
    uint32_t place = 0;  // + 1; 0 = free
  };
  static constexpr size_t kUnit = 8;  // a place counts these
  static constexpr int kBlockBits = 17;
  static constexpr size_t kBlockBytes = kUnit << kBlockBits;
  static constexpr size_t kHeader = 16;  // hash, id, size

  const char* Address(uint32_t place) const {
    return blocks_[place >> kBlockBits] + (place & ((1u << kBlockBits) - 1)) * kUnit;
  }
  Record At(uint32_t place) const {
    const char* p = Address(place);
    Record record;
    std::memcpy(&record.hash, p, 8);
    std::memcpy(&record.id, p + 8, 4);
    std::memcpy(&record.size, p + 12, 4);
    record.text = p + kHeader;
    return record;
  }
  static uint32_t Fingerprint(const TermProbe& probe) {
    return static_cast<uint32_t>(probe.hash >> 32) ^ probe.spread;
  }
  size_t Start(uint32_t fingerprint) const { return fingerprint >> shift_; }
  uint32_t AddOne(const TermProbe& probe);
  void Reserve(size_t more);
  uint32_t Keep(const TermProbe& probe, uint32_t id);

  std::vector<Slot> slots_;  // a power of two
  int shift_ = 0;            // 32 - log2 of the slots
  std::vector<uint32_t> places_;
  std::vector<std::unique_ptr<char[]>> memory_;
  std::vector<char*> blocks_;  // of kBlockBytes; a large text spans several
  size_t used_ = kBlockBytes;  // of the last block
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_TERM_TABLE_H_
