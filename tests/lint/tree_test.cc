// The rules on the repository itself.
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

void ExpectNone(const std::vector<Violation>& violations) {
  for (const Violation& violation : violations) ADD_FAILURE() << violation;
}

TEST(Tree, IncludesFollowTheLayers) {
  const std::vector<SourceFile> files = Read({"engine", "queries", "cli", "examples"});
  ASSERT_FALSE(files.empty());
  ExpectNone(CheckLayers(files));
}

TEST(Tree, PublicHeadersKeepTheirBudget) {
  ExpectNone(CheckPublicHeaders(Read({"engine/include"})));
}

TEST(Tree, NoFileIsTooLong) { ExpectNone(CheckLength(Read({"engine", "queries", "cli"}))); }

TEST(Tree, TheLibraryNeitherPrintsNorEndsNorThrows) {
  const std::vector<SourceFile> files = Read({"engine", "queries"});
  ASSERT_FALSE(files.empty());
  ExpectNone(CheckForbiddenCalls(files));
}

}  // namespace
}  // namespace undula::lint
