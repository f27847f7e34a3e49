#include <string>

#include "cli/report/text.h"
#include "cli/report/writers.h"

namespace undula::cli::report {
namespace {

// [a,b,c] of what fn gives for each element.
template <class Range, class Fn>
std::string List(const Range& range, const Fn& fn) {
  std::string out = "[";
  for (const auto& element : range) out += (out.size() > 1 ? "," : "") + fn(element);
  return out + "]";
}

std::string Field(const char* name, const std::string& json) {
  return std::string("\"") + name + "\":" + json;
}

struct CellJson {
  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(const std::string& text) const { return EscapeJson(text); }
  std::string operator()(int64_t number) const { return std::to_string(number); }
  std::string operator()(const Number& number) const {
    if (!number.interval.has_value()) return JsonNumber(number.value);
    return "{" + Field("value", JsonNumber(number.value)) + "," +
           Field("low", JsonNumber(number.interval->first)) + "," +
           Field("high", JsonNumber(number.interval->second)) + "}";
  }
};

std::string Row(const std::vector<Cell>& row) {
  return List(row, [](const Cell& cell) { return std::visit(CellJson{}, cell.value); });
}

// A block's member of "tables", "charts" or "pictures"; paragraphs are "notes".
struct BlockJson {
  const char* kind;  // of the blocks that are wanted
  std::string Of(const char* own, const std::string& json) const {
    return std::string_view(own) == kind ? json : std::string();
  }
  std::string operator()(const Paragraph& p) const { return Of("notes", EscapeJson(p.text)); }
  std::string operator()(const Table& t) const {
    return Of("tables", "{" + Field("id", EscapeJson(t.id)) + "," +
                            Field("caption", EscapeJson(t.caption)) + "," +
                            Field("columns", List(t.columns, EscapeJson)) + "," +
                            Field("left_out", std::to_string(t.left_out)) + "," +
                            Field("rows", List(t.rows, Row)) + "}");
  }
  std::string Chart(const std::string& title, const std::string& message) const {
    return Of("charts", "{" + Field("title", EscapeJson(title)) + "," +
                            Field("message", EscapeJson(message)) + "}");
  }
  std::string operator()(const LineChart& c) const { return Chart(c.title, c.message); }
  std::string operator()(const BarChart& c) const { return Chart(c.title, c.message); }
  std::string operator()(const ForestChart& c) const { return Chart(c.title, c.message); }
  std::string operator()(const PathPicture& p) const { return Chart(p.title, p.message); }
  std::string operator()(const GraphPicture& p) const { return Chart(p.title, p.message); }
};

std::string SectionJson(const Section& section) {
  std::string out = "{" + Field("id", EscapeJson(section.id)) + "," +
                    Field("title", EscapeJson(section.title)) + "," +
                    Field("missing", EscapeJson(section.missing));
  for (const char* kind : {"notes", "tables", "charts"}) {
    std::vector<std::string> found;
    for (const Section::Block& block : section.blocks) {
      if (std::string json = std::visit(BlockJson{kind}, block); !json.empty()) {
        found.push_back(std::move(json));
      }
    }
    out += "," + Field(kind, List(found, [](const std::string& json) { return json; }));
  }
  return out + "}";
}

}  // namespace

std::string ToJson(const Document& document) {
  return "{" + Field("undula_report", "1") + "," + Field("title", EscapeJson(document.title)) +
         "," + Field("verdict", EscapeJson(document.verdict)) + "," +
         Field("graph_verdict", EscapeJson(document.graph_verdict)) + ",\n" +
         Field("head", List(document.head,
                            [](const auto& entry) {
                              return "{" + Field("name", EscapeJson(entry.first)) + "," +
                                     Field("value", EscapeJson(entry.second)) + "}";
                            })) +
         ",\n" +
         Field("sections",
               List(document.sections,
                    [](const Section& section) { return "\n" + SectionJson(section); })) +
         "}\n";
}

}  // namespace undula::cli::report
