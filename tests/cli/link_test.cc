// `undula link run|review|train|evaluate|explain|undo` as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "../api/small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::ReadFile;
using test::SmallWorld;
using test::WriteFile;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Output {
  int code = -1;
  std::string out, err;
};

class CliLink : public testing::Test {
 protected:
  Output Undula(std::vector<std::string> args) {
    const std::string out = world_.dir / "stdout", err = world_.dir / "stderr";
    const pid_t child = fork();
    if (child == 0) {
      if (std::freopen(out.c_str(), "w", stdout) == nullptr) _exit(126);
      if (std::freopen(err.c_str(), "w", stderr) == nullptr) _exit(126);
      std::string program = UNDULA_PROGRAM;
      std::vector<char*> argv = {program.data()};
      for (std::string& a : args) argv.push_back(a.data());
      argv.push_back(nullptr);
      execv(program.c_str(), argv.data());
      _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, ReadFile(out), ReadFile(err)};
  }
  void Run(const std::vector<std::string>& args) {
    const Output run = Undula(args);
    ASSERT_EQ(run.code, 0) << run.err;
  }
  std::string Links() {
    Run({"export", world_.database, "links", world_.dir / "links.tsv"});
    return ReadFile(world_.dir / "links.tsv");
  }

  void SetUp() override {
    Run({"import", world_.database, world_.graph, world_.catalogue, world_.interactions,
         "--quiet"});
  }

  // The review file with (item, decision, entity) put into its rows.
  static std::string Edit(const std::string& file,
                          const std::vector<std::vector<std::string>>& edits) {
    std::istringstream in(file);
    std::string out;
    for (std::string line; std::getline(in, line);) {
      std::vector<std::string> cells(1);
      for (const char c : line) {
        if (c == '\t') {
          cells.emplace_back();
        } else {
          cells.back() += c;
        }
      }
      for (const std::vector<std::string>& edit : edits) {
        if (cells[0] != edit[0]) continue;
        cells[2] = edit[1];
        cells[3] = edit[2];
      }
      for (size_t i = 0; i < cells.size(); ++i) out += (i == 0 ? "" : "\t") + cells[i];
      out += "\n";
    }
    return out;
  }

  SmallWorld world_;
};

TEST_F(CliLink, AReaderCorrectsThreeLinksAndTheNextTrainingUsesThem) {
  const std::string review = world_.dir / "review.tsv", edited = world_.dir / "edited.tsv";
  const Output run = Undula({"link", "run", world_.database, "--review", review});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("48 items: 48 linked"));
  const std::string before = Links();
  EXPECT_THAT(before, HasSubstr("f-3\thttp://world.example/film3\t"));

  WriteFile(edited, Edit(ReadFile(review), {{"f-3", "yes", "http://world.example/film13"},
                                            {"f-4", "YES", "http://world.example/film14"},
                                            {"f-5", "no", ""}}));
  const Output imported = Undula({"link", "review", world_.database, "--import", edited});
  ASSERT_EQ(imported.code, 0) << imported.err;
  EXPECT_THAT(imported.out, HasSubstr("3"));
  const std::string after = Links();
  EXPECT_THAT(after,
              AllOf(HasSubstr("f-3\thttp://world.example/film13\t1"),
                    HasSubstr("f-4\thttp://world.example/film14\t1"), Not(HasSubstr("f-5\t")),
                    Not(HasSubstr("f-3\thttp://world.example/film3\t"))));

  // A new run keeps what was decided by hand, "no" too, and a new review file says so; training
  // takes the links that are there.
  const Output again =
      Undula({"link", "run", world_.database, "--replace", "--review", review, "--format", "csv"});
  EXPECT_THAT(again.out, HasSubstr("rejected by a review,1"));
  EXPECT_THAT(ReadFile(review), HasSubstr("\nf-5\tFilm 5\tno\thttp://world.example/film5\t"));
  EXPECT_EQ(Links(), after);
  Run({"link", world_.database, "--quiet"});
  EXPECT_EQ(Links(), after);
  Run({"link", "review", world_.database, "--import", review, "--quiet"});
  Run({"link", "undo", world_.database});
  Run({"train", world_.database, "--model", "ripplenet", "--epochs", "1", "--dim", "4", "--quiet"});
  const Output why = Undula({"link", "explain", world_.database, "f-3", "--format", "json"});
  EXPECT_THAT(why.err, HasSubstr("linked before"));

  // Two steps back: before the second run, before the review.
  Run({"link", "undo", world_.database});
  EXPECT_EQ(Links(), after);
  Run({"link", "undo", world_.database});
  EXPECT_EQ(Links(), before);
  Run({"link", "undo", world_.database});
  EXPECT_EQ(Undula({"link", "undo", world_.database}).code,
            static_cast<int>(absl::StatusCode::kNotFound));

  // Before the review nothing was rejected; a "yes" takes a "no" back.
  Run({"link", "run", world_.database, "--quiet"});
  EXPECT_THAT(Links(), HasSubstr("f-5\thttp://world.example/film5\t"));
  Run({"link", "review", world_.database, "--import", edited, "--quiet"});
  WriteFile(edited, Edit(ReadFile(review), {{"f-5", "yes", "http://world.example/film5"}}));
  Run({"link", "review", world_.database, "--import", edited, "--quiet"});
  Run({"link", "run", world_.database, "--replace", "--quiet"});
  EXPECT_THAT(Links(), HasSubstr("f-5\thttp://world.example/film5\t1"));
}

TEST_F(CliLink, MistakesInAReviewFileAreNamed) {
  const std::string review = world_.dir / "review.tsv", edited = world_.dir / "edited.tsv";
  Run({"link", "review", world_.database, "--out", review, "--quiet"});
  const auto import = [&](const std::vector<std::string>& edit) {
    WriteFile(edited, Edit(ReadFile(review), {edit}));
    return Undula({"link", "review", world_.database, "--import", edited}).err;
  };
  EXPECT_THAT(import({"f-0", "maybe", "x"}), HasSubstr(":2: the decision is 'maybe'"));
  EXPECT_THAT(import({"f-0", "yes", ""}), HasSubstr(":2: the decision is yes, but no entity"));
  EXPECT_THAT(import({"f-0", "yes", "http://nowhere"}), HasSubstr("no entity 'http://nowhere'"));
  WriteFile(edited, "a\tb\n");
  EXPECT_THAT(Undula({"link", "review", world_.database, "--import", edited}).err,
              HasSubstr(":1: not a review file"));
  EXPECT_THAT(Undula({"link", "review", world_.database}).err, HasSubstr("--out FILE or --import"));
}

TEST_F(CliLink, TrainsMeasuresAndExplains) {
  const std::string gold = world_.dir / "gold.tsv", model = world_.dir / "link.model";
  std::string rows = "item\tentity\n";
  for (int f = 0; f < SmallWorld::kFilms; ++f) {
    const std::string n = std::to_string(f);
    rows += "f-" + n + "\thttp://world.example/film" + n + "\n";
  }
  WriteFile(gold, rows + "f-none\thttp://world.example/film1\n");
  Run({"link", "train", world_.database, "--gold", gold, "--out", model, "--quiet"});
  const Output measured = Undula({"link", "evaluate", world_.database, "--gold", gold, "--folds",
                                  "0", "--model", model, "--format", "csv"});
  ASSERT_EQ(measured.code, 0) << measured.err;
  EXPECT_THAT(measured.out, HasSubstr("\nall,48,48,48,48,1,1,1,1\n"));
  EXPECT_THAT(Undula({"link", "evaluate", world_.database, "--gold", gold, "--rows", "reliability",
                      "--format", "csv"})
                  .out,
              HasSubstr("from,items,confidence,right"));
  // Without a file: what reviews decided.
  EXPECT_THAT(Undula({"link", "train", world_.database, "--out", model}).err,
              HasSubstr("no item has a link by file, identifier or hand"));
  const std::string review = world_.dir / "review.tsv";
  Run({"link", "review", world_.database, "--out", review, "--quiet"});
  std::vector<std::vector<std::string>> edits = {{"f-40", "no", ""}};
  for (int f = 0; f < 40; ++f) {
    const std::string n = std::to_string(f);
    edits.push_back({"f-" + n, "yes", "http://world.example/film" + n});
  }
  WriteFile(review, Edit(ReadFile(review), edits));
  Run({"link", "review", world_.database, "--import", review, "--quiet"});
  const Output reviewed =
      Undula({"link", "train", world_.database, "--out", model, "--format", "csv"});
  EXPECT_THAT(reviewed.out, HasSubstr("gold items,41")) << reviewed.err;
  const Output why = Undula({"link", "explain", world_.database, "f-7", "--model", model});
  EXPECT_THAT(why.out, AllOf(HasSubstr("film7"), HasSubstr("same_words")));
  EXPECT_EQ(Undula({"link", "explain", world_.database, "f-700"}).code,
            static_cast<int>(absl::StatusCode::kNotFound));
  WriteFile(gold, "f-0\n");
  EXPECT_THAT(Undula({"link", "evaluate", world_.database, "--gold", gold}).err,
              HasSubstr("gold.tsv:1: expected"));
  EXPECT_THAT(Undula({"link", "run", world_.database, "--precision", "2"}).err,
              HasSubstr("--precision is '2'"));
  EXPECT_THAT(Undula({"link", "run", world_.database, "--title", "name"}).err,
              HasSubstr("no item has a column 'name'; the catalogue has title, year"));
}

TEST_F(CliLink, IdentifiersWinAndConflictsAreNotLinked) {
  const std::string catalogue = world_.dir / "more.csv";
  WriteFile(catalogue,
            "item,title,iri,other\n"
            "g-0,Film 1,http://world.example/film20,\n"
            "g-1,Film 2,http://world.example/film21,http://world.example/film22\n");
  Run({"import", world_.database, catalogue, "--format", "items-csv", "--quiet"});
  const Output run = Undula({"link", "run", world_.database, "--id", "iri", "--id", "other"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("linked: identifier"),
                             HasSubstr("identifiers name several entities")));
  EXPECT_THAT(Links(),
              AllOf(HasSubstr("g-0\thttp://world.example/film20\t1"), Not(HasSubstr("g-1\t"))));
  EXPECT_THAT(Undula({"link", "run", world_.database, "--id", "iri=none"}).err,
              HasSubstr("no relation 'none'"));
}

TEST_F(CliLink, MentionsOfTextsBecomeLinks) {
  const std::string news = world_.dir / "news.csv", gold = world_.dir / "annotated.tsv";
  std::string rows = "item,title,abstract\n", annotated = "item\tentity\tsurface\n";
  for (int i = 0; i < 60; ++i) {
    const std::string n = std::to_string(i), film = std::to_string(i % 48);
    rows += "n-" + n + ",An evening,we went to see Film " + film + " by Director " +
            std::to_string(i % 8) + " and liked it\n";
    if (i >= 50) continue;
    annotated += "n-" + n + "\thttp://world.example/film" + film + "\tFilm " + film + "\n";
    annotated += "n-" + n + "\thttp://world.example/director" + std::to_string(i % 8) + "\t\n";
  }
  WriteFile(news, rows);
  WriteFile(gold, annotated);
  Run({"import", world_.database, news, "--format", "items-csv", "--quiet"});
  const Output measured = Undula(
      {"link", "mentions", world_.database, "--gold", gold, "--evaluate", "--format", "csv"});
  ASSERT_EQ(measured.code, 0) << measured.err;
  EXPECT_THAT(measured.out, HasSubstr("\nranker,50,100,"));
  const Output linked = Undula({"link", "mentions", world_.database, "--gold", gold});
  ASSERT_EQ(linked.code, 0) << linked.err;
  EXPECT_THAT(Links(), AllOf(HasSubstr("n-59\thttp://world.example/film11\t"),
                             HasSubstr("n-59\thttp://world.example/director3\t")));
  const Output topic = Undula({"link", "mentions", world_.database, "--gold", gold, "--topic",
                               "title", "--dry-run", "--format", "csv"});
  EXPECT_THAT(topic.out, HasSubstr("documents with new links,58\n")) << topic.err;
  EXPECT_THAT(Undula({"link", "mentions", world_.database, "--gold", gold, "--topic", "kind"}).err,
              HasSubstr("no item has a column 'kind'"));
  WriteFile(gold, "item\tentity\tconfidence\nn-0\thttp://world.example/film0\tsure\n");
  EXPECT_THAT(Undula({"link", "mentions", world_.database, "--gold", gold}).err,
              HasSubstr("annotated.tsv:2: the confidence is 'sure'"));
  EXPECT_THAT(Undula({"link", "mentions", world_.database}).err, HasSubstr("gold file is needed"));
  EXPECT_THAT(Undula({"link", "mentions", world_.database, "--gold", gold, "--text", "body"}).err,
              HasSubstr("no item has a column 'body'"));
}

TEST_F(CliLink, EveryVerbHasHelpWithAnExample) {
  for (const char* verb : {"run", "review", "train", "evaluate", "explain", "undo", "mentions"}) {
    const Output help = Undula({"link", verb, "--help"});
    EXPECT_EQ(help.code, 0) << verb;
    EXPECT_THAT(help.out, HasSubstr(std::string("Example:\n  undula link ") + verb));
  }
  EXPECT_THAT(Undula({"link", "run", "--help"}).out, HasSubstr("--title-language"));
  EXPECT_THAT(Undula({"link", "run", world_.database, "--title-language", "xx"}).err,
              HasSubstr("no rules for titles of the language 'xx', only for en"));
}

}  // namespace
}  // namespace undula
