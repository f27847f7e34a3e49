#include "base/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace undula {
namespace {

using Range = std::pair<int64_t, int64_t>;

std::set<Range> RangesOf(int threads, int64_t n, int64_t grain) {
  TaskArena arena(threads);
  std::mutex mutex;
  std::set<Range> ranges;
  arena.For(n, grain, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(ranges.emplace(begin, end).second) << begin << " twice";
  });
  return ranges;
}

TEST(TaskArenaTest, RangesDoNotDependOnTheNumberOfThreads) {
  for (int64_t n : {1, 7, 64, 1000, 1001}) {
    for (int64_t grain : {1, 7, 64, 5000}) {
      std::set<Range> expected;
      for (int64_t at = 0; at < n; at += grain) expected.emplace(at, std::min(n, at + grain));
      for (int threads : {1, 2, 3, 8}) EXPECT_EQ(RangesOf(threads, n, grain), expected);
    }
  }
}

TEST(TaskArenaTest, EmptyLoopsAndBadGrains) {
  EXPECT_TRUE(RangesOf(2, 0, 4).empty());
  EXPECT_TRUE(RangesOf(2, -3, 4).empty());
  EXPECT_EQ(RangesOf(2, 3, 0).size(), 3u);
}

TEST(TaskArenaTest, OneThreadRunsInOrderOnTheCaller) {
  TaskArena arena(1);
  EXPECT_EQ(arena.threads(), 1);
  const std::thread::id caller = std::this_thread::get_id();
  std::vector<int64_t> begins;
  arena.For(10, 3, [&](int64_t begin, int64_t) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    begins.push_back(begin);
  });
  EXPECT_EQ(begins, (std::vector<int64_t>{0, 3, 6, 9}));
}

TEST(TaskArenaTest, LoopsNestAndArenasAreIndependent) {
  TaskArena outer(3), inner(2);
  std::atomic<int64_t> sum = 0;
  outer.For(20, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      outer.For(5, 2, [&](int64_t b, int64_t e) { sum += e - b; });
      inner.For(5, 2, [&](int64_t b, int64_t e) { sum += e - b; });
    }
  });
  EXPECT_EQ(sum.load(), 200);
}

TEST(TaskArenaTest, ZeroMeansAllCores) { EXPECT_GE(TaskArena().threads(), 1); }

}  // namespace
}  // namespace undula
