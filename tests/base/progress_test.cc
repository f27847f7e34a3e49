#include "base/progress.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/status.h"

namespace undula {
namespace {

TEST(ProgressTest, ReportsAreThrottledButTheLastOneComes) {
  std::vector<int64_t> seen;
  Progress progress([&](int64_t done, int64_t total, std::string_view message) {
    EXPECT_EQ(total, 1000);
    EXPECT_EQ(message, "reading");
    seen.push_back(done);
  });
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 1; i <= 1000; ++i) ASSERT_TRUE(progress.Report(i, 1000, "reading").ok());
  const auto spent = std::chrono::steady_clock::now() - begin;
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), 1000);
  EXPECT_LE(seen.size(), 2u + static_cast<size_t>(spent / std::chrono::milliseconds(50)));
}

TEST(ProgressTest, CancelFromAnotherThread) {
  Progress progress;
  EXPECT_FALSE(progress.cancelled());
  std::thread([&] { progress.Cancel(); }).join();
  EXPECT_TRUE(progress.cancelled());
  const absl::Status status = progress.Report(1, 2, "training");
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Message(status), "training: cancelled");
}

TEST(ProgressTest, Deadline) {
  Progress progress;
  progress.SetDeadline(std::chrono::steady_clock::now() + std::chrono::hours(1));
  EXPECT_TRUE(progress.Report(1, 0, "x").ok());
  progress.SetDeadline(std::chrono::steady_clock::now());
  EXPECT_EQ(progress.Report(1, 0, "x").code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(ProgressTest, NullIsAlwaysOk) { EXPECT_TRUE(Progress::Report(nullptr, 1, 2, "x").ok()); }

TEST(ProgressTest, BytesAndRecords) {
  bool in_bytes = false;
  Progress* reported = nullptr;
  Progress progress([&](int64_t, int64_t, std::string_view) { in_bytes = reported->in_bytes(); });
  reported = &progress;
  ASSERT_TRUE(progress.ReportBytes(10, 10, "file").ok());
  EXPECT_TRUE(in_bytes);
  EXPECT_FALSE(progress.in_bytes());
  ASSERT_TRUE(progress.Report(10, 10, "steps").ok());
  EXPECT_FALSE(in_bytes);
  std::thread other([&] { progress.AddRecords(5); });
  progress.AddRecords(2);
  other.join();
  EXPECT_EQ(progress.records(), 7);
}

}  // namespace
}  // namespace undula
