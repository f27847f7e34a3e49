// The float functions of row bodies against float64, over their whole range; the lane group.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "propagation/lane_group.h"
#include "propagation/math_row.h"
#include "propagation/simd/scan.h"
#include "propagation/tile_gemm.h"
#define UNDULA_SIMD_TARGET op_math_test
#include "propagation/simd/v16.h"

namespace undula::propagation {
namespace {

// Largest relative error of f against `exact` on `steps` points of [low, high].
template <class F, class Exact>
double WorstError(double low, double high, F f, Exact exact, double floor = 0) {
  constexpr int kSteps = 200000;
  double worst = 0;
  for (int i = 0; i <= kSteps; ++i) {
    const auto x = static_cast<float>(low + (high - low) * i / kSteps);
    const double expected = exact(static_cast<double>(x));
    const double scale = std::max(std::abs(expected), floor);
    if (scale == 0) continue;
    worst = std::max(worst, std::abs(f(x) - expected) / scale);
  }
  return worst;
}

TEST(OpMath, ExpIsWithinItsStatedError) {
  const auto exp = [](double x) { return std::exp(x); };
  const auto ours = [](float x) { return static_cast<double>(Exp(x)); };
  EXPECT_LT(WorstError(-87, 88, ours, exp), 2e-7);
  EXPECT_LT(WorstError(-1, 1, ours, exp), 2e-7);
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_EQ(Exp(-100.0f), 0.0f);
  EXPECT_EQ(Exp(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_EQ(Exp(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
  EXPECT_EQ(Exp(89.0f), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isfinite(Exp(88.7f)));
  EXPECT_TRUE(std::isnan(Exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST(OpMath, LogIsWithinItsStatedError) {
  const auto log = [](double x) { return std::log(x); };
  const auto ours = [](float x) { return static_cast<double>(Log(x)); };
  EXPECT_LT(WorstError(1e-3, 4, ours, log, 1), 2e-7);
  EXPECT_LT(WorstError(1, 1e6, ours, log, 1), 2e-7);
  EXPECT_LT(WorstError(1e-37, 1e-30, ours, log, 1), 2e-7);
  EXPECT_EQ(Log(1.0f), 0.0f);
  EXPECT_LT(WorstError(
                0, 1, [](float x) { return static_cast<double>(Log1pUnit(x)); },
                [](double x) { return std::log1p(x); }),
            3e-7);
}

TEST(OpMath, TanhSigmoidAndSoftplus) {
  EXPECT_LT(WorstError(
                -12, 12, [](float x) { return static_cast<double>(TanhOf(x)); },
                [](double x) { return std::tanh(x); }),
            4e-7);
  EXPECT_LT(WorstError(
                -80, 80, [](float x) { return static_cast<double>(SigmoidOf(x)); },
                [](double x) { return 1 / (1 + std::exp(-x)); }),
            5e-7);
  EXPECT_LT(
      WorstError(
          -80, 80, [](float x) { return static_cast<double>(Softplus(x)); },
          [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }),
      5e-7);
  EXPECT_EQ(TanhOf(100.0f), 1.0f);
  EXPECT_EQ(TanhOf(-100.0f), -1.0f);
  EXPECT_EQ(SigmoidOf(200.0f), 1.0f);
  EXPECT_EQ(SigmoidOf(-200.0f), 0.0f);
}

TEST(OpMath, LaneGroupSumsInAFixedTree) {
  const LaneGroup group;
  for (int64_t n = 0; n < 70; ++n) {
    const double sum = group.Sum(n, [](int64_t i) { return static_cast<double>(i + 1); });
    EXPECT_EQ(sum, static_cast<double>(n * (n + 1) / 2)) << n;
    int64_t calls = 0;
    group.ForEach(n, [&](int64_t) { ++calls; });
    EXPECT_EQ(calls, n);
  }
  // 16 lanes, then the tree: ((0+8)+(4+12)) + ... in float32, where the order shows.
  std::vector<float> x(40);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 1.0f / static_cast<float>(3 + 7 * i);
  float lane[16];
  for (int l = 0; l < 16; ++l) lane[l] = x[l] + x[l + 16];
  for (int l = 0; l < 8; ++l) lane[l] += x[l + 32];
  for (int w = 8; w > 0; w /= 2) {
    for (int l = 0; l < w; ++l) lane[l] += lane[l + w];
  }
  EXPECT_EQ(group.Sum(40, [&](int64_t i) { return x[i]; }), lane[0]);
  EXPECT_EQ(group.Max(0, [](int64_t) { return 1.0f; }), -std::numeric_limits<float>::max());
  EXPECT_EQ(group.Max(40, [&](int64_t i) { return -x[i]; }), -x[39]);
}

TEST(OpMath, AddRowsAddsInAscendingOrder) {
  const LaneGroup group;
  for (const int64_t cols : {1, 15, 16, 17, 40}) {
    std::vector<float> rows(7 * cols), out(cols, 0.25f), expected(cols, 0.25f);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = 1.0f / static_cast<float>(i + 3);
    for (int64_t k = 0; k < 7; ++k) {
      for (int64_t c = 0; c < cols; ++c) {
        expected[c] += (0.5f + static_cast<float>(k)) * rows[k * cols + c];
      }
    }
    group.AddRows(
        out.data(), cols, 7, [](int64_t k) { return 0.5f + static_cast<float>(k); },
        [&](int64_t k) { return rows.data() + k * cols; });
    EXPECT_EQ(out, expected);
  }
}

// The functions that tuned kernels have of their own.
TEST(OpMath, LanesAreWithinTheirStatedErrors) {
  namespace lanes = simd::op_math_test;
  const auto first = [](lanes::V16 v) {
    float out[16];
    lanes::Store(out, v);
    return static_cast<double>(out[0]);
  };
  const auto reciprocal = [&](float x) { return first(lanes::Reciprocal(lanes::Set(x))); };
  for (const double low : {1e-37, 1e-4, 0.5, 3.0, 1e4, 1e37}) {
    EXPECT_LT(WorstError(low, 4 * low, reciprocal, [](double x) { return 1 / x; }), 1.3e-7) << low;
  }
  const auto tanh = [&](float x) { return first(lanes::Tanh(lanes::Set(x))); };
  EXPECT_LT(WorstError(-12, 12, tanh, [](double x) { return std::tanh(x); }), 4e-7);
  EXPECT_LT(WorstError(-1e-3, 1e-3, tanh, [](double x) { return std::tanh(x); }), 4e-7);
  EXPECT_LE(tanh(100.0f), 1.0);
  float sums[4];
  float rows[4][16];
  for (int i = 0; i < 64; ++i) rows[i / 16][i % 16] = 1.0f / static_cast<float>(3 + i * i);
  lanes::HSum4(lanes::Load(rows[0]), lanes::Load(rows[1]), lanes::Load(rows[2]),
               lanes::Load(rows[3]), sums);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(sums[i], lanes::HSum(lanes::Load(rows[i])));
  lanes::HMax4(lanes::Load(rows[3]), lanes::Load(rows[2]), lanes::Load(rows[1]),
               lanes::Load(rows[0]), sums);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(sums[i], rows[3 - i][0]);
}

TEST(OpMath, VectorsWorkedTogetherHaveTheBitsOfOneAlone) {
  namespace lanes = simd::op_math_test;
  const auto expect_same = [](lanes::V16 a, lanes::V16 b) {
    float x[16], y[16];
    lanes::Store(x, a);
    lanes::Store(y, b);
    EXPECT_EQ(std::memcmp(x, y, sizeof(x)), 0) << x[0] << " " << y[0];
  };
  for (const float x : {-1e30f, -100.0f, -3.7f, -1e-3f, -0.0f, 0.0f, 0.4f, 7.9f, 60.0f, 1e30f}) {
    const lanes::V16 at[3] = {lanes::Set(x), lanes::Set(0.5f * x), lanes::Set(-x)};
    lanes::V16 exp[3] = {at[0], at[1], at[2]}, tanh[3] = {at[0], at[1], at[2]};
    lanes::ExpEach(exp);
    lanes::TanhEach(tanh);
    for (int k = 0; k < 3; ++k) {
      expect_same(exp[k], lanes::Exp(at[k]));
      expect_same(tanh[k], lanes::Tanh(at[k]));
    }
  }
  float zero[16];
  lanes::Store(zero, lanes::Tanh(lanes::Set(-0.0f)));
  EXPECT_FALSE(std::signbit(zero[0]));
}

// All instruction sets that this processor has give the bits of the baseline.
template <class T>
void CheckTargets() {
  constexpr int64_t kRows = 13;
  for (const int64_t k : {1, 5, 64}) {
    for (const int64_t m : {1, 8, 16, 37, 64, 150}) {
      std::vector<T> a(kRows * k), b(k * m), g(kRows * m), start(kRows * m);
      for (size_t i = 0; i < a.size(); ++i) a[i] = T(1) / static_cast<T>(3 + 7 * i);
      for (size_t i = 0; i < b.size(); ++i) b[i] = T(1) / static_cast<T>(5 + 3 * i) - T(0.01);
      for (size_t i = 0; i < g.size(); ++i) g[i] = T(1) / static_cast<T>(2 + i) - T(0.1);
      for (size_t i = 0; i < start.size(); ++i) start[i] = T(0.1) * static_cast<T>(i);
      std::vector<T> first_product, first_outer;
      for (const simd::Target target :
           {simd::Target::kScalar, simd::Target::kAvx2, simd::Target::kAvx512}) {
        std::vector<T> product = start, outer(k * m, T(0.5));
        const T* left[kRows];
        const T* right[kRows];
        T* out[kRows];
        for (int64_t i = 0; i < kRows; ++i) {
          left[i] = a.data() + i * k;
          right[i] = g.data() + i * m;
          out[i] = product.data() + i * m;
        }
        TileGemm<T>(left, kRows, k, b.data(), m, out, m, true, target);
        TileOuter<T>(left, right, kRows, k, m, outer.data(), m, target);
        if (target == simd::Target::kScalar) {
          first_product = product;
          first_outer = outer;
        }
        EXPECT_EQ(product, first_product) << simd::TargetName(target);
        EXPECT_EQ(outer, first_outer) << simd::TargetName(target);
      }
      T expected = start[0];
      T sum = 0;
      for (int64_t p = 0; p < k; ++p) {
        sum = sizeof(T) == 4 ? std::fma(a[p], b[p * m], sum) : sum + a[p] * b[p * m];
      }
      expected += sum;
      EXPECT_EQ(first_product[0], expected);
    }
  }
}

TEST(OpMath, TileProductsHaveTheSameBitsOnEveryTarget) {
  CheckTargets<float>();
  CheckTargets<double>();
}

TEST(OpMath, TransposeTurnsAnyShape) {
  for (const int64_t rows : {1, 16, 24, 40}) {
    for (const int64_t cols : {1, 5, 16, 33}) {
      std::vector<float> x(rows * cols), turned(rows * cols, -1.0f);
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
      Transpose(x.data(), rows, cols, turned.data());
      for (int64_t i = 0; i < rows * cols; ++i) {
        ASSERT_EQ(turned[i % cols * rows + i / cols], x[i]) << rows << " x " << cols;
      }
    }
  }
}

// Every start and length around the groups that the kernel skips, with NaN and infinities.
TEST(OpMath, FindAtLeastIsTheFirstOnEveryTarget) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> x(200, 0.5f);
  for (const size_t i : {3u, 17u, 62u, 64u, 130u}) x[i] = nan;
  x[66] = 2.0f;
  x[67] = 7.0f;
  x[131] = -infinity;
  x[195] = 2.0f;
  for (const auto target : {simd::Target::kScalar, simd::Target::kAvx2, simd::Target::kAvx512}) {
    const simd::FindAtLeastKernel find = simd::GetFindAtLeast(target);
    for (const float least : {-infinity, 0.5f, 2.0f, 7.0f, infinity}) {
      for (int64_t n : {0, 1, 15, 66, 67, 130, 196, 200}) {
        for (int64_t begin = 0; begin <= n; ++begin) {
          int64_t want = begin;
          while (want < n && !(x[static_cast<size_t>(want)] >= least)) ++want;
          ASSERT_EQ(find(x.data(), begin, n, least), want)
              << simd::TargetName(target) << " " << least << " [" << begin << ", " << n << ")";
        }
      }
    }
  }
}

}  // namespace
}  // namespace undula::propagation
