// What the tests of the store share: temporary files, small imports, child processes.
#ifndef UNDULA_TESTS_KGSTORE_STORE_SUPPORT_H_
#define UNDULA_TESTS_KGSTORE_STORE_SUPPORT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/status.h"
#include "kgstore/database.h"
#include "kgstore/importer.h"
#include "kgstore/read_view.h"
#include "kgstore/stats.h"

#define ASSERT_OK(expr)                                    \
  do {                                                     \
    const absl::Status ok_status_ = (expr);                \
    ASSERT_TRUE(ok_status_.ok()) << ok_status_.ToString(); \
  } while (false)
#define EXPECT_CODE(status, expected) \
  EXPECT_EQ((status).code(), absl::StatusCode::expected) << (status).ToString()
// ASSERT_OK_AND_ASSIGN(auto x, f()): x = the value; ends the test where there is none.
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  ASSERT_OK_AND_ASSIGN_(UNDULA_CONCAT_(test_or_, __LINE__), lhs, expr)
#define ASSERT_OK_AND_ASSIGN_(tmp, lhs, expr)       \
  auto tmp = (expr);                                \
  ASSERT_TRUE(tmp.ok()) << tmp.status().ToString(); \
  lhs = *std::move(tmp)

namespace undula::kgstore {

// The value itself, where value() of a temporary would only be a reference (range-for).
template <class T>
T Take(absl::StatusOr<T> value) {
  EXPECT_TRUE(value.ok()) << value.status().ToString();
  return *std::move(value);
}

// A new directory under testing::TempDir(), removed with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Term Iri(std::string_view text);
Term Text(std::string_view text, std::string_view datatype = "", std::string_view language = "");

std::unique_ptr<Database> OpenOrDie(const std::string& path,
                                    OpenMode mode = OpenMode::kOpenOrCreate,
                                    bool read_only = false);

// Runs one import; a test failure where it fails.
ImportReport Import(Database& database, const std::function<void(Importer&)>& add);

// Everything that can be read, as sorted lines of text with names instead of ids.
std::vector<std::string> Dump(const Database& database);

// The counts, generation and tables of ReadStats as text.
std::string StatsText(const Database& database);

// The tables whose entries do not add up to the sum in the state record.
std::vector<std::string> SumErrors(const Database& database);

// A generated graph: `edges` distinct triples over `entities` entities e0, e1, ... and `relations`
// relations r0, ...; tails prefer small numbers (hubs). Same seed, same graph.
using Edge = std::tuple<std::string, std::string, std::string>;
std::set<Edge> MakeGraph(uint32_t entities, uint32_t relations, uint32_t edges, uint64_t seed);
void AddAll(const std::set<Edge>& edges, Importer& importer);

// Runs `body` in a child process; its exit code, or minus the signal that ended it. `body`
// returns the exit code.
int RunInChild(const std::function<int()>& body);

}  // namespace undula::kgstore

#endif  // UNDULA_TESTS_KGSTORE_STORE_SUPPORT_H_
