// What one core of this machine can do at most, measured by the program itself before it runs: the
// rates of the benchmarks are shown as shares of it.
#ifndef UNDULA_BENCH_UNDULA_BENCH_LIMITS_H_
#define UNDULA_BENCH_UNDULA_BENCH_LIMITS_H_

#include <cstdint>

#include "benchmark/benchmark.h"

namespace undula::bench {

// Per second of CPU time of one thread.
struct Limits {
  double flops = 0;        // fused multiply-adds in registers, two operations each
  double bytes = 0;        // read in order from an array of 256 MiB
  double random_rows = 0;  // rows of 64 bytes read at random from an array of 256 MiB
};

// The best of a few rounds, about a second in all; measured at the first call.
const Limits& MachineLimits();

// Adds the counters: items/s, and where they are not 0 GFLOP/s, GB/s and their shares of the
// limits. flops and bytes are those of one item, counted by the formula that stands beside each
// benchmark; bytes are what has to move at least if nothing stays in a cache.
void Report(benchmark::State& state, double items_per_iteration, double flops_per_item,
            double bytes_per_item);

}  // namespace undula::bench

#endif  // UNDULA_BENCH_UNDULA_BENCH_LIMITS_H_
