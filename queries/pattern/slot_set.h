// A set of slots (numbered variables). Without allocation below 64.
#ifndef UNDULA_QUERIES_PATTERN_SLOT_SET_H_
#define UNDULA_QUERIES_PATTERN_SLOT_SET_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace undula::queries::pattern {

class SlotSet {
 public:
  void Add(int slot) {
    const size_t word = static_cast<size_t>(slot) / 64;
    if (word > more_.size()) more_.resize(word, 0);
    Word(word) |= uint64_t{1} << (slot % 64);
  }
  void Remove(int slot) {
    const size_t word = static_cast<size_t>(slot) / 64;
    if (word <= more_.size()) Word(word) &= ~(uint64_t{1} << (slot % 64));
  }
  bool Has(int slot) const {
    const size_t word = static_cast<size_t>(slot) / 64;
    return word <= more_.size() && (At(word) >> (slot % 64) & 1) != 0;
  }
  bool empty() const {
    return first_ == 0 &&
           std::all_of(more_.begin(), more_.end(), [](uint64_t w) { return w == 0; });
  }
  int size() const {
    int n = std::popcount(first_);
    for (const uint64_t w : more_) n += std::popcount(w);
    return n;
  }
  void AddAll(const SlotSet& other) {
    if (other.more_.size() > more_.size()) more_.resize(other.more_.size(), 0);
    first_ |= other.first_;
    for (size_t i = 0; i < other.more_.size(); ++i) more_[i] |= other.more_[i];
  }
  void RemoveAll(const SlotSet& other) {
    first_ &= ~other.first_;
    for (size_t i = 0; i < std::min(more_.size(), other.more_.size()); ++i) {
      more_[i] &= ~other.more_[i];
    }
  }
  void KeepOnly(const SlotSet& other) {
    first_ &= other.first_;
    for (size_t i = 0; i < more_.size(); ++i) {
      more_[i] &= i < other.more_.size() ? other.more_[i] : 0;
    }
  }
  bool Meets(const SlotSet& other) const {
    if ((first_ & other.first_) != 0) return true;
    for (size_t i = 0; i < std::min(more_.size(), other.more_.size()); ++i) {
      if ((more_[i] & other.more_[i]) != 0) return true;
    }
    return false;
  }
  bool Within(const SlotSet& other) const {
    SlotSet rest = *this;
    rest.RemoveAll(other);
    return rest.empty();
  }
  bool operator==(const SlotSet& other) const { return Within(other) && other.Within(*this); }
  // f(slot), ascending.
  template <class F>
  void ForEach(F&& f) const {
    for (size_t word = 0; word <= more_.size(); ++word) {
      for (uint64_t bits = At(word); bits != 0; bits &= bits - 1) {
        f(static_cast<int>(64 * word) + std::countr_zero(bits));
      }
    }
  }

 private:
  uint64_t& Word(size_t word) { return word == 0 ? first_ : more_[word - 1]; }
  uint64_t At(size_t word) const { return word == 0 ? first_ : more_[word - 1]; }

  uint64_t first_ = 0;
  std::vector<uint64_t> more_;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_SLOT_SET_H_
