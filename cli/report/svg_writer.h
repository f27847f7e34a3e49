// SVG as text: escapes, two decimals, no exponents. What it writes is a fragment of HTML and, on
// its own, an XML document.
#ifndef UNDULA_CLI_REPORT_SVG_WRITER_H_
#define UNDULA_CLI_REPORT_SVG_WRITER_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace undula::cli::report {

// "12.5", "-0.25": at most two decimals, never "-0"; values that are not finite are 0.
std::string Coordinate(double value);

class SvgWriter {
 public:
  // `title` and `description` are read aloud; the description says what the picture shows.
  SvgWriter(double width, double height, std::string_view title, std::string_view description);

  // `cls` names styles of the page; `tip` appears under the pointer where not empty.
  void Line(double x1, double y1, double x2, double y2, std::string_view cls,
            std::string_view tip = {});
  void Rect(double x, double y, double width, double height, std::string_view cls,
            std::string_view tip = {});
  void Circle(double x, double y, double radius, std::string_view cls, std::string_view tip = {});
  // Straight lines through the points; a gap at points that are not finite.
  void Polyline(const std::vector<std::pair<double, double>>& points, std::string_view cls);
  // From left to right, with level ends.
  void Curve(double x1, double y1, double x2, double y2, double width, std::string_view cls,
             std::string_view tip = {});
  // anchor: "start", "middle" or "end".
  void Text(double x, double y, std::string_view text, std::string_view anchor,
            std::string_view cls, std::string_view tip = {});
  void TurnedText(double x, double y, std::string_view text, std::string_view cls);
  void BeginGroup(std::string_view cls);
  void EndGroup();

  std::string Finish();

 private:
  void Close(const char* element, std::string_view content);
  std::string out_;
};

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_SVG_WRITER_H_
