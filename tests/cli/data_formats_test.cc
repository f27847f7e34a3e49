// docs/data-formats.md: every command on the page runs, the page names every format, and its own
// example of a column map gives the records that it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "../api/small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

namespace fs = std::filesystem;
using test::ReadFile;
using test::WriteFile;

std::string Page() { return ReadFile(std::string(UNDULA_SOURCE_DIR) + "/docs/data-formats.md"); }

// What stands between `open` and `close` behind `from`; `from` moves behind it.
std::string Between(const std::string& text, const std::string& open, const std::string& close,
                    size_t* from) {
  const size_t begin = text.find(open, *from);
  if (begin == text.npos) {
    *from = text.npos;
    return "";
  }
  const size_t end = text.find(close, begin + open.size());
  *from = end + close.size();
  return text.substr(begin + open.size(), end - begin - open.size());
}

// Commands of the page in their order: lines of code blocks, and table cells.
std::vector<std::string> Commands() {
  std::vector<std::string> commands;
  std::istringstream lines(Page());
  bool block = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("```", 0) == 0) block = !block;
    if (block && line.rfind("undula ", 0) == 0) commands.push_back(line);
    const size_t cell = line.rfind("| `undula ");
    if (line.rfind("| ", 0) == 0 && cell != line.npos) {
      size_t at = cell;
      commands.push_back(Between(line, "`", "`", &at));
    }
  }
  return commands;
}

// Runs a command line of words without quotes in `folder`; what it printed on failure.
std::string RunLine(const std::string& line, const std::string& folder) {
  std::vector<std::string> words;
  std::istringstream in(line);
  for (std::string word; in >> word;) words.push_back(word);
  const std::string log = folder + "/log";
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(folder.c_str()) != 0 || std::freopen(log.c_str(), "w", stdout) == nullptr ||
        dup2(STDOUT_FILENO, STDERR_FILENO) < 0) {
      _exit(126);
    }
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(UNDULA_PROGRAM, argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return line + ": " + ReadFile(log);
}

TEST(DataFormatsPage, EveryCommandRuns) {
  test::TempDir dir;
  const std::string data = std::string(UNDULA_SOURCE_DIR) + "/tests/data/";
  for (const char* folder : {"tables/good", "vectors"}) {
    for (const auto& file : fs::directory_iterator(data + folder)) {
      fs::copy_file(file.path(), dir / file.path().filename());
    }
  }
  size_t at = 0;
  WriteFile(dir / "sales.toml", Between(Page(), "```toml\n", "```", &at));
  size_t line = at;
  const std::string row = Between(Page(), "`sales.txt`: `", "`", &line);
  WriteFile(dir / "sales.txt",
            "a line of no meaning\n# a comment\ncustomer;product;day;city\n" + row + "\n");
  const std::vector<std::string> commands = Commands();
  EXPECT_GT(commands.size(), 70u);
  for (const std::string& command : commands) EXPECT_EQ(RunLine(command, dir.path()), "");

  auto mind = Database::Open(dir / "mind.undula");
  ASSERT_TRUE(mind.ok()) << mind.status();
  const auto vectors = (*mind)->ReadVectors("text");
  ASSERT_TRUE(vectors.ok()) << vectors.status();
  EXPECT_EQ(vectors->space, "items");
  EXPECT_THAT(vectors->names, testing::ElementsAre("N1", "N2", "N7"));
  EXPECT_THAT(vectors->values,
              testing::ElementsAre(0.f, -1.5f, 2.f, 65504.f, -4.f, 6.103515625e-05f));
  const auto entities = (*mind)->ReadVectors("entity_embedding");
  ASSERT_TRUE(entities.ok()) << entities.status();
  EXPECT_EQ(entities->names.size(), 2u);
  EXPECT_EQ((*mind)->ReadVectors("copy").status().code(), absl::StatusCode::kNotFound);
  // Vectors are no trained model.
  EXPECT_EQ((*mind)->LoadRecommender().status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ((*mind)->LoadRecommender("text").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(DataFormatsPage, ItsOwnMapGivesWhatThePageSays) {
  test::TempDir dir;
  size_t at = 0;
  WriteFile(dir / "sales.toml", Between(Page(), "```toml\n", "```", &at));
  WriteFile(dir / "sales.txt", "-\ncustomer;product;day;city\nada;a:2|b:0.5;2024-05-31;Bergen\n");
  auto database = Database::Open(dir / "my.undula");
  ASSERT_TRUE(database.ok()) << database.status();
  ImportOptions options;
  options.schema_file = dir / "sales.toml";
  const auto report = (*database)->Import(dir / "sales.txt", options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->records, 3);
  ASSERT_TRUE((*database)->Export("interactions", dir / "out.tsv").ok());
  EXPECT_EQ(ReadFile(dir / "out.tsv"),
            "user\titem\tweight\ttime\nada\tsku/a\t2\t1717113600\nada\tsku/b\t0.5\t1717113600\n");
}

TEST(DataFormatsPage, NamesEveryTableAndVectorFormat) {
  std::vector<ImportFormat> formats = ImportFormats();
  for (const ImportFormat& format : VectorFormats()) formats.push_back(format);
  const std::string page = Page();
  for (const ImportFormat& format : formats) {
    if (format.kind == "graph") continue;
    EXPECT_NE(page.find("`" + format.name + "`"), page.npos) << format.name;
  }
}

}  // namespace
}  // namespace undula
