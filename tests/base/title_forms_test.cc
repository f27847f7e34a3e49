#include "base/text/title_forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace undula {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string Key(const std::string& text) {
  const absl::StatusOr<std::string> key = TitleKey(text);
  EXPECT_TRUE(key.ok()) << key.status();
  return key.ok() ? *key : "";
}

std::vector<std::string> Keys(const std::string& text, TitleRole role = TitleRole::kTitle) {
  const absl::StatusOr<ParsedTitle> parsed = ParseTitle(text, role);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  std::vector<std::string> keys;
  if (!parsed.ok()) return keys;
  for (const TitleForm& form : parsed->forms) keys.push_back(form.key);
  return keys;
}

TEST(TitleKey, NamesThatAreWrittenInSeveralWaysMeet) {
  const std::vector<std::vector<std::string>> groups = {
      {"The Sting", "Sting", "STING"},
      {"Twelve Monkeys", "12 Monkeys"},
      {"Sixth Man", "The 6th Man"},
      {"Rocky V", "Rocky 5"},
      {"Friday the 13th Part III", "Friday the 13th Part 3", "Friday the Thirteenth 3"},
      {"Simon & Garfunkel", "Simon and Garfunkel", "Simon+Garfunkel"},
      {"A.J. McLean", "AJ McLean", "A. J. McLean"},
      {"Ke$ha", "Kesha"},
      {"P!nk", "Pink"},
      {"Doctor Dolittle", "Dr. Dolittle"},
      {"Vega 4", "Vega4"},
      {"Amélie", "AMELIE"},
      {"L'Avventura", "Avventura"},
      {"La Strada", "Strada"},
  };
  for (const auto& group : groups) {
    for (const std::string& name : group) EXPECT_EQ(Key(name), Key(group[0])) << name;
  }
}

TEST(TitleKey, OthersStayApart) {
  EXPECT_NE(Key("V for Vendetta"), Key("5 for Vendetta"));
  EXPECT_NE(Key("X"), Key("10"));
  EXPECT_NE(Key("Alien"), Key("Aliens"));
  EXPECT_EQ(Key("The"), "the");
  EXPECT_EQ(Key("And"), "and");
  EXPECT_EQ(Key("?!"), "");
  EXPECT_EQ(Key(""), "");
}

TEST(ParseTitle, BracketsYearsAndArticles) {
  const absl::StatusOr<ParsedTitle> parsed =
      ParseTitle("Conformist, The (Il Conformista) (1970)", TitleRole::kTitle);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->year, 1970);
  ASSERT_EQ(parsed->forms.size(), 2u);
  EXPECT_EQ(parsed->forms[0].kind, TitleForm::kBare);
  EXPECT_EQ(parsed->forms[0].key, "conformist");
  EXPECT_EQ(parsed->forms[1].kind, TitleForm::kInner);
  EXPECT_EQ(parsed->forms[1].key, "conformista");

  const absl::StatusOr<ParsedTitle> label =
      ParseTitle("The Conformist (1970 film)", TitleRole::kLabel);
  ASSERT_TRUE(label.ok());
  EXPECT_EQ(label->year, 1970);
  EXPECT_EQ(label->qualifier, "film");
  ASSERT_EQ(label->forms.size(), 1u);
  EXPECT_EQ(label->forms[0].words, parsed->forms[0].words);  // the article was turned round
  EXPECT_EQ(ParseTitle("Luna (1990s American band)", TitleRole::kLabel)->year, 0);
}

TEST(ParseTitle, SubtitlesAndSeveralNames) {
  EXPECT_THAT(
      Keys("Leatherface: Texas Chainsaw Massacre III"),
      ElementsAre("leatherfacetexaschainsawmassacre3", "leatherface", "texaschainsawmassacre3"));
  EXPECT_THAT(Keys("Ras G & The Afrikan Space Program"),
              ElementsAre("rasgtheafrikanspaceprogram", "rasg"));
  EXPECT_THAT(Keys("Simon & Garfunkel", TitleRole::kLabel), ElementsAre("simongarfunkel"));
  EXPECT_THAT(Keys("Tron: Legacy", TitleRole::kLabel), ElementsAre("tronlegacy", "tron"));
}

TEST(ParseTitle, WhatHasNoTitle) {
  EXPECT_THAT(Keys(""), IsEmpty());
  EXPECT_THAT(Keys("  ...  "), IsEmpty());
  EXPECT_THAT(Keys("(1970)"), ElementsAre("1970"));  // nothing before the bracket
  EXPECT_EQ(ParseTitle("a\xFF", TitleRole::kTitle).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TitleKey("\xC3").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ParseTitle, OtherScriptsKeepTheirLetters) {
  EXPECT_EQ(Key("Сталкер"), "сталкер");
  EXPECT_EQ(Key("שָׁלוֹם עולם"), "שלוםעולם");     // right to left, with points
  EXPECT_EQ(Key("Beyonce\u0301"), "beyonce");  // combining accent
  EXPECT_EQ(Key("七人の侍"), "七人の侍");
}

TEST(TitleLanguages, OnlyTheirWordsAreRead) {
  const auto key = [](const std::string& text, const std::vector<std::string>& codes) {
    const auto languages = TitleLanguages::Of(codes);
    EXPECT_TRUE(languages.ok()) << languages.status();
    return *TitleKey(text, *languages);
  };
  EXPECT_EQ(key("Die Hard", {}), "hard");
  EXPECT_EQ(key("Die Hard", {"en"}), "diehard");
  EXPECT_EQ(key("Die Hard", {"en", "de"}), "hard");
  EXPECT_EQ(key("The Hard", {"de"}), "thehard");
  EXPECT_EQ(key("A Hard One", {"pt"}), "hardone");
  EXPECT_EQ(key("A Hard One", {"en"}), "hard1");
  EXPECT_EQ(key("Rocky II", {"de"}), "rocky2");  // roman numerals are of no language
  EXPECT_EQ(key("Doctor Saint Part Two and Three", {"de"}), "doctorsaintparttwoandthree");
  EXPECT_EQ(key("Max & Moritz", {"de"}), key("Max und Moritz", {"de"}).replace(3, 3, ""));
  const TitleLanguages english = *TitleLanguages::Of(std::vector<std::string>{"en"});
  EXPECT_EQ(ParseTitle("Sting, The", TitleRole::kTitle, english)->forms[0].key, "sting");
  EXPECT_EQ(ParseTitle("Boot, Das", TitleRole::kTitle, english)->forms[0].key, "bootdas");
  EXPECT_EQ(ParseTitle("Boot, Das", TitleRole::kTitle)->forms[0].key, "boot");
  EXPECT_THAT(TitleLanguages::Of(std::vector<std::string>{"nl"}).status().message(),
              testing::HasSubstr("'nl', only for en, fr, es, it, pt and de"));
}

TEST(LocalName, OfIris) {
  EXPECT_EQ(LocalName("http://dbpedia.org/resource/The_Sting"), "The Sting");
  EXPECT_EQ(LocalName("http://dbpedia.org/resource/AC/DC"), "AC/DC");
  EXPECT_EQ(LocalName("http://dbpedia.org/resource/Cos%25C3%25AC_(film)"), "Così (film)");
  EXPECT_EQ(LocalName("http://dbpedia.org/resource/A__B_C__1"), "B C");
  EXPECT_EQ(LocalName("http://x.example/onto#Film"), "Film");
  EXPECT_EQ(LocalName("http://x.example/%FF"), "");
  EXPECT_EQ(LocalName("plain name"), "plain name");
}

}  // namespace
}  // namespace undula
