#include "propagation/ops/rank_dot.h"

#include <cmath>

#include "propagation/cuda/simt.h"
#include "propagation/cuda/top_k.h"

namespace undula::propagation::cuda {
namespace {

constexpr int kManyQueries = 16, kFewQueries = 4;  // of a block
constexpr int kItems = 2;                          // of a thread at a time

// Bytes of the queries, [dim][kQueries]; the lists come behind them.
template <int kQueries>
UNDULA_HD size_t QueryBytes(int64_t dim) {
  return static_cast<size_t>(dim) * kQueries * sizeof(float);
}
template <int kQueries>
bool Fits(const Queue& queue, const DotRank& m, int64_t k) {
  return QueryBytes<kQueries>(m.dim) +
             TopLists<kQueries>::SharedBytes(ListCapacity(k, queue.block_threads)) <=
         queue.max_shared_bytes;
}
int QueriesOf(const Queue& queue, const DotRank& m, const RankJob& job) {
  return job.users > kFewQueries && Fits<kManyQueries>(queue, m, job.k) ? kManyQueries
                                                                        : kFewQueries;
}

template <int kQueries>
UNDULA_KERNEL void DotKernel(DotRank m, RankJob job, int capacity, int64_t parts, Candidate* out) {
  float* const x = simt::SharedMemory<float>();
  TopLists<kQueries> lists(simt::SharedMemory<unsigned char>(QueryBytes<kQueries>(m.dim)), job.k,
                           capacity);
  const int thread = simt::ThreadIndex(), threads = simt::BlockSize();
  const int64_t tiles = (job.users + kQueries - 1) / kQueries;
  const int64_t length = (job.items + parts - 1) / parts;
  for (int64_t unit = simt::BlockIndex(); unit < tiles * parts; unit += simt::GridSize()) {
    const int64_t first = unit % tiles * kQueries, part = unit / tiles;
    const int64_t end = (part + 1) * length < job.items ? (part + 1) * length : job.items;
    for (int64_t i = thread; i < m.dim * kQueries; i += threads) {
      // Past the last query it is repeated; its list is not written.
      const int64_t q = first + i % kQueries < job.users ? first + i % kQueries : job.users - 1;
      x[i] = job.vectors[q * m.dim + i / kQueries];
    }
    lists.Clear();
    simt::SyncBlock();
    for (int64_t begin = part * length; begin < end; begin += int64_t{kItems} * threads) {
      int64_t own[kItems];
      const float* column[kItems];
      float sum[kItems][kQueries];
      UNDULA_UNROLL
      for (int j = 0; j < kItems; ++j) {
        own[j] = begin + j * threads + thread;
        column[j] = m.columns + (own[j] < end ? own[j] : end - 1);
        UNDULA_UNROLL
        for (int q = 0; q < kQueries; ++q) sum[j][q] = 0;
      }
      for (int64_t c = 0; c < m.dim; ++c) {
        float value[kItems];
        UNDULA_UNROLL
        for (int j = 0; j < kItems; ++j) value[j] = column[j][c * job.items];
        UNDULA_UNROLL
        for (int q = 0; q < kQueries; q += 4) {
          const simt::Quad quad = simt::LoadQuad(x + c * kQueries + q);
          UNDULA_UNROLL
          for (int i = 0; i < 4; ++i) {
            UNDULA_UNROLL
            for (int j = 0; j < kItems; ++j) {
              sum[j][q + i] = fmaf(quad.v[i], value[j], sum[j][q + i]);
            }
          }
        }
      }
      UNDULA_UNROLL
      for (int j = 0; j < kItems; ++j) {
        Candidate offered[kQueries];
        UNDULA_UNROLL
        for (int q = 0; q < kQueries; ++q) {
          const bool ranked = own[j] < end && first + q < job.users;
          offered[q] = {sum[j][q], ranked ? static_cast<uint32_t>(own[j]) : kNoItem};
        }
        lists.Offer(offered, [&](int q, uint32_t item) { return MayRank(job, first + q, item); });
      }
    }
    lists.Finish();
    UNDULA_UNROLL
    for (int q = 0; q < kQueries; ++q) {
      if (first + q >= job.users) break;
      Candidate* const to = out + (part * job.users + first + q) * job.k;
      for (int i = thread; i < job.k; i += threads) {
        to[i] = i < lists.size(q) ? lists.at(q, i) : Candidate{0, kNoItem};
      }
    }
    simt::SyncBlock();
  }
}

// The best k of a query's lists of all parts.
UNDULA_KERNEL void MergeKernel(RankJob job, int capacity, int64_t parts, const Candidate* partial) {
  TopLists<1> lists(simt::SharedMemory<unsigned char>(), job.k, capacity);
  const int thread = simt::ThreadIndex(), threads = simt::BlockSize();
  for (int64_t q = simt::BlockIndex(); q < job.users; q += simt::GridSize()) {
    lists.Clear();
    simt::SyncBlock();
    for (int64_t begin = 0; begin < parts * job.k; begin += threads) {
      const int64_t i = begin + thread;
      Candidate offered[1] = {{0, kNoItem}};
      if (i < parts * job.k) offered[0] = partial[(i / job.k * job.users + q) * job.k + i % job.k];
      lists.Offer(offered, [](int, uint32_t) { return true; });
    }
    lists.Finish();
    for (int i = thread; i < job.k; i += threads) {
      job.best[q * job.k + i] = i < lists.size(0) ? lists.at(0, i) : Candidate{0, kNoItem};
    }
    simt::SyncBlock();
  }
}

template <int kQueries>
int Run(const Queue& queue, const DotRank& m, const RankJob& job, int64_t parts, Candidate* out) {
  const int capacity = ListCapacity(job.k, queue.block_threads);
  const int64_t units = (job.users + kQueries - 1) / kQueries * parts;
  const size_t bytes = QueryBytes<kQueries>(m.dim) + TopLists<kQueries>::SharedBytes(capacity);
  return simt::Launch(queue,
                      simt::LaunchShape{units < queue.max_blocks ? units : queue.max_blocks,
                                        queue.block_threads, bytes},
                      DotKernel<kQueries>, m, job, capacity, parts, out);
}

}  // namespace

bool DotRankFits(const Queue& queue, const DotRank& m, int64_t k) {
  return k >= 1 && k <= kMostRanked && Fits<kFewQueries>(queue, m, k);
}

int64_t DotRankParts(const Queue& queue, const DotRank& m, const RankJob& job) {
  // Two blocks for each multiprocessor (max_blocks is 64 of them), and two rounds for each block.
  const int64_t queries = QueriesOf(queue, m, job), tiles = (job.users + queries - 1) / queries;
  const int64_t round = int64_t{kItems} * queue.block_threads;
  const int64_t wanted = queue.max_blocks / 32 / (tiles > 0 ? tiles : 1);
  const int64_t most = (job.items + 2 * round - 1) / (2 * round);
  const int64_t parts = wanted < most ? wanted : most;
  return parts > 1 ? parts : 1;
}

int RankDot(const Queue& queue, const DotRank& m, const RankJob& job, int64_t parts,
            Candidate* partial) {
  Candidate* const out = parts > 1 ? partial : job.best;
  const int code = QueriesOf(queue, m, job) == kManyQueries
                       ? Run<kManyQueries>(queue, m, job, parts, out)
                       : Run<kFewQueries>(queue, m, job, parts, out);
  if (code != 0 || parts == 1) return code;
  const int capacity = ListCapacity(job.k, queue.block_threads);
  return simt::Launch(queue,
                      simt::LaunchShape{job.users < queue.max_blocks ? job.users : queue.max_blocks,
                                        queue.block_threads, TopLists<1>::SharedBytes(capacity)},
                      MergeKernel, job, capacity, parts, static_cast<const Candidate*>(partial));
}

}  // namespace undula::propagation::cuda
