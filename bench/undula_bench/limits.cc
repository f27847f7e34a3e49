#include "undula_bench/limits.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ctr_data.h"
#include "propagation/simd/target.h"

namespace undula::bench {
namespace {

// Sixteen independent chains of multiply-adds hide their latency. The vectors are as wide as the
// tuned kernels' on this processor.
template <class Vector>
inline __attribute__((always_inline)) float Chains(int64_t rounds) {
  constexpr int kChains = 16;
  Vector sum[kChains];
  for (int c = 0; c < kChains; ++c) sum[c] = Vector{} + 0.5f;
  const Vector factor = Vector{} + 0.999f, add = Vector{} + 0.001f;
  for (int64_t i = 0; i < rounds; ++i) {
    for (int c = 0; c < kChains; ++c) sum[c] = sum[c] * factor + add;
  }
  Vector all = sum[0];
  for (int c = 1; c < kChains; ++c) all += sum[c];
  return all[0];
}

typedef float Float4 __attribute__((vector_size(16)));
typedef float Float8 __attribute__((vector_size(32)));
typedef float Float16 __attribute__((vector_size(64)));

float Chains4(int64_t rounds) { return Chains<Float4>(rounds); }
#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
__attribute__((target("avx2,fma"))) float Chains8(int64_t rounds) { return Chains<Float8>(rounds); }
__attribute__((target("avx512f,fma"))) float Chains16(int64_t rounds) {
  return Chains<Float16>(rounds);
}
#pragma GCC pop_options
#endif

double FlopsOf(float (*chains)(int64_t), int lanes) {
  constexpr int64_t kRounds = 2'000'000;
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = CpuSeconds();
    benchmark::DoNotOptimize(chains(kRounds));
    const double seconds = CpuSeconds() - start;
    best = std::max(best, static_cast<double>(kRounds) * 16 * lanes * 2 / seconds);
  }
  return best;
}

double Flops() {
#if defined(__x86_64__)
  using propagation::simd::Target;
  if (propagation::simd::SupportedTarget() == Target::kAvx512) return FlopsOf(&Chains16, 16);
  if (propagation::simd::SupportedTarget() == Target::kAvx2) return FlopsOf(&Chains8, 8);
#endif
  return FlopsOf(&Chains4, 4);
}

void Memory(Limits* limits) {
  constexpr size_t kWords = size_t{256} << 17, kRow = 8;  // 256 MiB of uint64_t, 64 bytes a row
  std::vector<uint64_t> words(kWords, 1);
  for (int round = 0; round < 3; ++round) {
    uint64_t sum[8] = {};
    double start = CpuSeconds();
    for (size_t i = 0; i < kWords; i += 8) {
      for (size_t l = 0; l < 8; ++l) sum[l] += words[i + l];
    }
    for (int l = 1; l < 8; ++l) sum[0] += sum[l];
    benchmark::DoNotOptimize(sum[0]);
    limits->bytes =
        std::max(limits->bytes, static_cast<double>(kWords) * 8 / (CpuSeconds() - start));
    constexpr int64_t kReads = 2'000'000;
    uint64_t random = 1, total = 0;
    start = CpuSeconds();
    for (int64_t i = 0; i < kReads; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      const uint64_t* row = words.data() + (random >> 33) % (kWords / kRow) * kRow;
      for (size_t l = 0; l < kRow; ++l) total += row[l];
    }
    benchmark::DoNotOptimize(total);
    limits->random_rows =
        std::max(limits->random_rows, static_cast<double>(kReads) / (CpuSeconds() - start));
  }
}

}  // namespace

const Limits& MachineLimits() {
  static const Limits limits = [] {
    Limits l;
    l.flops = Flops();
    Memory(&l);
    return l;
  }();
  return limits;
}

void Report(benchmark::State& state, double items_per_iteration, double flops_per_item,
            double bytes_per_item) {
  using benchmark::Counter;
  const double items = items_per_iteration * static_cast<double>(state.iterations());
  const auto rate = [&](double value) { return Counter(value, Counter::kIsRate); };
  state.counters["items/s"] = rate(items);
  if (flops_per_item > 0) {
    state.counters["GFLOP/s"] = rate(items * flops_per_item * 1e-9);
    state.counters["of_flops"] = rate(items * flops_per_item / MachineLimits().flops);
  }
  if (bytes_per_item > 0) {
    state.counters["GB/s"] = rate(items * bytes_per_item * 1e-9);
    state.counters["of_bytes"] = rate(items * bytes_per_item / MachineLimits().bytes);
  }
}

}  // namespace undula::bench
