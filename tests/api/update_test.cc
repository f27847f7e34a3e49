// Patch files and forgetting through the public API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "small_world.h"
#include "undula/undula.h"

namespace undula {
namespace {

using test::WriteFile;
using testing::HasSubstr;
using testing::IsEmpty;

std::unique_ptr<Database> Open(const std::string& path) {
  DatabaseOptions options;
  options.create = true;
  auto db = Database::Open(path, options);
  EXPECT_TRUE(db.ok()) << db.status();
  return db.ok() ? *std::move(db) : nullptr;
}

TEST(Update, AllOrNothing) {
  test::TempDir dir;
  auto db = Open(dir / "a.undula");
  WriteFile(dir / "good.patch", "A <a> <r> <b> .\nA <b> <r> <c> .\nA\tinteraction\tu\ti\t1\t5\n");
  const auto report = db->Update(dir / "good.patch");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->added, 3);
  EXPECT_EQ(report->commits, 1);
  EXPECT_EQ(report->last_line, 3);
  WriteFile(dir / "bad.patch", "D <a> <r> <b> .\n\nA <a> <r b> <c> .\n");
  const auto bad = db->Update(dir / "bad.patch");
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("bad.patch:3:9: "));
  EXPECT_EQ(db->Stats()->triples, 2);
  EXPECT_EQ(db->Update(dir / "missing.patch").status().code(), absl::StatusCode::kNotFound);
}

TEST(Update, BatchesAndResuming) {
  test::TempDir dir;
  auto db = Open(dir / "a.undula");
  std::string patch;
  for (int i = 1; i <= 10; ++i) patch += "A <a> <r> <t" + std::to_string(i) + "> .\n";
  WriteFile(dir / "p.patch", patch + "A oops\n" + "A <a> <r> <last> .");
  UpdateOptions options;
  options.batch = 4;
  const auto broken = db->Update(dir / "p.patch", options);
  EXPECT_THAT(std::string(broken.status().message()), HasSubstr("go on after line 8"));
  EXPECT_EQ(db->Stats()->triples, 8);
  WriteFile(dir / "p.patch", patch + "# mended\n" + "A <a> <r> <last> .");
  options.after = 8;
  const auto rest = db->Update(dir / "p.patch", options);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->added, 3);
  EXPECT_EQ(rest->last_line, 12);
  EXPECT_EQ(db->Stats()->triples, 11);
  options.batch = -1;
  EXPECT_EQ(db->Update(dir / "p.patch", options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Update, Forget) {
  test::TempDir dir;
  auto db = Open(dir / "a.undula");
  WriteFile(dir / "p.patch", "A\tinteraction\tu\ti\nA\tsocial\tv\tu\nA\tinteraction\tv\ti\n");
  ASSERT_TRUE(db->Update(dir / "p.patch").ok());
  const auto report = db->Forget("u");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->interactions, 1);
  EXPECT_EQ(report->social, 1);
  EXPECT_THAT(report->models, IsEmpty());
  EXPECT_EQ(db->Stats()->interactions, 1);
  EXPECT_EQ(db->Forget("u").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace undula
