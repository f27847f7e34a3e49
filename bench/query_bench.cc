// Times of graph patterns: query_bench DATABASE FILE.rq [SECONDS] [users|NAME=FILE|filter|deadline]
// One line of JSON: rows, runs, and microseconds for: parse and translation; a first run (plans and
// runs of this query read anew), each the median of many by the clock; a run with plans kept, in
// CPU time of the thread. With "users" the parameter $user goes through all users of the database,
// one run each; with "NAME=FILE" the parameter NAME through the terms of a file. With "filter" the
// pattern is one of items, as recommendations use it: microseconds a user of whole batches,
// everything included. With "deadline" the query gets SECONDS of time: milliseconds of the clock
// and of the CPU that it ended later.
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "kgstore/database.h"
#include "kgstore/read_view.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/prepared.h"

namespace {

using undula::queries::pattern::Executor;
using undula::queries::pattern::Limits;
using undula::queries::pattern::MakeValue;
using undula::queries::pattern::PreparedQuery;
using undula::queries::pattern::Value;
using undula::queries::pattern::ValueKind;

// Of the clock, for short spans: reading it takes a thirtieth of what reading the CPU time takes.
double Microseconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

double CpuMicroseconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

template <class T>
T Ok(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", std::string(undula::Message(value.status())).c_str());
  std::exit(1);
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void Filter(const std::shared_ptr<const undula::kgstore::Database>& database,
            const std::string& text, double seconds) {
  const uint32_t users = Ok(database->Read()).counts().users;
  const auto shared = std::make_shared<undula::queries::pattern::SharedReads>();
  std::vector<double> batches;
  uint64_t items = 0;
  const double start = CpuMicroseconds();
  while (CpuMicroseconds() - start < seconds * 1e6) {
    const double begin = CpuMicroseconds();
    const auto pattern =
        Ok(undula::queries::pattern::ItemPattern::Make(database, text, {}, shared));
    items = 0;
    for (uint32_t i = 0; i < users; ++i) {
      for (const uint64_t word : Ok(pattern->Items(undula::UserId{i}))) {
        items += static_cast<uint64_t>(std::popcount(word));
      }
    }
    batches.push_back((CpuMicroseconds() - begin) / users);
  }
  std::printf("{\"users\": %u, \"items\": %llu, \"first_us\": %.2f, \"median_us\": %.2f}\n", users,
              static_cast<unsigned long long>(items), batches[0], Median(batches));
}

void Deadline(const undula::kgstore::Database& database, const std::string& text, double seconds) {
  const auto query = Ok(undula::queries::pattern::ParseQuery(text));
  auto prepared = Ok(PreparedQuery::Make(query, {}, Ok(database.Read()), {}));
  const auto begin = std::chrono::steady_clock::now();
  Limits limits;
  limits.deadline = begin + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                std::chrono::duration<double>(seconds));
  // The CPU time that the query has had by its deadline: on a busy machine the clock says little.
  clockid_t clock{};
  pthread_getcpuclockid(pthread_self(), &clock);
  double at_deadline = 0;
  std::thread watch([&] {
    std::this_thread::sleep_until(*limits.deadline);
    timespec t;
    clock_gettime(clock, &t);
    at_deadline = static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
  });
  uint64_t rows = 0;
  const auto count = [&] {
    ++rows;
    return true;
  };
  const absl::Status status = prepared->executor().Run({}, limits, count);
  prepared = nullptr;
  const double cpu = CpuMicroseconds();
  const std::chrono::duration<double, std::milli> late =
      std::chrono::steady_clock::now() - *limits.deadline;
  watch.join();
  std::printf("{\"status\": \"%.40s\", \"rows\": %llu, \"late_ms\": %.2f, \"cpu_late_ms\": %.2f}\n",
              std::string(undula::Message(status)).c_str(), static_cast<unsigned long long>(rows),
              late.count(), (cpu - at_deadline) / 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(
        stderr,
        "usage: query_bench DATABASE FILE.rq [SECONDS] [users|NAME=FILE|filter|deadline]\n");
    return 1;
  }
  const double seconds = argc > 3 ? std::atof(argv[3]) : 1;
  const std::string sweep = argc > 4 ? argv[4] : "";
  const size_t equals = sweep.find('=');
  const std::string name = equals == std::string::npos ? "user" : sweep.substr(0, equals);
  std::ifstream in(argv[2], std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  undula::kgstore::OpenOptions options;
  options.read_only = true;
  options.threads = 1;
  const std::shared_ptr<const undula::kgstore::Database> database =
      Ok(undula::kgstore::Database::Open(argv[1], options));
  if (sweep == "filter") {
    Filter(database, text, seconds);
    return 0;
  }
  if (sweep == "deadline") {
    Deadline(*database, text, seconds);
    return 0;
  }
  const std::vector<std::string> params = {name};
  std::vector<double> parse, prepare, first, kept;
  uint64_t rows = 0;
  const auto run = [&](PreparedQuery* prepared, Value value) {
    Executor& executor = prepared->executor();
    rows = 0;
    const auto count = [&] {
      ++rows;
      return true;
    };
    const absl::Status status = executor.Run({&value, 1}, Limits(), count);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", std::string(undula::Message(status)).c_str());
      std::exit(1);
    }
  };
  std::vector<std::string> terms;
  if (equals != std::string::npos) {
    std::ifstream lines(sweep.substr(equals + 1));
    for (std::string line; std::getline(lines, line);) terms.push_back(line);
  }
  const auto shared = std::make_shared<undula::queries::pattern::SharedReads>();
  std::unique_ptr<PreparedQuery> prepared;
  std::vector<Value> values;
  const auto make_values = [&] {
    values.clear();
    for (const std::string& term : terms) {
      values.push_back(
          Ok(prepared->source().Intern(Ok(undula::queries::pattern::ParseTerm(term)))));
    }
    const uint32_t users = sweep == "users" ? Ok(database->Read()).counts().users : 1;
    for (uint32_t i = 0; terms.empty() && i < users; ++i) {
      values.push_back(MakeValue(ValueKind::kUser, i));
    }
  };
  const double start = CpuMicroseconds();
  for (int i = 0; i < 100'000 && CpuMicroseconds() - start < seconds * 5e5; ++i) {
    prepared = nullptr;
    auto view = Ok(database->Read());
    const double t0 = Microseconds();
    const auto query = Ok(undula::queries::pattern::ParseQuery(text));
    const double t1 = Microseconds();
    prepared = Ok(PreparedQuery::Make(query, params, std::move(view), {}, shared));
    const double t2 = Microseconds();
    if (i == 0) make_values();
    const double t3 = Microseconds();
    run(prepared.get(), values[0]);
    const double t4 = Microseconds();
    parse.push_back(t1 - t0);
    prepare.push_back(t2 - t1);
    first.push_back(t4 - t3);
  }
  make_values();
  const double again = CpuMicroseconds();
  uint64_t runs = 0, all_rows = 0, sweep_rows = 0;
  while (CpuMicroseconds() - again < seconds * 1e6 || runs < values.size()) {
    const double t0 = CpuMicroseconds();
    run(prepared.get(), values[runs % values.size()]);
    kept.push_back(CpuMicroseconds() - t0);
    all_rows += rows;
    if (runs < values.size()) sweep_rows += rows;
    ++runs;
  }
  double total = 0;
  for (const double t : kept) total += t;
  std::printf(
      "{\"query\": \"%s\", \"rows\": %llu, \"parse_us\": %.2f, \"translate_us\": %.2f, "
      "\"first_run_us\": %.2f, \"run_us\": %.2f, \"mean_run_us\": %.2f, \"runs\": %llu, "
      "\"rows_a_second\": %.0f}\n",
      argv[2], static_cast<unsigned long long>(sweep_rows), Median(parse), Median(prepare),
      Median(first), Median(kept), total / static_cast<double>(runs),
      static_cast<unsigned long long>(runs), static_cast<double>(all_rows) / total * 1e6);
  return 0;
}
