// The sample catalogue against its gold links: every link that is found must be right.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "linking/linker.h"
#include "tests/linking/memory_source.h"

namespace undula::linking {
namespace {

constexpr char kFilmBase[] = "http://undula.example/film/title/";
constexpr char kYear[] = "http://undula.example/film/year";

std::vector<std::string> Lines(const std::string& name) {
  std::ifstream file(std::string(UNDULA_SOURCE_DIR "/data/samples/") + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Enough of Turtle for a file that we write ourselves: subject lines, labels, years.
void AddEntities(MemorySource* source) {
  static const std::regex kSubject(R"(^([a-z]+):(\S+))"), kLabel("\"([^\"]*)\"(@[a-z]+)?"),
      kYearValue("film:year \"(\\d+)\"");
  std::string name, year;
  std::vector<std::string> labels;
  const auto flush = [&] {
    if (name.empty()) return;
    source->AddEntity(name, labels,
                      year.empty()
                          ? std::vector<std::pair<std::string, std::string>>()
                          : std::vector<std::pair<std::string, std::string>>{{kYear, year}});
    name = year = "";
    labels.clear();
  };
  for (const std::string& line : Lines("films.ttl")) {
    std::smatch match;
    if (line.empty() || line[0] == '#' || line[0] == '@') continue;
    if (std::regex_search(line, match, kSubject)) {
      flush();
      name = match[1] == "f" ? kFilmBase + match[2].str() : match[0].str();
    }
    if (std::regex_search(line, match, kYearValue)) {
      year = match[1];
      continue;
    }
    for (std::sregex_iterator it(line.begin(), line.end(), kLabel), end; it != end; ++it) {
      labels.push_back((*it)[1]);
    }
  }
  flush();
}

void AddItems(MemorySource* source) {
  const std::vector<std::string> lines = Lines("catalogue.csv");
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    const size_t first = line.find(','), last = line.rfind(',');
    std::string title = line.substr(first + 1, last - first - 1);
    if (title.starts_with('"')) {
      title = std::regex_replace(title.substr(1, title.size() - 2), std::regex("\"\""), "\"");
    }
    source->AddItem({line.substr(0, first), {{"title", title}, {"year", line.substr(last + 1)}}});
  }
}

class SamplesTest : public testing::Test {
 protected:
  SamplesTest() {
    AddEntities(&source_);
    AddItems(&source_);
    const std::vector<std::string> lines = Lines("gold_links.tsv");
    for (size_t i = 1; i < lines.size(); ++i) {
      const size_t tab = lines[i].find('\t');
      gold_[lines[i].substr(0, tab)] = lines[i].substr(tab + 1);
    }
  }

  LinkResult Link(const LinkOptions& options) {
    auto result = FindLinks(source_, options);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return {};
    for (const FoundLink& link : result->links) {
      const std::string& item = source_.item(link.item).text;
      EXPECT_EQ(*source_.EntityName(link.entity), gold_[item]) << item;
    }
    return *std::move(result);
  }

  MemorySource source_;
  std::map<std::string, std::string> gold_;
};

TEST_F(SamplesTest, SizesOfTheFilmWorld) {
  int films = 0;
  std::set<std::string> users;
  for (const std::string& line : Lines("films.ttl")) films += line.starts_with("f:");
  EXPECT_GE(films, 300);
  const std::vector<std::string> views = Lines("interactions.synthetic.tsv");
  for (size_t i = 1; i < views.size(); ++i) users.insert(views[i].substr(0, views[i].find('\t')));
  EXPECT_GE(users.size(), 500u);
  EXPECT_GT(gold_.size(), 300u);
  EXPECT_LT(static_cast<int64_t>(gold_.size()), source_.ItemCount());  // some are missing
}

TEST_F(SamplesTest, ByLabelEveryLinkIsRightAndRemakesAreAmbiguous) {
  const LinkResult result = Link({});
  EXPECT_GE(result.linked, 500);
  EXPECT_GE(result.ambiguous, 80);
  // All items that the graph does not have, and some whose titles have slips.
  const int64_t missing = result.items - static_cast<int64_t>(gold_.size());
  EXPECT_GE(missing, 20);
  EXPECT_GT(result.unlinked, missing + 5);
  EXPECT_LT(result.unlinked, missing + 20);
  const auto brazil =
      std::find_if(result.ambiguous_cases.begin(), result.ambiguous_cases.end(),
                   [](const LinkResult::Case& found) { return found.text == "Brazil"; });
  ASSERT_NE(brazil, result.ambiguous_cases.end());  // the film or the country
  EXPECT_EQ(brazil->candidates.size(), 2u);
}

TEST_F(SamplesTest, TheYearDecidesAllOfTheAmbiguousOnesThatHaveOne) {
  LinkOptions options;
  options.require = {std::string("year=") + kYear};
  const LinkResult result = Link(options);
  EXPECT_GE(result.linked, 580);
  EXPECT_EQ(result.ambiguous, 0);
}

}  // namespace
}  // namespace undula::linking
