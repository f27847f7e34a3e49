// The drawing of a neighborhood: vertices where the layout has put them, labels pushed apart.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/report/draw.h"
#include "cli/report/svg_writer.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr double kFont = 11, kLine = 13, kWidth = 720, kHeight = 520, kMargin = 70;
constexpr size_t kLabel = 24;       // characters
constexpr size_t kNamedEdges = 16;  // with more of them names would hide the picture
constexpr int kRounds = 60;

// A text's middle and size.
struct Box {
  double x, y, width;
};

double Overlap(double a, double b, double room) { return room - std::fabs(a - b); }

// Moves boxes that overlap apart, each by half of what it takes, where that is shorter.
void PushApart(std::vector<Box>* boxes) {
  for (int round = 0; round < kRounds; ++round) {
    for (size_t a = 0; a < boxes->size(); ++a) {
      for (size_t b = a + 1; b < boxes->size(); ++b) {
        Box &one = (*boxes)[a], &two = (*boxes)[b];
        const double across = Overlap(one.x, two.x, (one.width + two.width) / 2 + 2);
        const double down = Overlap(one.y, two.y, kLine);
        if (across <= 0 || down <= 0) continue;
        double Box::*const way = down <= across ? &Box::y : &Box::x;
        const double step = std::min(down, across) / 2;
        const bool first = one.*way < two.*way || (one.*way == two.*way && a < b);
        one.*way += first ? -step : step;
        two.*way += first ? step : -step;
      }
    }
    for (Box& box : *boxes) {
      box.x = std::clamp(box.x, box.width / 2, std::max(box.width / 2, kWidth - box.width / 2));
      box.y = std::clamp(box.y, kLine, kHeight - 4);
    }
  }
}

double Place(double at, double size) {
  return kMargin + (std::isfinite(at) ? std::clamp(at, 0.0, 1.0) : 0.5) * (size - 2 * kMargin);
}

}  // namespace

std::string Draw(const GraphPicture& picture) {
  SvgWriter svg(kWidth, kHeight, picture.title, picture.message);
  std::vector<std::pair<double, double>> at;
  std::vector<Box> boxes;
  for (const GraphPicture::Vertex& v : picture.vertices) {
    at.emplace_back(Place(v.x, kWidth), Place(v.y, kHeight));
    boxes.push_back(
        {at.back().first, at.back().second + 18, TextWidth(Shorten(v.label, kLabel), kFont)});
  }
  const size_t names = boxes.size();
  const bool named = picture.edges.size() <= kNamedEdges;
  for (const GraphPicture::Edge& edge : picture.edges) {
    const auto [x1, y1] = at[edge.from];
    const auto [x2, y2] = at[edge.to];
    svg.Line(x1, y1, x2, y2, "edge tie",
             picture.vertices[edge.from].label + " " + edge.label + " " +
                 picture.vertices[edge.to].label);
    if (named) {
      boxes.push_back(
          {(x1 + x2) / 2, (y1 + y2) / 2 - 4, TextWidth(Shorten(edge.label, kLabel), kFont)});
    }
  }
  PushApart(&boxes);
  for (size_t i = names; i < boxes.size(); ++i) {
    const std::string& label = picture.edges[i - names].label;
    svg.Text(boxes[i].x, boxes[i].y, Shorten(label, kLabel), "middle", "phrase", label);
  }
  for (size_t v = 0; v < picture.vertices.size(); ++v) {
    const std::string& label = picture.vertices[v].label;
    if (v == 0) {
      svg.Circle(at[v].first, at[v].second, 9, "target", label);
      svg.Circle(at[v].first, at[v].second, 5, "target", label);
    } else {
      svg.Circle(at[v].first, at[v].second, 5, "entity", label);
    }
    svg.Text(boxes[v].x, boxes[v].y, Shorten(label, kLabel), "middle", "name", label);
  }
  return svg.Finish();
}

}  // namespace undula::cli::report
