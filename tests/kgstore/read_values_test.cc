#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "kgstore/cell_values.h"
#include "kgstore/iri.h"
#include "kgstore/literal_time.h"
#include "kgstore/row_splitter.h"

namespace undula::kgstore {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(LiteralTimeTest, Iso8601) {
  EXPECT_EQ(ParseIso8601("1970-01-01"), 0);
  EXPECT_EQ(ParseIso8601("1969-12-31T23:59:59Z"), -1);
  EXPECT_EQ(ParseIso8601("2000-02-29T12:34:56Z"), 951827696);
  EXPECT_EQ(ParseIso8601("2000-02-29 12:34:56.789"), 951827696);
  EXPECT_EQ(ParseIso8601("2000-02-29T14:34:56+02:00"), 951827696);
  EXPECT_EQ(ParseIso8601("2000-02-29T07:04:56-05:30"), 951827696);
  EXPECT_EQ(ParseIso8601("2000-02-29T12:34"), 951827640);
  EXPECT_EQ(ParseIso8601("9999-12-31T23:59:59Z"), kMaxTime);
  for (const char* bad :
       {"", "2000", "2000-02", "2000-2-29", "2001-02-29", "2000-13-01", "2000-02-29T",
        "2000-02-29T24:00", "2000-02-29T12:60", "2000-02-29x", "2000-02-29T12:34:56.",
        "2000-02-29T12:34:56+0200", "2000-02-29T12:34:56Z ", "-2000-02-29"}) {
    EXPECT_FALSE(ParseIso8601(bad).has_value()) << bad;
  }
}

TEST(CellValuesTest, Weight) {
  float weight = 0;
  std::string error;
  EXPECT_TRUE(ParseWeight("3.5", &weight, &error));
  EXPECT_EQ(weight, 3.5f);
  EXPECT_TRUE(ParseWeight(" +1e2 ", &weight, &error));
  EXPECT_EQ(weight, 100.0f);
  EXPECT_TRUE(ParseWeight("-0.5", &weight, &error));
  for (const char* bad : {"nan", "NaN", "inf", "-inf", "1e99", "", "five", "1,5", "0x10", "1 2",
                          "+-1", "3.5\xC2\xA0"}) {
    EXPECT_FALSE(ParseWeight(bad, &weight, &error)) << bad;
    EXPECT_THAT(error, HasSubstr("expected a finite number"));
  }
}

TEST(CellValuesTest, ShortWeightsAreRoundedOnce) {
  std::string error;
  for (const char* form : {"%d", "%d.%d", "0.%05d", "%d.5", "%d.125"}) {
    for (int i = 0; i < 100000; i += 7) {
      char text[32];
      std::snprintf(text, sizeof text, form, i % 1000, i);
      float weight = -1;
      ASSERT_TRUE(ParseWeight(text, &weight, &error)) << text;
      ASSERT_EQ(weight, std::strtof(text, nullptr)) << text;
    }
  }
  for (const char* text : {"16777217", "9999999.", ".5", "1.2.3", "12345678"}) {
    float weight = -1;
    if (ParseWeight(text, &weight, &error)) {
      EXPECT_EQ(weight, std::strtof(text, nullptr)) << text;
    }
  }
}

TEST(CellValuesTest, MonthDayYear) {
  int64_t time = 0;
  std::string error;
  const auto parse = [&](const char* text) {
    return ParseTime(text, TimeUnit::kMonthDayYear, &time, &error);
  };
  EXPECT_TRUE(parse("11/15/2019 8:55:22 AM"));
  EXPECT_EQ(time, 1573808122);
  EXPECT_TRUE(parse("11/15/2019 12:00:00 AM"));
  EXPECT_EQ(time, 1573776000);
  EXPECT_TRUE(parse("11/15/2019 12:00:00 PM"));
  EXPECT_EQ(time, 1573819200);
  EXPECT_TRUE(parse("11/15/2019 23:00:01"));
  EXPECT_EQ(time, 1573858801);
  EXPECT_TRUE(parse("11/15/2019"));
  EXPECT_EQ(time, 1573776000);
  for (const char* bad :
       {"", "11", "11/15", "13/15/2019", "2/30/2019", "11/15/1969", "11/15/2019 8",
        "11/15/2019 8:55", "11/15/2019 13:00:00 PM", "11/15/2019 0:00:00 AM",
        "11/15/2019 8:60:00 AM", "11/15/2019 8:55:22 XM", "11/15/2019 AM",
        "11/15/2019 8:55:22 AM ago", "-1/15/2019", "11-15-2019"}) {
    EXPECT_FALSE(parse(bad)) << bad;
  }
}

TEST(CellValuesTest, Confidence) {
  float confidence = 0;
  std::string error;
  EXPECT_TRUE(ParseConfidence("1", &confidence, &error));
  EXPECT_TRUE(ParseConfidence("0.25", &confidence, &error));
  EXPECT_EQ(confidence, 0.25f);
  for (const char* bad : {"0", "1.01", "-1", "nan", "high"}) {
    EXPECT_FALSE(ParseConfidence(bad, &confidence, &error)) << bad;
  }
}

TEST(CellValuesTest, Time) {
  int64_t time = -1;
  std::string error;
  EXPECT_TRUE(ParseTime("881250949", TimeUnit::kSeconds, &time, &error));
  EXPECT_EQ(time, 881250949);
  EXPECT_TRUE(ParseTime("8.81250949E8", TimeUnit::kSeconds, &time, &error));
  EXPECT_EQ(time, 881250949);
  EXPECT_TRUE(ParseTime("881250949999", TimeUnit::kMilliseconds, &time, &error));
  EXPECT_EQ(time, 881250949);
  EXPECT_TRUE(ParseTime("1997-12-04T15:55:49Z", TimeUnit::kIso8601, &time, &error));
  EXPECT_EQ(time, 881250949);
  EXPECT_FALSE(ParseTime("-5", TimeUnit::kSeconds, &time, &error));
  EXPECT_THAT(error, HasSubstr("negative time '-5'"));
  EXPECT_FALSE(ParseTime("-0.5", TimeUnit::kSeconds, &time, &error));
  EXPECT_FALSE(ParseTime("1969-12-31", TimeUnit::kIso8601, &time, &error));
  EXPECT_THAT(error, HasSubstr("from 1970 on"));
  EXPECT_FALSE(ParseTime("881250949000", TimeUnit::kSeconds, &time, &error));
  EXPECT_THAT(error, HasSubstr("milliseconds"));
  for (const char* bad : {"", "now", "1e300", "nan", "99999999999999999999999"}) {
    EXPECT_FALSE(ParseTime(bad, TimeUnit::kSeconds, &time, &error)) << bad;
  }
}

TEST(CellValuesTest, QuotedCellsAreShortenedBetweenCharacters) {
  EXPECT_EQ(QuoteCell("a\tb"), "'a b'");
  EXPECT_EQ(QuoteCell(std::string(39, 'x') + "\xC3\xA9"), "'" + std::string(39, 'x') + "...'");
  EXPECT_EQ(QuoteCell(std::string(38, 'x') + "\xC3\xA9y"),
            "'" + std::string(38, 'x') + "\xC3\xA9...'");
}

std::vector<std::string> Split(RowSplitter splitter, std::string_view record) {
  std::vector<Field> fields;
  std::string_view error;
  size_t offset = 0;
  if (!splitter.Split(record, &fields, &error, &offset)) {
    return {std::string(error), std::to_string(offset)};
  }
  std::vector<std::string> texts;
  for (const Field& field : fields) texts.emplace_back(field.text);
  return texts;
}

TEST(RowSplitterTest, Separators) {
  EXPECT_THAT(Split({"\t", '\0'}, "a\t\tb c"), ElementsAre("a", "", "b c"));
  EXPECT_THAT(Split({"::", '\0'}, "1::Toy: Story::"), ElementsAre("1", "Toy: Story", ""));
  EXPECT_THAT(Split({"whitespace", '\0'}, " 1 \t 2\t3 "), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Split({",", '\0'}, "\"a\",b"), ElementsAre("\"a\"", "b"));
  EXPECT_THAT(Split({",", '"'}, ""), ElementsAre(""));
}

TEST(RowSplitterTest, QuotedFields) {
  EXPECT_THAT(Split({",", '"'}, "\"a,b\",\"say \"\"hi\"\"\",c\"d,\"\",\"x\ny\""),
              ElementsAre("a,b", "say \"hi\"", "c\"d", "", "x\ny"));
  EXPECT_THAT(Split({",", '"'}, "a,\"b"), ElementsAre(HasSubstr("closing quote"), "2"));
  EXPECT_THAT(Split({",", '"'}, "a,\"b\"c"), ElementsAre(HasSubstr("behind"), "5"));
  EXPECT_THAT(Split({",", '"'}, "\"a\","), ElementsAre("a", ""));
}

TEST(RowSplitterTest, EndOfQuotedRecords) {
  const RowSplitter csv(",", '"');
  EXPECT_EQ(csv.FindEnd("a,b\nc", 0), 3u);
  EXPECT_EQ(csv.FindEnd("a,\"b\nc\"\nd", 0), 7u);
  EXPECT_EQ(csv.FindEnd("a,\"b\"\"\nc\"\nd", 0), 9u);
  EXPECT_EQ(csv.FindEnd("a\"b\nc\"\n", 0), 3u);  // a quote inside a field opens nothing
  EXPECT_EQ(csv.FindEnd("a,\"b\nc", 0), std::string_view::npos);
  EXPECT_EQ(csv.FindEnd("a,\"b\"", 0), std::string_view::npos);
  EXPECT_EQ(csv.FindEnd("\"a\n\",\"b\n\",c\n", 0), 11u);
  EXPECT_EQ(RowSplitter("\t", '\0').FindEnd("a\tb\n", 2), 3u);
}

TEST(IriTest, Resolve) {
  EXPECT_TRUE(HasScheme("urn:x"));
  EXPECT_FALSE(HasScheme("1a:x"));
  EXPECT_FALSE(HasScheme("a/b:c"));
  EXPECT_FALSE(HasScheme(""));
  EXPECT_EQ(ResolveIri("http://a/b/c", "urn:x/../y"), "urn:x/../y");
  EXPECT_EQ(ResolveIri("http://a", "b"), "http://a/b");
  EXPECT_EQ(ResolveIri("http://a/b/c?q#f", ""), "http://a/b/c?q");
  EXPECT_EQ(ResolveIri("http://a/b/c", "../../../d/./e/.."), "http://a/d/");
  EXPECT_EQ(ResolveIri("http://a/b/c", "//x/y/../z"), "http://x/z");
  EXPECT_EQ(ResolveIri("urn:a:b", "#c"), "urn:a:b#c");
}

}  // namespace
}  // namespace undula::kgstore
