// Exact search on a device gives the lists of the CPU, bit for bit, for every schedule and block
// size, with filters and among ties.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "models/retrieval/device_index.h"
#include "models/retrieval/exact_index.h"
#include "tests/propagation/device_fixture.h"

namespace undula::models {
namespace {

using Lists = std::vector<std::vector<ScoredItem>>;

// Items 2, 5, 8, ... have no vector: ids and rows differ. Every seventh vector is that of the row
// six before it.
IndexVectors Vectors(int64_t rows, int64_t dim) {
  IndexVectors out;
  out.dim = dim;
  out.values = propagation::RandomFloats(rows * dim, 4);
  for (uint32_t id = 0; out.rows() < rows; ++id) {
    if (id % 3 != 2) out.items.push_back(ItemId{id});
  }
  for (int64_t r = 6; r < rows; r += 7) {
    std::copy_n(out.values.begin() + (r - 6) * dim, dim, out.values.begin() + r * dim);
  }
  return out;
}

void ExpectSameLists(const Lists& got, const Lists& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t q = 0; q < want.size(); ++q) {
    ASSERT_EQ(got[q].size(), want[q].size()) << "query " << q;
    for (size_t p = 0; p < want[q].size(); ++p) {
      ASSERT_EQ(got[q][p].item, want[q][p].item) << "query " << q << ", place " << p;
      ASSERT_EQ(got[q][p].score, want[q][p].score) << "query " << q << ", place " << p;
    }
  }
}

void ExpectDeviceAgrees(propagation::Exec* device, const IndexVectors& vectors,
                        std::span<const IndexQuery> queries, int64_t k, size_t schedules) {
  IndexScratch scratch;
  Lists want, got;
  ExactIndex(vectors).Search(queries, k, &scratch, &want);
  for (const propagation::Schedule& schedule :
       std::span(propagation::kSchedules).first(schedules)) {
    propagation::SetSchedule(device, schedule);
    const auto index = DeviceIndex::Create(vectors, device);
    ASSERT_TRUE(index.ok()) << index.status();
    (*index)->Search(queries, k, &scratch, &got);
    ExpectSameLists(got, want);
    if (testing::Test::HasFailure()) return;
  }
}

class Queries {
 public:
  Queries(int64_t n, int64_t dim) : dim_(dim), values_(propagation::RandomFloats(n * dim, 9)) {}
  std::vector<IndexQuery> All(const ItemMask& mask = {}) const {
    std::vector<IndexQuery> out;
    for (size_t at = 0; at < values_.size(); at += static_cast<size_t>(dim_)) {
      out.push_back({std::span(values_).subspan(at, static_cast<size_t>(dim_)), mask});
    }
    return out;
  }

 private:
  int64_t dim_;
  std::vector<float> values_;
};

TEST(DeviceSearch, ListsAreThoseOfTheCpu) {
  UNDULA_OPEN_DEVICE(device);
  // Few queries and parts of the catalogue, many queries, lists longer than what there is.
  struct Size {
    int64_t rows, dim, queries, k;
  };
  for (const Size& size : {Size{700, 16, 1, 10}, Size{900, 5, 3, 40}, Size{300, 50, 21, 7},
                           Size{130, 96, 6, 200}, Size{1, 3, 2, 1}, Size{1100, 4, 18, 150}}) {
    SCOPED_TRACE(size.rows);
    const Queries queries(size.queries, size.dim);
    ExpectDeviceAgrees(device.get(), Vectors(size.rows, size.dim), queries.All(), size.k,
                       std::size(propagation::kSchedules));
    if (HasFailure()) return;
  }
}

TEST(DeviceSearch, FiltersHold) {
  UNDULA_OPEN_DEVICE(device);
  const IndexVectors vectors = Vectors(400, 8);
  const uint32_t n = Index(vectors.items.back()) + 1;
  ItemSet allow(n), deny(n);
  for (uint32_t i = 0; i < n; i += 2) allow.Add(ItemId{i});
  for (uint32_t i = 0; i < n; i += 5) deny.Add(ItemId{i});
  std::vector<ItemId> seen;
  for (uint32_t i = 0; i < n + 10; i += 4) seen.push_back(ItemId{i});  // some are not there
  const Queries values(12, 8);
  auto queries = values.All({seen, &allow, &deny});
  ExpectDeviceAgrees(device.get(), vectors, queries, 30, 4);
  for (size_t q = 0; q < queries.size(); ++q) {
    queries[q].mask = {};
    if (q % 2 == 1) queries[q].mask.excluded = seen;
    if (q > 3 && q < 9) queries[q].mask.allow = &allow;
    if (q > 6) queries[q].mask.deny = &deny;
  }
  ExpectDeviceAgrees(device.get(), vectors, queries, 30, 4);
  const ItemSet nothing(n);
  ExpectDeviceAgrees(device.get(), vectors, values.All({{}, &nothing, nullptr}), 3, 1);
}

TEST(DeviceSearch, NaNIsNeverInAList) {
  UNDULA_OPEN_DEVICE(device);
  IndexVectors vectors = Vectors(50, 4);
  for (const size_t at : {3, 77, 180}) vectors.values[at] = std::nanf("");
  ExpectDeviceAgrees(device.get(), vectors, Queries(5, 4).All(), 60, 2);
  const std::vector<float> query = {1, std::nanf(""), 0, 0};
  ExpectDeviceAgrees(device.get(), vectors, std::vector<IndexQuery>{{query, {}}}, 5, 1);
}

TEST(DeviceSearch, WhatTheDeviceCannotDoTheCpuDoes) {
  UNDULA_OPEN_DEVICE(device);
  const IndexVectors vectors = Vectors(1500, 4);
  const Queries values(2, 4);
  const auto queries = values.All();
  const ExactIndex exact(vectors);
  const auto index = DeviceIndex::Create(vectors, device.get());
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ((*index)->kind(), "exact");
  EXPECT_EQ((*index)->items(), 1500);
  float vector[4], same[4];
  ASSERT_TRUE((*index)->VectorOf(ItemId{7}, vector));
  exact.VectorOf(ItemId{7}, same);
  EXPECT_TRUE(std::equal(vector, vector + 4, same));
  EXPECT_FALSE((*index)->VectorOf(ItemId{8}, vector));
  IndexScratch scratch;
  Lists want, got;
  const auto compare = [&](int64_t k) {
    exact.Search(queries, k, &scratch, &want);
    (*index)->Search(queries, k, &scratch, &got);
    ExpectSameLists(got, want);
  };
  compare(0);
  compare(propagation::cuda::kMostRanked + 1);
  if constexpr (propagation::kEmulated) {
    propagation::SetDeviceMemory(1);
    compare(10);
    propagation::SetDeviceMemory(SIZE_MAX);
  }
  propagation::SetSharedMemory(device.get(), 1024);
  compare(10);
  EXPECT_EQ(DeviceIndex::Create(vectors, device.get()).status().code(),
            absl::StatusCode::kUnimplemented);
  propagation::Exec cpu(nullptr);
  EXPECT_EQ(DeviceIndex::Create(vectors, &cpu).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace undula::models
