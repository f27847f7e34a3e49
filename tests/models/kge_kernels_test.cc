// The tuned kernels of triples: as the row bodies (1e-5), and the same bits on every target.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "base/rng.h"
#include "propagation/lane_group.h"
#include "propagation/ops/row_normalize_row.h"
#include "propagation/ops/triple_simd.h"

namespace undula::propagation {
namespace {

std::vector<float> Floats(int64_t n, uint32_t stream) {
  const Rng rng(1, RngStream::kTest, stream);
  std::vector<float> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out[i] = 2 * rng.Uniform(i) - 1;
  return out;
}
std::vector<uint32_t> Ids(uint32_t n, uint32_t limit, uint32_t stream) {
  const Rng rng(1, RngStream::kTest, stream);
  std::vector<uint32_t> out(n);
  for (uint32_t i = 0; i < n; ++i) out[i] = rng.Below(i, limit);
  return out;
}

constexpr simd::Target kTargets[] = {simd::Target::kScalar, simd::Target::kAvx2,
                                     simd::Target::kAvx512};

void ExpectNear(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], 1e-5 * std::max(1.0f, std::fabs(b[i]))) << i;
  }
}

class TripleKernelsTest : public testing::TestWithParam<int64_t> {};

TEST_P(TripleKernelsTest, Distances) {
  const int64_t cols = GetParam();
  constexpr uint32_t kTriples = 23, kEntities = 7;
  std::vector<float> entities = Floats(kEntities * cols, 1), relations = Floats(3 * cols, 2);
  // A triple with h + r = t: the slope at 0 is 0.
  for (int64_t c = 0; c < cols; ++c) relations[c] = entities[cols + c] - entities[c];
  std::vector<uint32_t> heads = Ids(kTriples, kEntities, 3), tails = Ids(kTriples, kEntities, 4);
  std::vector<uint32_t> relation = Ids(kTriples, 3, 5);
  heads[0] = 0, relation[0] = 0, tails[0] = 1;
  for (const TripleForm form : {TripleForm::kL1, TripleForm::kL2, TripleForm::kSquaredL2}) {
    std::vector<float> first_score, first_slope;
    std::vector<float> score(kTriples), slope(kTriples * cols);
    const TripleDistanceRow<float> args{entities.data(),
                                        relations.data(),
                                        heads.data(),
                                        relation.data(),
                                        tails.data(),
                                        score.data(),
                                        slope.data(),
                                        cols,
                                        form};
    for (int64_t i = 0; i < kTriples; ++i) args(LaneGroup(), i);
    const std::vector<float> row_score = score, row_slope = slope;
    for (const simd::Target target : kTargets) {
      GetTripleKernels(target).distance(args, 0, 10);
      GetTripleKernels(target).distance(args, 10, kTriples);
      if (first_score.empty()) {
        first_score = score;
        first_slope = slope;
        ExpectNear(score, row_score);
        // Where h + r - t is rounding alone, its sign is, too.
        for (size_t i = static_cast<size_t>(cols); i < slope.size(); ++i) {
          ASSERT_NEAR(slope[i], row_slope[i], 1e-5) << i;
        }
      }
      EXPECT_EQ(score, first_score);
      EXPECT_EQ(slope, first_slope);
    }
  }
}

TEST_P(TripleKernelsTest, Slopes) {
  const int64_t cols = GetParam();
  const std::vector<float> slope = Floats(9 * cols, 1);
  std::vector<float> g = Floats(9, 2);
  g[4] = 0;
  const std::vector<uint32_t> rows = {1, 4, 6}, order = {0, 3, 8, 4, 1, 2, 5, 6, 7};
  const std::vector<int64_t> ptr = {0, 3, 4, 9};
  const std::vector<float> before = Floats(7 * cols, 3);
  std::vector<float> out = before, first;
  const auto args = [&] {
    return TripleBackwardRow<float>{slope.data(), g.data(),   rows.data(), ptr.data(),
                                    order.data(), out.data(), cols,        -1.0f};
  };
  for (int64_t s = 0; s < 3; ++s) args()(LaneGroup(), s);
  const std::vector<float> expected = out;
  for (const simd::Target target : kTargets) {
    out = before;
    GetTripleKernels(target).add_slopes(args(), 0, 3);
    if (first.empty()) first = out;
    ExpectNear(out, expected);
    EXPECT_EQ(out, first);
  }
}

TEST_P(TripleKernelsTest, Lengths) {
  const int64_t cols = GetParam();
  std::vector<float> before = Floats(6 * cols, 1);
  for (int64_t c = 0; c < cols; ++c) {
    before[cols + c] = 0;            // stays
    before[2 * cols + c] *= 1e-20f;  // squares vanish
    before[3 * cols + c] *= 1e30f;   // squares overflow
  }
  const std::vector<uint32_t> rows = {0, 1, 2, 3, 5};
  std::vector<float> first;
  for (const simd::Target target : kTargets) {
    std::vector<float> x = before;
    GetTripleKernels(target).normalize(x.data(), rows.data(), cols, 0,
                                       static_cast<int64_t>(rows.size()),
                                       [](float* row, int64_t n) {
                                         const uint32_t zero = 0;
                                         NormalizeInPlaceRow<float>{row, &zero, n}(LaneGroup(), 0);
                                       });
    if (first.empty()) first = x;
    EXPECT_EQ(x, first);
    for (const uint32_t row : rows) {
      double squares = 0;
      for (int64_t c = 0; c < cols; ++c) squares += double{x[row * cols + c]} * x[row * cols + c];
      EXPECT_NEAR(squares, row == 1 ? 0 : 1, 1e-5) << row;
    }
    for (int64_t c = 0; c < cols; ++c) EXPECT_EQ(x[4 * cols + c], before[4 * cols + c]);
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, TripleKernelsTest, testing::Values<int64_t>(1, 7, 16, 40, 64));

}  // namespace
}  // namespace undula::propagation
