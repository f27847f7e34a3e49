// Graph patterns: the parser, and queries run over a small database.
#include <chrono>
#include <memory>
#include <string>

#include "base/status.h"
#include "kgstore/database.h"
#include "queries/pattern/parser.h"
#include "queries/pattern/prepared.h"
#include "queries/pattern/regex.h"
#include "queries/pattern/result_format.h"
#include "targets.h"

namespace undula::fuzz {
namespace {

namespace pattern = queries::pattern;

const kgstore::Database& SmallDatabase() {
  static const std::unique_ptr<kgstore::Database> database = [] {
    kgstore::OpenOptions options;
    options.map_bytes = uint64_t{64} << 20;
    options.threads = 1;
    options.read_only = true;
    auto opened = kgstore::Database::Open(WriteFile("patterns.undula", SoundFile()), options);
    Require(opened.ok(), "the sound file opens");
    return *std::move(opened);
  }();
  return *database;
}

}  // namespace

void PatternText(Bytes input) {
  const auto query = pattern::ParseQuery(input, {"http://base.example/x"});
  if (!query.ok()) {
    Require(query.status().code() == absl::StatusCode::kInvalidArgument ||
                query.status().code() == absl::StatusCode::kUnimplemented,
            "what cannot be read is the caller's");
  }
  pattern::ParseTerm(input).status().IgnoreError();
  // The first line as an expression over the rest.
  const size_t line = input.find('\n');
  if (line == Bytes::npos || line > 200 || input.size() > 2000) return;
  const auto regex = pattern::Regex::Compile(input.substr(0, line), "i");
  if (!regex.ok()) return;
  regex->Matches(input.substr(line + 1));
  static_cast<void>(regex->Replace(input.substr(line + 1), "<$0>"));
}

void PatternRun(Bytes input) {
  const auto query = pattern::ParseQuery(input);
  if (!query.ok()) return;
  auto view = SmallDatabase().Read();
  Require(view.ok(), "the database can be read");
  const auto prepared = pattern::PreparedQuery::Make(*query, {"user"}, *std::move(view), {});
  if (!prepared.ok()) return;
  pattern::Executor& executor = (*prepared)->executor();
  pattern::Limits limits;
  limits.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  limits.max_memory = uint64_t{16} << 20;
  std::string text;
  pattern::ResultWriter writer(pattern::ResultFormat::kTsv, (*prepared)->query().columns, &text);
  int rows = 0;
  const auto row = [&] {
    std::vector<std::optional<pattern::Term>> cells;
    for (const int slot : (*prepared)->query().column_slots) {
      const pattern::Value value = executor.row()[slot];
      if (value == pattern::kUnbound) {
        cells.emplace_back();
        continue;
      }
      const auto term = (*prepared)->source().Get(value);
      Require(term.ok(), "a value has a term");
      cells.push_back(*term);
    }
    writer.Row(cells);
    return ++rows < 1000;
  };
  const pattern::Value user = pattern::MakeValue(pattern::ValueKind::kUser, 0);
  const absl::Status status = executor.Run({&user, 1}, limits, row);
  Require(
      status.code() != absl::StatusCode::kInternal && status.code() != absl::StatusCode::kDataLoss,
      "a query does not fail from within");
  executor.Explain();
}

}  // namespace undula::fuzz
