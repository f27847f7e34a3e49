// Jobs that are killed and run again: the same results as if nothing had happened.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cli_job.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::Output;
using test::ReadFile;
using test::Undula;
using test::WriteFile;
using testing::HasSubstr;

class KilledJob : public test::CliJob {};

// kill -9 during a search, then the same command again: the same table and options.
TEST_F(KilledJob, SearchGoesOnToTheSameTable) {
  const std::string ranges = world->dir / "ranges.toml";
  // A test file that is not there: nobody may read it.
  WriteFile(world->dir / "part.csv",
            "user,item,weight\nuser-1,f-1,1\nuser-2,f-2,1\nuser-2,f-3,0\n");
  const std::string part = world->dir / "part.csv";
  WriteFile(ranges, "[tune]\ntrials = 6\nepochs = 8\neta = 2\n[split]\ntrain_file = \"" + part +
                        "\"\nvalid_file = \"" + part + "\"\ntest_file = \"" +
                        (world->dir / "none.csv") + "\"\nfile_format = \"csv\"\n" +
                        "[bpr_mf]\ndim = [4, 8]\nl2 = { min = 0, max = 0.1 }\n" +
                        "[ripplenet]\ndim = [4, 8]\nmemory = 4\n");
  const auto tune = [&](const std::string& out) {
    const Output done = Undula(
        {"tune", world->database, "--ranges", ranges, "--out", out, "--format", "csv", "--quiet"},
        world->dir);
    EXPECT_EQ(done.code, 0) << done.err;
    std::string table;  // without the CPU seconds
    std::istringstream lines(done.out);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream cells(line);
      int64_t column = 0;
      for (std::string cell; std::getline(cells, cell, ',');) {
        if (++column != 7) table += cell + ",";
      }
      table += "\n";
    }
    return table;
  };
  const std::string whole = tune(world->dir / "whole");
  EXPECT_THAT(whole, HasSubstr("\nbpr_mf,"));
  EXPECT_THAT(whole, HasSubstr("\nripplenet,"));
  for (const int milliseconds : {10, 30, 60}) {
    const std::string out = world->dir / ("killed" + std::to_string(milliseconds));
    const pid_t child = fork();
    if (child == 0) {
      execl(UNDULA_PROGRAM, "undula", "tune", world->database.c_str(), "--ranges", ranges.c_str(),
            "--out", out.c_str(), "--quiet", nullptr);
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(tune(out), whole) << milliseconds;
    EXPECT_EQ(ReadFile(out + "/ripplenet.toml"), ReadFile(world->dir / "whole/ripplenet.toml"));
  }
  // What train makes of the best options, but for the test part, which is not there.
  WriteFile(world->dir / "none.csv", "user,item,weight\nuser-1,f-5,1\n");
  const std::string database = world->dir / "tuned.undula";
  ASSERT_EQ(Undula({"backup", world->database, database, "--quiet"}, world->dir).code, 0);
  const Output trained = Undula({"train", database, "--model", "ripplenet", "--options",
                                 world->dir / "whole/ripplenet.toml", "--quiet"},
                                world->dir);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_THAT(ReadFile(world->dir / "whole/ripplenet.toml"), HasSubstr("validation "));
}

TEST_F(KilledJob, ScoreJobResumesToTheSameBytes) {
  const std::string whole = world->dir / "whole.tsv";
  ASSERT_EQ(Undula({"score", world->database, "-o", whole, "-k", "5", "--quiet"}, world->dir).code,
            0);
  ASSERT_FALSE(ReadFile(whole).empty());
  for (const int milliseconds : {5, 15, 30}) {
    const std::string out = world->dir / "killed.tsv";
    const pid_t child = fork();
    if (child == 0) {
      execl(UNDULA_PROGRAM, "undula", "score", world->database.c_str(), "-o", out.c_str(), "-k",
            "5", "--quiet", nullptr);
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_EQ(Undula({"score", world->database, "-o", out, "-k", "5", "--quiet"}, world->dir).code,
              0);
    EXPECT_EQ(ReadFile(out), ReadFile(whole));
    std::filesystem::remove(out);
  }
}

// Inference in partitions as jobs of the program: jobs that are killed and run again leave the
// bytes that the model itself exports, and damaged files are named.
TEST_F(KilledJob, PartitionsRunAgain) {
  const std::string database = world->dir / "partitions.undula", jobs = world->dir / "jobs";
  std::filesystem::copy_file(world->database, database);
  const Output trained = Undula({"train", database, "--model", "pinsage", "--dim", "8", "--hidden",
                                 "8", "--layers", "2", "--walks", "20", "--epochs", "2", "--quiet"},
                                world->dir);
  ASSERT_EQ(trained.code, 0) << trained.err;
  const std::string want = world->dir / "want.npy", got = world->dir / "got.npy";
  ASSERT_EQ(Undula({"export", database, "vectors", want, "--model", "pinsage"}, world->dir).code,
            0);
  ASSERT_EQ(Undula({"partitions", "start", jobs, "--database", database, "--model", "pinsage",
                    "--partitions", "3"},
                   world->dir)
                .code,
            0);
  const auto job = [&](const std::string& stage, int layer, int partition) {
    return std::vector<std::string>{"partitions",
                                    stage,
                                    jobs,
                                    "--layer",
                                    std::to_string(layer),
                                    "--partition",
                                    std::to_string(partition)};
  };
  const auto run = [&](const std::string& stage, int layer, int partition) {
    std::vector<std::string> args = job(stage, layer, partition);
    const pid_t child = fork();
    if (child == 0) {
      std::string program = UNDULA_PROGRAM;
      std::vector<char*> argv = {program.data()};
      for (std::string& a : args) argv.push_back(a.data());
      argv.push_back(nullptr);
      execv(program.c_str(), argv.data());
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2 + 3 * partition));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    const Output again = Undula(args, world->dir);
    EXPECT_EQ(again.code, 0) << again.err;
  };
  for (int layer = 0; layer < 2; ++layer) {
    for (const char* stage : {"project", "exchange", "pool"}) {
      for (const int partition : {2, 0, 1}) run(stage, layer, partition);
    }
  }
  for (const int partition : {0, 1, 2}) run("finish", 0, partition);
  ASSERT_EQ(Undula({"partitions", "collect", jobs, "-o", got}, world->dir).code, 0);
  EXPECT_EQ(ReadFile(got), ReadFile(want));
  EXPECT_EQ(ReadFile(got + ".names"), ReadFile(want + ".names"));

  std::filesystem::resize_file(jobs + "/y-1-2.safetensors", 40);
  const Output truncated = Undula(job("exchange", 1, 0), world->dir);
  EXPECT_EQ(truncated.code, static_cast<int>(absl::StatusCode::kDataLoss));
  EXPECT_THAT(truncated.err, HasSubstr("y-1-2.safetensors"));
  EXPECT_THAT(truncated.err, HasSubstr("'project' of layer 1 and partition 2"));
  std::filesystem::remove(jobs + "/z-1.safetensors");
  const Output missing = Undula({"partitions", "collect", jobs, "-o", got}, world->dir);
  EXPECT_EQ(missing.code, static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_THAT(missing.err, HasSubstr("z-1.safetensors"));
  EXPECT_THAT(Undula(job("pol", 0, 0), world->dir).err, HasSubstr("the stages are start"));
  EXPECT_THAT(Undula({"partitions", "start", jobs, "--database", database, "--model", "ripplenet"},
                     world->dir)
                  .err,
              HasSubstr("is that of pinsage"));
}

// kill -9 during training, then the same command again: the same model, bit for bit.
TEST_F(KilledJob, TrainingResumesToTheSameModel) {
  const std::string database = world->dir / "copy.undula";
  std::filesystem::copy_file(world->database, database);
  const std::vector<std::string> train = {
      "train", database,   "--dim", "8",       "--epochs", "30",    "--batch-size",
      "128",   "--device", "cpu",   "--quiet", "--name",   "whole", "--checkpoint-steps",
      "3"};
  ASSERT_EQ(Undula(train, world->dir).code, 0);
  const auto checksum = [&](const std::string& name) {
    const std::string details =
        Undula({"models", database, "--details", name, "--format", "csv"}, world->dir).out;
    const size_t at = details.find("\nchecksum,");
    return at == std::string::npos ? std::string() : details.substr(at + 1, 25);
  };
  const std::string whole = checksum("whole");
  ASSERT_NE(whole, "");
  int killed = 0;
  for (const int milliseconds : {40, 80, 160}) {
    std::vector<std::string> again = train;
    again[12] = "k" + std::to_string(milliseconds);
    const pid_t child = fork();
    if (child == 0) {
      std::string program = UNDULA_PROGRAM;
      std::vector<char*> argv = {program.data()};
      for (std::string& a : again) argv.push_back(a.data());
      argv.push_back(nullptr);
      execv(program.c_str(), argv.data());
      _exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    killed += WIFSIGNALED(status) ? 1 : 0;
    ASSERT_EQ(Undula(again, world->dir).code, 0);
    EXPECT_EQ(checksum(again[12]), whole) << "killed after " << milliseconds << " ms";
  }
  EXPECT_GT(killed, 0);
}

}  // namespace
}  // namespace undula
