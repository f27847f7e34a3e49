// The program as a user runs it: verbs, formats, exit codes, examples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "cli_job.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::CliJob;
using test::Execute;
using test::Output;
using test::ReadFile;
using test::SmallWorld;
using test::Undula;
using test::WriteFile;
using testing::HasSubstr;

const char* const kVerbs[] = {"import",  "link",    "stats",      "train",  "evaluate", "recommend",
                              "similar", "explain", "score",      "models", "export",   "backup",
                              "compact", "verify",  "update",     "forget", "tune",     "embed",
                              "query",   "report",  "partitions", "index"};

TEST(Cli, HelpOfEveryVerbHasAnExample) {
  test::TempDir dir;
  const Output all = Undula({"--help"}, dir);
  EXPECT_EQ(all.code, 0);
  for (const char* verb : kVerbs) {
    EXPECT_THAT(all.out, HasSubstr(verb));
    const Output help = Undula({verb, "--help"}, dir);
    EXPECT_EQ(help.code, 0) << verb;
    EXPECT_THAT(help.out, HasSubstr("Example:\n  undula " + std::string(verb)));
  }
  EXPECT_THAT(Undula({"--version"}, dir).out,
              testing::AllOf(HasSubstr("\nSIMD: "), HasSubstr("\nGPU: ")));
}

TEST(Cli, UsageErrorsAreInvalidArgument) {
  test::TempDir dir;
  const int invalid = static_cast<int>(absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Undula({"frobnicate"}, dir).code, invalid);
  EXPECT_EQ(Undula({"stats"}, dir).code, invalid);
  EXPECT_EQ(Undula({"stats", "x.undula", "--format", "xml"}, dir).code, invalid);
  EXPECT_EQ(Undula({"score", "x.undula", "-o", "y", "--shard", "4/3"}, dir).code, invalid);
  for (const char* const memory : {"much", "5MB", "-1", "63MiB", "9999999TiB"}) {
    const Output refused = Undula({"import", dir / "m.undula", "x.nt", "--memory", memory}, dir);
    EXPECT_EQ(refused.code, invalid) << memory;
    EXPECT_THAT(refused.err, HasSubstr(memory == std::string("63MiB") ? "64 MiB" : "512MiB"));
  }
  const Output missing = Undula({"stats", dir / "none.undula"}, dir);
  EXPECT_EQ(missing.code, static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_THAT(missing.err, HasSubstr("none.undula"));
  EXPECT_EQ(missing.out, "");
}

TEST_F(CliJob, RowsInThreeFormats) {
  const Output table = Undula({"stats", world->database}, world->dir);
  EXPECT_THAT(table.out, HasSubstr("entities"));
  const Output csv = Undula({"stats", world->database, "--format", "csv"}, world->dir);
  EXPECT_THAT(csv.out, HasSubstr("what,count\nentities,60\n"));
  const Output json =
      Undula({"stats", world->database, "--by", "relation", "--format", "json"}, world->dir);
  EXPECT_THAT(json.out, HasSubstr("\"relation\": \"http://world.example/directedBy\", \"triples\": "
                                  "48, \"attributes\": 0}"));
}

TEST_F(CliJob, QueriesInFourFormats) {
  const std::string text =
      "PREFIX w: <http://world.example/> SELECT ?i (STR(?y) AS ?year) "
      "{ ?i u:link ?f . ?f w:year ?y ; w:directedBy $d } ORDER BY ?year LIMIT 2";
  const auto run = [&](const std::string& format, const std::string& director) {
    return Undula({"query", world->database, "-q", text, "--format", format, "--param",
                   "d=<http://world.example/" + director + ">"},
                  world->dir);
  };
  EXPECT_EQ(run("csv", "director3").out,
            "i,year\r\nurn:undula:item/f-3,1973\r\n"
            "urn:undula:item/f-11,1981\r\n");
  EXPECT_THAT(run("tsv", "director3").out, HasSubstr("<urn:undula:item/f-3>\t\"1973\"\n"));
  EXPECT_THAT(run("json", "director3").out, HasSubstr("\"value\": \"urn:undula:item/f-11\""));
  EXPECT_THAT(run("table", "director3").out, HasSubstr("f-11"));
  const Output unknown =
      Undula({"query", world->database, "-q", "SELECT * { ?s x:p ?o }"}, world->dir);
  EXPECT_EQ(unknown.code, static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(unknown.err, HasSubstr("query:1:15: the prefix 'x:' is not declared"));
  const Output plan =
      Undula({"query", world->database, "-q", "ASK { ?s ?p ?o }", "--explain"}, world->dir);
  EXPECT_THAT(plan.out, HasSubstr("scan { ?s ?p ?o }"));
  const std::string pattern = world->dir / "genre.rq";
  WriteFile(pattern, "SELECT ?entity { ?entity <http://world.example/genre> $genre }");
  const Output few = Undula({"recommend", world->database, "user-1", "-k", "20", "--pattern",
                             pattern, "--param", "genre=<http://world.example/genre1>"},
                            world->dir);
  EXPECT_EQ(few.code, 0) << few.err;
  EXPECT_THAT(few.err, HasSubstr(" of 20: no more items may be recommended"));
}

TEST_F(CliJob, ReportsTheSameBytesEachTime) {
  const std::string schema = std::string(UNDULA_SOURCE_DIR) + "/data/schemas/report.schema.json";
  const auto report = [&](const std::string& file, const std::string& threads) {
    return Undula(
        {"report", world->database, "--model", "ripplenet", "--metrics",
         "ripplenet=" + (world->dir / "metrics.jsonl"), "--around", "f-1", "--csv",
         world->dir / "epochs.csv", "--graphviz", world->dir / "reasons.dot", "--published",
         world->dir / "published.tsv", "-o", world->dir / file, "--threads", threads, "--quiet"},
        world->dir);
  };
  WriteFile(world->dir / "published.tsv",
            "# what others say\nripplenet\tndcg@10\t0.5\ttheir own split\tA paper\n");
  for (const char* file : {"a.html", "a.md", "a.json"}) {
    const Output written = report(file, "1");
    ASSERT_EQ(written.code, 0) << written.err;
  }
  const std::string html = ReadFile(world->dir / "a.html");
  ASSERT_EQ(report("b.html", "2").code, 0);
  std::string again = ReadFile(world->dir / "b.html");
  // The command names its file and its threads.
  for (const auto& [from, to] :
       {std::pair<std::string, std::string>("b.html --threads 2", "a.html --threads 1")}) {
    for (size_t at = 0; (at = again.find(from)) != std::string::npos;) {
      again.replace(at, from.size(), to);
    }
  }
  EXPECT_TRUE(again == html);
  EXPECT_NE(html.find("Film 1"), std::string::npos);
  EXPECT_EQ(html.find("user-1"), std::string::npos);  // users are not named
  EXPECT_EQ(html.find(world->dir / ""), std::string::npos);
  EXPECT_THAT(ReadFile(world->dir / "a.md"), HasSubstr("## Knowledge graph"));
  EXPECT_THAT(ReadFile(world->dir / "a.md"), HasSubstr("their own split"));
  EXPECT_NE(html.find("Around Film 1"), std::string::npos);
  EXPECT_THAT(ReadFile(world->dir / "epochs.csv"), HasSubstr("seconds,peak_mib\nripplenet,"));
  EXPECT_EQ(ReadFile(world->dir / "reasons.dot").substr(0, 11), "digraph G {");
  EXPECT_EQ(ReadFile(world->dir / "a.json").substr(0, 19), "{\"undula_report\":1,");
  if (std::system("python3 -c 1 > /dev/null 2>&1") == 0) {
    const Output checked =
        Execute("/usr/bin/env",
                {"python3", std::string(UNDULA_SOURCE_DIR) + "/tests/cli/check_report.py",
                 world->dir / "a.html", schema},
                world->dir);
    EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
  }
  const Output evaluated = Undula({"evaluate", world->database, "--model", "ripplenet", "--html",
                                   world->dir / "e.html", "--quiet"},
                                  world->dir);
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_THAT(evaluated.out, HasSubstr("most_popular"));
  EXPECT_NE(ReadFile(world->dir / "e.html").find("undula evaluate --html"), std::string::npos);
}

TEST_F(CliJob, ReportNamesWhatIsWrong) {
  const Output ending = Undula({"report", world->database, "-o", world->dir / "x.pdf"}, world->dir);
  EXPECT_EQ(ending.code, static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ending.err, HasSubstr(".html, .md, .json"));
  const Output model = Undula(
      {"report", world->database, "--model", "nobody", "-o", world->dir / "x.html"}, world->dir);
  EXPECT_EQ(model.code, static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_THAT(model.err, HasSubstr("ripplenet"));
  EXPECT_FALSE(std::filesystem::exists(world->dir / "x.html"));
}

TEST_F(CliJob, TheDictionaryHasTwoForms) {
  const std::string compact = world->dir / "compact.undula", plain = world->dir / "plain.undula";
  const Output imported =
      Undula({"import", compact, world->graph, "--dictionary", "compact", "--quiet"}, world->dir);
  ASSERT_EQ(imported.code, 0) << imported.err;
  EXPECT_THAT(Undula({"stats", compact, "--format", "csv"}, world->dir).out,
              HasSubstr("\ndictionary,compact\n"));
  const Output copied =
      Undula({"compact", compact, plain, "--dictionary", "plain", "--quiet"}, world->dir);
  ASSERT_EQ(copied.code, 0) << copied.err;
  EXPECT_THAT(Undula({"stats", plain, "--format", "csv"}, world->dir).out,
              HasSubstr("\ndictionary,plain\n"));
  const Output refused =
      Undula({"import", plain, world->graph, "--dictionary", "compact", "--quiet"}, world->dir);
  EXPECT_EQ(refused.code, static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(refused.err, HasSubstr("undula compact"));
}

TEST_F(CliJob, ARenumberedCopyRecommendsTheSame) {
  const std::string copy = world->dir / "renumbered.undula", by_id = world->dir / "ids";
  const Output copied =
      Undula({"compact", world->database, copy, "--renumber", "--quiet"}, world->dir);
  ASSERT_EQ(copied.code, 0) << copied.err;
  const auto recommended = [&](const std::string& database) {
    const Output out = Undula({"recommend", database, "user-1", "--format", "json"}, world->dir);
    EXPECT_EQ(out.code, 0) << out.err;
    return out.out;
  };
  EXPECT_EQ(recommended(copy), recommended(world->database));
  EXPECT_EQ(Undula({"compact", world->database, by_id, "--drop-models"}, world->dir).code,
            static_cast<int>(absl::StatusCode::kInvalidArgument));
}

TEST_F(CliJob, RecommendExplainSimilar) {
  const Output list = Undula(
      {"recommend", world->database, "user-1", "-k", "3", "--reasons", "1", "--format", "csv"},
      world->dir);
  ASSERT_EQ(list.code, 0) << list.err;
  EXPECT_THAT(list.out, HasSubstr("rank,item,title,score,hop,weight,reason\n1,f-"));
  const Output history =
      Undula({"recommend", world->database, "--history", "f-1,f-9", "-k", "2"}, world->dir);
  EXPECT_EQ(history.code, 0) << history.err;
  const Output why = Undula({"explain", world->database, "user-1", "f-20"}, world->dir);
  ASSERT_EQ(why.code, 0) << why.err;
  EXPECT_THAT(why.out, HasSubstr("directed by"));
  const Output connections = Undula({"explain", world->database, "user-1", "f-20", "--connections",
                                     "2", "--effect", "--format", "csv"},
                                    world->dir);
  ASSERT_EQ(connections.code, 0) << connections.err;
  EXPECT_THAT(connections.out, HasSubstr("bits,steps,supports,from,connection,effect\n"));
  EXPECT_THAT(connections.out, HasSubstr("directed by"));
  const std::string dot = world->dir / "why.dot";
  const Output drawn = Undula({"explain", world->database, "user-1", "f-20", "--connections", "2",
                               "--steps", "6", "--graphviz", dot},
                              world->dir);
  ASSERT_EQ(drawn.code, 0) << drawn.err;
  EXPECT_EQ(ReadFile(dot).substr(0, 24), "digraph G {\nrankdir=LR;\n");
  EXPECT_THAT(ReadFile(dot), HasSubstr("[label=\"directed by\", style=dashed]"));
  EXPECT_EQ(Undula({"explain", world->database, "user-1", "f-20", "--steps", "9"}, world->dir).code,
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  const Output both = Undula({"recommend", world->database, "user-1", "-k", "3", "--reasons", "1",
                              "--connections", "1", "--format", "csv"},
                             world->dir);
  EXPECT_THAT(both.out, HasSubstr("rank,item,title,score,hop,weight,bits,reason\n1,f-"));
  const Output quality = Undula(
      {"explain", world->database, "--measure", "5", "--others", "ripplenet", "--format", "csv"},
      world->dir);
  ASSERT_EQ(quality.code, 0) << quality.err;
  EXPECT_THAT(quality.out, HasSubstr(",sufficiency,stability\n"));
  EXPECT_THAT(quality.out, HasSubstr(",1\nconnection,"));  // the same model says the same
  EXPECT_THAT(quality.out, HasSubstr("\nmodel,5,50,1,"));
  EXPECT_THAT(quality.out, HasSubstr("\nconnection,5,50,"));
  EXPECT_EQ(Undula({"explain", world->database, "f-20", "--measure", "5"}, world->dir).code,
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  const Output index =
      Undula({"index", world->database, "--kind", "ivf", "--recall", "0.9"}, world->dir);
  ASSERT_EQ(index.code, 0) << index.err;
  EXPECT_THAT(index.out, HasSubstr("recall of the best 10"));
  EXPECT_EQ(Undula({"similar", world->database, "f-1"}, world->dir).code, 0);
  EXPECT_EQ(Undula({"similar", world->database, "f-1", "--device", "auto"}, world->dir).code, 0);
  EXPECT_EQ(Undula({"similar", world->database, "f-1", "--device", "cuda:99"}, world->dir).code,
            static_cast<int>(absl::StatusCode::kUnavailable));
  EXPECT_EQ(Undula({"similar", world->database, "f-1", "--device", "tpu"}, world->dir).code,
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  const Output around = Undula({"similar", world->database, "--user", "user-1", "--by", "recent",
                                "--format", "csv", "-k", "3"},
                               world->dir);
  ASSERT_EQ(around.code, 0) << around.err;
  EXPECT_THAT(around.out, HasSubstr("rank,item,title,score\n1,f-"));
  EXPECT_EQ(Undula({"similar", world->database, "f-1", "--user", "user-1"}, world->dir).code,
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  const Output unknown = Undula({"recommend", world->database, "user-x"}, world->dir);
  EXPECT_EQ(unknown.code, static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_THAT(unknown.err, HasSubstr("did you mean"));
}

TEST_F(CliJob, TrainsFromAStoredModelAndSaysHowOldOneIs) {
  const std::string database = world->dir / "refreshed.undula";
  ASSERT_EQ(Undula({"backup", world->database, database, "--quiet"}, world->dir).code, 0);
  WriteFile(
      world->dir / "day.patch",
      "A\tinteraction\tuser-900\tf-3\t1\t9000001\nA\tinteraction\tuser-900\tf-4\t1\t9000002\n");
  ASSERT_EQ(Undula({"update", database, world->dir / "day.patch", "--quiet"}, world->dir).code, 0);
  const Output stale = Undula({"recommend", database, "user-1"}, world->dir);
  EXPECT_THAT(
      stale.err,
      HasSubstr("1 change since, +2 interactions, +1 users; `undula train --from ripplenet`"));
  EXPECT_EQ(Undula({"recommend", database, "user-1", "--quiet"}, world->dir).err, "");
  const Output trained =
      Undula({"train", database, "--from", "ripplenet", "--epochs", "1", "--quiet"}, world->dir);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(trained.out, HasSubstr("model 'ripplenet': "));
  EXPECT_THAT(trained.out, HasSubstr(" rows kept, "));
  EXPECT_THAT(Undula({"recommend", database, "user-900"}, world->dir).err, HasSubstr("up to date"));
  const Output wrong =
      Undula({"train", database, "--from", "ripplenet", "--dim", "16"}, world->dir);
  EXPECT_EQ(wrong.code, static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(wrong.err, HasSubstr("was trained with model.dim = 8, not 16"));
}

TEST_F(CliJob, EvaluateBesideBaselines) {
  const Output out = Undula(
      {"evaluate", world->database, "--at", "5,10", "--bands", "--format", "csv"}, world->dir);
  ASSERT_EQ(out.code, 0) << out.err;
  EXPECT_THAT(out.out, HasSubstr("recall@5"));
  EXPECT_THAT(out.out, HasSubstr("\nmost_popular,all,"));
  EXPECT_THAT(out.out, HasSubstr("\nitem_log_odds,all,"));
  EXPECT_THAT(out.out, HasSubstr("popularity: head"));
  // Rows by band know the last K only: their values stand in its columns.
  const Output bands = Undula(
      {"evaluate", world->database, "--at", "5,10", "--bands", "--format", "json"}, world->dir);
  std::istringstream lines(bands.out);
  int rows = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("\"part\": \"popularity: ") == std::string::npos) continue;
    ++rows;
    EXPECT_THAT(line, HasSubstr("\"recall@5\": \"\""));
    EXPECT_THAT(line, testing::Not(HasSubstr("\"recall@10\": \"\"")));
  }
  EXPECT_GT(rows, 0);
  EXPECT_EQ(Undula({"evaluate", world->database, "--at", "0"}, world->dir).code,
            static_cast<int>(absl::StatusCode::kInvalidArgument));
}

TEST_F(CliJob, EvaluateAgainstAnotherModel) {
  const std::string database = world->dir / "against.undula";
  ASSERT_EQ(Undula({"backup", world->database, database, "--quiet"}, world->dir).code, 0);
  for (const char* seed : {"555", "556"}) {
    const Output trained =
        Undula({"train", database, "--model", "most_popular", "--name", std::string("pop") + seed,
                std::string("--split.seed=") + seed, "--quiet"},
               world->dir);
    ASSERT_EQ(trained.code, 0) << trained.err;
  }
  for (const char* protocol : {"ranking", "ctr"}) {
    const Output out = Undula({"evaluate", database, "--model", "ripplenet", "--against", "pop555",
                               "--protocol", protocol, "--no-baselines", "--format", "csv"},
                              world->dir);
    ASSERT_EQ(out.code, 0) << out.err;
    EXPECT_THAT(out.out, HasSubstr("\nripplenet,all,"));
    EXPECT_THAT(out.out, HasSubstr("\npop555,all,"));
    EXPECT_THAT(out.out, HasSubstr("\nripplenet - pop555,all,"));
  }
  // Another split, and no such model.
  EXPECT_EQ(
      Undula({"evaluate", database, "--model", "ripplenet", "--against", "pop556"}, world->dir)
          .code,
      static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(
      Undula({"evaluate", database, "--model", "ripplenet", "--against", "none"}, world->dir).code,
      static_cast<int>(absl::StatusCode::kNotFound));
}

TEST_F(CliJob, ModelsAndExport) {
  EXPECT_THAT(Undula({"models", "list"}, world->dir).out, HasSubstr("bpr_mf"));
  EXPECT_THAT(Undula({"models", "show", "ripplenet"}, world->dir).out, HasSubstr("memory"));
  EXPECT_THAT(Undula({"models", world->database}, world->dir).out, HasSubstr("ripplenet"));
  EXPECT_THAT(Undula({"models", world->database, "--details", "ripplenet"}, world->dir).out,
              HasSubstr("model.dim"));
  const Output out =
      Undula({"export", world->database, "model", world->dir / "m.safetensors"}, world->dir);
  EXPECT_EQ(out.code, 0) << out.err;
  EXPECT_EQ(Undula({"export", world->database, "links", world->dir / "links.tsv"}, world->dir).code,
            0);
  EXPECT_THAT(ReadFile(world->dir / "links.tsv"), HasSubstr("f-0\thttp://world.example/film0"));
}

// The same command with UNDULA_SIMD set.
Output UndulaOn(const char* simd, const std::vector<std::string>& args, const test::TempDir& dir) {
  setenv("UNDULA_SIMD", simd, 1);
  Output out = Undula(args, dir);
  unsetenv("UNDULA_SIMD");
  return out;
}

TEST_F(CliJob, ModelsHaveTheSameBitsOnEveryInstructionSet) {
  const std::string database = world->dir / "simd.undula", scores = world->dir / "simd.tsv";
  const std::vector<std::vector<std::string>> models = {
      {"ripplenet", "--dim", "16"},
      // Scored in block form.
      {"ripplenet", "--dim", "64", "--memory", "16", "--scoring", "code"},
      {"kgcn", "--dim", "16", "--hops", "2"},
      {"kgnn_ls", "--dim", "16", "--hops", "2"},
      {"bpr_mf", "--dim", "16"}};
  for (const std::vector<std::string>& model : models) {
    std::string first_checksum, first_scores;
    for (const char* simd : {"scalar", "avx2", "avx512"}) {
      const std::string version = UndulaOn(simd, {"--version"}, world->dir).out;
      if (version.find("SIMD: " + std::string(simd) + " (forced by") == std::string::npos) {
        EXPECT_THAT(version, HasSubstr("this processor or this build has only"));
        continue;
      }
      std::filesystem::remove(database);
      std::filesystem::copy_file(world->database, database);
      std::vector<std::string> train = {"train", database,   "--epochs", "2",       "--batch-size",
                                        "64",    "--device", "cpu",      "--quiet", "--name",
                                        "one",   "--fresh",  "--model"};
      train.insert(train.end(), model.begin(), model.end());
      const Output trained = UndulaOn(simd, train, world->dir);
      ASSERT_EQ(trained.code, 0) << trained.err;
      const std::string details =
          Undula({"models", database, "--details", "one", "--format", "csv"}, world->dir).out;
      const size_t at = details.find("\nchecksum,");
      ASSERT_NE(at, std::string::npos) << details;
      const std::string checksum = details.substr(at + 1, details.find('\n', at + 1) - at - 1);
      std::filesystem::remove(scores);
      const Output scored =
          UndulaOn(simd, {"score", database, "-o", scores, "--model", "one", "-k", "40", "--quiet"},
                   world->dir);
      ASSERT_EQ(scored.code, 0) << scored.err;
      if (first_checksum.empty()) {
        first_checksum = checksum;
        first_scores = ReadFile(scores);
        EXPECT_GT(first_scores.size(), 10000u);
      }
      EXPECT_EQ(checksum, first_checksum) << model[0] << " trained on " << simd;
      EXPECT_EQ(ReadFile(scores), first_scores) << model[0] << " scored on " << simd;
    }
  }
}

TEST_F(CliJob, AnUnknownInstructionSetIsAnError) {
  const Output out = UndulaOn("sse9", {"stats", world->database}, world->dir);
  EXPECT_EQ(out.code, static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(out.err, HasSubstr("UNDULA_SIMD=sse9: use scalar, avx2 or avx512"));
}

TEST_F(CliJob, Examples) {
  const std::string examples = UNDULA_EXAMPLES;
  const Output first =
      Execute(examples + "/first_steps",
              {world->dir / "first.undula", world->graph, world->catalogue, world->interactions},
              world->dir);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("48 of 48 items linked"));
  EXPECT_THAT(first.out, HasSubstr("Film "));
  const Output history =
      Execute(examples + "/ad_hoc_history", {world->database, "f-1", "f-2"}, world->dir);
  ASSERT_EQ(history.code, 0) << history.err;
  EXPECT_THAT(history.out, HasSubstr("hop 1"));
  const Output nightly =
      Execute(examples + "/nightly_scoring", {world->database, world->dir / "n.jsonl"}, world->dir);
  ASSERT_EQ(nightly.code, 0) << nightly.err;
  EXPECT_THAT(nightly.out, HasSubstr(" rows"));
  const Output trained = Execute(UNDULA_PROGRAM,
                                 {"train", world->dir / "first.undula", "--model", "sr_gnn",
                                  "--epochs", "2", "--dim", "8", "--quiet"},
                                 world->dir);
  ASSERT_EQ(trained.code, 0) << trained.err;
  const Output next =
      Execute(examples + "/next_item",
              {world->dir / "first.undula", "sr_gnn", "user-1", "f-1", world->dir / "event.patch"},
              world->dir);
  ASSERT_EQ(next.code, 0) << next.err;
  EXPECT_THAT(next.out, HasSubstr("\nafter f-1:"));
  EXPECT_THAT(next.out, HasSubstr("\nchanged"));
}

}  // namespace
}  // namespace undula
