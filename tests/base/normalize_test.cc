#include "base/text/normalize.h"

#include <gtest/gtest.h>

#include <iterator>
#include <random>

#include <string>
#include <utility>

#include "base/status.h"

namespace undula {
namespace {

TEST(NormalizeTest, Cases) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"The Matrix", "the matrix"},
      {"  The\t\n Matrix  ", "the matrix"},
      {"Beyoncé", "beyonce"},
      {"Beyonce\u0301", "beyonce"},  // decomposed
      {"Amélie", "amelie"},
      {"ﬁlm", "film"},
      {"Straße", "strasse"},
      {"STRASSE", "strasse"},
      {"İstanbul", "istanbul"},
      {"ΣΊΣΥΦΟΣ", "σισυφοσ"},
      {"Сталкер", "сталкер"},
      {"Ёлки", "елки"},
      {"ﾄﾄﾛ", "トトロ"},         // halfwidth
      {"ｶﾞﾝﾀﾞﾑ", "ガンダム"},    // halfwidth with voicing marks
      {"ガンダム", "ガンダム"},  // voicing makes another letter
      {"カンタム", "カンタム"},
      {"ＡＢＣ１２３", "abc123"},  // fullwidth
      {"हिन्दी", "हिन्दी"},          // vowel signs stay
      {"שָׁלוֹם", "שלום"},
      {"مُحَمَّد", "محمد"},
      {"한국", "한국"},
      {"½ x²", "1 2 x2"},
      {"8½", "8 1 2"},
      {"Ocean's Eleven", "ocean s eleven"},
      {"Ocean’s Eleven", "ocean s eleven"},
      {"Mission: Impossible – Fallout", "mission impossible fallout"},
      {"WALL·E", "wall e"},
      {"M*A*S*H", "m a s h"},
      {"$9.99 + tax", "9 99 tax"},
      {"...!?—", ""},
      {"♥", ""},
      {"❤️", ""},          // with a variation selector
      {"co\u00ADop", "coop"},  // soft hyphen
      {"a\u200Db", "ab"},      // joiner
      {"a\u00A0b", "a b"},     // no-break space
      {"Ångström", "angstrom"},
      {"Øresund", "øresund"},  // not a mark
      {"Dvořák", "dvorak"},
      {"Nguyễn", "nguyen"},
  };
  for (const auto& [text, expected] : cases) {
    const auto got = NormalizeText(text);
    ASSERT_TRUE(got.ok()) << text << ": " << got.status();
    EXPECT_EQ(*got, expected) << text;
    EXPECT_EQ(*NormalizeText(*got), *got) << "not idempotent: " << text;
  }
}

TEST(NormalizeTest, EmbeddedZeroIsASpace) {
  EXPECT_EQ(*NormalizeText(std::string_view("a\0b", 3)), "a b");
}

TEST(NormalizeTest, LongExpansions) {
  // U+FDFA decomposes to 18 characters: the result is longer than the input.
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "\uFDFA";
  const auto got = NormalizeText(text);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_GT(got->size(), text.size());
  EXPECT_EQ(*NormalizeText(*got), *got);
}

std::string Utf8(uint32_t c) {
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
  if (c < 0x10000) {
    return {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | ((c >> 6) & 63)),
            static_cast<char>(0x80 | (c & 63))};
  }
  return {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | ((c >> 12) & 63)),
          static_cast<char>(0x80 | ((c >> 6) & 63)), static_cast<char>(0x80 | (c & 63))};
}

// The result of the general way: characters beyond U+FFFF are outside of the fast one.
std::string NormalizedSlowly(const std::string& text) {
  const std::string result = NormalizeText(text + " \U0001F600z").value();
  return result == "z" ? "" : result.substr(0, result.size() - 2);
}

TEST(NormalizeTest, EveryCharacterIsIdempotent) {
  for (uint32_t c = 1; c < 0x20000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    const std::string text = "a" + Utf8(c);
    const auto once = NormalizeText(text);
    ASSERT_TRUE(once.ok()) << c;
    ASSERT_EQ(*NormalizeText(*once), *once) << "U+" << std::hex << c;
  }
}

TEST(NormalizeTest, FastAndGeneralWayAgree) {
  for (uint32_t c = 1; c < 0x10000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    for (const std::string& text :
         {Utf8(c), "a" + Utf8(c) + "b", "\u30AB" + Utf8(c) + "\u304B",
          "\uAC00" + Utf8(c) + "\u0627", "- " + Utf8(c) + Utf8(c) + " "}) {
      ASSERT_EQ(*NormalizeText(text), NormalizedSlowly(text)) << "U+" << std::hex << c;
    }
  }
  std::mt19937 random(5);
  const std::pair<uint32_t, uint32_t> blocks[] = {
      {1, 0x7F},        {0x20, 0x600},    {0x600, 0x700},   {0x3040, 0x3100}, {0x4E00, 0xA000},
      {0xAC00, 0xD7FF}, {0x1100, 0x1200}, {0x2000, 0x2200}, {0x300, 0x370}};
  for (int i = 0; i < 100000; ++i) {
    std::string text;
    const size_t last = i % 2 == 0 ? 6 : std::size(blocks);
    for (int n = 0; n < 6; ++n) {
      const auto [low, high] = blocks[random() % last];
      text += Utf8(low + random() % (high - low));
    }
    ASSERT_EQ(*NormalizeText(text), NormalizedSlowly(text)) << text;
  }
}

TEST(NormalizeTest, Utf8ValidityOfAllShortSequences) {
  // Against the definition: a sequence is valid where decoding and encoding give it back.
  for (uint32_t a = 0x80; a < 0x100; ++a) {
    for (uint32_t b = 0; b < 0x100; ++b) {
      const std::string two = {static_cast<char>(a), static_cast<char>(b)};
      const uint32_t code2 = (a & 31) << 6 | (b & 63);
      const bool good2 = a < 0xE0 && code2 >= 0x80 && Utf8(code2) == two;
      ASSERT_EQ(IsValidUtf8(two), good2) << a << ' ' << b;
      for (uint32_t c = 0x7F; c < 0xC2; ++c) {
        const std::string three = two + static_cast<char>(c);
        const uint32_t code3 = (a & 15) << 12 | (b & 63) << 6 | (c & 63);
        const bool good3 = a >= 0xE0 && a < 0xF0 && code3 >= 0x800 &&
                           (code3 < 0xD800 || code3 > 0xDFFF) && Utf8(code3) == three;
        ASSERT_EQ(IsValidUtf8(three), good3 || (good2 && c < 0x80)) << a << ' ' << b << ' ' << c;
        const std::string four = three + "\x80";
        const uint32_t code4 = (a & 7) << 18 | (b & 63) << 12 | (c & 63) << 6;
        const bool good4 =
            a >= 0xF0 && code4 >= 0x10000 && code4 <= 0x10FFFF && Utf8(code4) == four;
        ASSERT_EQ(IsValidUtf8(four), good4) << a << ' ' << b << ' ' << c;
      }
    }
  }
}

TEST(NormalizeTest, InvalidUtf8NamesTheByte) {
  const std::pair<const char*, int> cases[] = {
      {"abc\xff", 3},          // never a byte of UTF-8
      {"\x80", 0},             // continuation without a lead
      {"ab\xc3", 2},           // cut
      {"\xc0\xaf", 0},         // overlong
      {"x\xed\xa0\x80", 1},    // surrogate
      {"\xf4\x90\x80\x80", 0}  // beyond U+10FFFF
  };
  for (const auto& [text, at] : cases) {
    const auto got = NormalizeText(text);
    EXPECT_EQ(got.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Message(got.status()), Concat("invalid UTF-8 at byte ", at));
    size_t bad = 99;
    EXPECT_FALSE(IsValidUtf8(text, &bad));
    EXPECT_EQ(bad, static_cast<size_t>(at));
  }
  EXPECT_TRUE(IsValidUtf8("für 日本 😀"));
  EXPECT_TRUE(IsValidUtf8(""));
}

}  // namespace
}  // namespace undula
