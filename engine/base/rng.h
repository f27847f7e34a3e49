// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A draw is a pure function of (seed, stream, index,
// counter): the same bits on CPU and GPU, for any number of threads and after a resume. Nothing
// here has state, so everything is thread-safe.
#ifndef UNDULA_BASE_RNG_H_
#define UNDULA_BASE_RNG_H_

#include <cstdint>

#include "base/hd.h"

namespace undula {

struct PhiloxBlock {
  uint32_t v[4];
};

// One Philox4x32-10 block.
UNDULA_HD PhiloxBlock Philox(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
  uint32_t c0 = counter.v[0], c1 = counter.v[1], c2 = counter.v[2], c3 = counter.v[3];
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c0;
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c2;
    const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key0;
    const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return PhiloxBlock{{c0, c1, c2, c3}};
}

// What a stream of random numbers is for. A new use gets a new number at the end, so that existing
// results keep their bits.
enum class RngStream : uint32_t {
  kInit = 1,
  kShuffle = 2,
  kNegative = 3,
  kSplit = 4,
  kRippleSet = 5,
  kBootstrap = 6,
  kDropout = 7,
  kNeighbor = 8,
  kWalk = 9,
  kReplay = 10,
  kTune = 11,
  kHardNegative = 20,
  kSharedNegative = 21,
  kWalkQuery = 22,
  kTest = 100,
};

// Random numbers of one (seed, stream, index), e.g. (run seed, kRippleSet, user).
struct Rng {
  uint64_t seed;
  uint32_t stream;
  uint32_t index;

  UNDULA_HD Rng(uint64_t seed_in, RngStream stream_in, uint32_t index_in = 0)
      : seed(seed_in), stream(static_cast<uint32_t>(stream_in)), index(index_in) {}

  // 32 random bits: draw number `counter`.
  UNDULA_HD uint32_t Bits32(uint64_t counter) const {
    const uint64_t block = counter >> 2;
    const PhiloxBlock out = Philox(PhiloxBlock{{static_cast<uint32_t>(block),
                                                static_cast<uint32_t>(block >> 32), index, stream}},
                                   static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
    return out.v[counter & 3];
  }
  // 64 random bits; uses draws 2*counter and 2*counter+1.
  UNDULA_HD uint64_t Bits64(uint64_t counter) const {
    return (uint64_t{Bits32(2 * counter)} << 32) | Bits32(2 * counter + 1);
  }
  // Uniform in [0, 1) with 24 bits.
  UNDULA_HD float Uniform(uint64_t counter) const {
    return static_cast<float>(Bits32(counter) >> 8) * 0x1.0p-24f;
  }
  // Uniform in [0, n), n >= 1, by multiply-shift (bias below n / 2^32).
  UNDULA_HD uint32_t Below(uint64_t counter, uint32_t n) const {
    return static_cast<uint32_t>((uint64_t{Bits32(counter)} * n) >> 32);
  }
};

}  // namespace undula

#endif  // UNDULA_BASE_RNG_H_
