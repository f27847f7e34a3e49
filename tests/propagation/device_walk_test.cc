// Lists of random walks made on a device are those of the CPU, bit for bit.
#include <gtest/gtest.h>

#include "propagation/sample/random_walk.h"
#include "tests/propagation/device_fixture.h"
#include "tests/propagation/walk_graph_fixture.h"

namespace undula::propagation {
namespace {

TEST(DeviceWalks, ListsAreThoseOfTheCpu) {
  UNDULA_OPEN_DEVICE(device);
  for (const bool weighted : {false, true}) {
    const WalkGraph graph = RandomWalkGraph(16, 12, weighted);
    std::vector<uint32_t> seeds = AllItems(graph);
    seeds.push_back(3);  // twice
    for (const bool keep_self : {false, true}) {
      for (const int64_t walks : {1, 37, 300}) {
        const WalkOptions options{.walks = walks, .top = 6, .keep_self = keep_self};
        const ImportanceLists want = WalkLists(graph, seeds, options, 4, 1, nullptr);
        for (const Schedule& schedule : kSchedules) {
          SetSchedule(device.get(), schedule);
          const auto got = WalkListsOnDevice(device.get(), graph, seeds, options, 4, 1);
          ASSERT_TRUE(got.ok()) << got.status();
          EXPECT_EQ(got->ptr, want.ptr);
          EXPECT_EQ(got->item, want.item);
          EXPECT_EQ(got->weight, want.weight);
          if (walks == 300) break;  // once is enough of the large sort
        }
      }
    }
  }
}

TEST(DeviceWalks, WhatDoesNotFitIsNamed) {
  UNDULA_OPEN_DEVICE(device);
  const WalkGraph graph = SmallWalkGraph();
  SetSharedMemory(device.get(), 1024);
  const auto lists =
      WalkListsOnDevice(device.get(), graph, std::vector<uint32_t>{0}, {.walks = 200}, 1, 0);
  EXPECT_EQ(lists.status().code(), absl::StatusCode::kUnimplemented) << lists.status();
  EXPECT_NE(lists.status().ToString().find("200 walks"), std::string::npos);
  Exec cpu(nullptr);
  EXPECT_EQ(WalkListsOnDevice(&cpu, graph, std::vector<uint32_t>{0}, {}, 1, 0).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace undula::propagation
