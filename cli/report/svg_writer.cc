#include "cli/report/svg_writer.h"

#include <cmath>
#include <cstdio>

#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

std::string Attribute(const char* name, double value) {
  return std::string(" ") + name + "=\"" + Coordinate(value) + "\"";
}

std::string Class(std::string_view cls) {
  return cls.empty() ? std::string() : " class=\"" + EscapeHtml(cls) + "\"";
}

std::string Tip(std::string_view tip) {
  return tip.empty() ? std::string() : "<title>" + EscapeHtml(tip) + "</title>";
}

}  // namespace

std::string Coordinate(double value) {
  if (!std::isfinite(value)) return "0";
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, "%.2f", value);
  std::string text = buffer;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

SvgWriter::SvgWriter(double width, double height, std::string_view title,
                     std::string_view description) {
  const std::string w = Coordinate(width), h = Coordinate(height);
  out_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 " + w + " " + h +
         "\" width=\"" + w + "\" height=\"" + h + "\"><title>" + EscapeHtml(title) +
         "</title><desc>" + EscapeHtml(description) + "</desc>\n";
}

void SvgWriter::Close(const char* element, std::string_view content) {
  if (content.empty()) {
    out_ += "/>\n";
  } else {
    out_ += ">" + std::string(content) + "</" + element + ">\n";
  }
}

void SvgWriter::Line(double x1, double y1, double x2, double y2, std::string_view cls,
                     std::string_view tip) {
  out_ += "<line" + Class(cls) + Attribute("x1", x1) + Attribute("y1", y1) + Attribute("x2", x2) +
          Attribute("y2", y2);
  Close("line", Tip(tip));
}

void SvgWriter::Rect(double x, double y, double width, double height, std::string_view cls,
                     std::string_view tip) {
  out_ += "<rect" + Class(cls) + Attribute("x", x) + Attribute("y", y) +
          Attribute("width", std::fmax(width, 0)) + Attribute("height", std::fmax(height, 0));
  Close("rect", Tip(tip));
}

void SvgWriter::Circle(double x, double y, double radius, std::string_view cls,
                       std::string_view tip) {
  out_ += "<circle" + Class(cls) + Attribute("cx", x) + Attribute("cy", y) + Attribute("r", radius);
  Close("circle", Tip(tip));
}

void SvgWriter::Polyline(const std::vector<std::pair<double, double>>& points,
                         std::string_view cls) {
  std::string path;
  bool open = false;
  for (const auto& [x, y] : points) {
    if (!std::isfinite(x) || !std::isfinite(y)) {
      open = false;
      continue;
    }
    path += (open ? "L" : "M") + Coordinate(x) + " " + Coordinate(y);
    open = true;
  }
  if (path.empty()) return;
  out_ += "<path" + Class(cls) + " d=\"" + path + "\"";
  Close("path", {});
}

void SvgWriter::Curve(double x1, double y1, double x2, double y2, double width,
                      std::string_view cls, std::string_view tip) {
  const std::string middle = Coordinate((x1 + x2) / 2);
  out_ += "<path" + Class(cls) + Attribute("stroke-width", width) + " d=\"M" + Coordinate(x1) +
          " " + Coordinate(y1) + "C" + middle + " " + Coordinate(y1) + " " + middle + " " +
          Coordinate(y2) + " " + Coordinate(x2) + " " + Coordinate(y2) + "\"";
  Close("path", Tip(tip));
}

void SvgWriter::Text(double x, double y, std::string_view text, std::string_view anchor,
                     std::string_view cls, std::string_view tip) {
  out_ += "<text" + Class(cls) + Attribute("x", x) + Attribute("y", y) + " text-anchor=\"" +
          EscapeHtml(anchor) + "\"";
  Close("text", EscapeHtml(text) + Tip(tip));
}

void SvgWriter::TurnedText(double x, double y, std::string_view text, std::string_view cls) {
  out_ += "<text" + Class(cls) + " text-anchor=\"middle\" transform=\"translate(" + Coordinate(x) +
          " " + Coordinate(y) + ") rotate(-90)\"";
  Close("text", EscapeHtml(text));
}

void SvgWriter::BeginGroup(std::string_view cls) { out_ += "<g" + Class(cls) + ">\n"; }
void SvgWriter::EndGroup() { out_ += "</g>\n"; }

std::string SvgWriter::Finish() { return out_ + "</svg>\n"; }

}  // namespace undula::cli::report
