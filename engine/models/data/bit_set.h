// A set of numbers, for the distinct rows of a batch.
#ifndef UNDULA_MODELS_DATA_BIT_SET_H_
#define UNDULA_MODELS_DATA_BIT_SET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace undula::models {

// A set of numbers below n that can be listed in ascending order and emptied.
class BitSet {
 public:
  void Resize(int64_t n) { words_.assign(static_cast<size_t>((n + 63) / 64), 0); }
  void Insert(uint32_t i) { words_[i >> 6] |= uint64_t{1} << (i & 63); }
  // Calls visit(i) for each member, ascending, and empties the set.
  template <class Visit>
  void Drain(Visit visit) {
    for (size_t w = 0; w < words_.size(); ++w) {
      for (uint64_t bits = words_[w]; bits != 0; bits &= bits - 1) {
        visit(static_cast<uint32_t>(w * 64 + static_cast<size_t>(__builtin_ctzll(bits))));
      }
      words_[w] = 0;
    }
  }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_BIT_SET_H_
