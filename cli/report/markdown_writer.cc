#include <string>

#include "cli/report/text.h"
#include "cli/report/writers.h"

namespace undula::cli::report {
namespace {

struct CellMarkdown {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const std::string& text) const { return EscapeMarkdown(text); }
  std::string operator()(int64_t number) const { return HumanNumber(number); }
  std::string operator()(const Number& number) const {
    std::string out = HumanNumber(number.value);
    if (number.best) out = "**" + out + "**";
    if (!number.interval.has_value()) return out;
    return out + " (" + HumanNumber(number.interval->first) + " .. " +
           HumanNumber(number.interval->second) + ")";
  }
};

std::string Line(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += " " + cell + " |";
  return out + "\n";
}

struct BlockMarkdown {
  std::string operator()(const Paragraph& p) const { return EscapeMarkdown(p.text) + "\n\n"; }
  std::string operator()(const Table& table) const {
    std::string out = EscapeMarkdown(table.caption);
    if (table.left_out > 0) {
      out += " (" + HumanNumber(table.left_out) + " further rows are left out)";
    }
    out += ":\n\n";
    std::vector<std::string> names;
    for (const std::string& column : table.columns) names.push_back(EscapeMarkdown(column));
    out += Line(names) + Line(std::vector<std::string>(table.columns.size(), "---"));
    for (const auto& row : table.rows) {
      std::vector<std::string> cells;
      for (const Cell& cell : row) cells.push_back(std::visit(CellMarkdown{}, cell.value));
      cells.resize(table.columns.size());
      out += Line(cells);
    }
    return out + "\n";
  }
  std::string Words(const std::string& title, const std::string& message) const {
    return "*" + EscapeMarkdown(title) + ".* " + EscapeMarkdown(message) + "\n\n";
  }
  std::string operator()(const LineChart& c) const { return Words(c.title, c.message); }
  std::string operator()(const BarChart& c) const { return Words(c.title, c.message); }
  std::string operator()(const ForestChart& c) const { return Words(c.title, c.message); }
  std::string operator()(const PathPicture& p) const { return Words(p.title, p.message); }
  std::string operator()(const GraphPicture& p) const { return Words(p.title, p.message); }
};

}  // namespace

std::string ToMarkdown(const Document& document) {
  std::string out = "# " + EscapeMarkdown(document.title) + "\n\n";
  for (const std::string& verdict : {document.verdict, document.graph_verdict}) {
    if (!verdict.empty()) out += "> " + EscapeMarkdown(verdict) + "\n\n";
  }
  for (const auto& [name, value] : document.head) {
    out += "- " + EscapeMarkdown(name) + ": " + EscapeMarkdown(value) + "\n";
  }
  for (const Section& section : document.sections) {
    out += "\n## " + EscapeMarkdown(section.title) + "\n\n";
    if (!section.missing.empty()) out += EscapeMarkdown(section.missing) + "\n\n";
    for (const Section::Block& block : section.blocks) out += std::visit(BlockMarkdown{}, block);
  }
  return out;
}

}  // namespace undula::cli::report
