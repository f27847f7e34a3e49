// The rules on the repository itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lint/lint.h"

namespace undula::lint {
namespace {

std::vector<SourceFile> Read(const std::vector<std::string>& folders) {
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    std::vector<SourceFile> more = ReadTree(UNDULA_SOURCE_DIR, folder);
    files.insert(files.end(), more.begin(), more.end());
  }
  return files;
}

TEST(Tree, IncludesFollowTheLayers) {
  const std::vector<SourceFile> files = Read({"engine", "queries", "cli", "examples"});
  ASSERT_FALSE(files.empty());
  EXPECT_THAT(CheckLayers(files), testing::IsEmpty());
}

TEST(Tree, PublicHeadersKeepTheirBudget) {
  EXPECT_THAT(CheckPublicHeaders(Read({"engine/include"})), testing::IsEmpty());
}

TEST(Tree, NoFileIsTooLong) {
  EXPECT_THAT(CheckLength(Read({"engine", "queries", "cli"})), testing::IsEmpty());
}

TEST(Tree, TheLibraryNeitherPrintsNorEndsNorThrows) {
  const std::vector<SourceFile> files = Read({"engine", "queries"});
  ASSERT_FALSE(files.empty());
  EXPECT_THAT(CheckForbiddenCalls(files), testing::IsEmpty());
}

}  // namespace
}  // namespace undula::lint
