// Lines of patch files.
#include "kgstore/patch_line.h"
#include "store_support.h"

namespace undula::kgstore {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(StorePatch, Lines) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  const auto apply = [&](const std::vector<std::string>& lines) {
    auto updater = Updater::Begin(*db).value();
    size_t column = 0;
    for (const std::string& line : lines) {
      const absl::Status status = ApplyPatchLine(line, updater.get(), &column);
      EXPECT_TRUE(status.ok()) << line << ": " << status;
      EXPECT_EQ(column, 0u);
    }
    return updater->Commit().value();
  };
  const UpdateReport added = apply({
      "# a comment",
      "",
      "A <a> <r> <b> .",
      "A <a> <r> _:f1.b0 <g> . # of a named graph",
      "A <a> <name> \"tab\\t\\u00e9\\U0001F600\"@en-GB .\r",
      "A <a> <n> \"5\"^^<http://www.w3.org/2001/XMLSchema#integer>.",
      "A\tinteraction\tann\ti1\t2.5\t99",
      "A\tinteraction\tann\ti2",
      "A\tlink\ti1\ta\t0.5",
      "A\tsocial\tann\tbob",
      "A\titem\ti1\ttitle=Alien=1\tyear=",
      "A\tuser\tann\tage=3",
  });
  EXPECT_EQ(added.added, 10u);
  const std::vector<std::string> dump = Dump(*db);
  for (const char* line : {"triple a r b", "triple a r _:f1.b0",
                           "attribute a name 'tab\t\xC3\xA9\xF0\x9F\x98\x80'^^@en-GB",
                           "attribute a n '5'^^http://www.w3.org/2001/XMLSchema#integer@",
                           "interaction ann i1 2.500000 99", "interaction ann i2 1.000000 0",
                           "link i1 a 0.500000 3", "social ann bob 1.000000",
                           "column i1 title=Alien=1", "column i1 year=", "user column ann age=3"}) {
    EXPECT_THAT(dump, Contains(line));
  }
  const UpdateReport removed = apply({
      "D <a> <r> <b> .",
      "D <a> <r> _:f1.b0 <g> .",
      "D <a> <name> \"tab\\t\\u00e9\\U0001F600\"@en-GB .",
      "D <a> <n> \"5\"^^<http://www.w3.org/2001/XMLSchema#integer> .",
      "D\tinteraction\tann\ti1\t99",
      "D\tinteraction\tann\ti2",
      "D\tlink\ti1\ta",
      "D\tsocial\tann\tbob",
      "D\titem\ti1",
      "D\tuser\tann",
      "D <never> <seen> <it> .",
  });
  EXPECT_EQ(removed.removed, 10u);
  EXPECT_EQ(removed.unchanged, 1u);
  EXPECT_EQ(db->Read()->counts().triples, 0u);
  EXPECT_EQ(db->Read()->counts().interactions, 0u);
}

TEST(StorePatch, BadLines) {
  TempFolder folder;
  auto db = OpenOrDie(folder.File("a"));
  auto updater = Updater::Begin(*db).value();
  const struct {
    std::string line;
    size_t column;
    const char* message;
  } cases[] = {
      {"X <a> <b> <c> .", 1, "begins with"},
      {"A", 1, "begins with"},
      {"A<a> <b> <c> .", 1, "begins with"},
      {"A <a> <b> .", 11, "expected"},
      {"A <a> <b> <c>", 14, "a term is missing"},
      {"A <a> <b> <c> <d> <e> .", 19, "'.'"},
      {"A <a> <b> <c> . x", 17, "after the end"},
      {"A <a> _:b <c> .", 7, "no IRI"},
      {"A \"a\" <b> <c> .", 3, "expected"},
      {"A <a b> <b> <c> .", 5, "cannot have"},
      {"A <> <b> <c> .", 4, "empty"},
      {"A <a> <b> \"c .", 15, "missing"},
      {"A <a> <b> \"\\q\" .", 12, "escape"},
      {"A <a> <b> \"\\uD800\" .", 12, "escape"},
      {"A <a> <b> \"c\"@ .", 15, "language"},
      {"A <a> <b> \"c\"^^x .", 16, "datatype"},
      {"A <a> <b> _: .", 13, "label"},
      {std::string("A <a> <b> \"\xff\" ."), 12, ""},
      {"A\tthing\tx", 3, "expected interaction"},
      {"A\tinteraction\tu", 16, "missing"},
      {"A\tinteraction\t\ti", 15, "empty"},
      {"A\tinteraction\tu\ti\tx", 19, ""},
      {"A\tinteraction\tu\ti\t1\tx", 21, ""},
      {"D\tinteraction\tu\ti\t1\t2", 21, "too many"},
      {"A\tlink\ti\te\t1.5", 12, ""},
      {"A\titem\ti\tnocolumn", 10, "COLUMN=VALUE"},
      {"D\titem\ti\ta=b", 10, "too many"},
  };
  for (const auto& c : cases) {
    size_t column = 0;
    const absl::Status status = ApplyPatchLine(c.line, updater.get(), &column);
    EXPECT_CODE(status, kInvalidArgument) << c.line;
    EXPECT_EQ(column, c.column) << c.line;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(c.message)) << c.line;
  }
  EXPECT_EQ(updater->pending(), 0u);
}

}  // namespace
}  // namespace undula::kgstore
