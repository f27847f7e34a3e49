#include "propagation/arena.h"

#include <algorithm>

namespace undula::propagation {

void* Arena::Allocate(size_t bytes) {
  bytes = (std::max<size_t>(bytes, 1) + kAlign - 1) / kAlign * kAlign;
  if (chunks_.empty() || used_ + bytes > chunks_.back().size) {
    const size_t size = std::max(bytes, next_chunk_);
    chunks_.push_back(
        {std::unique_ptr<std::byte[], Free>(new (std::align_val_t{kAlign}) std::byte[size]), size});
    next_chunk_ = size * 2;
    used_ = 0;
  }
  void* p = chunks_.back().data.get() + used_;
  used_ += bytes;
  in_use_ += bytes;
  high_water_ = std::max(high_water_, in_use_);
  return p;
}

void Arena::Reset() {
  if (chunks_.size() > 1) {
    chunks_.clear();
    next_chunk_ = std::max(next_chunk_, high_water_ + high_water_ / 8 + kAlign);
  }
  used_ = 0;
  in_use_ = 0;
}

}  // namespace undula::propagation
