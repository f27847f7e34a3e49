// The k best candidates of one or more lists, kept by a block in its shared memory while it scores
// a catalogue: the score matrix is never written. The order is total (score descending, item
// ascending), so a list does not depend on the order in which candidates come, on the block size
// or on when a list is pruned. Device code.
//
// A list has room for k candidates and those of at least one round (one per thread); once the next
// round might not fit, it is sorted and cut to k, and its k-th candidate becomes the bar that later
// ones must pass.
#ifndef UNDULA_PROPAGATION_CUDA_TOP_K_H_
#define UNDULA_PROPAGATION_CUDA_TOP_K_H_

#include <cstdint>

#include "propagation/cuda/ranking.h"
#include "propagation/cuda/simt.h"

namespace undula::propagation::cuda {

UNDULA_HD bool Better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.item < b.item;
}

// Entries of one list: a power of two, at least k + a round.
inline int ListCapacity(int64_t k, int threads) {
  int capacity = 64;
  while (capacity < k + threads) capacity *= 2;
  return capacity;
}

template <int kLists>
class TopLists {
 public:
  static size_t SharedBytes(int capacity) {
    return kLists * (static_cast<size_t>(capacity) * sizeof(Candidate) +
                     simt::kMaxBlock / simt::kWarpSize * sizeof(int));
  }

  // `shared`: SharedBytes, aligned to 8 bytes. All threads of the block make the same calls.
  UNDULA_DEVICE TopLists(unsigned char* shared, int k, int capacity)
      : entries_(reinterpret_cast<Candidate*>(shared)),
        counts_(reinterpret_cast<int*>(shared + kLists * capacity * sizeof(Candidate))),
        k_(k),
        capacity_(capacity) {
    Clear();
  }

  UNDULA_DEVICE void Clear() {
    UNDULA_UNROLL
    for (int list = 0; list < kLists; ++list) {
      size_[list] = 0;
      bar_[list] = Nothing();
    }
  }

  // One candidate for each list from every thread; item kNoItem or score NaN: none. allowed(list,
  // item) is asked for those that pass the bar.
  template <class Allowed>
  UNDULA_DEVICE void Offer(const Candidate (&offered)[kLists], Allowed allowed) {
    const int warps = simt::WarpsOfBlock(), warp = simt::WarpOfBlock(), lane = simt::Lane();
    uint32_t takers[kLists];
    UNDULA_UNROLL
    for (int list = 0; list < kLists; ++list) {
      const Candidate& c = offered[list];
      const bool take =
          c.item != kNoItem && c.score == c.score && Better(c, bar_[list]) && allowed(list, c.item);
      takers[list] = simt::Ballot(take);
      if (lane == 0) counts_[list * warps + warp] = simt::PopCount(takers[list]);
    }
    simt::SyncBlock();
    UNDULA_UNROLL
    for (int list = 0; list < kLists; ++list) {
      int before = size_[list];
      for (int w = 0; w < warps; ++w) {
        const int count = counts_[list * warps + w];
        before += w < warp ? count : 0;
        size_[list] += count;
      }
      if ((takers[list] >> lane & 1u) == 0) continue;
      const uint32_t lower = takers[list] & ((1u << lane) - 1);
      entries_[list * capacity_ + before + simt::PopCount(lower)] = offered[list];
    }
    simt::SyncBlock();
    UNDULA_UNROLL
    for (int list = 0; list < kLists; ++list) {
      if (size_[list] + simt::BlockSize() > capacity_) Prune(list);
    }
  }

  // Best first; at(list, i) for i < size(list) is then valid in every thread until Clear.
  UNDULA_DEVICE void Finish() {
    UNDULA_UNROLL
    for (int list = 0; list < kLists; ++list) Prune(list);
  }
  UNDULA_DEVICE int size(int list) const { return size_[list]; }
  UNDULA_DEVICE const Candidate& at(int list, int i) const {
    return entries_[list * capacity_ + i];
  }

 private:
  UNDULA_DEVICE static Candidate Nothing() { return {-HUGE_VALF, kNoItem}; }

  // Bitonic sort of the entries, padded to a power of two.
  UNDULA_DEVICE void Prune(int list) {
    Candidate* const e = entries_ + list * capacity_;
    int padded = 2;
    while (padded < size_[list]) padded *= 2;
    for (int i = size_[list] + simt::ThreadIndex(); i < padded; i += simt::BlockSize()) {
      e[i] = Nothing();
    }
    for (int run = 2; run <= padded; run *= 2) {
      for (int step = run / 2; step > 0; step /= 2) {
        simt::SyncBlock();
        for (int i = simt::ThreadIndex(); i < padded / 2; i += simt::BlockSize()) {
          const int low = 2 * i - (i & (step - 1)), high = low + step;
          const Candidate a = e[low], b = e[high];
          if (Better(b, a) == ((low & run) == 0)) {
            e[low] = b;
            e[high] = a;
          }
        }
      }
    }
    simt::SyncBlock();
    if (size_[list] < k_) return;
    size_[list] = k_;
    bar_[list] = e[k_ - 1];
    simt::SyncBlock();  // nobody writes behind the bar before all have read it
  }

  Candidate* entries_;  // [kLists][capacity]
  int* counts_;         // [kLists][warps]
  int k_, capacity_;
  int size_[kLists];  // the same in all threads, as is the bar
  Candidate bar_[kLists];
};

}  // namespace undula::propagation::cuda

#endif  // UNDULA_PROPAGATION_CUDA_TOP_K_H_
