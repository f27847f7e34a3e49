// The line scanner against Serd: same verdicts, same terms.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/status.h"
#include "kgstore/rdf_reader.h"
#include "read_support.h"
#include "scanner_compare.h"
#include "shared_path.h"

namespace undula::kgstore {
namespace {

const std::vector<std::string>& Seeds() {
  static const std::vector<std::string> seeds = {
      "<http://a.org/s> <http://a.org/p> <http://a.org/o> .",
      "<http://a/Bét\u00E9a_(x)> <https://b.org/p?q=1&r#f> "
      "\"1936\"^^<http://www.w3.org/2001/XMLSchema#gYear> .",
      "<urn:x:1> <p:> \"plain \\t\\b\\n\\r\\f\\\"\\\\ text\" .",
      "_:a1 <http://p> _:b-2 . ",
      " \t_:0 <http://p> \"\u6D77\u4EAC\"@zh-Hans .\r",
      "<http://a.org/s>\t<http://a.org/p>\t\"x\"@en .",
      "<http://s> <http://p> \"\\u00e9\\U0001F600\\u0041\" .",
      "<http://s> <http://p> \"same\"^^<http://www.w3.org/2001/XMLSchema#string> .",
      "<http://s> <http://p> <http://o> <http://graph> .",
      "_:s <http://p> \"v\"^^<http://d> _:g .",
      "<http://s> <http://p> \"a long literal that spans more than sixteen bytes, twice over\"@de "
      ".",
      "<http://s><http://p><http://o>.",
      "<http://s> <http://p> _:a.b .",
      "<http://s> <http://p> <http://o> . # comment",
      "",
      "# comment",
  };
  return seeds;
}

std::string Mutate(std::mt19937* random, std::string line) {
  const auto below = [&](size_t n) { return static_cast<size_t>((*random)() % n); };
  static constexpr char kSpecial[] =
      "<>\"\\_:.@^ \t\r#-{}|`\x00\x01\x1F\x7F\x80\xC3\xA9\xED\xA0\xF4uU0aZ";
  const size_t edits = below(4);
  for (size_t i = 0; i < edits; ++i) {
    const size_t at = below(line.size() + 1);
    const char c = kSpecial[below(sizeof(kSpecial) - 1)];
    switch (below(5)) {
      case 0:
        line.insert(at, 1, c);
        break;
      case 1:
        if (at < line.size()) line.erase(at, 1 + below(3));
        break;
      case 2:
        if (at < line.size()) line[at] = c;
        break;
      case 3: {
        const std::string& other = Seeds()[below(Seeds().size())];
        line.insert(at, other.substr(below(other.size() + 1), below(12)));
        break;
      }
      default:
        if (at < line.size()) line[at] = static_cast<char>((*random)());
        break;
    }
  }
  return line;
}

TEST(ScannerTest, TakesTheCommonForms) {
  for (size_t i = 0; i < 11; ++i) {
    bool scanned = false;
    EXPECT_EQ(CompareScannerWithSerd(Seeds()[i], true, &scanned), "") << Seeds()[i];
    EXPECT_TRUE(scanned) << Seeds()[i];
  }
}

TEST(ScannerTest, LeavesTheRest) {
  const std::string cases[] = {
      "<http://s> <http://p> <http://o> <http://g> .",  // no N-Triples
      "<s> <http://p> <http://o> .",                    // relative
      "<http://s> <http://p> <http://o>",               // no dot
      "<http://s> <http://p> <http://o> . <http://x>",  // more behind it
      "<http://s> <http://p> \"\xED\xA0\x80\" .",       // a surrogate
      "<http://s> <http://p> \"\\uD800\" .",            // the same, escaped
      "<http://s> <http://p> \"a\x01\" .",              // left to Serd
      "<http://s> <http://p> \"a\"@ .",                 // no tag
      "<http://s> <http://p> \"a\"^^<d> .",             // relative datatype
      "<http://s p> <http://p> <http://o> .",
      "\"s\" <http://p> <http://o> .",
      "<http://s> _:p <http://o> .",
  };
  for (const std::string& line : cases) {
    bool scanned = true;
    EXPECT_EQ(CompareScannerWithSerd(line, false, &scanned), "") << line;
    EXPECT_FALSE(scanned) << line;
  }
}

TEST(ScannerTest, MutatedLinesAgreeWithSerd) {
  std::mt19937 random(20240607);
  int taken = 0;
  constexpr int kLines = 200000;
  for (int i = 0; i < kLines; ++i) {
    const std::string line = Mutate(&random, Seeds()[random() % Seeds().size()]);
    bool scanned = false;
    const std::string difference = CompareScannerWithSerd(line, i % 2 == 0, &scanned);
    ASSERT_EQ(difference, "") << line;
    taken += scanned;
  }
  EXPECT_GT(taken, kLines / 10);  // the test is about lines that the scanner takes
}

TEST(ScannerTest, LinesOfTheW3cSuitesAgreeWithSerd) {
  const std::string archive = SharedPath("data/rdf/w3c-rdf11-tests.tar.xz");
  if (archive.empty()) GTEST_SKIP() << "no data/rdf/w3c-rdf11-tests.tar.xz in UNDULA_SHARED";
  for (const auto& [name, content] : ReadTar(archive)) {
    for (size_t at = 0; at < content.size();) {
      const size_t end = std::min(content.find('\n', at), content.size());
      for (const bool graphs : {false, true}) {
        ASSERT_EQ(CompareScannerWithSerd(content.substr(at, end - at), graphs), "") << name;
      }
      at = end + 1;
    }
  }
}

}  // namespace
}  // namespace undula::kgstore
