#include "cli/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "undula/common.h"

namespace undula::cli {
namespace {

// Columns a terminal needs for UTF-8 text: code points, East Asian wide ones count double.
size_t DisplayWidth(const std::string& text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if ((c & 0xC0) == 0x80) continue;
    ++width;
    if (c >= 0xE3 && c <= 0xED) ++width;  // U+3000..U+DFFF: CJK and Hangul
  }
  return width;
}

std::string Csv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

Cell::Cell(double value) : number(std::isfinite(value)) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  text = buffer;
}

void Table::Print(const std::string& format) const {
  if (format == "json") {
    for (const auto& row : rows_) {
      std::cout << "{";
      for (size_t i = 0; i < row.size(); ++i) {
        std::cout << (i == 0 ? "" : ", ") << JsonQuote(columns_[i]) << ": "
                  << (row[i].number ? row[i].text : JsonQuote(row[i].text));
      }
      std::cout << "}\n";
    }
    return;
  }
  if (format == "csv") {
    for (size_t i = 0; i < columns_.size(); ++i) std::cout << (i ? "," : "") << Csv(columns_[i]);
    std::cout << "\n";
    for (const auto& row : rows_) {
      for (size_t i = 0; i < row.size(); ++i) std::cout << (i ? "," : "") << Csv(row[i].text);
      std::cout << "\n";
    }
    return;
  }
  std::vector<size_t> width(columns_.size());
  std::vector<bool> numbers(columns_.size(), !rows_.empty());  // columns of numbers align right
  for (size_t i = 0; i < columns_.size(); ++i) {
    width[i] = DisplayWidth(columns_[i]);
    for (const auto& row : rows_) {
      width[i] = std::max(width[i], DisplayWidth(row[i].text));
      if (!row[i].number) numbers[i] = false;
    }
  }
  const auto cell = [&](size_t i, const std::string& text) {
    const std::string pad(width[i] - DisplayWidth(text), ' ');
    const bool last = i + 1 == columns_.size();
    if (numbers[i]) {
      std::cout << pad << text << (last ? "" : "  ");
    } else {
      std::cout << text << (last ? "" : pad + "  ");
    }
  };
  for (size_t i = 0; i < columns_.size(); ++i) cell(i, columns_[i]);
  std::cout << "\n";
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) cell(i, row[i].text);
    std::cout << "\n";
  }
}

}  // namespace undula::cli
