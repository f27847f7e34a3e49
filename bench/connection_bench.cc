// Speed of the search for connections (queries/connections) on the graph of a database.
//   connection_bench DB [history items = 50] [queries = 2000]
// Targets and histories are entities drawn by their number of edges, as items of a catalogue are;
// every query is timed by the thread's CPU clock. Prints milliseconds, how many queries found a
// path, and how many a budget cut short.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <random>
#include <vector>

#include "base/status.h"
#include "kgstore/database.h"
#include "kgstore/take_snapshot.h"
#include "queries/connections/connection_search.h"

namespace undula {
namespace {

double ThreadMilliseconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

absl::Status Run(const std::string& path, int history, int queries) {
  kgstore::OpenOptions options;
  options.read_only = true;
  UNDULA_ASSIGN_OR_RETURN(const auto db, kgstore::Database::Open(path, options));
  UNDULA_ASSIGN_OR_RETURN(const Snapshot snapshot, kgstore::TakeSnapshot(*db));
  TaskArena workers(1);
  const double start = ThreadMilliseconds();
  const queries::ConnectionGraph graph(snapshot, {}, workers);
  std::printf("graph: %u entities, %lld edges, made in %.0f ms\n", snapshot.n_entities,
              static_cast<long long>(snapshot.out.edges()), ThreadMilliseconds() - start);
  std::mt19937_64 random(7);
  std::vector<double> times;
  int found = 0, truncated = 0;
  for (int i = 0; i < queries; ++i) {
    const auto draw = [&] {
      while (true) {
        const EntityId entity{static_cast<uint32_t>(random() % snapshot.n_entities)};
        if (snapshot.out.degree(entity) >= 3) return entity;
      }
    };
    std::vector<queries::PathStart> starts;
    for (int k = 0; k < history; ++k) starts.push_back({draw(), static_cast<uint32_t>(k)});
    const EntityId target = draw();
    const double from = ThreadMilliseconds();
    const queries::Connections connections = queries::FindConnections(graph, starts, target, {});
    times.push_back(ThreadMilliseconds() - from);
    found += !connections.paths.empty();
    truncated += connections.truncated;
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<size_t>(share * static_cast<double>(times.size() - 1))];
  };
  std::printf("%d starts: median %.3f ms, p99 %.3f ms, max %.3f ms; found %.1f %%, cut %.1f %%\n",
              history, at(.5), at(.99), at(1), 100.0 * found / queries,
              100.0 * truncated / queries);
  return absl::OkStatus();
}

}  // namespace
}  // namespace undula

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: connection_bench DB [history items] [queries]\n";
    return 2;
  }
  const absl::Status status = undula::Run(argv[1], argc > 2 ? std::atoi(argv[2]) : 50,
                                          argc > 3 ? std::atoi(argv[3]) : 2000);
  if (!status.ok()) std::cerr << status.ToString() << "\n";
  return status.ok() ? 0 : 1;
}
