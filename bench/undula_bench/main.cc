// Benchmarks of operators, training steps, scoring and samplers on one thread of the CPU:
//   undula_bench [--benchmark_filter=REGEX] [--benchmark_format=json] ...   (--help lists all)
// Every line says items per second of CPU time and, where they can be counted, GFLOP/s, GB/s and
// their shares of the limits of the machine, which a probe measures first (in the JSON's context).
#include <cstdio>
#include <cstring>
#include <string>

#include "benchmark/benchmark.h"
#include "propagation/simd/target.h"
#include "undula_bench/limits.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 3;
  const undula::bench::Limits& limits = undula::bench::MachineLimits();
  const auto text = [](double value, const char* unit) {
    char buffer[64];
    std::snprintf(buffer, sizeof(buffer), "%.4g %s", value, unit);
    return std::string(buffer);
  };
  benchmark::AddCustomContext("limit_fma", text(limits.flops * 1e-9, "GFLOP/s"));
  benchmark::AddCustomContext("limit_read", text(limits.bytes * 1e-9, "GB/s"));
  benchmark::AddCustomContext("limit_random_rows", text(limits.random_rows * 1e-6, "M rows/s"));
  benchmark::AddCustomContext("instruction_set", undula::propagation::simd::TargetName(
                                                     undula::propagation::simd::BestTarget()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
