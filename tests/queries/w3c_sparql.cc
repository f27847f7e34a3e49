#include "w3c_sparql.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/status.h"
#include "base/text/normalize.h"
#include "kgstore/rdf_reader.h"
#include "queries/pattern/operand.h"
#include "queries/pattern/parser.h"
#include "shared_path.h"
#include "tests/kgstore/read_support.h"

namespace undula::queries::pattern {
namespace {

constexpr char kRoot[] = "w3c-sparql-tests/";

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::string part;
  std::istringstream in(text);
  while (std::getline(in, part, at)) parts.push_back(part);
  return parts;
}

std::optional<Term> ParseCell(const std::string& cell) {
  if (cell.empty()) return std::nullopt;
  if (cell.starts_with("_:")) return Term{TermKind::kBlank, cell.substr(2), "", ""};
  const absl::StatusOr<Term> term = ParseTerm(cell);
  EXPECT_TRUE(term.ok()) << cell << ": " << term.status();
  return term.ok() ? *term : Term();
}

// Gives every triple to another sink as one of a graph.
class GraphSink final : public kgstore::RecordingSink {
 public:
  GraphSink(const std::string& graph, RecordSink* to) : graph_(graph), to_(to) {}
  absl::Status AddTriple(const kgstore::Term& head, const kgstore::Term& relation,
                         const kgstore::Term& tail) override {
    if (graph_.empty()) return to_->AddTriple(head, relation, tail);
    return to_->AddQuad(head, relation, tail, {kgstore::TermKind::kIri, graph_, "", ""});
  }

 private:
  const std::string graph_;
  RecordSink* to_;
};

using Labels = std::map<std::string, std::string>;

bool SameCell(const std::optional<Term>& a, const std::optional<Term>& b, Labels* forth,
              Labels* back) {
  if (a.has_value() != b.has_value()) return false;
  if (!a.has_value()) return true;
  if (a->kind != b->kind) return false;
  if (a->kind == TermKind::kBlank) {
    const auto there = forth->emplace(a->text, b->text).first;
    const auto here = back->emplace(b->text, a->text).first;
    return there->second == b->text && here->second == a->text;
  }
  if (*a == *b) return true;
  if (!a->language.empty()) {
    return a->text == b->text && LowerText(a->language) == LowerText(b->language);
  }
  const Operand x = OperandOf(*a), y = OperandOf(*b);
  bool unordered = false;
  if (!x.is_numeric() || x.kind != y.kind || DatatypeOf(x) != DatatypeOf(y)) return false;
  if (x.kind == OperandKind::kFloat) return static_cast<float>(x.number) == y.number;
  return CompareValues(x, y, &unordered) == 0;
}

bool SameRow(const std::vector<std::optional<Term>>& a, const std::vector<std::optional<Term>>& b,
             Labels* forth, Labels* back) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!SameCell(a[i], b[i], forth, back)) return false;
  }
  return true;
}

bool Match(const ResultTable& a, const ResultTable& b, size_t row, std::vector<bool>* used,
           const Labels& forth, const Labels& back) {
  if (row == a.rows.size()) return true;
  for (size_t i = 0; i < b.rows.size(); ++i) {
    if ((*used)[i]) continue;
    Labels next_forth = forth, next_back = back;
    if (!SameRow(a.rows[row], b.rows[i], &next_forth, &next_back)) continue;
    (*used)[i] = true;
    if (Match(a, b, row + 1, used, next_forth, next_back)) return true;
    (*used)[i] = false;
    if (next_forth.size() == forth.size()) return false;  // equal rows: another one changes nothing
  }
  return false;
}

}  // namespace

std::optional<W3cSuite> W3cSuite::Load() {
  const std::string archive = SharedPath("data/rdf/w3c-sparql-tests.tar.xz");
  if (archive.empty()) return std::nullopt;
  W3cSuite suite;
  for (auto& [name, content] : kgstore::ReadTar(archive)) {
    if (name.starts_with(kRoot)) suite.files_[name.substr(sizeof kRoot - 1)] = content;
  }
  std::istringstream index(suite.File("index.tsv"));
  std::string line;
  std::getline(index, line);
  while (std::getline(index, line)) {
    std::vector<std::string> f = Split(line, '\t');
    f.resize(12);
    suite.tests_.push_back(
        {f[0], f[1], f[2], f[3], f[4], f[5], Split(f[6], ','), Split(f[7], ','), f[8], f[11]});
  }
  return suite;
}

const std::string& W3cSuite::File(const std::string& name) const {
  static const std::string empty;
  const auto found = files_.find(name);
  EXPECT_TRUE(found != files_.end()) << "no file " << name;
  return found == files_.end() ? empty : found->second;
}

void W3cSuite::ReadData(const std::string& name, const std::string& graph,
                        kgstore::RecordSink* sink) const {
  std::string file = name;
  if (file.ends_with(".rdf")) file += ".nt";
  const std::string path = kgstore::WriteFile(file.substr(file.rfind('/') + 1), File(file));
  kgstore::RdfOptions options;
  options.base_iri = kW3cBase + name;
  options.allow_empty = true;
  options.file_ordinal = static_cast<int64_t>(std::hash<std::string>()(name) % 1000003);
  GraphSink to(graph, sink);
  const auto report = kgstore::ReadRdf(path, options, to, nullptr);
  EXPECT_TRUE(report.ok()) << name << ": " << report.status();
}

ResultTable ParseExpected(std::string_view tsv, bool is_ask) {
  ResultTable table;
  table.is_ask = is_ask;
  std::istringstream in{std::string(tsv)};
  std::string line;
  std::getline(in, line);
  if (is_ask) {
    table.answer = line == "true";
    return table;
  }
  for (const std::string& name : Split(line, '\t')) table.columns.push_back(name.substr(1));
  while (std::getline(in, line)) {
    std::vector<std::string> cells = Split(line, '\t');
    cells.resize(table.columns.size());
    auto& row = table.rows.emplace_back();
    for (const std::string& cell : cells) row.push_back(ParseCell(cell));
  }
  return table;
}

std::string TableText(const ResultTable& table) {
  if (table.is_ask) return table.answer ? "true\n" : "false\n";
  std::string out;
  for (const std::string& name : table.columns) out += "?" + name + "\t";
  out += "\n";
  for (const auto& row : table.rows) {
    for (const auto& cell : row) {
      if (cell.has_value()) {
        out += cell->kind == TermKind::kLiteral
                   ? "\"" + cell->text + "\"@" + cell->language + "^^" + cell->datatype
                   : (cell->kind == TermKind::kBlank ? "_:" : "<") + cell->text;
      }
      out += "\t";
    }
    out += "\n";
  }
  return out;
}

bool SameResult(const ResultTable& a, const ResultTable& b, bool ordered) {
  if (a.is_ask != b.is_ask) return false;
  if (a.is_ask) return a.answer == b.answer;
  if (a.rows.size() != b.rows.size() || a.columns.size() != b.columns.size()) return false;
  ResultTable sorted = b;  // columns as those of a
  sorted.columns = a.columns;
  for (auto& row : sorted.rows) row.clear();
  for (const std::string& name : a.columns) {
    const auto found = std::find(b.columns.begin(), b.columns.end(), name);
    if (found == b.columns.end()) return false;
    const auto column = static_cast<size_t>(found - b.columns.begin());
    for (size_t i = 0; i < b.rows.size(); ++i) sorted.rows[i].push_back(b.rows[i][column]);
  }
  Labels forth, back;
  if (ordered) {
    for (size_t i = 0; i < a.rows.size(); ++i) {
      if (!SameRow(a.rows[i], sorted.rows[i], &forth, &back)) return false;
    }
    return true;
  }
  std::vector<bool> used(b.rows.size(), false);
  return Match(a, sorted, 0, &used, forth, back);
}

}  // namespace undula::queries::pattern
