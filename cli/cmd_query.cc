#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/table.h"

namespace undula::cli {
namespace {

// For people: ids and IRIs as they are, literals without their datatype.
std::string CellText(const std::optional<QueryValue>& value) {
  if (!value.has_value()) return "";
  if (value->kind == QueryValue::Kind::kBlank) return "_:" + value->text;
  return value->language.empty() ? value->text : value->text + "@" + value->language;
}

}  // namespace

absl::StatusOr<std::string> ReadQueryFile(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::NotFoundError("cannot read the query file '" + file + "'");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

absl::Status ReadParams(const std::vector<std::string>& params,
                        std::map<std::string, std::string>* out) {
  for (const std::string& param : params) {
    const size_t equals = param.find('=');
    const size_t begin = !param.empty() && (param[0] == '$' || param[0] == '?') ? 1 : 0;
    if (equals == std::string::npos || equals <= begin) {
      return absl::InvalidArgumentError("--param '" + param + "': write name=value");
    }
    (*out)[param.substr(begin, equals - begin)] = param.substr(equals + 1);
  }
  return absl::OkStatus();
}

absl::Status ReadPattern(const std::string& file, const std::vector<std::string>& params,
                         ItemFilter* filter) {
  if (file.empty()) {
    if (params.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("--param belongs to --pattern");
  }
  auto text = ReadQueryFile(file);
  if (!text.ok()) return text.status();
  filter->pattern = *std::move(text);
  return ReadParams(params, &filter->pattern_params);
}

absl::Status RunQuery(const Args& args) {
  Arguments a(
      "query",
      "Graph patterns: SPARQL SELECT and ASK over graph, users, items and interactions "
      "(docs/queries.md).",
      "  undula query films.undula queries/samples/favourite_directors.rq --param user=u01\n"
      "  undula query films.undula -q 'SELECT * { ?s ?p ?o } LIMIT 5' --format tsv");
  std::string db, file, text, format = "table";
  std::vector<std::string> params;
  QueryOptions options;
  int64_t deadline = 30, seed = 0;
  bool explain = false;
  a.Positional("database", &db, "database file");
  a.Positional("file", &file, "query file; - for standard input", false);
  a.Option("-q,--query", &text, "the query itself, in place of a file");
  a.Option(
      "--param", &params,
      "name=value of a $variable, comma separated: user=ID, item=ID, else a term as in a query");
  a.Choice("--format", &format, {"table", "csv", "tsv", "json"}, "how to print rows");
  a.Flag("--explain", &explain, "print how the query was run, with expected and real rows");
  a.Option("--deadline", &deadline, "seconds; 0 for none");
  a.Option("--max-rows", &options.max_rows, "rows of the result, at most");
  a.Option("--max-memory", &options.max_memory, "bytes that the query may take, about");
  a.Option("--seed", &seed, "of RAND() and UUID()");
  bool help = false;
  if (absl::Status s = a.Parse(args, &help); !s.ok() || help) return s;
  if (file.empty() == text.empty()) {
    return absl::InvalidArgumentError("give a query file or --query, one of the two");
  }
  if (text.empty()) {
    auto read = ReadQueryFile(file);
    if (!read.ok()) return read.status();
    text = *std::move(read);
  }
  if (absl::Status s = ReadParams(params, &options.params); !s.ok()) return s;
  options.deadline_seconds = static_cast<double>(deadline);
  options.seed = static_cast<uint64_t>(seed);
  auto query = Query::Parse(text);
  if (!query.ok()) {
    const std::string name = file.empty() ? "query" : file;
    return absl::Status(query.status().code(), name + ":" + std::string(query.status().message()));
  }
  auto database = OpenDatabase(db, false, true);
  if (!database.ok()) return database.status();
  ProgressBar bar(false);
  auto result = (*database)->Select(*query, options, bar.progress());
  if (!result.ok()) return result.status();
  if (explain) {
    std::cout << result->plan();
    return absl::OkStatus();
  }
  if (format != "table") {
    return result->Write(format, [](std::string_view piece) {
      std::cout << piece;
      return absl::OkStatus();
    });
  }
  if (result->is_ask()) {
    std::cout << (result->answer() ? "true" : "false") << "\n";
    return absl::OkStatus();
  }
  Table table(result->columns());
  for (int64_t i = 0; i < result->rows(); ++i) {
    auto row = result->Row(i);
    if (!row.ok()) return row.status();
    std::vector<Cell> cells;
    for (const auto& value : *row) cells.emplace_back(CellText(value));
    table.Add(std::move(cells));
  }
  table.Print("table");
  return absl::OkStatus();
}

}  // namespace undula::cli
