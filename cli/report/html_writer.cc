#include <algorithm>
#include <cmath>
#include <string>

#include "cli/report/draw.h"
#include "cli/report/page.h"
#include "cli/report/svg_writer.h"
#include "cli/report/text.h"
#include "cli/report/writers.h"

namespace undula::cli::report {
namespace {

// The range of the intervals of a column, for the bars in its cells.
struct Range {
  double low = INFINITY, high = -INFINITY;
};

Range RangeOf(const Table& table, size_t column) {
  Range range;
  for (const auto& row : table.rows) {
    if (column >= row.size()) continue;
    const Number* number = std::get_if<Number>(&row[column].value);
    if (number == nullptr || !number->interval.has_value()) continue;
    range.low = std::min({range.low, number->value, number->interval->first});
    range.high = std::max({range.high, number->value, number->interval->second});
  }
  return range;
}

std::string IntervalBar(const Number& number, const Range& range) {
  constexpr double kWidth = 90;
  const auto [low, high] = *number.interval;
  if (!std::isfinite(low) || !std::isfinite(high) || !(range.high > range.low)) return {};
  const auto at = [&](double value) {
    return Coordinate(1 + (value - range.low) / (range.high - range.low) * (kWidth - 2));
  };
  const auto line = [](const char* cls, const std::string& x1, const char* y1,
                       const std::string& x2, const char* y2) {
    return std::string("<line class=\"") + cls + "\" x1=\"" + x1 + "\" y1=\"" + y1 + "\" x2=\"" +
           x2 + "\" y2=\"" + y2 + "\"/>";
  };
  return "<svg aria-hidden=\"true\" width=\"90\" height=\"8\" viewBox=\"0 0 90 8\">" +
         line("room", "0", "4", "90", "4") + line("iv", at(low), "4", at(high), "4") +
         line("at", at(number.value), "0", at(number.value), "8") + "</svg>";
}

// Numbers are most of what there is: text has the class, so that they need none.
std::string CellHtml(const Cell& cell, const Range& range) {
  if (const auto* text = std::get_if<std::string>(&cell.value)) {
    return std::string(text->size() > 40 ? "<td class=\"t w\">" : "<td class=t>") +
           EscapeHtml(*text) + "</td>";
  }
  if (const auto* number = std::get_if<int64_t>(&cell.value)) {
    return "<td>" + HumanNumber(*number) + "</td>";
  }
  const auto* number = std::get_if<Number>(&cell.value);
  if (number == nullptr) return "<td></td>";
  std::string out = number->best ? "<td class=best>" : "<td>";
  out += HumanNumber(number->value);
  if (number->interval.has_value()) {
    out += " <small>[" + HumanNumber(number->interval->first) + ", " +
           HumanNumber(number->interval->second) + "]</small>" + IntervalBar(*number, range);
  }
  return out + "</td>";
}

std::string TableHtml(const Table& table) {
  std::vector<bool> numbers(table.columns.size(), !table.rows.empty());
  std::vector<Range> ranges;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    ranges.push_back(RangeOf(table, c));
    for (const auto& row : table.rows) {
      if (c < row.size() && std::holds_alternative<std::string>(row[c].value)) numbers[c] = false;
    }
  }
  std::string out = "<div class=\"scroll\"><table id=\"" + EscapeHtml(table.id) + "\">\n<caption>" +
                    EscapeHtml(table.caption);
  if (table.left_out > 0) {
    out += " (" + HumanNumber(table.left_out) + " further rows are left out)";
  }
  out += "</caption>\n<thead><tr>";
  for (size_t c = 0; c < table.columns.size(); ++c) {
    out += std::string("<th scope=\"col\"") + (numbers[c] ? " class=\"n\"" : "") + ">" +
           EscapeHtml(table.columns[c]) + "</th>";
  }
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (size_t c = 0; c < table.columns.size(); ++c) {
      out += c < row.size() ? CellHtml(row[c], ranges[c]) : std::string("<td></td>");
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
  if (!table.folded) return out;
  return "<details><summary>Table: " + EscapeHtml(table.caption) + "</summary>\n" + out +
         "</details>\n";
}

std::string Figure(const std::string& attributes, const std::string& svg, const std::string& title,
                   std::string message) {
  return "<figure" + attributes + ">\n" + svg + "<figcaption><strong>" + EscapeHtml(title) +
         ".</strong> " + EscapeHtml(message) + "</figcaption>\n</figure>\n";
}

struct BlockHtml {
  std::string operator()(const Paragraph& p) const { return "<p>" + EscapeHtml(p.text) + "</p>\n"; }
  std::string operator()(const Table& table) const { return TableHtml(table); }
  std::string operator()(const LineChart& chart) const {
    std::string names = "[";
    for (const Series& s : chart.series) names += (names == "[" ? "" : ",") + EscapeJson(s.name);
    std::string message = chart.message;
    if (const int64_t n = LeftOut(chart); n > 0) {
      message += " " + std::to_string(n) + " values that cannot be drawn are left out.";
    }
    const std::string figure = Figure(" data-series=\"" + EscapeHtml(names + "]") + "\"",
                                      Draw(chart), chart.title, message);
    if (!chart.folded) return figure;
    return "<details><summary>Picture: " + EscapeHtml(chart.title) + "</summary>\n" + figure +
           "</details>\n";
  }
  std::string operator()(const BarChart& chart) const {
    return Figure("", Draw(chart), chart.title, chart.message);
  }
  std::string operator()(const ForestChart& chart) const {
    return Figure("", Draw(chart), chart.title, chart.message);
  }
  std::string operator()(const PathPicture& picture) const {
    return Figure(" class=\"graph\"", Draw(picture), picture.title, picture.message);
  }
  std::string operator()(const GraphPicture& picture) const {
    return Figure(" class=\"graph\"", Draw(picture), picture.title, picture.message);
  }
};

// Styles of the caller's cannot end the style element.
std::string SafeStyle(std::string_view css) {
  std::string out;
  for (const char c : Clean(css)) {
    if (c == '/' && !out.empty() && out.back() == '<') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace

std::string ToHtml(const Document& document, std::string_view css) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'sha256-" +
      std::string(kScriptHash) +
      "'; img-src data:\">\n<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
      EscapeHtml(document.title) + "</title>\n<style>\n" + kStyle + SafeStyle(css) +
      "</style>\n</head>\n<body>\n<header>\n<h1>" + EscapeHtml(document.title) + "</h1>\n";
  for (const std::string& verdict : {document.verdict, document.graph_verdict}) {
    if (!verdict.empty()) out += "<p class=\"verdict\">" + EscapeHtml(verdict) + "</p>\n";
  }
  out += "<dl>\n";
  for (const auto& [name, value] : document.head) {
    out += "<dt>" + EscapeHtml(name) + "</dt><dd>" + EscapeHtml(value) + "</dd>\n";
  }
  out += "</dl>\n<nav aria-label=\"sections\">";
  for (const Section& section : document.sections) {
    out += "<a href=\"#" + EscapeHtml(section.id) + "\">" + EscapeHtml(section.title) + "</a> ";
  }
  out += "</nav>\n</header>\n<main>\n";
  for (const Section& section : document.sections) {
    out += "<section id=\"" + EscapeHtml(section.id) + "\">\n<h2>" + EscapeHtml(section.title) +
           "</h2>\n";
    if (!section.missing.empty()) {
      out += "<p class=\"missing\">" + EscapeHtml(section.missing) + "</p>\n";
    }
    for (const Section::Block& block : section.blocks) out += std::visit(BlockHtml{}, block);
    out += "</section>\n";
  }
  out += "</main>\n<script type=\"application/json\" id=\"undula-data\">\n" + ToJson(document) +
         "</script>\n<script>" + kScript + "</script>\n</body>\n</html>\n";
  return out;
}

}  // namespace undula::cli::report
