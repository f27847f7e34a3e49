#include "base/text/normalize.h"

#include <gtest/gtest.h>

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

TEST(NormalizeTest, EveryCharacterIsIdempotent) {
  for (uint32_t c = 1; c < 0x20000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text = "a";
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
    } else if (c < 0x10000) {
      text += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | ((c >> 6) & 63)),
               static_cast<char>(0x80 | (c & 63))};
    } else {
      text += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | ((c >> 12) & 63)),
               static_cast<char>(0x80 | ((c >> 6) & 63)), static_cast<char>(0x80 | (c & 63))};
    }
    const auto once = NormalizeText(text);
    ASSERT_TRUE(once.ok()) << c;
    ASSERT_EQ(*NormalizeText(*once), *once) << "U+" << std::hex << c;
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
