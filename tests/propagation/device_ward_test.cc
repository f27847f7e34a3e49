// Clusters made on a device are those of the CPU: the same merges, bit for bit and tie by tie, for
// every schedule and block size.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/rng.h"
#include "models/pinnersage/pinnersage.h"
#include "models/pinnersage/ward.h"
#include "propagation/ops/ward.h"
#include "tests/propagation/device_fixture.h"
#include "tests/shared_path.h"

namespace undula::models {
namespace {

using propagation::DeviceWard;
using propagation::WardLink;

// Sets of rows of one table.
struct Case {
  std::vector<float> rows;
  int64_t dim = 1;
  std::vector<int64_t> ptr = {0};
  std::vector<uint32_t> row, count;

  void Add(int64_t points, uint32_t seed, uint32_t most_count) {
    const Rng rng(seed, RngStream::kTest, 3);
    const auto n = static_cast<uint32_t>(rows.size() / static_cast<size_t>(dim));
    for (int64_t i = 0; i < points; ++i) {
      row.push_back(rng.Below(2 * i, n));
      count.push_back(1 + rng.Below(2 * i + 1, most_count));
    }
    ptr.push_back(static_cast<int64_t>(row.size()));
  }
  std::vector<WardMerge> OnCpu(size_t set) const {
    std::vector<float> points;
    for (int64_t i = ptr[set]; i < ptr[set + 1]; ++i) {
      points.insert(points.end(), rows.begin() + row[i] * dim, rows.begin() + (row[i] + 1) * dim);
    }
    const auto n = static_cast<size_t>(ptr[set + 1] - ptr[set]);
    return WardLinkage<float>(points, dim, std::span(count).subspan(ptr[set], n));
  }
};

void ExpectSameMerges(propagation::Exec* device, const Case& c, size_t schedules) {
  for (const propagation::Schedule& schedule :
       std::span(propagation::kSchedules).first(schedules)) {
    propagation::SetSchedule(device, schedule);
    const auto ward = DeviceWard::Create(device, c.rows, c.dim);
    ASSERT_TRUE(ward.ok()) << ward.status();
    std::vector<WardLink> links;
    const absl::Status linked = (*ward)->Link({c.ptr, c.row, c.count}, &links);
    ASSERT_TRUE(linked.ok()) << linked;
    for (size_t s = 0; s + 1 < c.ptr.size(); ++s) {
      std::vector<WardMerge> got;
      for (int64_t i = c.ptr[s]; i + 1 < c.ptr[s + 1]; ++i) {
        got.push_back({links[i].a, links[i].b, links[i].height});
      }
      SortMerges(&got);
      const std::vector<WardMerge> want = c.OnCpu(s);
      ASSERT_EQ(got.size(), want.size());
      for (size_t k = 0; k < want.size(); ++k) {
        ASSERT_EQ(got[k].a, want[k].a) << "set " << s << ", merge " << k;
        ASSERT_EQ(got[k].b, want[k].b) << "set " << s << ", merge " << k;
        ASSERT_EQ(got[k].height, want[k].height) << "set " << s << ", merge " << k;
      }
    }
  }
}

TEST(DeviceWard, MergesAreThoseOfTheCpu) {
  UNDULA_OPEN_DEVICE(device);
  for (const int64_t dim : {1, 16, 37}) {
    Case c;
    c.dim = dim;
    c.rows = propagation::RandomFloats(150 * dim, 5);
    for (const int64_t points : {66, 0, 1, 2, 3, 64, 17}) {
      c.Add(points, static_cast<uint32_t>(points), dim == 16 ? 1 : 4);
    }
    ExpectSameMerges(device.get(), c, 3);
    if (HasFailure()) return;
  }
}

// Points on a grid, and points that are all equally far from one another: most distances are ties,
// or are but for rounding.
TEST(DeviceWard, TiesAreBrokenAsOnTheCpu) {
  UNDULA_OPEN_DEVICE(device);
  Case grid;
  grid.dim = 2;
  for (int i = 0; i < 49; ++i) {
    grid.rows.push_back(static_cast<float>(i / 7));
    grid.rows.push_back(static_cast<float>(i % 7));
  }
  for (const int64_t points : {90, 60, 30}) grid.Add(points, static_cast<uint32_t>(points), 3);
  ExpectSameMerges(device.get(), grid, 3);
  Case simplex;
  simplex.dim = 60;
  simplex.rows.assign(60 * 60, 0.0f);
  for (size_t i = 0; i < 60; ++i) simplex.rows[i * 61] = 0.3f;
  for (uint32_t i = 0; i < 60; ++i) {
    simplex.row.push_back(i);
    simplex.count.push_back(1 + i % 3);
  }
  simplex.ptr.push_back(60);
  ExpectSameMerges(device.get(), simplex, 3);
}

// Squares of these overflow.
TEST(DeviceWard, PointsThatAreTooFarApart) {
  UNDULA_OPEN_DEVICE(device);
  Case c;
  c.dim = 2;
  c.rows = {1e20f, 0, -1e20f, 1, 0, 3e38f, 1, 2, 3e38f, -3e38f};
  c.Add(20, 3, 2);
  ExpectSameMerges(device.get(), c, 2);
}

TEST(DeviceWard, AsManyActionsAsInPractice) {
  UNDULA_OPEN_DEVICE(device);
  Case c;
  c.dim = 256;
  c.rows = propagation::RandomFloats(400 * c.dim, 6);
  c.Add(300, 1, 2);
  ExpectSameMerges(device.get(), c, propagation::kEmulated ? 1 : 6);
}

void ExpectSameClusters(const std::vector<std::vector<InterestCluster>>& got,
                        std::span<const UserActions> users, const ItemVectors& vectors,
                        const PinnerSageOptions& options) {
  ASSERT_EQ(got.size(), users.size());
  for (size_t u = 0; u < users.size(); ++u) {
    const auto want = ClusterActions(users[u].actions, vectors, users[u].now, options);
    ASSERT_EQ(got[u].size(), want.size()) << "user " << u;
    for (size_t k = 0; k < want.size(); ++k) {
      EXPECT_EQ(got[u][k].medoid, want[k].medoid) << "user " << u;
      EXPECT_EQ(got[u][k].importance, want[k].importance) << "user " << u;
      EXPECT_EQ(got[u][k].actions, want[k].actions) << "user " << u;
      EXPECT_EQ(got[u][k].last_time, want[k].last_time) << "user " << u;
      EXPECT_EQ(got[u][k].items, want[k].items) << "user " << u;
    }
  }
}

TEST(DeviceWard, ClustersOfUsers) {
  UNDULA_OPEN_DEVICE(device);
  constexpr uint32_t kItems = 90, kDim = 8;
  const std::vector<float> table = propagation::RandomFloats(kItems * kDim, 8);
  const ItemVectors vectors{table, kDim};
  std::vector<std::vector<Action>> actions;
  for (const uint32_t n : {5u, 80u, 0u, 1u, 33u, 140u}) {
    const Rng rng(n, RngStream::kTest);
    auto& list = actions.emplace_back();
    for (uint32_t i = 0; i < n; ++i) {
      list.push_back({ItemId{rng.Below(2 * i, kItems)}, 30.0 * rng.Uniform(2 * i + 1)});
    }
  }
  std::vector<UserActions> users;
  for (const auto& list : actions)
    users.push_back({list, 20.0 + static_cast<double>(users.size())});
  const PinnerSageOptions options{.alpha = 3, .lambda = .05};
  std::vector<std::vector<InterestCluster>> got;
  TaskArena workers(2);
  propagation::Exec cpu(&workers), serial(nullptr);
  for (propagation::Exec* exec : {&cpu, &serial, device.get()}) {
    const absl::Status status = ClusterUsers(users, vectors, options, exec, &got);
    ASSERT_TRUE(status.ok()) << status;
    ExpectSameClusters(got, users, vectors, options);
  }
  // Too small a block for the largest two, then for any: they are clustered on the CPU.
  for (const size_t bytes : {size_t{9400}, size_t{1024}}) {
    propagation::SetSharedMemory(device.get(), bytes);
    const absl::Status status = ClusterUsers(users, vectors, options, device.get(), &got);
    ASSERT_TRUE(status.ok()) << status;
    ExpectSameClusters(got, users, vectors, options);
  }
}

TEST(DeviceWard, SaysWhatItCannotDo) {
  UNDULA_OPEN_DEVICE(device);
  const std::vector<float> rows = {1, 2, 3, 4};
  propagation::Exec cpu(nullptr);
  EXPECT_EQ(DeviceWard::Create(&cpu, rows, 2).status().code(), absl::StatusCode::kUnavailable);
  const auto ward = DeviceWard::Create(device.get(), rows, 2);
  ASSERT_TRUE(ward.ok()) << ward.status();
  EXPECT_TRUE((*ward)->Fits(propagation::kMostWardPoints));
  EXPECT_FALSE((*ward)->Fits(propagation::kMostWardPoints + 1));
  std::vector<WardLink> links;
  const std::vector<int64_t> ptr = {0, 2};
  const std::vector<uint32_t> row = {0, 1}, count = {1};
  EXPECT_EQ((*ward)->Link({ptr, row, count}, &links).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE((*ward)->Link({std::vector<int64_t>{0, 0, 0}, {}, {}}, &links).ok());
  if constexpr (propagation::kEmulated) {
    propagation::SetDeviceMemory(1);
    EXPECT_EQ((*ward)->Link({ptr, row, row}, &links).code(), absl::StatusCode::kResourceExhausted);
    propagation::SetDeviceMemory(SIZE_MAX);
  }
}

class DeviceWardOracle : public testing::TestWithParam<const char*> {};

TEST_P(DeviceWardOracle, ReproducesTheFile) {
  UNDULA_OPEN_DEVICE(device);
  const std::string path = SharedPath(std::string("oracles/") + GetParam() + ".json");
  std::ifstream in(path);
  if (!in) GTEST_SKIP() << "no oracle " << path << "; set UNDULA_SHARED";
  const auto oracle = nlohmann::json::parse(in);
  Case c;
  c.rows = oracle["inputs"]["points"]["data"].get<std::vector<float>>();
  c.dim = oracle["inputs"]["points"]["shape"][1];
  const auto n = static_cast<uint32_t>(c.rows.size() / static_cast<size_t>(c.dim));
  for (uint32_t i = 0; i < n; ++i) c.row.push_back(i);
  c.count.assign(n, 1);
  c.ptr.push_back(n);
  const auto ward = DeviceWard::Create(device.get(), c.rows, c.dim);
  ASSERT_TRUE(ward.ok()) << ward.status();
  std::vector<WardLink> links;
  const absl::Status linked = (*ward)->Link({c.ptr, c.row, c.count}, &links);
  ASSERT_TRUE(linked.ok()) << linked;
  std::vector<WardMerge> merges;
  for (uint32_t i = 0; i + 1 < n; ++i) merges.push_back({links[i].a, links[i].b, links[i].height});
  SortMerges(&merges);
  const auto heights = oracle["outputs"]["merge_heights"]["data"].get<std::vector<double>>();
  ASSERT_EQ(merges.size(), heights.size());
  for (size_t k = 0; k < heights.size(); ++k) {
    EXPECT_NEAR(merges[k].height, heights[k], 1e-5 * std::max(1.0, heights[k]));
  }
  const auto times = oracle["inputs"]["times"]["data"].get<std::vector<double>>();
  std::vector<Action> actions;
  for (uint32_t i = 0; i < n; ++i) actions.push_back({ItemId{i}, times[i]});
  const UserActions user{actions, oracle["config"]["now"].get<double>()};
  for (const auto& cut : oracle["outputs"]["cuts"]) {
    const double alpha = cut["alpha"];
    const auto labels = cut["labels"]["data"].get<std::vector<uint32_t>>();
    EXPECT_EQ(CutLinkage(merges, n, alpha), labels);
    std::vector<std::vector<InterestCluster>> clusters;
    ASSERT_TRUE(
        ClusterUsers({&user, 1}, {c.rows, c.dim}, {.alpha = alpha}, device.get(), &clusters).ok());
    const auto medoids = cut["medoids"]["data"].get<std::vector<uint32_t>>();
    ASSERT_EQ(clusters[0].size(), medoids.size());
    for (const InterestCluster& cluster : clusters[0]) {
      EXPECT_EQ(Index(cluster.medoid), medoids[labels[Index(cluster.items[0])]]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, DeviceWardOracle,
                         testing::Values("pinnersage_plane", "pinnersage_unit"));

}  // namespace
}  // namespace undula::models
