#include "propagation/ops/rank_ripple.h"

#include <cfloat>
#include <cmath>

#include "propagation/cuda/simt.h"
#include "propagation/cuda/top_k.h"

namespace undula::propagation::cuda {
namespace {

constexpr int kSlots = 8;  // whose logits are in registers at once

// sum[j] = row . x[j] for the vectors of kItems items; the row in shared memory.
template <int kPad, int kItems>
UNDULA_DEVICE void Dots(const float* row, const float (&x)[kItems][kPad], float (&sum)[kItems]) {
  UNDULA_UNROLL
  for (int j = 0; j < kItems; ++j) sum[j] = 0;
  UNDULA_UNROLL
  for (int c = 0; c < kPad; c += 4) {
    const simt::Quad quad = simt::LoadQuad(row + c);
    UNDULA_UNROLL
    for (int i = 0; i < 4; ++i) {
      UNDULA_UNROLL
      for (int j = 0; j < kItems; ++j) sum[j] = fmaf(quad.v[i], x[j][c + i], sum[j]);
    }
  }
}

// to[j] += weight[j] row.
template <int kPad, int kItems>
UNDULA_DEVICE void AddRow(const float* row, const float (&weight)[kItems],
                          float (&to)[kItems][kPad]) {
  UNDULA_UNROLL
  for (int c = 0; c < kPad; c += 4) {
    const simt::Quad quad = simt::LoadQuad(row + c);
    UNDULA_UNROLL
    for (int i = 0; i < 4; ++i) {
      UNDULA_UNROLL
      for (int j = 0; j < kItems; ++j) to[j][c + i] = fmaf(weight[j], quad.v[i], to[j][c + i]);
    }
  }
}

template <int kPad, int kItems>
UNDULA_DEVICE void Fill(float (&to)[kItems][kPad], float value) {
  UNDULA_UNROLL
  for (int j = 0; j < kItems; ++j) {
    UNDULA_UNROLL
    for (int c = 0; c < kPad; ++c) to[j][c] = value;
  }
}

// answer[j] = sum over the slots of softmax(x[j] . key) value. No slot: zero.
template <int kPad, int kItems>
UNDULA_DEVICE void Attend(const float* keys, const float* values, const float* count, int slots,
                          const float (&x)[kItems][kPad], float (&answer)[kItems][kPad]) {
  float top[kItems], total[kItems];
  Fill<kPad, kItems>(answer, 0);
  UNDULA_UNROLL
  for (int j = 0; j < kItems; ++j) {
    top[j] = -FLT_MAX;
    total[j] = 0;
  }
  for (int begin = 0; begin < slots; begin += kSlots) {
    float logit[kSlots][kItems], best[kItems];
    UNDULA_UNROLL
    for (int j = 0; j < kItems; ++j) best[j] = top[j];
    UNDULA_UNROLL
    for (int s = 0; s < kSlots; ++s) {
      // Past the last slot the last one is repeated; it is not summed.
      const int slot = begin + s < slots ? begin + s : slots - 1;
      Dots<kPad, kItems>(keys + slot * kPad, x, logit[s]);
      UNDULA_UNROLL
      for (int j = 0; j < kItems; ++j) best[j] = logit[s][j] > best[j] ? logit[s][j] : best[j];
    }
    UNDULA_UNROLL
    for (int j = 0; j < kItems; ++j) {
      const float shrink = simt::FastExp(top[j] - best[j]);
      top[j] = best[j];
      total[j] *= shrink;
      UNDULA_UNROLL
      for (int c = 0; c < kPad; ++c) answer[j][c] *= shrink;
    }
    UNDULA_UNROLL
    for (int s = 0; s < kSlots; ++s) {
      if (begin + s >= slots) break;
      float weight[kItems];
      UNDULA_UNROLL
      for (int j = 0; j < kItems; ++j) {
        weight[j] = simt::FastExp(logit[s][j] - top[j]) * count[begin + s];
        total[j] += weight[j];
      }
      AddRow<kPad, kItems>(values + (begin + s) * kPad, weight, answer);
    }
  }
  UNDULA_UNROLL
  for (int j = 0; j < kItems; ++j) {
    const float factor = slots > 0 ? 1.0f / total[j] : 0.0f;
    UNDULA_UNROLL
    for (int c = 0; c < kPad; ++c) answer[j][c] *= factor;
  }
}

struct Layout {
  size_t keys, values, counts, transform, lists, size;  // bytes
};
Layout LayoutOf(const RippleRank& m, int64_t k, int threads) {
  Layout at{};
  const size_t row = static_cast<size_t>(m.pad) * sizeof(float);
  const size_t slots = static_cast<size_t>(m.most_slots);
  at.values = slots * row;
  at.transform = at.values + slots * row;
  at.counts = at.transform + (m.transform == nullptr ? 0 : static_cast<size_t>(m.pad) * row);
  at.lists = at.counts + (slots * sizeof(float) + 15) / 16 * 16;
  at.size = at.lists + TopLists<1>::SharedBytes(ListCapacity(k, threads));
  return at;
}

// kPaper: the score is v_0 . sum of answers, and nothing but the address outlives a hop.
template <int kPad, int kItems, bool kPaper>
UNDULA_KERNEL void RankKernel(RippleRank m, RankJob job, Layout at, int capacity) {
  unsigned char* const shared = simt::SharedMemory<unsigned char>();
  float* const keys = reinterpret_cast<float*>(shared + at.keys);
  float* const values = reinterpret_cast<float*>(shared + at.values);
  float* const counts = reinterpret_cast<float*>(shared + at.counts);
  float* const transform = reinterpret_cast<float*>(shared + at.transform);
  const int thread = simt::ThreadIndex(), threads = simt::BlockSize();
  TopLists<1> lists(shared + at.lists, job.k, capacity);
  for (int i = thread; m.transform != nullptr && i < kPad * kPad; i += threads) {
    transform[i] = m.transform[i];
  }
  for (int64_t b = simt::BlockIndex(); b < job.users; b += simt::GridSize()) {
    const int64_t* slot_ptr = m.slot_ptr + static_cast<int64_t>(job.user[b]) * m.hops;
    const int64_t first = slot_ptr[0];
    const int all = static_cast<int>(slot_ptr[m.hops] - first);
    for (int i = thread; i < all * kPad; i += threads) {
      const int64_t slot = first + i / kPad;
      keys[i] = m.keys[static_cast<int64_t>(m.key_row[slot]) * kPad + i % kPad];
      values[i] = m.values[static_cast<int64_t>(m.value_row[slot]) * kPad + i % kPad];
    }
    for (int i = thread; i < all; i += threads) counts[i] = m.count[first + i];
    lists.Clear();
    simt::SyncBlock();
    for (uint32_t begin = 0; begin < job.items; begin += kItems * static_cast<uint32_t>(threads)) {
      uint32_t item[kItems];
      float address[kItems][kPad], answer[kItems][kPad], score[kItems];
      float user[kPaper ? 1 : kItems][kPad];
      UNDULA_UNROLL
      for (int j = 0; j < kItems; ++j) {
        item[j] = begin + static_cast<uint32_t>(j * threads + thread);
        score[j] = 0;
        UNDULA_UNROLL
        for (int c = 0; c < kPad; ++c) {
          address[j][c] = item[j] < job.items
                              ? m.item_columns[c * static_cast<int64_t>(job.items) + item[j]]
                              : 0.0f;
        }
      }
      if constexpr (!kPaper) Fill<kPad, kItems>(user, 0);
      for (int hop = 0; hop < m.hops; ++hop) {
        const int slot = static_cast<int>(slot_ptr[hop] - first);
        Attend<kPad, kItems>(keys + slot * kPad, values + slot * kPad, counts + slot,
                             static_cast<int>(slot_ptr[hop + 1] - slot_ptr[hop]), address, answer);
        const bool last = hop + 1 == m.hops;
        if (m.all_hops || last) {
          UNDULA_UNROLL
          for (int j = 0; j < kItems; ++j) {
            UNDULA_UNROLL
            for (int c = 0; c < kPad; ++c) {
              if constexpr (kPaper) {
                const float v = hop == 0 ? address[j][c]
                                : item[j] < job.items
                                    ? m.item_columns[c * static_cast<int64_t>(job.items) + item[j]]
                                    : 0.0f;
                score[j] = fmaf(v, answer[j][c], score[j]);
              } else {
                user[j][c] += answer[j][c];
              }
            }
          }
        }
        if (kPaper && last) break;
        UNDULA_UNROLL
        for (int j = 0; j < kItems; ++j) {
          UNDULA_UNROLL
          for (int c = 0; c < kPad; ++c) {
            address[j][c] = m.add_address ? address[j][c] + answer[j][c] : answer[j][c];
          }
        }
        if (m.transform == nullptr) continue;
        Fill<kPad, kItems>(answer, 0);
        UNDULA_UNROLL
        for (int c = 0; c < kPad; ++c) {
          float weight[kItems];
          UNDULA_UNROLL
          for (int j = 0; j < kItems; ++j) weight[j] = address[j][c];
          AddRow<kPad, kItems>(transform + c * kPad, weight, answer);
        }
        UNDULA_UNROLL
        for (int j = 0; j < kItems; ++j) {
          UNDULA_UNROLL
          for (int c = 0; c < kPad; ++c) address[j][c] = answer[j][c];
        }
      }
      UNDULA_UNROLL
      for (int j = 0; j < kItems; ++j) {
        if constexpr (!kPaper) {
          UNDULA_UNROLL
          for (int c = 0; c < kPad; ++c) score[j] = fmaf(address[j][c], user[j][c], score[j]);
        }
        const Candidate offered[1] = {{score[j], item[j] < job.items ? item[j] : kNoItem}};
        lists.Offer(offered, [&](int, uint32_t i) { return MayRank(job, b, i); });
      }
    }
    lists.Finish();
    for (int i = thread; i < job.k; i += threads) {
      job.best[b * job.k + i] = i < lists.size(0) ? lists.at(0, i) : Candidate{0, kNoItem};
    }
    simt::SyncBlock();
  }
}

template <int kPad, int kItems>
int Run(const Queue& queue, const RippleRank& m, const RankJob& job) {
  const int threads = queue.block_threads;
  const Layout at = LayoutOf(m, job.k, threads);
  const simt::LaunchShape shape{job.users < queue.max_blocks ? job.users : queue.max_blocks,
                                threads, at.size};
  const int capacity = ListCapacity(job.k, threads);
  return m.paper
             ? simt::Launch(queue, shape, RankKernel<kPad, kItems, true>, m, job, at, capacity)
             : simt::Launch(queue, shape, RankKernel<kPad, kItems, false>, m, job, at, capacity);
}

}  // namespace

bool RippleRankFits(const Queue& queue, const RippleRank& m, int64_t k) {
  return k >= 1 && k <= kMostRanked &&
         LayoutOf(m, k, queue.block_threads).size <= queue.max_shared_bytes;
}

int RankRipple(const Queue& queue, const RippleRank& m, const RankJob& job) {
  switch (m.pad) {
    case 16:
      return Run<16, 2>(queue, m, job);
    case 32:
      return Run<32, 1>(queue, m, job);
    default:
      return Run<64, 1>(queue, m, job);
  }
}

}  // namespace undula::propagation::cuda
