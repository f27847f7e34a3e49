// Reader processes beside one writing process:
//   store_readers run FILE [seconds] [readers]
//   store_readers make FILE ACCOUNTS              a balanced database (for bench/crash_trials.py)
//   store_readers write FILE ACCOUNTS FROM COUNT  commits rounds FROM, FROM + 1, ... and prints
//   each
// `run` makes the database FILE (which must not exist), lets the readers work alone for a third of
// the time (default 300 s, 8 readers) and then beside a writer that commits balanced changes as
// fast as it can. Every view must be balanced (tests/kgstore/balance.h). Prints the readers'
// latency (open a view, find a term, read its edges) in both parts as rows of a Markdown table;
// exit code 1 where a reader saw part of a transaction.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/database.h"
#include "kgstore/stats.h"
#include "tests/kgstore/balance.h"

namespace undula::kgstore {
namespace {

constexpr int kAccounts = 2000;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

absl::Status Read(const std::string& path, int reader, double seconds, int out) {
  OpenOptions options;
  options.read_only = true;
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, Database::Open(path, options));
  ReadLatency latency;
  const Clock::time_point start = Clock::now();
  UNDULA_RETURN_IF_ERROR(ReadBalanced(
      *db, kAccounts, static_cast<uint64_t>(reader), [&] { return SecondsSince(start) > seconds; },
      &latency));
  // A sample is enough for the quantiles.
  const size_t step = latency.seconds.size() / 100000 + 1;
  std::vector<double> sample = {static_cast<double>(latency.reads),
                                static_cast<double>(latency.states)};
  for (size_t i = 0; i < latency.seconds.size(); i += step) sample.push_back(latency.seconds[i]);
  const char* bytes = reinterpret_cast<const char*>(sample.data());
  for (size_t left = sample.size() * sizeof(double); left > 0;) {
    const ssize_t n = write(out, bytes, left);
    if (n <= 0) return InternalError("a reader cannot report");
    bytes += n;
    left -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::Status Write(const std::string& path, double seconds, int* rounds) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, Database::Open(path));
  const Clock::time_point start = Clock::now();
  for (*rounds = 0; SecondsSince(start) < seconds; ++*rounds) {
    UNDULA_RETURN_IF_ERROR(ChangeBalanced(*db, kAccounts, *rounds));
  }
  return absl::OkStatus();
}

absl::Status WriteRounds(const std::string& path, int accounts, int from, int count) {
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db, Database::Open(path));
  for (int round = from; round < from + count; ++round) {
    UNDULA_RETURN_IF_ERROR(ChangeBalanced(*db, accounts, round));
    std::printf("committed %d\n", round);
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

bool RunPart(const std::string& path, int readers, double seconds, bool writer) {
  std::vector<std::pair<pid_t, int>> children;
  for (int i = 0; i < readers; ++i) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      const absl::Status status = Read(path, i, seconds, ends[1]);
      if (!status.ok()) std::cerr << "reader " << i << ": " << status << "\n";
      _exit(status.ok() ? 0 : 1);
    }
    close(ends[1]);
    children.emplace_back(child, ends[0]);
  }
  int rounds = 0;
  bool ok = true;
  if (writer) {
    const absl::Status status = Write(path, seconds, &rounds);
    if (!status.ok()) std::cerr << "writer: " << status << "\n";
    ok = status.ok();
  }
  std::vector<double> all;
  double reads = 0, states = 0;
  for (const auto& [child, in] : children) {
    std::vector<double> sample;
    std::vector<char> bytes;
    char block[65536];
    for (ssize_t n; (n = read(in, block, sizeof block)) > 0;) {
      bytes.insert(bytes.end(), block, block + n);
    }
    close(in);
    sample.resize(bytes.size() / sizeof(double));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(sample.data()));
    int code = 0;
    waitpid(child, &code, 0);
    ok = ok && code == 0 && sample.size() > 2;
    if (sample.size() <= 2) continue;
    reads += sample[0];
    states += sample[1];
    all.insert(all.end(), sample.begin() + 2, sample.end());
  }
  std::sort(all.begin(), all.end());
  const auto quantile = [&](double q) {
    return all.empty() ? 0
                       : 1e6 * all[static_cast<size_t>(q * static_cast<double>(all.size() - 1))];
  };
  std::printf("| %d readers%s | %.0f | %.0f | %d | %.0f | %.1f | %.1f | %.1f | %s |\n", readers,
              writer ? ", 1 writer" : "", seconds, reads, rounds, states / readers, quantile(0.5),
              quantile(0.99), quantile(0.999), ok ? "0" : "SEEN");
  std::fflush(stdout);
  return ok;
}

}  // namespace
}  // namespace undula::kgstore

int main(int argc, char** argv) {
  namespace store = undula::kgstore;
  const std::string verb = argc > 2 ? argv[1] : "", path = argc > 2 ? argv[2] : "";
  const auto number = [&](int i, double otherwise) {
    return i < argc ? std::atof(argv[i]) : otherwise;
  };
  const auto whole = [&](int i) { return static_cast<int>(number(i, 0)); };
  if (verb != "run" && !(verb == "make" && argc == 4) && !(verb == "write" && argc == 6)) {
    std::cerr << "usage: store_readers run|make|write FILE ...\n";
    return 2;
  }
  const absl::Status status =
      verb == "write" ? store::WriteRounds(path, whole(3), whole(4), whole(5))
                      : store::MakeBalanced(path, verb == "make" ? whole(3) : store::kAccounts);
  if (!status.ok()) std::cerr << status << "\n";
  if (!status.ok() || verb != "run") return static_cast<int>(status.code());
  const double seconds = number(3, 300);
  const int readers = static_cast<int>(number(4, 8));
  std::printf(
      "| run | seconds | reads | commits | states seen by a reader | p50, us | p99, us | "
      "p99.9, us | parts of transactions |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  const bool alone = store::RunPart(path, readers, seconds / 3, false);
  const bool beside = store::RunPart(path, readers, seconds, true);
  return alone && beside ? 0 : 1;
}
