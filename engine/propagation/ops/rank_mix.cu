#include "propagation/ops/rank_mix.h"

#include <cfloat>
#include <cmath>

#include "propagation/cuda/simt.h"
#include "propagation/cuda/top_k.h"

namespace undula::propagation::cuda {
namespace {

// Users of a block: their sums are as many registers for every width.
template <int kPad>
inline constexpr int kUsersOf = 64 / kPad;

// tanh x, error below 5e-7: the polynomial of math_row.h where 1 - 2 / (e^2x + 1) would cancel.
UNDULA_DEVICE float FastTanh(float x) {
  const float a = x < 0 ? -x : x, z = x * x;
  float p = -5.70498872745e-3f;
  p = fmaf(p, z, 2.06390887954e-2f);
  p = fmaf(p, z, -5.37397155531e-2f);
  p = fmaf(p, z, 1.33314422036e-1f);
  p = fmaf(p, z, -3.33332819422e-1f);
  const float small = fmaf(p * z, x, x);
  const float clamped = a < 20 ? a : 20.0f;
  const float large = 1.0f - simt::FastQuotient(2.0f, simt::FastExp(2.0f * clamped) + 1.0f);
  return a < 0.625f ? small : (x < 0 ? -large : large);
}

struct Layout {
  size_t exponentials, lists, size;  // bytes; the users' vectors come first
};
template <int kPad>
Layout LayoutOf(const MixRank& m, int64_t k, int threads) {
  constexpr int kUsers = kUsersOf<kPad>;
  Layout at{};
  at.exponentials = kUsers * kPad * sizeof(float);
  at.lists = at.exponentials +
             (kUsers * static_cast<size_t>(m.n_relations) * sizeof(float) + 15) / 16 * 16;
  at.size = at.lists + TopLists<kUsers>::SharedBytes(ListCapacity(k, threads));
  return at;
}

template <int kPad>
UNDULA_KERNEL void RankKernel(MixRank m, RankJob job, Layout at, int capacity) {
  constexpr int kUsers = kUsersOf<kPad>;
  unsigned char* const shared = simt::SharedMemory<unsigned char>();
  float* const vectors = reinterpret_cast<float*>(shared);              // [kUsers][kPad]
  float* const x = reinterpret_cast<float*>(shared + at.exponentials);  // [relations][kUsers]
  const int thread = simt::ThreadIndex(), threads = simt::BlockSize();
  TopLists<kUsers> lists(shared + at.lists, job.k, capacity);
  const int64_t tiles = (job.users + kUsers - 1) / kUsers;
  for (int64_t tile = simt::BlockIndex(); tile < tiles; tile += simt::GridSize()) {
    const int64_t first = tile * kUsers;
    for (int i = thread; i < kUsers * kPad; i += threads) {
      // Past the last user it is repeated; its list is not written.
      const int64_t u = first + i / kPad < job.users ? first + i / kPad : job.users - 1;
      vectors[i] = m.users[static_cast<int64_t>(job.user[u]) * kPad + i % kPad];
    }
    simt::SyncBlock();
    for (int i = thread; i < m.n_relations * kUsers; i += threads) {
      const float* relation = m.relations + static_cast<int64_t>(i / kUsers) * kPad;
      const float* user = vectors + i % kUsers * kPad;
      float sum = 0;
      for (int c = 0; c < kPad; ++c) sum = fmaf(user[c], relation[c], sum);
      x[i] = m.scale * sum;
    }
    simt::SyncBlock();
    for (int u = simt::WarpOfBlock(); u < kUsers; u += simt::WarpsOfBlock()) {
      float top = -FLT_MAX;
      for (int r = simt::Lane(); r < m.n_relations; r += simt::kWarpSize) {
        top = x[r * kUsers + u] > top ? x[r * kUsers + u] : top;
      }
      top = simt::WarpMax(top);
      for (int r = simt::Lane(); r < m.n_relations; r += simt::kWarpSize) {
        const float below = x[r * kUsers + u] - top;
        x[r * kUsers + u] = simt::FastExp(below > -87.0f ? below : -87.0f);
      }
    }
    lists.Clear();
    simt::SyncBlock();
    for (uint32_t begin = 0; begin < job.items; begin += static_cast<uint32_t>(threads)) {
      const uint32_t own = begin + static_cast<uint32_t>(thread);
      const uint32_t item = own < job.items ? own : job.items - 1;
      float mix[kUsers][kPad], total[kUsers];
      UNDULA_UNROLL
      for (int u = 0; u < kUsers; ++u) {
        total[u] = 0;
        UNDULA_UNROLL
        for (int c = 0; c < kPad; ++c) mix[u][c] = 0;
      }
      const int64_t end = m.slot_ptr[item + 1];
      for (int64_t slot = m.slot_ptr[item]; slot < end; ++slot) {
        const float* weights = x + static_cast<int64_t>(m.slot_relation[slot]) * kUsers;
        float weight[kUsers];
        UNDULA_UNROLL
        for (int u = 0; u < kUsers; ++u) {
          weight[u] = weights[u] * m.slot_count[slot];
          total[u] += weight[u];
        }
        UNDULA_UNROLL
        for (int c = 0; c < kPad; c += 4) {
          const simt::Quad quad = simt::LoadQuad(m.slot_value + slot * kPad + c);
          UNDULA_UNROLL
          for (int i = 0; i < 4; ++i) {
            UNDULA_UNROLL
            for (int u = 0; u < kUsers; ++u) {
              mix[u][c + i] = fmaf(weight[u], quad.v[i], mix[u][c + i]);
            }
          }
        }
      }
      Candidate offered[kUsers];
      float factor[kUsers];
      UNDULA_UNROLL
      for (int u = 0; u < kUsers; ++u) {
        factor[u] = total[u] > 0 ? m.gain / total[u] : 0.0f;
        const bool ranked = own < job.items && first + u < job.users;
        offered[u] = {0, ranked ? own : kNoItem};
      }
      UNDULA_UNROLL
      for (int c = 0; c < kPad; c += 4) {
        const simt::Quad base = simt::LoadQuad(m.base + static_cast<int64_t>(item) * kPad + c);
        UNDULA_UNROLL
        for (int i = 0; i < 4; ++i) {
          UNDULA_UNROLL
          for (int u = 0; u < kUsers; ++u) {
            const float h = FastTanh(fmaf(factor[u], mix[u][c + i], base.v[i]));
            offered[u].score = fmaf(vectors[u * kPad + c + i], h, offered[u].score);
          }
        }
      }
      lists.Offer(offered, [&](int u, uint32_t i) { return MayRank(job, first + u, i); });
    }
    lists.Finish();
    UNDULA_UNROLL
    for (int u = 0; u < kUsers; ++u) {
      if (first + u >= job.users) break;
      for (int i = thread; i < job.k; i += threads) {
        job.best[(first + u) * job.k + i] =
            i < lists.size(u) ? lists.at(u, i) : Candidate{0, kNoItem};
      }
    }
    simt::SyncBlock();
  }
}

template <int kPad>
int Run(const Queue& queue, const MixRank& m, const RankJob& job) {
  const int threads = queue.block_threads;
  const int64_t tiles = (job.users + kUsersOf<kPad> - 1) / kUsersOf<kPad>;
  const Layout at = LayoutOf<kPad>(m, job.k, threads);
  return simt::Launch(
      queue,
      simt::LaunchShape{tiles < queue.max_blocks ? tiles : queue.max_blocks, threads, at.size},
      RankKernel<kPad>, m, job, at, ListCapacity(job.k, threads));
}

}  // namespace

bool MixRankFits(const Queue& queue, const MixRank& m, int64_t k) {
  if (k < 1 || k > kMostRanked) return false;
  const int threads = queue.block_threads;
  const size_t size = m.pad == 16   ? LayoutOf<16>(m, k, threads).size
                      : m.pad == 32 ? LayoutOf<32>(m, k, threads).size
                                    : LayoutOf<64>(m, k, threads).size;
  return size <= queue.max_shared_bytes;
}

int RankMix(const Queue& queue, const MixRank& m, const RankJob& job) {
  switch (m.pad) {
    case 16:
      return Run<16>(queue, m, job);
    case 32:
      return Run<32>(queue, m, job);
    default:
      return Run<64>(queue, m, job);
  }
}

}  // namespace undula::propagation::cuda
