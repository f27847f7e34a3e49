#include "memory_world.h"

#include <filesystem>
#include <utility>

#include "base/status.h"

namespace undula::queries::pattern {

Value MemorySink::ValueOf(const kgstore::Term& t) {
  const TermKind kind = t.kind == kgstore::TermKind::kIri     ? TermKind::kIri
                        : t.kind == kgstore::TermKind::kBlank ? TermKind::kBlank
                                                              : TermKind::kLiteral;
  return *terms_->Intern(
      {kind, std::string(t.text), std::string(t.datatype), std::string(t.language)});
}

absl::Status MemorySink::AddTriple(const kgstore::Term& h, const kgstore::Term& r,
                                   const kgstore::Term& t) {
  graph_->triples.emplace(ValueOf(h), ValueOf(r), ValueOf(t));
  return absl::OkStatus();
}

absl::Status MemorySink::AddQuad(const kgstore::Term& h, const kgstore::Term& r,
                                 const kgstore::Term& t, const kgstore::Term& g) {
  graph_->named[ValueOf(g)].emplace(ValueOf(h), ValueOf(r), ValueOf(t));
  return absl::OkStatus();
}

std::string DatabaseFolder() {
  const std::string shm = "/dev/shm";
  if (!std::filesystem::is_directory(shm)) return kgstore::TestDirectory();
  const std::string name = std::filesystem::path(kgstore::TestDirectory()).filename().string();
  std::filesystem::create_directories(shm + "/" + name);
  return shm + "/" + name;
}

absl::StatusOr<std::unique_ptr<kgstore::Database>> NewDatabase(const std::string& name) {
  const std::string path = DatabaseFolder() + "/" + name + ".undula";
  std::filesystem::remove(path);
  std::filesystem::remove(path + "-lock");
  kgstore::OpenOptions options;
  options.mode = kgstore::OpenMode::kCreate;
  options.map_bytes = uint64_t{1} << 30;
  options.threads = 1;
  return kgstore::Database::Open(path, options);
}

absl::StatusOr<ResultTable> RunNaively(const Query& query, const MemoryGraph& graph,
                                       MemoryTerms* terms) {
  UNDULA_ASSIGN_OR_RETURN(const Translated translated, Translate(query, {}, terms));
  const NaiveResult result = EvaluateNaively(translated, graph, terms);
  ResultTable table;
  table.is_ask = query.form == QueryForm::kAsk;
  table.answer = result.answer;
  table.columns = translated.columns;
  for (const auto& values : result.rows) {
    auto& row = table.rows.emplace_back();
    for (const Value v : values) {
      row.push_back(v == kUnbound ? std::optional<Term>() : *terms->Get(v));
    }
  }
  return table;
}

absl::StatusOr<ResultTable> RunStored(const Query& query, const kgstore::Database& database,
                                      std::string* explained, const Limits& limits,
                                      bool keep_tails) {
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, database.Read());
  Source source(view);
  UNDULA_ASSIGN_OR_RETURN(const Translated translated, Translate(query, {}, &source));
  Executor executor(&translated, &source, {0, 1, translated.base});
  ResultTable table;
  table.is_ask = query.form == QueryForm::kAsk;
  table.columns = translated.columns;
  absl::Status status;
  const auto collect = [&] {
    table.answer = true;
    if (table.is_ask) return false;
    auto& row = table.rows.emplace_back();
    for (const int slot : translated.column_slots) {
      const Value value = executor.row()[slot];
      if (value == kUnbound) {
        row.emplace_back();
        continue;
      }
      absl::StatusOr<Term> term = source.Get(value);
      if (!term.ok()) status = term.status();
      row.emplace_back(term.ok() ? *std::move(term) : Term());
    }
    return true;
  };
  if (keep_tails) {
    executor.KeepTails();
    const auto drop = [] { return true; };
    UNDULA_RETURN_IF_ERROR(executor.Run({}, limits, drop));
  }
  UNDULA_RETURN_IF_ERROR(executor.Run({}, limits, collect));
  *explained = executor.Explain();
  UNDULA_RETURN_IF_ERROR(status);
  return table;
}

}  // namespace undula::queries::pattern
