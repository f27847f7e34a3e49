#include "propagation/sample/walk_kernel.h"

#include "propagation/cuda/simt.h"

namespace undula::propagation::cuda {
namespace {

constexpr uint32_t kNoVisit = UINT32_MAX;  // sorts behind every item

UNDULA_HD int PowerOfTwo(int n) {
  int p = 2;
  while (p < n) p *= 2;
  return p;
}

// Bitonic sort of n (a power of two) values by the block; `before(a, b)`: a belongs before b.
template <class T, class Before>
UNDULA_DEVICE void Sort(T* values, int n, Before before) {
  for (int run = 2; run <= n; run *= 2) {
    for (int step = run / 2; step > 0; step /= 2) {
      simt::SyncBlock();
      for (int i = simt::ThreadIndex(); i < n / 2; i += simt::BlockSize()) {
        const int low = 2 * i - (i & (step - 1)), high = low + step;
        const T a = values[low], b = values[high];
        if (before(b, a) == ((low & run) == 0)) {
          values[low] = b;
          values[high] = a;
        }
      }
    }
  }
  simt::SyncBlock();
}

template <class Edge>
UNDULA_DEVICE uint32_t Follow(const int64_t* ptr, const Edge* edges, uint32_t row, uint32_t draw) {
  const int64_t begin = ptr[row];
  const WalkStep step =
      ChooseEdge(begin, static_cast<uint32_t>(ptr[int64_t{row} + 1] - begin), draw);
  return EndOf(edges[step.edge], step.fraction);
}

template <class Edge>
UNDULA_DEVICE void WalkSeed(const WalkJob& job, const Edge* item_edges, const Edge* context_edges,
                            uint32_t seed, uint32_t* visits) {
  const int64_t* const items = job.graph.items.ptr;
  const bool isolated = items[seed] == items[int64_t{seed} + 1];
  for (int w = simt::ThreadIndex(); w < job.walks; w += simt::BlockSize()) {
    uint32_t at = seed;
    bool on = !isolated;
    for (int t = 0; t < job.traversals; ++t) {
      const int place = w * job.traversals + t;
      if (on) {
        const PhiloxBlock draws = WalkDraws(job.seed, job.draw, seed, static_cast<uint32_t>(place));
        on = t == 0 || draws.v[2] >= job.stop;
        if (on) {
          const uint32_t context = Follow(items, item_edges, at, draws.v[0]);
          at = Follow(job.graph.contexts.ptr, context_edges, context, draws.v[1]);
        }
      }
      visits[place] = on ? at : kNoVisit;
    }
  }
}

// End of the run of equal values that begins at `at` of the ascending values [at, n).
UNDULA_DEVICE int RunEnd(const uint32_t* values, int at, int n) {
  const uint32_t value = values[at];
  int low = at + 1, high = n;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (values[middle] == value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

UNDULA_KERNEL void WalkKernel(WalkJob job, int padded) {
  const int all = job.walks * job.traversals;
  uint64_t* const keys = simt::SharedMemory<uint64_t>();
  uint32_t* const visits =
      simt::SharedMemory<uint32_t>(static_cast<size_t>(padded) * sizeof(uint64_t));
  const int thread = simt::ThreadIndex(), threads = simt::BlockSize();
  for (int64_t row = simt::BlockIndex(); row < job.n; row += simt::GridSize()) {
    const uint32_t seed = job.seeds[row];
    if (job.graph.items.alias != nullptr) {
      WalkSeed(job, job.graph.items.alias, job.graph.contexts.alias, seed, visits);
    } else {
      WalkSeed(job, job.graph.items.to, job.graph.contexts.to, seed, visits);
    }
    for (int i = all + thread; i < padded; i += threads) visits[i] = kNoVisit;
    Sort(visits, padded, [](uint32_t a, uint32_t b) { return a < b; });
    for (int i = thread; i < padded; i += threads) {
      const uint32_t item = visits[i];
      const bool head =
          item != kNoVisit && (i == 0 || visits[i - 1] != item) && (item != seed || job.keep_self);
      keys[i] = head ? static_cast<uint64_t>(RunEnd(visits, i, padded) - i) << 32 |
                           static_cast<uint32_t>(~item)
                     : 0;
    }
    Sort(keys, padded, [](uint64_t a, uint64_t b) { return a > b; });
    const int most = job.top < padded ? job.top : padded;
    // Every thread adds for itself: the lists are short.
    uint32_t total = 0;
    int count = 0;
    for (; count < most && keys[count] != 0; ++count) {
      total += static_cast<uint32_t>(keys[count] >> 32);
    }
    for (int i = thread; i < count; i += threads) {
      job.items[row * job.top + i] = ~static_cast<uint32_t>(keys[i]);
      job.weights[row * job.top + i] =
          static_cast<float>(static_cast<uint32_t>(keys[i] >> 32)) / static_cast<float>(total);
    }
    if (thread == 0) job.counts[row] = static_cast<uint32_t>(count);
    simt::SyncBlock();
  }
}

size_t SharedBytes(int64_t padded) {
  return static_cast<size_t>(padded) * (sizeof(uint64_t) + sizeof(uint32_t));
}

}  // namespace

bool WalksFit(const Queue& queue, int64_t walks, int64_t traversals) {
  return SharedBytes(PowerOfTwo(static_cast<int>(walks * traversals))) <= queue.max_shared_bytes;
}

int RunWalks(const Queue& queue, const WalkJob& job) {
  const int padded = PowerOfTwo(job.walks * job.traversals);
  return simt::Launch(queue,
                      simt::LaunchShape{job.n < queue.max_blocks ? job.n : queue.max_blocks,
                                        queue.block_threads, SharedBytes(padded)},
                      WalkKernel, job, padded);
}

}  // namespace undula::propagation::cuda
