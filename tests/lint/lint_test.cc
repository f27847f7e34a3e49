// The rules on planted violations: each must be found, at its line, and nothing else.
#include "tests/lint/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace undula::lint {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

auto At(int line, const std::string& message) {
  return testing::AllOf(Field("line", &Violation::line, line),
                        Field("message", &Violation::message, HasSubstr(message)));
}

TEST(CodeLines, RemovesCommentsAndLiterals) {
  const SourceFile file = MakeSource("engine/base/x.cc",
                                     "int a;  // throw\n"
                                     "int /* abort() */ b = 1'000;\n"
                                     "/* throw\n"
                                     "throw */ int c;\n"
                                     "auto s = \"throw \\\" throw\"; char q = '\"';\n"
                                     "auto r = R\"x(throw)\n"
                                     "throw)x\"; int d;\n");
  EXPECT_THAT(CodeLines(file),
              ElementsAre("int a;  ", "int  b = 1'000;", "", " int c;",
                          "auto s = \"\"; char q = '';", "auto r = \"\"", "; int d;"));
}

TEST(CheckLayers, PassesWhatTheTableAllows) {
  EXPECT_THAT(CheckLayers({
                  MakeSource("engine/kgstore/a.cc",
                             "#include <lmdb.h>\n#include <unistd.h>\n"
                             "#include \"base/ids.h\"\n"
                             "#include \"kgstore/a.h\"\n"
                             "#include \"absl/status/status.h\"\n"),
                  MakeSource("engine/models/b.h",
                             "#include <vector>\n"
                             "#include \"propagation/tape.h\"\n"),
                  MakeSource("cli/main.cc",
                             "#include <CLI/CLI.hpp>\n"
                             "#include \"cli/verbs.h\"\n"
                             "#include \"undula/database.h\"\n"),
                  MakeSource("engine/api/c.cc",
                             "#include \"queries/recommend.h\"\n"
                             "#include \"undula/database.h\"\n"),
              }),
              IsEmpty());
}

TEST(CheckLayers, FindsEveryKindOfForbiddenInclude) {
  // Upwards, across, third party of another module, and through the public API.
  EXPECT_THAT(CheckLayers({MakeSource("engine/base/x.h", "\n#include \"kgstore/database.h\"\n")}),
              ElementsAre(At(2, "base may not include \"kgstore/database.h\"")));
  EXPECT_THAT(CheckLayers({MakeSource("engine/base/x.h",
                                      "#include \"undula/progress.h\"\n"
                                      "#include \"undula/database.h\"\n")}),
              ElementsAre(At(2, "base may not include \"undula/database.h\"")));
  EXPECT_THAT(CheckLayers({MakeSource("engine/kgstore/x.cc",
                                      "#include \"propagation/exec.h\"\n"
                                      "#include \"undula/database.h\"\n")}),
              ElementsAre(At(1, "kgstore may not"), At(2, "kgstore may not")));
  EXPECT_THAT(CheckLayers({MakeSource("engine/models/x.cc",
                                      "#include <lmdb.h>\n"
                                      "  #  include <cuda_runtime.h>\n")}),
              ElementsAre(At(1, "models may not include <lmdb.h>"), At(2, "<cuda_runtime.h>")));
  EXPECT_THAT(CheckLayers({MakeSource("cli/cmd_x.cc", "#include \"base/status.h\"\n")}),
              ElementsAre(At(1, "cli may not include \"base/status.h\"")));
  EXPECT_THAT(CheckLayers({MakeSource("examples/x.cc", "#include <CLI/CLI.hpp>\n")}),
              ElementsAre(At(1, "examples may not")));
  // Not in any table.
  EXPECT_THAT(CheckLayers({MakeSource("queries/x.cc", "#include <curl/curl.h>\n")}),
              ElementsAre(At(1, "not in the third-party table")));
  EXPECT_THAT(CheckLayers({MakeSource("queries/x.cc", "#include \"recommend.h\"\n")}),
              ElementsAre(At(1, "write the path from the include root")));
  EXPECT_THAT(CheckLayers({MakeSource("engine/utils/x.cc", "")}),
              ElementsAre(At(0, "belongs to no module")));
  // The emulator is test machinery: what it may use, the module around it may not.
  EXPECT_THAT(
      CheckLayers(
          {MakeSource("engine/propagation/cuda/fiber.cc", "#include <boost/context/x.hpp>\n"),
           MakeSource("engine/propagation/cuda/x.cc", "#include <boost/context/x.hpp>\n")}),
      ElementsAre(At(1, "propagation may not include <boost/context/x.hpp>")));
  // A comment is not an include.
  EXPECT_THAT(CheckLayers({MakeSource("engine/base/x.h", "// #include \"kgstore/database.h\"\n")}),
              IsEmpty());
}

TEST(CheckLayers, HeavyHeadersStayInOneSourceFile) {
  EXPECT_THAT(CheckLayers({MakeSource("engine/base/a.cc", "#include <nlohmann/json.hpp>\n"),
                           MakeSource("engine/base/b.cc", "#include <nlohmann/json.hpp>\n")}),
              ElementsAre(At(1, "belongs in one .cc: engine/base/a.cc")));
  EXPECT_THAT(CheckLayers({MakeSource("engine/base/a.h", "#include <toml++/toml.h>\n")}),
              ElementsAre(At(1, "in a header")));
}

TEST(CheckPublicHeaders, FindsForeignIncludesAndBudgets) {
  EXPECT_THAT(CheckPublicHeaders({MakeSource("engine/include/undula/a.h",
                                             "#include <string>\n"
                                             "#include \"absl/status/statusor.h\"\n"
                                             "#include \"undula/b.h\"\n")}),
              IsEmpty());
  EXPECT_THAT(CheckPublicHeaders({MakeSource("engine/include/undula/a.h",
                                             "#include <lmdb.h>\n"
                                             "#include \"base/ids.h\"\n"
                                             "#include \"absl/strings/string_view.h\"\n")}),
              ElementsAre(At(1, "lmdb.h"), At(2, "base/ids.h"), At(3, "absl/strings")));
  EXPECT_THAT(CheckPublicHeaders({MakeSource("engine/include/other/a.h", "")}),
              ElementsAre(At(0, "is not a header of engine/include/undula")));

  std::vector<SourceFile> nine(9, MakeSource("engine/include/undula/a.h", "int a;\n"));
  EXPECT_THAT(CheckPublicHeaders(nine), ElementsAre(At(0, "9 headers, at most 8")));
  SourceFile lines{"engine/include/undula/a.h", std::vector<std::string>(1300, "//")};
  EXPECT_THAT(CheckPublicHeaders({lines}), IsEmpty());
  lines.lines.emplace_back("//");
  EXPECT_THAT(CheckPublicHeaders({lines}), ElementsAre(At(0, "1301 lines, at most 1300")));
}

TEST(CheckLength, FindsTheFirstLineTooMany) {
  SourceFile file{"engine/base/a.cc", std::vector<std::string>(500, "int a;")};
  EXPECT_THAT(CheckLength({file}), IsEmpty());
  file.lines.emplace_back("");
  EXPECT_THAT(CheckLength({file}), ElementsAre(At(501, "501 lines, at most 500")));
}

TEST(CheckForbiddenCalls, FindsPrintingEndingAndThrowing) {
  EXPECT_THAT(CheckForbiddenCalls({MakeSource("engine/base/x.cc",
                                              "std::cout << 1;\n"
                                              "std::fprintf(stderr, \"x\");\n"
                                              "printf(\"x\");\n"
                                              "std::abort();\n"
                                              "exit(1);\n"
                                              "throw 10;\n"
                                              "assert(x);\n")}),
              ElementsAre(At(1, "prints"), At(2, "prints"), At(3, "prints"), At(4, "ends"),
                          At(5, "ends"), At(6, "throws"), At(7, "ends")));
  EXPECT_THAT(CheckForbiddenCalls({MakeSource("engine/base/x.cc",
                                              "std::snprintf(b, 3, \"x\");\n"
                                              "txn.abort();\n"
                                              "static_assert(true);\n"
                                              "mdb_txn_abort(txn);\n"
                                              "const char* s = \"throw\";\n"
                                              "int throw_count = 0;\n")}),
              IsEmpty());
}

}  // namespace
}  // namespace undula::lint
