#include "base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace undula {
namespace {

// Random123's kat_vectors for philox4x32 with 10 rounds.
TEST(PhiloxTest, KnownAnswers) {
  struct Case {
    PhiloxBlock counter;
    uint32_t key0, key1;
    PhiloxBlock expected;
  };
  constexpr uint32_t kFf = 0xffffffffu;
  const Case cases[] = {
      {{{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
      {{{kFf, kFf, kFf, kFf}}, kFf, kFf, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
       0xa4093822,
       0x299f31d0,
       {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
  };
  for (const Case& c : cases) {
    const PhiloxBlock got = Philox(c.counter, c.key0, c.key1);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(got.v[i], c.expected.v[i]) << i;
  }
}

TEST(RngTest, DrawsAreWordsOfTheBlockOfSeedStreamIndex) {
  const Rng rng(0x0123456789abcdefu, RngStream::kNegative, 17);
  for (uint64_t counter : {uint64_t{0}, uint64_t{5}, (uint64_t{7} << 34) + 2}) {
    const uint64_t block = counter / 4;
    const PhiloxBlock out =
        Philox(PhiloxBlock{{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 17,
                            static_cast<uint32_t>(RngStream::kNegative)}},
               0x89abcdefu, 0x01234567u);
    EXPECT_EQ(rng.Bits32(counter), out.v[counter % 4]);
  }
  EXPECT_EQ(rng.Bits64(3), (uint64_t{rng.Bits32(6)} << 32) | rng.Bits32(7));
}

TEST(RngTest, StreamsIndicesAndSeedsDiffer) {
  std::set<uint64_t> seen;
  for (uint64_t seed : {0, 1, 2}) {
    for (RngStream stream : {RngStream::kInit, RngStream::kShuffle, RngStream::kTest}) {
      for (uint32_t index : {0u, 1u, 0xffffffffu}) seen.insert(Rng(seed, stream, index).Bits64(0));
    }
  }
  EXPECT_EQ(seen.size(), 27u);
}

TEST(RngTest, UniformFillsTheUnitInterval) {
  const Rng rng(42, RngStream::kTest);
  constexpr int kDraws = 200'000, kBins = 64;
  std::vector<int> bins(kBins);
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const float u = rng.Uniform(i);
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    sum += u;
    squares += static_cast<double>(u) * u;
    ++bins[static_cast<int>(u * kBins)];
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 4 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 0.003);
  double chi2 = 0;
  const double expected = static_cast<double>(kDraws) / kBins;
  for (int n : bins) chi2 += (n - expected) * (n - expected) / expected;
  EXPECT_LT(chi2, 120);  // 63 degrees of freedom: the 99.999 % point is 122
  EXPECT_GT(chi2, 25);   // and not suspiciously even
}

TEST(RngTest, BelowCoversExactlyItsRange) {
  const Rng rng(7, RngStream::kTest);
  for (uint32_t n : {1u, 2u, 10u, 1000u}) {
    std::vector<int> count(n);
    const int draws = static_cast<int>(n) * 200;
    for (int i = 0; i < draws; ++i) {
      const uint32_t x = rng.Below(i, n);
      ASSERT_LT(x, n);
      ++count[x];
    }
    for (uint32_t x = 0; x < n; ++x) EXPECT_GT(count[x], 100) << x << " of " << n;
  }
  EXPECT_LT(rng.Below(0, 0xffffffffu), 0xffffffffu);
}

}  // namespace
}  // namespace undula
