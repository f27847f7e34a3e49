// The layered drawing of paths: columns = hops.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "cli/report/draw.h"
#include "cli/report/svg_writer.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr double kFont = 11, kRow = 46, kColumn = 200;
constexpr size_t kLabel = 24;       // characters
constexpr size_t kTriedColumn = 6;  // vertices of a column whose every order is tried

class Layout {
 public:
  explicit Layout(const PathPicture& picture) : picture_(picture), place_(picture.vertices.size()) {
    for (size_t v = 0; v < picture.vertices.size(); ++v) {
      columns_[picture.vertices[v].column].push_back(v);
    }
    for (auto& [column, vertices] : columns_) Place(vertices);
    for (int sweep = 0; sweep < 2; ++sweep) {
      for (auto& [column, vertices] : columns_) Order(&vertices);
      for (auto it = columns_.rbegin(); it != columns_.rend(); ++it) Order(&it->second);
    }
  }

  size_t columns() const { return columns_.size(); }
  size_t tallest() const {
    size_t most = 1;
    for (const auto& [column, vertices] : columns_) most = std::max(most, vertices.size());
    return most;
  }
  double X(size_t v) const {
    const auto it = columns_.find(picture_.vertices[v].column);
    return 90 + kColumn * static_cast<double>(std::distance(columns_.begin(), it));
  }
  // Columns are centered.
  double Y(size_t v) const { return 30 + kRow * (place_[v] + Center()); }

 private:
  double Center() const { return (static_cast<double>(tallest()) - 1) / 2; }

  void Place(const std::vector<size_t>& vertices) {
    const double middle = (static_cast<double>(vertices.size()) - 1) / 2;
    for (size_t i = 0; i < vertices.size(); ++i) {
      place_[vertices[i]] = static_cast<double>(i) - middle;
    }
  }

  int64_t Crossings() const {
    int64_t n = 0;
    const auto& edges = picture_.edges;
    for (size_t a = 0; a < edges.size(); ++a) {
      for (size_t b = a + 1; b < edges.size(); ++b) {
        if (picture_.vertices[edges[a].from].column != picture_.vertices[edges[b].from].column) {
          continue;
        }
        const double from = place_[edges[a].from] - place_[edges[b].from];
        const double to = place_[edges[a].to] - place_[edges[b].to];
        n += from * to < 0;
      }
    }
    return n;
  }

  void Order(std::vector<size_t>* vertices) {
    std::map<size_t, double> mean;
    for (const size_t v : *vertices) {
      double sum = 0, n = 0;
      for (const PathPicture::Edge& e : picture_.edges) {
        if (static_cast<size_t>(e.from) == v) sum += place_[e.to], ++n;
        if (static_cast<size_t>(e.to) == v) sum += place_[e.from], ++n;
      }
      mean[v] = n > 0 ? sum / n : place_[v];
    }
    std::stable_sort(vertices->begin(), vertices->end(),
                     [&](size_t a, size_t b) { return mean[a] < mean[b]; });
    Place(*vertices);
    if (vertices->size() > kTriedColumn || picture_.edges.size() > 40) return;
    std::vector<size_t> best = *vertices, order = *vertices;
    int64_t fewest = Crossings();
    std::sort(order.begin(), order.end());
    while (fewest > 0) {
      Place(order);
      if (const int64_t n = Crossings(); n < fewest) fewest = n, best = order;
      if (!std::next_permutation(order.begin(), order.end())) break;
    }
    *vertices = best;
    Place(best);
  }

  const PathPicture& picture_;
  std::map<int, std::vector<size_t>> columns_;
  std::vector<double> place_;  // within the column, 0 = its middle
};

}  // namespace

std::string Draw(const PathPicture& picture) {
  const Layout layout(picture);
  const double width = 180 + kColumn * (static_cast<double>(layout.columns()) - 1);
  const double height = 40 + kRow * static_cast<double>(layout.tallest());
  SvgWriter svg(std::max(width, 180.0), height, picture.title, picture.message);
  for (const PathPicture::Edge& edge : picture.edges) {
    const double x1 = layout.X(edge.from), y1 = layout.Y(edge.from);
    const double x2 = layout.X(edge.to), y2 = layout.Y(edge.to);
    const double share = std::isfinite(edge.weight) ? std::clamp(edge.weight, 0.0, 1.0) : 0;
    svg.Curve(x1 + 8, y1, x2 - 8, y2, edge.model ? 1.5 + 4 * share : 1.5,
              edge.model ? "edge model" : "edge",
              edge.label + (edge.model ? ", weight " + HumanNumber(edge.weight) : ""));
    // A third of the way, where curves of one vertex have parted or not yet met.
    const double t = edge.from % 2 == 0 ? 0.42 : 0.58;
    svg.Text(x1 + (x2 - x1) * t, y1 + (y2 - y1) * (t * t * (3 - 2 * t)) - 5,
             Shorten(edge.label, kLabel), "middle", "phrase", edge.label);
  }
  for (size_t v = 0; v < picture.vertices.size(); ++v) {
    const PathPicture::Vertex& vertex = picture.vertices[v];
    const double x = layout.X(v), y = layout.Y(v);
    switch (vertex.shape) {
      case PathPicture::Shape::kItem:
        svg.Rect(x - 7, y - 7, 14, 14, "item", vertex.label);
        break;
      case PathPicture::Shape::kTarget:
        svg.Circle(x, y, 9, "target", vertex.label);
        svg.Circle(x, y, 5, "target", vertex.label);
        break;
      case PathPicture::Shape::kEntity:
        svg.Circle(x, y, 7, "entity", vertex.label);
        break;
    }
    svg.Text(x, y + 20, Shorten(vertex.label, kLabel), "middle", "name", vertex.label);
  }
  return svg.Finish();
}

}  // namespace undula::cli::report
