// Rows for people and programs: an aligned table, CSV (RFC 4180) or JSON lines, on standard output.
#ifndef UNDULA_CLI_TABLE_H_
#define UNDULA_CLI_TABLE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace undula::cli {

// A cell prints as text; in JSON, cells made from numbers have no quotes.
struct Cell {
  Cell(std::string value) : text(std::move(value)) {}                 // NOLINT
  Cell(const char* value) : text(value) {}                            // NOLINT
  Cell(int64_t value) : text(std::to_string(value)), number(true) {}  // NOLINT
  Cell(double value);                                                 // NOLINT
  std::string text;
  bool number = false;
};

class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // format: "table", "csv" or "json" (one object a line).
  void Print(const std::string& format) const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace undula::cli

#endif  // UNDULA_CLI_TABLE_H_
