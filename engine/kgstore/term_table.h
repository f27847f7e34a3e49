// A dictionary in memory: texts -> provisional ids in the order of first appearance.
#ifndef UNDULA_KGSTORE_TERM_TABLE_H_
#define UNDULA_KGSTORE_TERM_TABLE_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace undula::kgstore::internal {

// Not thread-safe. Throws std::bad_alloc where memory runs out; it is then still whole.
class TermTable {
 public:
  TermTable();

  // The id of the text, a new one where it has none; kNoIndex where the ids are used up.
  uint32_t Add(std::string_view text);
  uint32_t size() const { return static_cast<uint32_t>(texts_.size()); }
  std::string_view text(uint32_t id) const { return texts_[id]; }

 private:
  struct Slot {
    uint32_t fingerprint = 0;
    uint32_t id = 0;  // + 1; 0 = free
  };
  void Grow();
  std::string_view Keep(std::string_view text);

  std::vector<Slot> slots_;
  std::vector<std::string_view> texts_;
  std::vector<uint64_t> hashes_;
  std::vector<std::unique_ptr<char[]>> arena_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_TERM_TABLE_H_
