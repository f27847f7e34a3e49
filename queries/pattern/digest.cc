#include "queries/pattern/digest.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace undula::queries::pattern {
namespace {

// The first 64 bits of the fractional parts of cube roots of the first 80 primes; SHA-256 takes the
// upper halves of the first 64.
constexpr uint64_t kCubeRoots[] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

// The same of square roots: SHA-512 (SHA-256: upper halves) and SHA-384.
constexpr uint64_t kSquareRoots[] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

constexpr uint64_t kSquareRoots384[] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

// floor(2^32 |sin(i + 1)|)
constexpr uint32_t kSines[] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

// The text with a 1 bit, zeros and its length in bits, in whole blocks.
std::string Padded(std::string_view text, size_t block, bool big_endian) {
  std::string out(text);
  out.push_back('\x80');
  const size_t length_bytes = block / 8;
  while (out.size() % block != block - length_bytes) out.push_back('\0');
  const uint64_t bits = uint64_t{text.size()} * 8;
  for (size_t i = 0; i < length_bytes; ++i) {
    const size_t byte = big_endian ? length_bytes - 1 - i : i;
    out.push_back(byte < 8 ? static_cast<char>(bits >> (8 * byte)) : '\0');
  }
  return out;
}

template <class Word>
Word Load(const char* p, bool big_endian) {
  Word word = 0;
  for (size_t i = 0; i < sizeof(Word); ++i) {
    const size_t shift = 8 * (big_endian ? sizeof(Word) - 1 - i : i);
    word |= static_cast<Word>(static_cast<Word>(static_cast<uint8_t>(p[i])) << shift);
  }
  return word;
}

template <class Word>
void AppendHex(Word word, bool big_endian, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  for (size_t i = 0; i < sizeof(Word); ++i) {
    const size_t shift = 8 * (big_endian ? sizeof(Word) - 1 - i : i);
    const auto byte = static_cast<uint8_t>(word >> shift);
    out->push_back(kHex[byte >> 4]);
    out->push_back(kHex[byte & 15]);
  }
}

// SHA-256 and SHA-512 differ in the word, the rounds and the rotations.
template <class Word, int kRounds, int kA1, int kA2, int kA3, int kE1, int kE2, int kE3, int kS1,
          int kS2, int kS3, int kT1, int kT2, int kT3>
std::string Sha2(std::string_view text, const uint64_t* start, size_t words) {
  constexpr int kCut = 64 - 8 * static_cast<int>(sizeof(Word));
  constexpr size_t kBlock = 16 * sizeof(Word);
  Word h[8];
  for (int i = 0; i < 8; ++i) h[i] = static_cast<Word>(start[i] >> kCut);
  const std::string bytes = Padded(text, kBlock, true);
  for (size_t at = 0; at < bytes.size(); at += kBlock) {
    Word w[kRounds];
    for (int i = 0; i < 16; ++i) {
      w[i] = Load<Word>(bytes.data() + at + static_cast<size_t>(i) * sizeof(Word), true);
    }
    for (int i = 16; i < kRounds; ++i) {
      const Word s = std::rotr(w[i - 15], kS1) ^ std::rotr(w[i - 15], kS2) ^ (w[i - 15] >> kS3);
      const Word t = std::rotr(w[i - 2], kT1) ^ std::rotr(w[i - 2], kT2) ^ (w[i - 2] >> kT3);
      w[i] = w[i - 16] + s + w[i - 7] + t;
    }
    Word a[8];
    std::memcpy(a, h, sizeof a);
    for (int i = 0; i < kRounds; ++i) {
      const Word e = std::rotr(a[4], kE1) ^ std::rotr(a[4], kE2) ^ std::rotr(a[4], kE3);
      const Word one = a[7] + e + ((a[4] & a[5]) ^ (~a[4] & a[6])) +
                       static_cast<Word>(kCubeRoots[i] >> kCut) + w[i];
      const Word s = std::rotr(a[0], kA1) ^ std::rotr(a[0], kA2) ^ std::rotr(a[0], kA3);
      const Word two = s + ((a[0] & a[1]) ^ (a[0] & a[2]) ^ (a[1] & a[2]));
      for (int j = 7; j > 0; --j) a[j] = a[j - 1];
      a[4] += one;
      a[0] = one + two;
    }
    for (int i = 0; i < 8; ++i) h[i] += a[i];
  }
  std::string out;
  for (size_t i = 0; i < words; ++i) AppendHex(h[i], true, &out);
  return out;
}

std::string Sha2Long(std::string_view text, const uint64_t* start, size_t words) {
  return Sha2<uint64_t, 80, 28, 34, 39, 14, 18, 41, 1, 8, 7, 19, 61, 6>(text, start, words);
}

}  // namespace

std::string Md5(std::string_view text) {
  constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const std::string bytes = Padded(text, 64, false);
  for (size_t at = 0; at < bytes.size(); at += 64) {
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    for (uint32_t i = 0; i < 64; ++i) {
      uint32_t f, word;
      if (i < 16) {
        f = (b & c) | (~b & d), word = i;
      } else if (i < 32) {
        f = (d & b) | (~d & c), word = (5 * i + 1) % 16;
      } else if (i < 48) {
        f = b ^ c ^ d, word = (3 * i + 5) % 16;
      } else {
        f = c ^ (b | ~d), word = (7 * i) % 16;
      }
      f += a + kSines[i] + Load<uint32_t>(bytes.data() + at + 4 * word, false);
      a = d;
      d = c;
      c = b;
      b += std::rotl(f, kShifts[i / 16][i % 4]);
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
  }
  std::string out;
  for (const uint32_t word : h) AppendHex(word, false, &out);
  return out;
}

std::string Sha1(std::string_view text) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const std::string bytes = Padded(text, 64, true);
  for (size_t at = 0; at < bytes.size(); at += 64) {
    uint32_t w[80];
    for (size_t i = 0; i < 16; ++i) w[i] = Load<uint32_t>(bytes.data() + at + 4 * i, true);
    for (size_t i = 16; i < 80; ++i) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (size_t i = 0; i < 80; ++i) {
      uint32_t f, k;
      if (i < 20) {
        f = (b & c) | (~b & d), k = 0x5a827999;
      } else if (i < 40) {
        f = b ^ c ^ d, k = 0x6ed9eba1;
      } else if (i < 60) {
        f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
      } else {
        f = b ^ c ^ d, k = 0xca62c1d6;
      }
      const uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  }
  std::string out;
  for (const uint32_t word : h) AppendHex(word, true, &out);
  return out;
}

std::string Sha256(std::string_view text) {
  return Sha2<uint32_t, 64, 2, 13, 22, 6, 11, 25, 7, 18, 3, 17, 19, 10>(text, kSquareRoots, 8);
}
std::string Sha384(std::string_view text) { return Sha2Long(text, kSquareRoots384, 6); }
std::string Sha512(std::string_view text) { return Sha2Long(text, kSquareRoots, 8); }

}  // namespace undula::queries::pattern
