#include "base/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/status.h"
#include "base/toml_tree.h"
#include "tests/base/temp_dir.h"

namespace undula {
namespace {

using testing::HasSubstr;

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Sample {
  bool inverse_edges = true;
  int64_t epochs = 10;
  int64_t seed = 0;
  double learning_rate = 0.02;
  double any = 0;
  std::string name = "x";
  std::string optimizer = "lazy_adam";
};

constexpr OptionField kFields[] = {
    UNDULA_OPTION(Sample, inverse_edges, kBool, 0, 0, "", "also walk edges backwards"),
    UNDULA_OPTION(Sample, epochs, kInt, 1, 1e6, "", "passes"),
    UNDULA_OPTION(Sample, seed, kInt, -kInf, kInf, "", "random seed"),
    UNDULA_OPTION(Sample, learning_rate, kFloat, 0, 1, "", "step size"),
    UNDULA_OPTION(Sample, any, kFloat, -kInf, kInf, "", "any number"),
    UNDULA_OPTION(Sample, name, kString, 0, 0, "", "a text"),
    UNDULA_OPTION(Sample, optimizer, kChoice, 0, 0, "sgd|adagrad|adam|lazy_adam", "optimizer"),
};
constexpr OptionTable kTable{"train", kFields};

std::string SetError(std::string_view key, std::string_view value) {
  Sample sample;
  const absl::Status status = SetOption(kTable, &sample, key, value);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << key << "=" << value;
  EXPECT_EQ(CheckOption(kTable, key, value), status);
  return std::string(Message(status));
}

TEST(OptionsTest, SetsEveryKind) {
  Sample s;
  ASSERT_TRUE(SetOptions(kTable, &s,
                         {{"inverse-edges", "off"},
                          {"epochs", "+7"},
                          {"seed", "-9223372036854775808"},
                          {"learning_rate", "1e-3"},
                          {"name", ""},
                          {"optimizer", "sgd"}})
                  .ok());
  EXPECT_FALSE(s.inverse_edges);
  EXPECT_EQ(s.epochs, 7);
  EXPECT_EQ(s.seed, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(s.learning_rate, 1e-3);
  EXPECT_EQ(s.name, "");
  EXPECT_EQ(s.optimizer, "sgd");
}

TEST(OptionsTest, BoolWords) {
  Sample s;
  for (const char* word : {"true", "1", "yes", "on", "TRUE", "On"}) {
    s.inverse_edges = false;
    ASSERT_TRUE(SetOption(kTable, &s, "inverse_edges", word).ok());
    EXPECT_TRUE(s.inverse_edges) << word;
  }
  for (const char* word : {"false", "0", "no", "off", "No"}) {
    s.inverse_edges = true;
    ASSERT_TRUE(SetOption(kTable, &s, "inverse-edges", word).ok());
    EXPECT_FALSE(s.inverse_edges) << word;
  }
  EXPECT_THAT(SetError("inverse_edges", "maybe"), HasSubstr("train.inverse_edges"));
  EXPECT_THAT(SetError("inverse_edges", ""), HasSubstr("not true or false"));
}

TEST(OptionsTest, ErrorsNameTheRange) {
  EXPECT_EQ(SetError("epochs", "0"),
            "option train.epochs: 0 is out of range; use a whole number from 1 to 1e+06");
  for (const char* bad : {"", "ten", "1.5", "1e3", "7 ", " 7", "0x10", "+-3", "--1"}) {
    EXPECT_THAT(SetError("epochs", bad), HasSubstr("from 1 to 1e+06")) << bad;
  }
  EXPECT_THAT(SetError("epochs", "1000001"), HasSubstr("out of range"));
  EXPECT_THAT(SetError("seed", "9223372036854775808"), HasSubstr("out of range"));
  EXPECT_THAT(SetError("learning_rate", "1.0000000000000002"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(SetError("learning_rate", "-0.1"), HasSubstr("from 0 to 1"));
  for (const char* bad : {"nan", "-nan", "NaN", "", "x", "0.1x", "0,1"}) {
    EXPECT_THAT(SetError("learning_rate", bad), HasSubstr("from 0 to 1")) << bad;
    EXPECT_THAT(SetError("any", bad), HasSubstr("not a number")) << bad;
  }
  EXPECT_THAT(SetError("learning_rate", "inf"), HasSubstr("out of range"));
  EXPECT_THAT(SetError("any", "1e999"), HasSubstr("out of range"));
}

TEST(OptionsTest, RangesOfIntegersAreExact) {
  struct S {
    int64_t n = 0;
  };
  constexpr OptionField fields[] = {UNDULA_OPTION(S, n, kInt, 0, 9007199254740992.0, "", "")};
  const OptionTable table{"s", fields};
  EXPECT_TRUE(CheckOption(table, "n", "9007199254740992").ok());
  EXPECT_FALSE(CheckOption(table, "n", "9007199254740993").ok());  // equal to 2^53 as a double
}

TEST(OptionsTest, UnknownKeysAndChoicesNameTheNearest) {
  EXPECT_EQ(SetError("epcohs", "3"), "unknown option 'epcohs' of train; did you mean 'epochs'?");
  EXPECT_THAT(SetError("Learning-Rat", "3"), HasSubstr("'learning_rate'"));
  EXPECT_THAT(SetError("rate", "3"), HasSubstr("'learning_rate'"));
  EXPECT_THAT(SetError("zzzzzzzz", "3"), HasSubstr("it has inverse_edges, epochs, seed"));
  EXPECT_EQ(SetError("optimizer", "lazyadam"),
            "option train.optimizer: 'lazyadam' is not one of sgd, adagrad, adam, lazy_adam; did "
            "you mean 'lazy_adam'?");
  EXPECT_THAT(SetError("optimizer", "rmsprop"), HasSubstr("is not one of sgd"));
}

TEST(OptionsTest, NearestKey) {
  const std::string_view known[] = {"dim", "n_hops", "n_memory"};
  EXPECT_EQ(NearestKey("dmi", known), "dim");
  EXPECT_EQ(NearestKey("n-hop", known), "n_hops");
  EXPECT_EQ(NearestKey("memory", known), "n_memory");
  EXPECT_EQ(NearestKey("optimizer", known), "");
  EXPECT_EQ(NearestKey("", known), "");
  EXPECT_EQ(NearestKey("x", {}), "");
}

TEST(OptionsTest, SameKeyTwiceIsRefused) {
  Sample s;
  const absl::Status status =
      SetOptions(kTable, &s, {{"learning-rate", "0.1"}, {"learning_rate", "0.2"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("twice"));
}

TEST(OptionsTest, PrintedValuesRestoreTheObjectBitForBit) {
  const double values[] = {
      0.1, 1.0 / 3, -0.0, 5e-324, 1.7976931348623157e308, kInf, -kInf, 1e22, 123456789012345680.0};
  for (const double value : values) {
    Sample from;
    from.any = value;
    from.seed = std::numeric_limits<int64_t>::max();
    from.name = "a=b \"c\"\n";
    from.inverse_edges = false;
    Sample to;
    ASSERT_TRUE(SetOptions(kTable, &to, GetOptions(kTable, &from)).ok()) << value;
    EXPECT_EQ(std::memcmp(&to.any, &value, sizeof value), 0) << value;
    EXPECT_EQ(to.seed, from.seed);
    EXPECT_EQ(to.name, from.name);
    EXPECT_FALSE(to.inverse_edges);
  }
  Sample s;
  EXPECT_EQ(GetOptions(kTable, &s).at("learning_rate"), "0.02");
  EXPECT_EQ(GetOptions(kTable, &s).size(), std::size(kFields));
}

class OptionsFileTest : public testing::Test {
 protected:
  std::string ErrorOf(std::string_view text) {
    const std::string path = dir_.Write("o.toml", text);
    const auto read = ReadOptionsFile(path, std::span<const OptionTable>(&kTable, 1));
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << text;
    std::string message(Message(read.status()));
    EXPECT_EQ(message.find(path + ":"), 0u) << message;
    return message.substr(std::min(message.size(), path.size() + 1));
  }
  TempDir dir_;
};

TEST_F(OptionsFileTest, ReadsSections) {
  const std::string path = dir_.Write(
      "o.toml",
      "# comment\n[train]\nepochs = 3\nlearning-rate = 0.1\ninverse_edges = false\nname = 'é'\n");
  const std::string_view known[] = {"train", "model"};
  const auto read = ReadOptionsFile(path, known);
  ASSERT_TRUE(read.ok()) << read.status();
  const OptionMap expected = {
      {"epochs", "3"}, {"learning_rate", "0.1"}, {"inverse_edges", "false"}, {"name", "é"}};
  EXPECT_EQ(read->at("train"), expected);
  EXPECT_EQ(read->size(), 1u);
  const auto checked = ReadOptionsFile(path, std::span<const OptionTable>(&kTable, 1));
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(*checked, *read);
}

TEST_F(OptionsFileTest, ErrorsHaveLineAndColumn) {
  EXPECT_THAT(ErrorOf("[train]\nepochs = = 3\n"), HasSubstr("2:10: "));
  EXPECT_THAT(ErrorOf("[trian]\nepochs = 3\n"),
              testing::AllOf(testing::StartsWith("1:"), HasSubstr("did you mean [train]?")));
  EXPECT_THAT(ErrorOf("[qqqqqqq]\n"), HasSubstr("known: [train]"));
  EXPECT_EQ(ErrorOf("[train]\n\n  epoch = 3\n"),
            "3:3: unknown option 'epoch' of train; did you mean 'epochs'?");
  EXPECT_THAT(ErrorOf("[train]\nepochs = 0\n"), HasSubstr("2:1: option train.epochs: 0 is out"));
  EXPECT_THAT(ErrorOf("[train]\nany = nan\n"), HasSubstr("2:1: option train.any"));
  EXPECT_THAT(ErrorOf("epochs = 3\n"), HasSubstr("outside of a section"));
  EXPECT_THAT(ErrorOf("[train]\nepochs = [1, 2]\n"), HasSubstr("must be a string, a number"));
  EXPECT_THAT(ErrorOf("[train.sub]\nepochs = 1\n"), HasSubstr("must be a string, a number"));
  EXPECT_THAT(ErrorOf("[train]\nlearning-rate = 0.1\nlearning_rate = 0.2\n"), HasSubstr("twice"));
  EXPECT_THAT(ErrorOf("[train]\nname = '\xff'\n"), HasSubstr("2:"));
}

TEST_F(OptionsFileTest, FilesThatCannotBeRead) {
  const std::string_view known[] = {"train"};
  EXPECT_EQ(ReadOptionsFile(dir_.File("none"), known).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadOptionsFile(dir_.path(), known).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(OptionsFileTest, ListsAreJoined) {
  const std::string_view known[] = {"format"};
  const auto read = ReadOptionsFile(
      dir_.Write("o.toml", "[format]\nfiles = [\"a.csv\", 'b?']\nnone = []\n"), known);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->at("format").at("files"), "a.csv|b?");
  EXPECT_EQ(read->at("format").at("none"), "");
  EXPECT_FALSE(ReadOptionsFile(dir_.Write("o.toml", "[format]\nfiles = ['a|b']\n"), known).ok());
}

TEST(ParseTomlTest, TreeWithPlaces) {
  const auto root = ParseToml(
      "[format]\nname = 'x'\nskip = 2\n[[record]]\nc = { column = [1, 'b'], on = true }\n"
      "[[record]]\n",
      "t.toml");
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(root->Find("format")->Find("name")->text, "x");
  EXPECT_EQ(root->Find("format")->Find("skip")->text, "2");
  EXPECT_EQ(root->Find("format")->Find("skip")->where, "t.toml:3:1");
  const TomlNode* records = root->Find("record");
  ASSERT_EQ(records->kind, TomlNode::Kind::kList);
  ASSERT_EQ(records->list.size(), 2u);
  const TomlNode* column = records->list[0].Find("c");
  ASSERT_EQ(column->kind, TomlNode::Kind::kTable);
  EXPECT_EQ(column->Find("column")->list[1].text, "b");
  EXPECT_EQ(column->Find("on")->text, "true");
  EXPECT_EQ(column->Find("off"), nullptr);
}

TEST(ParseTomlTest, Errors) {
  EXPECT_THAT(std::string(Message(ParseToml("a = \n", "t.toml").status())), HasSubstr("t.toml:1:"));
  EXPECT_THAT(std::string(Message(ParseToml("\nd = 2020-01-01\n", "t.toml").status())),
              HasSubstr("t.toml:2:5: the value must be a string"));
  std::string deep = "a = ";
  for (int i = 0; i < 100; ++i) deep += "[";
  for (int i = 0; i < 100; ++i) deep += "]";
  EXPECT_THAT(std::string(Message(ParseToml(deep, "t.toml").status())), HasSubstr("too deep"));
  for (int i = 0; i < 100000; ++i) deep += "[";
  EXPECT_FALSE(ParseToml(deep, "t.toml").ok());
}

// A name that toml++ must not see, and brackets that begin no section.
TEST(ParseTomlTest, SectionNames) {
  const auto message = [](std::string_view text) {
    return std::string(Message(ParseToml(text, "t.toml").status()));
  };
  EXPECT_THAT(message("a = 1\n \t[=]\n"), HasSubstr("t.toml:2:3: the name of a section begins"));
  for (const char* text :
       {"[=]", "[[.a]]", "\xef\xbb\xbf[=]", "a = '''\n'''\n\r\n[ =]", "# [\n[=]"}) {
    EXPECT_THAT(message(text), HasSubstr("the name of a section begins")) << text;
  }
  for (const char* text :
       {"[a]\n[[b]]\n['c']", "a = [[[1]],\n[[2]]]", "a = '''\n[=]'''", "# [=]"}) {
    EXPECT_EQ(message(text), "") << text;
  }
}

// What toml++ must not see (found by fuzzing), and what looks like it and is TOML.
TEST(ParseTomlTest, CharactersBeyondAscii) {
  const auto message = [](std::string_view text) {
    return std::string(Message(ParseToml(text, "t.toml").status()));
  };
  EXPECT_THAT(message("a = é\n"), HasSubstr("t.toml:1:5: a character beyond ASCII"));
  EXPECT_THAT(message("a = 'é'\nb = \"\"\"\\é\"\"\""),
              HasSubstr("t.toml:2:9: a character beyond ASCII"));
  for (const char* text : {"a =5\"\xef\xbb\xb8\"", "a = 5.\"é\"", "a = [1,\n5.\"é\"]",
                           "a = \"\"\"\"\"\"\"\"\"é\"", "a\"é\" = 1", "a = ''\"é\"", "a = 1'é'",
                           "a = 0x['é", "a = 5='é'", "a = {b = 1, c = 5='é'}"}) {
    EXPECT_THAT(message(text), HasSubstr("a quote within a word")) << text;
  }
  for (const char* text : {"[a.\"é\"]\nb = 'é' # é\n\"é\" = \"é\"", "a.\"é\" = 1",
                           "a = [\"é\",'é', [\n'é']]\nb.'é' = 2", "a = {\"é\" = 'é'}",
                           "a = \"\"\"\né\"é\"\"\"", "['é']\na='é'", "a = \"\"\"\"é\"\"\"\"\"",
                           "a = {b='é',\"é\"='é'}", "a={b.'é'=['é',{c='é'}],d='é'}"}) {
    EXPECT_EQ(message(text), "") << text;
  }
}

}  // namespace
}  // namespace undula
