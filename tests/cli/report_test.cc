// The report's parts: text, axes, SVG, and pages of planted facts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "../api/small_world.h"
#include "cli/report/axis.h"
#include "cli/report/draw.h"
#include "cli/report/page.h"
#include "cli/report/sections.h"
#include "cli/report/svg_writer.h"
#include "cli/report/text.h"
#include "cli/report/writers.h"

namespace undula::cli::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr char kHostile[] = "</script><script>alert(1)</script>\"><img src=x onerror='alert(1)'>";

std::vector<std::string> Labels(const Axis& axis) {
  std::vector<std::string> out;
  for (const Axis::Tick& tick : axis.ticks()) out.push_back(tick.label);
  return out;
}

// What tests/cli/check_report.py finds wrong with a page; empty where nothing is.
std::string Check(const std::string& html) {
  test::TempDir dir;
  test::WriteFile(dir / "page.html", html);
  const std::string source = UNDULA_SOURCE_DIR;
  const std::string command = "python3 " + source + "/tests/cli/check_report.py " +
                              (dir / "page.html") + " " + source +
                              "/data/schemas/report.schema.json > " + (dir / "out") + " 2>&1";
  const int code = std::system(command.c_str());
  const std::string out = test::ReadFile(dir / "out");
  return code == 0 ? std::string() : "check_report.py: " + out;
}

bool HasPython() { return std::system("python3 -c 1 > /dev/null 2>&1") == 0; }

TEST(ReportText, CleansWhatIsNoText) {
  EXPECT_EQ(Clean("a\xC3\xA9 \xF0\x9F\x8E\xAC\n"), "a\xC3\xA9 \xF0\x9F\x8E\xAC\n");
  EXPECT_EQ(Clean(std::string("a\0b\x1B", 4)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  // Overlong, surrogate, cut off, beyond U+10FFFF.
  for (const char* bad : {"\xC0\xAF", "\xED\xA0\x80", "\xE2\x82", "\xF4\x90\x80\x80", "\xFF"}) {
    EXPECT_THAT(Clean(bad), HasSubstr("\xEF\xBF\xBD")) << bad;
  }
  EXPECT_EQ(Clean("a\xE2\x80\xAE"
                  "b"),
            "a[RLO]b");
  EXPECT_EQ(Clean("\xD7\xA9\xD7\x9C"), "\xD7\xA9\xD7\x9C");  // Hebrew is text
}

TEST(ReportText, EscapesMarkup) {
  EXPECT_EQ(EscapeHtml("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
  EXPECT_THAT(EscapeJson(kHostile), Not(HasSubstr("<")));
  EXPECT_THAT(EscapeJson(kHostile), HasSubstr("\\u003c/script>"));
  EXPECT_EQ(EscapeMarkdown("a|b\n*c* <d>"), "a\\|b \\*c\\* \\<d\\>");
  EXPECT_EQ(Shorten("abcdef", 4), "abc\xE2\x80\xA6");
  EXPECT_EQ(Shorten("abcd", 4), "abcd");
  EXPECT_EQ(Shorten(std::string(10000, 'x'), 24).size(), 23u + 3);
}

TEST(ReportText, WritesNumbersForPeopleAndPrograms) {
  EXPECT_EQ(HumanNumber(0.0463682), "0.04637");
  EXPECT_EQ(HumanNumber(12345.6), "12,346");
  EXPECT_EQ(HumanNumber(int64_t{-1234567}), "-1,234,567");
  EXPECT_EQ(HumanNumber(1e-12), "1e-12");
  EXPECT_EQ(HumanNumber(1e20), "1e+20");
  EXPECT_EQ(HumanNumber(kNan), "-");
  EXPECT_EQ(HumanNumber(0.0), "0");
  EXPECT_EQ(JsonNumber(0.1), "0.1");
  EXPECT_EQ(JsonNumber(-kInf), "null");
}

TEST(ReportText, EstimatesWidths) {
  EXPECT_LT(TextWidth("iiii", 11), TextWidth("MMMM", 11));
  EXPECT_NEAR(TextWidth("\xE6\x97\xA5\xE6\x9C\xAC", 10), 21, 1e-9);  // two wide characters
}

TEST(ReportAxis, TicksAreOneTwoFive) {
  EXPECT_THAT(Labels(Axis({0.03, 0.92}, false)),
              ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(Labels(Axis({0, 10}, false, 5)), ElementsAre("0", "2", "4", "6", "8", "10"));
  EXPECT_THAT(Labels(Axis({3, 4500}, false, 5)),
              ElementsAre("0", "1,000", "2,000", "3,000", "4,000", "5,000"));
  EXPECT_THAT(Labels(Axis({3, 4500}, true)), ElementsAre("1", "10", "100", "1,000", "10,000"));
}

TEST(ReportAxis, HasARangeForAnyValues) {
  const std::vector<std::vector<double>> cases = {{},
                                                  {0},
                                                  {5},
                                                  {-5},
                                                  {7, 7, 7},
                                                  {kNan, kInf, -kInf},
                                                  {kNan, 2},
                                                  {1e-12, 3e-12},
                                                  {1e12, 5e12},
                                                  {1e-12, 1e12},
                                                  {-1e12, 1e12},
                                                  {1e12, 1e12 + 1},
                                                  {-1e308, 1e308},
                                                  {1e-320}};
  for (const std::vector<double>& values : cases) {
    for (const bool logarithmic : {false, true}) {
      const Axis axis(values, logarithmic);
      EXPECT_LT(axis.low(), axis.high());
      EXPECT_GE(axis.ticks().size(), 2u);
      EXPECT_LE(axis.ticks().size(), 20u);
      for (const double v : values) {
        if (!(std::abs(v) < 1e300) || (logarithmic && v <= 0)) continue;
        EXPECT_GE(axis.At(v), -1e-6) << v;
        EXPECT_LE(axis.At(v), 1 + 1e-6) << v;
      }
    }
  }
}

TEST(ReportAxis, ThinningKeepsEndsAndPeaks) {
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i < 10000; ++i) points.emplace_back(i, i == 5000 ? 100 : std::sin(i * 0.001));
  const auto thin = Thin(points, 400);
  EXPECT_EQ(thin.size(), 400u);
  EXPECT_EQ(thin.front(), points.front());
  EXPECT_EQ(thin.back(), points.back());
  EXPECT_THAT(thin, testing::Contains(points[5000]));
  EXPECT_EQ(Thin({{1, 2}, {3, kNan}}, 400).size(), 2u);
}

TEST(ReportSvg, CoordinatesHaveTwoDecimalsAndNoExponent) {
  EXPECT_EQ(Coordinate(12.5), "12.5");
  EXPECT_EQ(Coordinate(-0.001), "0");
  EXPECT_EQ(Coordinate(1e7), "10000000");
  EXPECT_EQ(Coordinate(1e-9), "0");
  EXPECT_EQ(Coordinate(kNan), "0");
}

TEST(ReportSvg, ValuesThatAreNotFiniteLeaveGaps) {
  LineChart chart{.title = "t", .message = "m", .x_label = "x", .y_label = "y"};
  chart.series = {{.name = "a", .points = {{1, 1}, {2, kNan}, {3, 2}, {4, kInf}, {5, 3}}}};
  EXPECT_EQ(LeftOut(chart), 2);
  const std::string svg = Draw(chart);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  const std::string path = svg.substr(svg.find("class=\"line\" d="));
  EXPECT_EQ(std::count(path.begin(), path.begin() + path.find("/>"), 'M'), 3);
}

TEST(ReportPicture, UncrossesTwoPaths) {
  PathPicture picture{.title = "t", .message = "m"};
  using Shape = PathPicture::Shape;
  picture.vertices = {{"a", "A", Shape::kItem, 0},
                      {"b", "B", Shape::kItem, 0},
                      {"c", "C", Shape::kEntity, 1},
                      {"d", "D", Shape::kEntity, 1},
                      {"t", "T", Shape::kTarget, 2}};
  picture.edges = {
      {0, 3, "r", 1, true}, {1, 2, "r", 0, false}, {2, 4, "s", 0, false}, {3, 4, "s", 1, true}};
  const std::string svg = Draw(picture);
  const auto y_of = [&](const std::string& name) {
    const size_t at = svg.find("<title>" + name + "</title>");
    const size_t y = svg.rfind(" cy=\"", at);
    return std::stod(svg.substr(y + 5));
  };
  EXPECT_NE(y_of("C"), y_of("D"));
  const size_t a = svg.find("<title>A</title>"), b = svg.find("<title>B</title>");
  const double ya = std::stod(svg.substr(svg.rfind(" y=\"", a) + 4));
  const double yb = std::stod(svg.substr(svg.rfind(" y=\"", b) + 4));
  EXPECT_EQ(ya < yb, y_of("D") < y_of("C"));
}

// Twelve vertices at nearly one place: their names part.
TEST(ReportPicture, LabelsOfANeighborhoodArePushedApart) {
  GraphPicture picture{.title = "t", .message = "m"};
  for (int i = 0; i < 12; ++i) {
    picture.vertices.push_back({"a name " + std::to_string(i), 0.5, 0.5 + 0.01 * i});
    if (i > 0) picture.edges.push_back({0, i, "r"});
  }
  const std::string svg = Draw(picture);
  std::vector<std::pair<double, double>> at;  // of the names
  for (size_t p = 0; (p = svg.find("class=\"name\"", p)) != std::string::npos; ++p) {
    at.emplace_back(std::stod(svg.substr(svg.find(" x=\"", p) + 4)),
                    std::stod(svg.substr(svg.find(" y=\"", p) + 4)));
  }
  ASSERT_EQ(at.size(), 12u);
  const double width = TextWidth("a name 1", 11);
  int touching = 0;
  for (size_t a = 0; a < at.size(); ++a) {
    for (size_t b = a + 1; b < at.size(); ++b) {
      touching += std::fabs(at[a].first - at[b].first) < width - 1 &&
                  std::fabs(at[a].second - at[b].second) < 11;
    }
  }
  EXPECT_LE(touching, 4);  // of the 33 pairs that would touch where they stand
  EXPECT_THAT(Draw(GraphPicture{.title = "t", .message = "m", .vertices = {{"x", kNan, kInf}}}),
              Not(HasSubstr("nan")));
}

EvaluationRow Row(const std::string& model, double ndcg) {
  EvaluationRow row{.model = model, .part = "all", .users = 100};
  row.metrics = {{"recall@10", ndcg * 2, ndcg * 2 - 0.01, ndcg * 2 + 0.01},
                 {"ndcg@10", ndcg, ndcg - 0.005, ndcg + 0.005},
                 {"coverage@10", 0.5, 0.5, 0.5},
                 {"gini@10", 0.7, 0.7, 0.7},
                 {"novelty@10", 4.5, 4.5, 4.5}};
  row.deciles = {0.5, 0.2, 0.1, 0.05, 0.05, 0.02, 0.02, 0.02, 0.02, 0.02};
  for (int i = 0; i <= 20; ++i) row.lorenz.push_back(i * i / 400.0);
  return row;
}

// A run with something in every section.
Facts PlantedFacts(const std::string& label) {
  Facts facts;
  facts.options.database = "/home/somebody/films.undula";
  facts.stats.triples = 5;
  facts.stats.entities = 4;
  facts.stats.users = 3;
  facts.stats.items = 3;
  facts.stats.items_linked = 2;
  facts.stats.interactions = 7;
  facts.profile.relations = {{"http://x.example/" + label, label, 5, 3, 2, 2, 0.5}};
  facts.profile.degrees = {{1, 4}, {2, 2}, {4, 1}};
  facts.profile.items_by_hops[0] = 1;
  facts.profile.items_by_hops[2] = 2;
  facts.profile.link_methods = {{"label", 2}};
  facts.profile.link_confidence[9] = 2;
  facts.profile.unlinked = {{"v-1", label, 4}};
  facts.profile.unlinked_items = 1;
  facts.profile.unlinked_interactions = 4;
  facts.profile.history_lengths = {{1, 1}, {2, 2}};
  facts.profile.item_popularity = {{0, 1}, {4, 2}};
  facts.profile.last_time = 951782400;  // 2000-02-29
  facts.profile.first_time = -86400;
  ModelFacts model;
  model.stored = {"ripplenet",
                  "ripplenet",
                  {{"model.dim", "32"}, {"train.seed", "1"}, {"split.train_file", "/tmp/a/t.tsv"}}};
  model.uses_graph = true;
  model.title = "RippleNet";
  model.options = {{"dim", "16", "1..512", "length"}};
  facts.models = {model, model, model};
  facts.models[1].stored.name = "again";
  facts.models[1].stored.metadata["train.seed"] = "2";
  facts.models[2].stored = {"bpr_mf", "bpr_mf", {}};
  facts.models[2].uses_graph = false;
  facts.protocol = "test part, ranking of the full catalogue";
  facts.rows = {Row("ripplenet", 0.05), Row("again", 0.049), Row("bpr_mf", 0.04),
                Row("most_popular", 0.03)};
  facts.differences = {Row("again", 0.001), Row("bpr_mf", 0.01), Row("most_popular", 0.02)};
  Curve curve{.name = "ripplenet", .metric = "ndcg@10"};
  curve.epochs = {{1, 1000, 0.01, 2, true}, {2, 1, 0.02, 2, true}, {3, 0.9, kNan, 2, false}};
  facts.curves = {curve, curve};
  Trial trial{.model = "ripplenet", .metric = "ndcg@10", .trial = 0, .epochs = 3, .value = 0.02};
  trial.setting = {{"dim", "16"}, {"mode", label}};
  facts.trials = {trial, trial};
  facts.trials[1].trial = 1;
  facts.trials[1].value = kNan;
  facts.trials[1].error = label;
  Explanation explanation{.item = "v-2", .title = label, .score = 1.5};
  Reason reason{.seed_item = "v-1", .seed_title = "Seed", .hop = 2, .bits = 7};
  reason.kind = Reason::Kind::kConnection;
  reason.path = {{"a", "r", "b", "Seed", "directed by", label},
                 {"c", "r", "b", "End", "directed by", label}};
  reason.sentence = label;
  reason.effect = 0;
  explanation.connections = {reason};
  reason.kind = Reason::Kind::kModel;
  reason.weight = 0.25;
  reason.path.resize(1);
  reason.shared = true;
  explanation.hops = {{reason}};
  facts.explained = {{"user A", explanation}};
  Neighborhood around;
  around.vertices = {{"a", label, 0.5, 0.5}, {"b", "B", 0, 1}, {"c", "C", 1, 1}};
  around.edges = {{0, 1, label}, {2, 0, "directed by"}};
  around.left_out = 3;
  facts.around = {around};
  facts.published = {{"ripplenet", "ndcg@10", "their split", label, 0.06},
                     {"kgat", "ndcg@10", "their split", label, 0.07}};
  return facts;
}

TEST(ReportPage, SectionsWithoutInputSayWhatWouldFillThem) {
  const Document document = BuildReport(Facts());
  ASSERT_EQ(document.sections.size(), 9u);
  for (const Section& section : document.sections) {
    EXPECT_NE(section.missing, "") << section.id;
  }
  EXPECT_NE(ToHtml(document).find("undula train DB --metrics FILE"), std::string::npos);
}

TEST(ReportPage, EverySectionIsFilled) {
  const Document document = BuildReport(PlantedFacts("Blade Runner"));
  for (const Section& section : document.sections) {
    EXPECT_EQ(section.missing, "") << section.id;
    EXPECT_THAT(section.blocks, Not(IsEmpty())) << section.id;
  }
  EXPECT_EQ(document.verdict,
            "ripplenet 0.05 [0.045, 0.055] ndcg@10; most_popular 0.03; difference +0.02 [+0.015, "
            "+0.025], paired, 100 users, 95 %: ripplenet is better than popularity alone.");
  EXPECT_THAT(document.graph_verdict, HasSubstr("Yes: ripplenet (uses it) less bpr_mf"));
  const std::string html = ToHtml(document);
  const auto has = [&](const char* text) { return html.find(text) != std::string::npos; };
  EXPECT_TRUE(has("2000-02-29"));
  EXPECT_TRUE(has("1969-12-31"));
  EXPECT_TRUE(has("none: connection only"));
  // Models that differ in their seeds alone have a mean.
  EXPECT_TRUE(has("<td class=t>ripplenet, again</td><td>2</td>"));
  EXPECT_FALSE(has("/home/"));
  EXPECT_FALSE(has("/tmp/"));
}

TEST(ReportPage, TheGraphIsJudgedByItsControl) {
  Facts facts = PlantedFacts("x");
  facts.differences[1].metrics[1] = {"ndcg@10", -0.01, -0.02, -0.005};
  EXPECT_THAT(GraphVerdict(facts), HasSubstr("No, it costs: ripplenet (uses it) less bpr_mf"));
  facts.differences[1].metrics[1] = {"ndcg@10", 0.001, -0.02, 0.02};
  EXPECT_THAT(GraphVerdict(facts), HasSubstr("Not shown"));
  facts.models.resize(2);
  EXPECT_THAT(GraphVerdict(facts), HasSubstr("Not measured"));
}

TEST(ReportPage, TheSameFactsGiveTheSameBytes) {
  EXPECT_TRUE(ToHtml(BuildReport(PlantedFacts("x"))) == ToHtml(BuildReport(PlantedFacts("x"))));
}

// After a wanted change: UNDULA_WRITE_GOLDEN=1 in the environment writes the file anew.
TEST(ReportPage, GoldenBytes) {
  const std::string file = std::string(UNDULA_SOURCE_DIR) + "/tests/data/report/golden.";
  Facts facts = PlantedFacts("Blade Runner");
  facts.curves.resize(1);
  facts.models.erase(facts.models.begin() + 1);
  facts.rows.erase(facts.rows.begin() + 1);
  facts.differences.erase(facts.differences.begin());
  const Document document = BuildReport(facts);
  std::string html = ToHtml(document);
  // Styles, script and data stand elsewhere; the golden page is without them.
  for (const std::string& text : {std::string(kStyle), std::string(kScript), ToJson(document)}) {
    html.erase(html.find(text), text.size());
  }
  for (const auto& [ending, text] : {std::pair<std::string, std::string>("html", html),
                                     {"md", ToMarkdown(document)},
                                     {"json", ToJson(document)}}) {
    if (std::getenv("UNDULA_WRITE_GOLDEN") != nullptr) test::WriteFile(file + ending, text);
    EXPECT_TRUE(test::ReadFile(file + ending) == text) << file << ending;
  }
}

// The whole way on the sample data, by models that are worked the same on every machine. Times,
// files' sizes and what the machine is called are put in by hand. The Markdown is kept as it is, of
// the page (without styles, script and data, which have tests of their own) its FNV-1a.
TEST(ReportPage, GoldenBytesOnTheSampleData) {
  test::TempDir dir;
  const std::string samples = std::string(UNDULA_SOURCE_DIR) + "/data/samples/";
  auto db = Database::Open(dir / "films.undula", {.threads = 2});
  ASSERT_TRUE(db.ok()) << db.status();
  for (const char* file : {"films.ttl", "catalogue.csv", "interactions.synthetic.tsv"}) {
    ASSERT_TRUE((*db)->Import(samples + file).ok()) << file;
  }
  ASSERT_TRUE((*db)->Link({.require = {"year=http://undula.example/film/year"}}).ok());
  TrainOptions train;
  train.model = "item_knn";
  const auto trained = (*db)->Train(train);
  ASSERT_TRUE(trained.ok()) << trained.status();
  ReportOptions options;
  options.database = dir / "films.undula";
  options.models = {"item_knn"};
  options.command = "undula report films.undula -o report.html";
  options.evaluate.at = {10};
  test::WriteFile(dir / "run.jsonl",
                  "{\"epoch\":1,\"loss\":0.7,\"metric\":\"ndcg@10\",\"value\":0.04,\"best\":true,"
                  "\"seconds\":1.5,\"peak_mib\":90}\n"
                  "{\"epoch\":2,\"loss\":0.5,\"metric\":\"ndcg@10\",\"value\":0.03,\"best\":false,"
                  "\"seconds\":1.5,\"peak_mib\":91}\n");
  options.metrics = {"item_knn=" + (dir / "run.jsonl")};
  auto facts = Gather(**db, options, nullptr);
  ASSERT_TRUE(facts.ok()) << facts.status();
  facts->stats.file_bytes = 1 << 20;
  for (ModelFacts& model : facts->models) {
    for (const auto& [key, value] :
         {std::pair<const char*, const char*>("trained", "2026-11-30T12:00:00Z"),
          {"device", "cpu"},
          {"writer", "undula"},
          {"seconds", "1"},
          {"cpu_seconds", "1"},
          {"peak_mib", "90"}}) {
      ASSERT_TRUE(model.stored.metadata.contains(key)) << key;
      model.stored.metadata[key] = value;
    }
  }
  const Document document = BuildReport(*facts);
  std::string html = ToHtml(document);
  for (const std::string& text : {std::string(kStyle), std::string(kScript), ToJson(document)}) {
    html.erase(html.find(text), text.size());
  }
  const std::string file = std::string(UNDULA_SOURCE_DIR) + "/tests/data/report/sample.md";
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : html) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  const std::string golden =
      ToMarkdown(document) + "\nFNV-1a of the page: " + std::to_string(hash) + "\n";
  if (std::getenv("UNDULA_WRITE_GOLDEN") != nullptr) test::WriteFile(file, golden);
  EXPECT_EQ(golden, test::ReadFile(file));
}

TEST(ReportPage, IsWellFormedAndAgreesWithItsData) {
  if (!HasPython()) GTEST_SKIP() << "no python3";
  EXPECT_EQ(Check(ToHtml(BuildReport(Facts()))), "");
  EXPECT_EQ(Check(ToHtml(BuildReport(PlantedFacts("Blade Runner")))), "");
}

TEST(ReportPage, HostileLabelsAreText) {
  const std::string labels[] = {kHostile,
                                std::string(10000, 'W'),
                                "\xE2\x80\xAE\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
                                "\xF0\x9F\x98\x80]]>",
                                "\xFF\xFE\xC0 {{ }} <!-- ${x}",
                                "&lt;b&gt; &amp;"};
  for (const std::string& label : labels) {
    const std::string html = ToHtml(BuildReport(PlantedFacts(label)));
    EXPECT_EQ(html.find("<script>alert"), std::string::npos) << label;
    EXPECT_EQ(html.find("<img"), std::string::npos) << label;
    if (!HasPython()) continue;
    EXPECT_EQ(Check(html), "") << label;
  }
}

TEST(ReportPage, StylesOfTheCallerStayStyles) {
  const std::string html = ToHtml(BuildReport(Facts()), "b{color:red}</style><script>1</script>");
  EXPECT_NE(html.find("b{color:red}<\\/style>"), std::string::npos);
  EXPECT_EQ(html.find("</style>"), html.rfind("</style>"));
}

TEST(ReportPage, StaysSmallForLargeInputs) {
  Facts facts = PlantedFacts("x");
  facts.profile.relations.resize(5000, facts.profile.relations[0]);
  facts.curves[0].epochs.clear();
  for (int64_t e = 1; e <= 10000; ++e)
    facts.curves[0].epochs.push_back({e, 1.0 / e, 0.1, 1, false});
  for (int i = 0; i < 497; ++i) {
    facts.rows.push_back(Row("m" + std::to_string(i), 0.01));
    facts.differences.push_back(Row("m" + std::to_string(i), 0.01));
    facts.models.push_back(facts.models[0]);
    facts.models.back().stored.name = "m" + std::to_string(i);
  }
  EXPECT_LT(ToHtml(BuildReport(facts)).size(), 2'000'000u);
}

TEST(ReportPage, FiveModelsFiveSeedsFiftyEpochsStayBelow400Kilobytes) {
  Facts facts = PlantedFacts("Blade Runner");
  facts.curves.clear();
  facts.rows.clear();
  facts.models.resize(1);
  for (int m = 0; m < 5; ++m) {
    facts.rows.push_back(Row("model" + std::to_string(m), 0.05));
    facts.models.push_back(facts.models[0]);
    for (int s = 0; s < 5; ++s) {
      Curve curve{.name = "model" + std::to_string(m), .metric = "ndcg@20"};
      for (int64_t e = 1; e <= 50; ++e) {
        // Files of train --metrics have nine digits.
        const double loss = std::round(1e9 / static_cast<double>(e + m) + 1234567 * s) / 1e9;
        const double value = std::round(1e8 - 5e7 * loss) / 1e9;
        curve.epochs.push_back({e, loss, value, 1.23456789, e == 40});
      }
      facts.curves.push_back(std::move(curve));
    }
  }
  facts.explained.resize(3, facts.explained[0]);
  const size_t bytes = ToHtml(BuildReport(facts)).size();
  EXPECT_LE(bytes, 400'000u);
  RecordProperty("bytes", static_cast<int>(bytes));
}

TEST(ReportFiles, ReadsFlatObjects) {
  const auto object = ParseFlatObject(R"( {"a": "x\"\u00e9\n", "b":-1.5e3 ,"c":null,"d":true} )");
  ASSERT_TRUE(object.ok());
  EXPECT_EQ(object->at("a"), "x\"\xC3\xA9\n");
  EXPECT_EQ(NumberOf(*object, "b"), -1500);
  EXPECT_TRUE(std::isnan(NumberOf(*object, "c")));
  EXPECT_TRUE(std::isnan(NumberOf(*object, "missing")));
  for (const char* bad : {"", "{", "[]", "{\"a\":[1]}", "{\"a\":{}}", "{\"a\":1}x", "{\"a\" 1}",
                          "{\"a\":\"\\u12\"}", "{\"a\":\"x", "{a:1}"}) {
    EXPECT_FALSE(ParseFlatObject(bad).ok()) << bad;
  }
}

TEST(ReportFiles, PublishedValuesAndEpochsAsCsv) {
  test::TempDir dir;
  test::WriteFile(dir / "p.tsv", "# comment\n\nripplenet\tauc\t0.921\tctr\tWang 2018\r\n");
  SourceFile source;
  const auto read = ReadPublished(dir / "p.tsv", &source);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ((*read)[0].value, 0.921);
  EXPECT_EQ((*read)[0].source, "Wang 2018");
  EXPECT_EQ(source.name, "p.tsv");
  for (const char* bad : {"a\tb\tc\td\te\n", "a\tb\t1\td\n", "only one\n"}) {
    test::WriteFile(dir / "p.tsv", bad);
    EXPECT_THAT(std::string(ReadPublished(dir / "p.tsv", &source).status().message()),
                HasSubstr("p.tsv:1: not five columns"));
  }
  Curve curve{.name = "a,\"b\"", .metric = "auc"};
  curve.file.name = "run.jsonl";
  curve.epochs = {{1, 0.5, kNan, 2, true, 90}, {2, 0.25, 0.7, 2, false, kNan}};
  EXPECT_EQ(EpochsCsv({curve}),
            "model,file,epoch,loss,metric,value,best,seconds,peak_mib\n"
            "\"a,\"\"b\"\"\",run.jsonl,1,0.5,auc,,1,2,90\n"
            "\"a,\"\"b\"\"\",run.jsonl,2,0.25,auc,0.7,0,2,\n");
}

TEST(ReportFiles, ReadsCurvesAndTrials) {
  test::TempDir dir;
  test::WriteFile(dir / "run.jsonl",
                  "{\"epoch\":3,\"loss\":0.5,\"metric\":\"auc\",\"value\":0.7,\"best\":true}\n"
                  "{\"epoch\":4,\"loss\":0.4,\"metric\":\"auc\",\"value\":null,\"best\":false}\n"
                  "{\"epoch\":4,\"loss\":0.3,\"metric\":\"auc\",\"value\":0.8,\"best\":true}\n");
  const auto curve = ReadCurve("kgcn=" + (dir / "run.jsonl"));
  ASSERT_TRUE(curve.ok()) << curve.status();
  EXPECT_EQ(curve->name, "kgcn");
  EXPECT_EQ(curve->resumed_at, 3);
  ASSERT_EQ(curve->epochs.size(), 2u);
  EXPECT_EQ(curve->epochs[1].loss, 0.3);
  EXPECT_EQ(curve->file.name, "run.jsonl");
  EXPECT_EQ(ReadCurve(dir / "run.jsonl")->name, "run");
  test::WriteFile(dir / "bad.jsonl", "\n{\"loss\":1}\n");
  EXPECT_THAT(std::string(ReadCurve(dir / "bad.jsonl").status().message()),
              HasSubstr(":2: no epoch"));
  EXPECT_TRUE(absl::IsNotFound(ReadCurve(dir / "none").status()));
  test::WriteFile(
      dir / "trials.jsonl",
      "{\"model\": \"kgcn\", \"trial\": 2, \"epochs\": 9, \"best epoch\": 5, \"metric\": "
      "\"auc\", \"value\": 0.8, \"CPU seconds\": 3, \"setting\": \"dim=16 "
      "rate=0.1 failed: not finite\"}\n");
  SourceFile source;
  const auto trials = ReadTrials(dir / "trials.jsonl", &source);
  ASSERT_TRUE(trials.ok()) << trials.status();
  EXPECT_EQ((*trials)[0].setting.at("dim"), "16");
  EXPECT_EQ((*trials)[0].error, "not finite");
}

}  // namespace
}  // namespace undula::cli::report
