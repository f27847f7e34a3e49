#include "queries/job_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "../api/small_world.h"

namespace undula::queries {
namespace {

using test::ReadFile;
using test::TempDir;
using test::WriteFile;

TEST(JobFile, FinishesUnderTheFinalName) {
  TempDir dir;
  const std::string out = dir / "out.tsv";
  WriteFile(out, "an older result");
  auto job = JobFile::Open(out, "job-1", true);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->units_done(), 0);
  ASSERT_TRUE(job->Append("one\n").ok());
  ASSERT_TRUE(job->Mark(1).ok());
  EXPECT_EQ(ReadFile(out), "an older result");  // until Finish
  ASSERT_TRUE(job->Finish().ok());
  EXPECT_EQ(ReadFile(out), "one\n");
  EXPECT_FALSE(std::filesystem::exists(out + ".mark"));
}

TEST(JobFile, ResumesAtTheLastMark) {
  TempDir dir;
  const std::string out = dir / "out.tsv";
  {
    auto job = JobFile::Open(out, "job-1", true);
    ASSERT_TRUE(job.ok());
    ASSERT_TRUE(job->Append("one\n").ok());
    ASSERT_TRUE(job->Mark(5).ok());
    ASSERT_TRUE(job->Append(std::string(3 << 20, 'x')).ok());  // written, never marked
  }
  EXPECT_GT(std::filesystem::file_size(out + ".part"), 4u);
  auto job = JobFile::Open(out, "job-1", true);
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->units_done(), 5);
  ASSERT_TRUE(job->Append("two\n").ok());
  ASSERT_TRUE(job->Finish().ok());
  EXPECT_EQ(ReadFile(out), "one\ntwo\n");
}

TEST(JobFile, AnotherJobOrADamagedMarkStartsAnew) {
  for (const char* mark :
       {"job-1\n5\n999999\n", "job-1\n5\n", "job-1\n-5\n4\n", "", "other\n1\n4\n"}) {
    TempDir dir;
    const std::string out = dir / "out.tsv";
    WriteFile(out + ".part", "one\n");
    WriteFile(out + ".mark", mark);
    auto job = JobFile::Open(out, "job-1", true);
    ASSERT_TRUE(job.ok());
    EXPECT_EQ(job->units_done(), 0) << mark;
    ASSERT_TRUE(job->Finish().ok());
    EXPECT_EQ(ReadFile(out), "");
  }
  TempDir dir;
  const std::string out = dir / "out.tsv";
  WriteFile(out + ".part", "one\n");
  WriteFile(out + ".mark", "job-1\n5\n4\n");
  EXPECT_EQ(JobFile::Open(out, "job-1", false)->units_done(), 0);  // resume off
}

TEST(JobFile, AFullDiskIsResourceExhausted) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this machine";
  TempDir dir;
  std::filesystem::create_symlink("/dev/full", dir / "out.tsv.part");
  auto job = JobFile::Open(dir / "out.tsv", "job", false);
  // Some systems refuse to cut a device to length, others fail at the write.
  absl::Status status = job.status();
  if (job.ok()) {
    status = job->Append("text");
    if (status.ok()) status = job->Mark(1);
  }
  EXPECT_FALSE(status.ok());
  if (job.ok()) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  }
}

}  // namespace
}  // namespace undula::queries
