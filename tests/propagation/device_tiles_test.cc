// The operators that a GPU works in tiles (grouped products by relation, groups in shared memory,
// sums in two levels), on shapes that need several tiles: tiled kernels and row kernels against the
// CPU, each with several schedules and block sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "propagation/cuda/segment_tiles.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/group_attention.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/relation_mix.h"
#include "tests/propagation/device_fixture.h"

namespace undula::propagation {
namespace {

struct TileCase {
  const char* name;
  void (*body)(DeviceRun& run);
};
void PrintTo(const TileCase& c, std::ostream* out) { *out << c.name; }

class DeviceTiles : public ::testing::TestWithParam<TileCase> {};

TEST_P(DeviceTiles, AgreesWithCpu) {
  UNDULA_OPEN_DEVICE(device);
  ExpectDeviceAgrees(device.get(), GetParam().body);
}

class DeviceRows : public DeviceTiles {};

TEST_P(DeviceRows, AgreesWithCpu) {
  UNDULA_OPEN_DEVICE(device);
  SetSharedMemory(device.get(), 0);
  ExpectDeviceAgrees(device.get(), GetParam().body);
}

std::vector<uint32_t> Mixed(uint32_t n, uint32_t limit) {
  std::vector<uint32_t> out(n);
  for (uint32_t i = 0; i < n; ++i) out[i] = (7 * i + i / 5 + i * i / 3) % limit;
  return out;
}

// Runs of 0, 130, 1, 64, 3 and 0 edges of relations 0 .. 5.
std::vector<uint32_t> Runs(bool sorted) {
  std::vector<uint32_t> out(130, 1);
  out.push_back(2);
  out.insert(out.end(), 64, 3);
  out.insert(out.end(), 3, 4);
  if (!sorted) {
    for (size_t i = 0; i < out.size(); ++i) std::swap(out[i], out[(i * 57) % out.size()]);
  }
  return out;
}

void Products(DeviceRun& run, int64_t a, int64_t b, bool transpose, bool sorted) {
  const Var R = run.Leaf({6, a, b}), x = run.Leaf({12, transpose ? a : b});
  run.Result(
      RelationGemv(run.tape(), R, x, run.Ids(Runs(sorted)), run.Ids(Mixed(198, 12)), transpose));
}

// Groups of 35, 1, 0, 3 and 2 rows with 5, 40, 3, 0 and 1 slots. Even sizes show in bank strides,
// odd ones in remainders.
void Attention(DeviceRun& run, int64_t d, int64_t m, bool counts) {
  GroupSlots slots;
  slots.row_ptr = run.Offsets({0, 35, 36, 36, 39, 41});
  slots.slot_ptr = run.Offsets({0, 5, 45, 48, 48, 49});
  slots.key_row = run.Ids(Mixed(49, 13));
  slots.value_row = run.Ids(Mixed(49, 5));
  if (counts) {
    std::vector<float> count(49);
    for (size_t i = 0; i < count.size(); ++i) count[i] = static_cast<float>(1 + i % 3);
    slots.count = run.Floats(count);
  }
  Tensor weights;
  run.Result(GroupAttention(run.tape(), run.Leaf({41, d}), run.Leaf({13, d}), run.Leaf({5, m}),
                            slots, &weights));
  run.Also("weights", weights);
}

void Mix(DeviceRun& run, int64_t d, int64_t m, bool value_rows, bool base, Activation activation,
         bool weights_gradient = false) {
  RelationSlots slots;
  slots.row_ptr = run.Offsets({0, 35, 36, 36, 39, 41});
  slots.slot_ptr = run.Offsets({0, 5, 45, 48, 48, 49});
  slots.relation = run.Ids(Mixed(49, 5));
  if (value_rows) slots.value_row = run.Ids(Mixed(49, 7));
  const Var q = run.Leaf({41, d}), relations = run.Leaf({5, d});
  const Var values = run.Leaf({value_rows ? 7 : 49, m});
  Var weights;
  run.Result(RelationMix(run.tape(), q, relations, values, base ? run.Leaf({5, m}) : Var{}, slots,
                         0.8, 1.5, activation, &weights));
  if (weights_gradient) {
    run.Result(weights);
  } else {
    run.Also("weights", run.tape().value(weights));
  }
}

const TileCase kCases[] = {
    {"Products", [](DeviceRun& run) { Products(run, 6, 9, false, true); }},
    {"ProductsTransposed", [](DeviceRun& run) { Products(run, 6, 9, true, true); }},
    {"ProductsUnsorted", [](DeviceRun& run) { Products(run, 16, 16, false, false); }},
    {"ProductsUnsortedTransposed", [](DeviceRun& run) { Products(run, 16, 16, true, false); }},
    {"ProductsOfOne", [](DeviceRun& run) { Products(run, 1, 1, false, true); }},
    {"Attention", [](DeviceRun& run) { Attention(run, 16, 16, false); }},
    {"AttentionCounts", [](DeviceRun& run) { Attention(run, 5, 33, true); }},
    {"AttentionNarrow", [](DeviceRun& run) { Attention(run, 4, 1, true); }},
    {"Mix", [](DeviceRun& run) { Mix(run, 16, 16, false, true, Activation::kTanh); }},
    {"MixWeightsGradient",
     [](DeviceRun& run) { Mix(run, 16, 16, true, true, Activation::kTanh, true); }},
    {"MixSigmoid", [](DeviceRun& run) { Mix(run, 12, 7, true, false, Activation::kSigmoid); }},
    {"MixLabels", [](DeviceRun& run) { Mix(run, 16, 1, true, true, Activation::kNone); }},
    {"MixRelu", [](DeviceRun& run) { Mix(run, 8, 32, false, false, Activation::kRelu); }},
    // 300 positions go to 3 rows: two levels, the last tile of each row not full.
    {"GatherOfFewRows",
     [](DeviceRun& run) {
       run.Result(GatherRows(run.tape(), run.Leaf({3, 5}), run.Ids(Mixed(300, 3))));
       Parameter* sparse = run.Table("sparse", {2, 6}, true);
       run.Result(GatherRows(run.tape(), sparse, run.Ids(Mixed(200, 2))));
     }},
};

INSTANTIATE_TEST_SUITE_P(Cases, DeviceTiles, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });
INSTANTIATE_TEST_SUITE_P(Cases, DeviceRows, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

// Groups that fit into half of the shared memory only a few rows at a time, or not at all.
TEST(DeviceTileSizes, FewRowsAtATimeGiveTheSameBits) {
  UNDULA_OPEN_DEVICE(device);
  const auto run = [&](size_t bytes) {
    SetSharedMemory(device.get(), bytes);
    NamedValues out;
    DeviceRun context(device.get());
    Mix(context, 16, 16, true, true, Activation::kTanh);
    const absl::Status status = context.Finish(&out);
    EXPECT_TRUE(status.ok()) << status;
    return out;
  };
  const NamedValues whole = run(size_t{96} << 10);
  ASSERT_FALSE(whole.empty());
  // 40 slots of 16 columns: 10.7 KiB of keys, values and sums; 32 rows take another 14.3.
  EXPECT_EQ(whole, run(size_t{14} << 10));
  ExpectClose(whole, run(size_t{8} << 10), 1e-5);
}

TEST(SegmentTiles, EveryPositionIsInOneTile) {
  const std::vector<int64_t> ptr = {0, 0, 5, 5, 13, 17, 17};
  const std::vector<int64_t> first = {0, 0, 2, 2, 4, 5, 5};  // tiles of 4
  const cuda::SegmentTiles tiles{ptr.data(), first.data(), 6, 4, cuda::TileBound(6, 17, 4)};
  int64_t next = 0;
  for (int64_t t = 0; t < tiles.bound; ++t) {
    const cuda::Tile tile = cuda::TileAt(tiles, t);
    if (t >= first.back()) {
      EXPECT_EQ(tile.segment, -1);
      continue;
    }
    EXPECT_EQ(tile.begin, next);
    EXPECT_GT(tile.end, tile.begin);
    EXPECT_LE(tile.end - tile.begin, 4);
    EXPECT_LE(ptr[tile.segment], tile.begin);
    EXPECT_GE(ptr[tile.segment + 1], tile.end);
    next = tile.end;
  }
  EXPECT_EQ(next, 17);
}

}  // namespace
}  // namespace undula::propagation
