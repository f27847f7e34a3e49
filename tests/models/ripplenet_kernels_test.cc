// The float32 kernels of group attention against double arithmetic, on every instruction set.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "propagation/ops/group_attention_simd.h"

namespace undula::propagation {
namespace {

struct Problem {
  int64_t d, m;
  std::vector<int64_t> row_ptr = {0}, slot_ptr = {0};
  std::vector<uint32_t> key_row, value_row;
  std::vector<float> count, q, keys, values, dout;

  GroupAttentionArgs args() const {
    return {static_cast<int64_t>(row_ptr.size()) - 1,
            row_ptr.data(),
            slot_ptr.data(),
            key_row.data(),
            value_row.data(),
            count.data(),
            d,
            m,
            q.data(),
            keys.data(),
            values.data()};
  }
  int64_t rows() const { return row_ptr.back(); }
};

constexpr int64_t kTable = 50;

Problem MakeProblem(int64_t d, int64_t m, const std::vector<std::pair<int, int>>& groups,
                    float scale) {
  Problem p{d, m};
  const Rng rng(d * 100 + m, RngStream::kTest);
  uint64_t draw = 0;
  const auto fill = [&](std::vector<float>* x, int64_t n, float size) {
    for (int64_t i = 0; i < n; ++i) x->push_back(size * (2 * rng.Uniform(draw++) - 1));
  };
  for (const auto& [rows, slots] : groups) {
    p.row_ptr.push_back(p.row_ptr.back() + rows);
    p.slot_ptr.push_back(p.slot_ptr.back() + slots);
    for (int i = 0; i < slots; ++i) {
      p.key_row.push_back(rng.Below(draw++, kTable));
      p.value_row.push_back(rng.Below(draw++, kTable));
      p.count.push_back(static_cast<float>(1 + rng.Below(draw++, 4)));
    }
  }
  fill(&p.q, p.rows() * d, scale);
  fill(&p.keys, kTable * d, scale);
  fill(&p.values, kTable * m, 1);
  fill(&p.dout, p.rows() * m, 1);
  return p;
}

struct Result {
  std::vector<float> out, weights, dq, dkeys, dvalues;
};

Result RunKernels(const Problem& p, simd::Target target) {
  Result r;
  int64_t weights = 0;
  for (size_t g = 0; g + 1 < p.row_ptr.size(); ++g) {
    weights += (p.row_ptr[g + 1] - p.row_ptr[g]) * (p.slot_ptr[g + 1] - p.slot_ptr[g]);
  }
  r.out.assign(p.rows() * p.m, -7);
  r.weights.assign(weights, -7);
  r.dq.assign(p.rows() * p.d, 0);
  r.dkeys.assign(kTable * p.d, 0);
  r.dvalues.assign(kTable * p.m, 0);
  Arena arena;
  GroupAttentionForward(p.args(), r.out.data(), r.weights.data(), arena, target);
  GroupAttentionBackward(p.args(), r.weights.data(), p.dout.data(), r.dq.data(), r.dkeys.data(),
                         r.dvalues.data(), arena, target);
  return r;
}

struct Reference {
  std::vector<double> out, weights, dq, dkeys, dvalues;
};

Reference Slow(const Problem& p) {
  Reference r;
  r.out.assign(p.rows() * p.m, 0);
  r.dq.assign(p.rows() * p.d, 0);
  r.dkeys.assign(kTable * p.d, 0);
  r.dvalues.assign(kTable * p.m, 0);
  for (size_t g = 0; g + 1 < p.row_ptr.size(); ++g) {
    const int64_t first = p.slot_ptr[g], n = p.slot_ptr[g + 1] - first;
    for (int64_t row = p.row_ptr[g]; row < p.row_ptr[g + 1]; ++row) {
      const float* q = &p.q[row * p.d];
      const float* dout = &p.dout[row * p.m];
      std::vector<double> a(n), da(n);
      double top = -INFINITY, sum = 0, dot = 0;
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t c = 0; c < p.d; ++c)
          a[i] += double{q[c]} * p.keys[p.key_row[first + i] * p.d + c];
        top = std::max(top, a[i]);
      }
      for (int64_t i = 0; i < n; ++i) sum += a[i] = p.count[first + i] * std::exp(a[i] - top);
      for (int64_t i = 0; i < n; ++i) {
        a[i] /= sum;
        r.weights.push_back(a[i]);
        const float* value = &p.values[p.value_row[first + i] * p.m];
        for (int64_t c = 0; c < p.m; ++c) {
          r.out[row * p.m + c] += a[i] * value[c];
          da[i] += double{dout[c]} * value[c];
          r.dvalues[p.value_row[first + i] * p.m + c] += a[i] * dout[c];
        }
        dot += a[i] * da[i];
      }
      for (int64_t i = 0; i < n; ++i) {
        const double ds = a[i] * (da[i] - dot);
        for (int64_t c = 0; c < p.d; ++c) {
          r.dq[row * p.d + c] += ds * p.keys[p.key_row[first + i] * p.d + c];
          r.dkeys[p.key_row[first + i] * p.d + c] += ds * q[c];
        }
      }
    }
  }
  return r;
}

void ExpectClose(const std::vector<float>& a, const std::vector<double>& b, const char* what,
                 double tolerance = 3e-6) {
  ASSERT_EQ(a.size(), b.size()) << what;
  double top = 0, worst = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    top = std::max(top, std::fabs(b[i]));
    const double difference = std::fabs(a[i] - b[i]);
    ASSERT_FALSE(std::isnan(difference)) << what;
    worst = std::max(worst, difference);
  }
  EXPECT_LE(worst, tolerance * top) << what;
}

const std::vector<std::pair<int, int>> kGroups = {{3, 32}, {1, 1},  {70, 17}, {0, 5},
                                                  {2, 0},  {5, 16}, {9, 48},  {4, 33}};

TEST(RippleNetKernels, AgreeWithDoubleArithmetic) {
  for (const auto& [d, m] :
       std::vector<std::pair<int, int>>{{16, 16}, {1, 1}, {4, 4}, {20, 7}, {64, 64}}) {
    const Problem p = MakeProblem(d, m, kGroups, 1);
    const Reference want = Slow(p);
    const Result got = RunKernels(p, simd::BestTarget());
    ExpectClose(got.out, want.out, "out");
    ExpectClose(got.weights, want.weights, "weights");
    ExpectClose(got.dq, want.dq, "dq");
    ExpectClose(got.dkeys, want.dkeys, "dkeys");
    ExpectClose(got.dvalues, want.dvalues, "dvalues");
  }
}

// Logits of several hundred: only a max-shifted softmax survives, and padding must not be the max.
TEST(RippleNetKernels, LargeLogitsStayFinite) {
  Problem p = MakeProblem(16, 16, {{5, 20}}, 12);
  for (float& x : p.q) x = std::fabs(x);
  for (float& x : p.keys) x = -std::fabs(x);
  const Result got = RunKernels(p, simd::BestTarget());
  ExpectClose(got.out, Slow(p).out, "out", 1e-4);  // float32 rounding of logits near 600
}

TEST(RippleNetKernels, SameBitsOnEveryInstructionSet) {
  const auto equal = [](const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  };
  for (const int d : {16, 5, 40}) {
    const Problem p = MakeProblem(d, d, kGroups, 2);
    const Result scalar = RunKernels(p, simd::Target::kScalar);
    for (const simd::Target target : {simd::Target::kAvx2, simd::Target::kAvx512}) {
      if (target > simd::SupportedTarget()) continue;  // that would be compared with itself
      const Result got = RunKernels(p, target);
      EXPECT_TRUE(equal(got.out, scalar.out)) << simd::TargetName(target) << " d=" << d;
      EXPECT_TRUE(equal(got.weights, scalar.weights)) << simd::TargetName(target);
      EXPECT_TRUE(equal(got.dq, scalar.dq)) << simd::TargetName(target);
      EXPECT_TRUE(equal(got.dkeys, scalar.dkeys)) << simd::TargetName(target);
      EXPECT_TRUE(equal(got.dvalues, scalar.dvalues)) << simd::TargetName(target);
    }
  }
}

// The kernels that layouts, gradients and the scorer's block form use, against plain loops (exact
// where only moves and single additions are made) and between instruction sets.
TEST(RippleNetKernels, SmallKernelsOnEveryInstructionSet) {
  constexpr int64_t kSoftmaxRows = 39;  // a block of 32, 4 and 3
  const Rng rng(21, RngStream::kTest);
  uint64_t draw = 0;
  const auto random = [&](int64_t n) {
    std::vector<float> x(static_cast<size_t>(n));
    for (float& f : x) f = 2 * rng.Uniform(draw++) - 1;
    return x;
  };
  for (const int64_t cols : {1, 5, 16, 23, 48}) {
    for (const int64_t n : {0, 1, 15, 16, 37}) {
      const int64_t pad = PadTo16(cols), slot_pad = PadTo16(n);
      const std::vector<float> table = random(kTable * cols),
                               logits = random(kSoftmaxRows * slot_pad);
      const std::vector<float> x = random(5 * n), m = random(n * pad), base = random(5 * pad);
      std::vector<uint32_t> row;
      std::vector<float> count;
      for (int64_t i = 0; i < n; ++i) {
        row.push_back(rng.Below(draw++, kTable));
        count.push_back(static_cast<float>(1 + rng.Below(draw++, 3)));
      }
      std::vector<float> first_product, first_weights;
      for (const auto target :
           {simd::Target::kScalar, simd::Target::kAvx2, simd::Target::kAvx512}) {
        const AttentionKernels& kernels = GetAttentionKernels(target);
        std::vector<float> to(static_cast<size_t>(slot_pad * pad), -7);
        std::vector<float> to_t(static_cast<size_t>(cols * slot_pad), -7);
        kernels.lay_out(table.data(), row.data(), n, cols, slot_pad, to.data(), to_t.data());
        for (int64_t i = 0; i < slot_pad; ++i) {
          for (int64_t c = 0; c < pad; ++c) {
            const float want = i < n && c < cols ? table[row[i] * cols + c] : 0.0f;
            ASSERT_EQ(to[i * pad + c], want) << simd::TargetName(target);
            if (c < cols) {
              ASSERT_EQ(to_t[c * slot_pad + i], want) << simd::TargetName(target);
            }
          }
        }
        std::vector<float> sums = table, want_sums = table;
        kernels.add_rows(to.data(), pad, n, cols, row.data(), sums.data());
        for (int64_t i = 0; i < n; ++i) {
          for (int64_t c = 0; c < cols; ++c) want_sums[row[i] * cols + c] += to[i * pad + c];
        }
        EXPECT_EQ(sums, want_sums) << simd::TargetName(target);

        std::vector<float> product = base;
        kernels.multiply_add(x.data(), n, 5, m.data(), n, pad, product.data(), pad);
        for (int64_t i = 0; i < 5; ++i) {
          for (int64_t c = 0; c < pad; ++c) {
            double want = base[i * pad + c];
            for (int64_t j = 0; j < n; ++j) want += double{x[i * n + j]} * m[j * pad + c];
            EXPECT_NEAR(product[i * pad + c], want, 1e-5);
          }
        }

        Arena arena;
        AttentionSlots slots = AllocateAttentionSlots(n, cols, cols, kForwardArrays, arena);
        FillAttentionSlots(table.data(), row.data(), table.data(), row.data(), count.data(), n,
                           &slots, target);
        std::vector<float> weights = logits;
        kernels.softmax(slots, kSoftmaxRows, weights.data(), slot_pad);
        for (int64_t r = 0; r < kSoftmaxRows && n > 0; ++r) {
          double sum = 0;
          for (int64_t i = 0; i < n; ++i)
            sum += count[i] * std::exp(double{logits[r * slot_pad + i]});
          for (int64_t i = 0; i < slot_pad; ++i) {
            const double want =
                i < n ? count[i] * std::exp(double{logits[r * slot_pad + i]}) / sum : 0.0;
            EXPECT_NEAR(weights[r * slot_pad + i], want, 1e-6);
          }
        }
        if (target == simd::Target::kScalar) {
          first_product = product;
          first_weights = weights;
        }
        EXPECT_EQ(product, first_product) << simd::TargetName(target);
        EXPECT_EQ(weights, first_weights) << simd::TargetName(target);
      }
    }
  }
}

// A row's bits do not depend on the rows beside it.
TEST(RippleNetKernels, RowsAreIndependentOfTheirBlock) {
  const Problem together = MakeProblem(16, 16, {{7, 32}}, 1);
  const Result all = RunKernels(together, simd::BestTarget());
  Problem one = together;
  one.row_ptr = {0, 1};
  one.q.erase(one.q.begin(), one.q.begin() + 6 * 16);
  const Result last = RunKernels(one, simd::BestTarget());
  EXPECT_EQ(0, std::memcmp(last.out.data(), all.out.data() + 6 * 16, 16 * sizeof(float)));
}

// exp over its whole range, through a softmax of two slots: weights a and 1 - a with a/(1-a) =
// exp(x).
TEST(RippleNetKernels, ExponentialIsAccurate) {
  double worst = 0;
  for (double x = 0; x <= 15; x += 1.0 / 64) {
    Problem p{1, 1};
    p.row_ptr = {0, 1};
    p.slot_ptr = {0, 2};
    p.key_row = {0, 1};
    p.value_row = {0, 1};
    p.count = {1, 1};
    p.q = {1};
    p.keys = {0, static_cast<float>(-x)};
    p.keys.resize(kTable);
    p.values.assign(kTable, 1);
    p.dout = {1};
    const Result r = RunKernels(p, simd::BestTarget());
    worst = std::max(worst, std::fabs(double{r.weights[1]} / r.weights[0] / std::exp(-x) - 1));
  }
  EXPECT_LT(worst, 4e-7);
}

}  // namespace
}  // namespace undula::propagation
