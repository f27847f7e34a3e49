// The program as a user runs it, on a small database that one training has been made in.
#ifndef UNDULA_TESTS_CLI_CLI_JOB_H_
#define UNDULA_TESTS_CLI_CLI_JOB_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "../api/small_world.h"

namespace undula::test {

struct Output {
  int code = -1;
  std::string out, err;
};

// Runs a program with its output in files of `dir`.
inline Output Execute(const std::string& program, std::vector<std::string> args,
                      const TempDir& dir) {
  const std::string out = dir / "stdout", err = dir / "stderr";
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen(out.c_str(), "w", stdout) == nullptr) _exit(126);
    if (std::freopen(err.c_str(), "w", stderr) == nullptr) _exit(126);
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (std::string& a : args) argv.push_back(a.data());
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ReadFile(out),
          ReadFile(err)};
}

inline Output Undula(const std::vector<std::string>& args, const TempDir& dir) {
  return Execute(UNDULA_PROGRAM, args, dir);
}

class CliJob : public testing::Test {
 protected:
  // Import, link and train once for all tests of the suite.
  static void SetUpTestSuite() {
    world = new SmallWorld();
    const Output imported = Undula(
        {"import", world->database, world->graph, world->catalogue, world->interactions, "--quiet"},
        world->dir);
    ASSERT_EQ(imported.code, 0) << imported.err;
    EXPECT_THAT(imported.out, testing::HasSubstr("turtle"));
    const Output linked = Undula({"link", world->database}, world->dir);
    ASSERT_EQ(linked.code, 0) << linked.err;
    EXPECT_THAT(linked.err, testing::HasSubstr("48 items: 48 linked"));
    const Output trained = Undula({"train", world->database, "--dim", "8", "--memory=8", "--epochs",
                                   "3", "--batch-size", "128", "--learning-rate", "0.02", "--quiet",
                                   "--metrics", world->dir / "metrics.jsonl", "--format", "json"},
                                  world->dir);
    ASSERT_EQ(trained.code, 0) << trained.err;
    EXPECT_THAT(trained.out,
                testing::HasSubstr("{\"what\": \"stored as\", \"value\": \"ripplenet\"}"));
    EXPECT_THAT(ReadFile(world->dir / "metrics.jsonl"), testing::HasSubstr("\"epoch\""));
  }
  static void TearDownTestSuite() {
    delete world;
    world = nullptr;
  }
  static inline SmallWorld* world = nullptr;
};

}  // namespace undula::test

#endif  // UNDULA_TESTS_CLI_CLI_JOB_H_
