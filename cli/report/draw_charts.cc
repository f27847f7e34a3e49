#include <algorithm>
#include <cmath>

#include "cli/report/axis.h"
#include "cli/report/draw.h"
#include "cli/report/svg_writer.h"
#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr double kWidth = 640, kFont = 11;

struct Frame {
  double left, top, right, bottom;  // of the plot
  const Axis* x;
  const Axis* y;
  double X(double value) const { return left + x->At(value) * (right - left); }
  double Y(double value) const { return bottom - y->At(value) * (bottom - top); }
};

double WidestTick(const Axis& axis) {
  double width = 0;
  for (const Axis::Tick& tick : axis.ticks()) width = std::max(width, TextWidth(tick.label, kFont));
  return width;
}

// Half the width of the last tick's label, and some space.
double LastTickHalf(const Axis& axis) {
  return axis.ticks().empty() ? 4 : 4 + TextWidth(axis.ticks().back().label, kFont) / 2;
}

void DrawYAxis(const Frame& f, const std::string& label, SvgWriter* svg) {
  for (const Axis::Tick& tick : f.y->ticks()) {
    const double y = f.Y(tick.value);
    svg->Line(f.left, y, f.right, y, "grid");
    svg->Text(f.left - 6, y + 4, tick.label, "end", "tick");
  }
  svg->TurnedText(12, (f.top + f.bottom) / 2, label, "label");
}

void DrawXAxis(const Frame& f, const std::string& label, SvgWriter* svg) {
  double free_from = -1e9;
  for (const Axis::Tick& tick : f.x->ticks()) {
    const double x = f.X(tick.value), half = TextWidth(tick.label, kFont) / 2;
    svg->Line(x, f.bottom, x, f.bottom + 4, "axis");
    if (x - half < free_from) continue;  // it would touch the one before
    svg->Text(x, f.bottom + 17, tick.label, "middle", "tick");
    free_from = x + half + 6;
  }
  svg->Line(f.left, f.bottom, f.right, f.bottom, "axis");
  svg->Text((f.left + f.right) / 2, f.bottom + 36, label, "middle", "label");
}

std::string SeriesClass(int color) {
  const int c = ((color % kColors) + kColors) % kColors;
  return "c" + std::to_string(c) + " d" + std::to_string(color / kColors % 3);
}

// Texts at the right ends of lines, moved apart where they would overlap.
struct EndLabel {
  double y;
  std::string text, cls;
};

void DrawEndLabels(std::vector<EndLabel> labels, const Frame& f, SvgWriter* svg) {
  std::stable_sort(labels.begin(), labels.end(),
                   [](const EndLabel& a, const EndLabel& b) { return a.y < b.y; });
  constexpr double kStep = 13;
  double free_from = f.top;
  for (EndLabel& l : labels) free_from = (l.y = std::max(l.y, free_from)) + kStep;
  double free_to = f.bottom + kStep;
  for (auto l = labels.rbegin(); l != labels.rend(); ++l) {
    free_to = (l->y = std::min(l->y, free_to - kStep));
  }
  for (const EndLabel& l : labels) {
    svg->Text(f.right + 8, l.y + 4, l.text, "start", "end " + l.cls);
  }
}

bool Shown(double value, bool logarithmic) {
  return std::isfinite(value) && (!logarithmic || value > 0);
}

std::vector<std::pair<double, double>> Stairs(
    const std::vector<std::pair<double, double>>& points) {
  std::vector<std::pair<double, double>> out;
  for (const auto& p : points) {
    if (!out.empty()) out.emplace_back(p.first, out.back().second);
    out.push_back(p);
  }
  return out;
}

}  // namespace

int64_t LeftOut(const LineChart& chart) {
  int64_t n = 0;
  for (const Series& series : chart.series) {
    for (const auto& [x, y] : series.points) n += !Shown(x, chart.log_x) || !Shown(y, chart.log_y);
  }
  return n;
}

std::string Draw(const LineChart& chart) {
  constexpr double kHeight = 300;
  std::vector<double> xs, ys;
  double label_width = 0;
  for (const Series& series : chart.series) {
    for (const auto& [x, y] : series.points) {
      if (!Shown(x, chart.log_x) || !Shown(y, chart.log_y)) continue;
      xs.push_back(x);
      ys.push_back(y);
    }
    if (!series.thin && chart.series.size() > 1) {
      label_width = std::max(label_width, TextWidth(Shorten(series.name, 24), kFont) + 12);
    }
  }
  const Axis x(xs, chart.log_x, 8), y(ys, chart.log_y);
  const Frame f{34 + WidestTick(y), 10, kWidth - std::max(LastTickHalf(x), 14 + label_width),
                kHeight - 46,       &x, &y};
  SvgWriter svg(kWidth, kHeight, chart.title, chart.message);
  DrawYAxis(f, chart.y_label, &svg);
  DrawXAxis(f, chart.x_label, &svg);
  std::vector<EndLabel> labels;
  for (const Series& series : chart.series) {
    const std::string color = SeriesClass(series.color);
    svg.BeginGroup("series " + color + (series.thin ? " thin" : ""));
    std::vector<std::pair<double, double>> at;
    double end = f.bottom;
    for (const auto& [px, py] : Thin(series.points, kMostPoints)) {
      const bool shown = Shown(px, chart.log_x) && Shown(py, chart.log_y);
      at.emplace_back(f.X(px), shown ? f.Y(py) : NAN);
      if (shown) end = at.back().second;
      if (chart.points_only && shown) {
        svg.Circle(at.back().first, end, 3.5, "point",
                   series.name + ": " + HumanNumber(px) + ", " + HumanNumber(py));
      }
    }
    if (!chart.points_only) svg.Polyline(series.stairs ? Stairs(at) : at, "line");
    for (const auto& [px, py] : series.points) {
      if (!series.mark.has_value() || px != *series.mark || !Shown(py, chart.log_y)) continue;
      svg.Circle(
          f.X(px), f.Y(py), series.thin ? 2.5 : 4, "mark",
          series.name + ", " + series.mark_text + " " + HumanNumber(px) + ": " + HumanNumber(py));
    }
    svg.EndGroup();
    if (label_width > 0 && !series.thin) {
      labels.push_back({end, Shorten(series.name, 24), color});
    }
  }
  DrawEndLabels(std::move(labels), f, &svg);
  return svg.Finish();
}

std::string Draw(const BarChart& chart) {
  constexpr double kHeight = 250;
  std::vector<double> all;
  for (const auto& row : chart.values) all.insert(all.end(), row.begin(), row.end());
  const Axis y(all, false, 5, true);
  const Axis x({0, 1}, false);
  const double legend = chart.series.size() > 1 ? 20 : 0;
  const Frame f{34 + WidestTick(y), 10 + legend, kWidth - 14, kHeight - 46, &x, &y};
  SvgWriter svg(kWidth, kHeight, chart.title, chart.message);
  DrawYAxis(f, chart.y_label, &svg);
  double at = f.left;
  for (size_t s = 0; legend > 0 && s < chart.series.size(); ++s) {
    const std::string name = Shorten(chart.series[s], 24);
    svg.BeginGroup(SeriesClass(static_cast<int>(s)));
    svg.Rect(at, 4, 10, 10, "bar");
    svg.EndGroup();
    svg.Text(at + 14, 13, name, "start", "tick");
    at += TextWidth(name, kFont) + 30;
  }
  const auto n = static_cast<double>(std::max<size_t>(chart.bars.size(), 1));
  const double slot = (f.right - f.left) / n;
  const auto of_slot = static_cast<double>(std::max<size_t>(chart.values.size(), 1));
  const double bar = std::min(slot * 0.8 / of_slot, 48.0);
  double free_from = -1e9;
  for (size_t b = 0; b < chart.bars.size(); ++b) {
    const double left = f.left + static_cast<double>(b) * slot, middle = left + slot / 2;
    for (size_t s = 0; s < chart.values.size(); ++s) {
      const double value = b < chart.values[s].size() ? chart.values[s][b] : NAN;
      if (!std::isfinite(value)) continue;
      svg.BeginGroup(SeriesClass(static_cast<int>(s)));
      svg.Rect(middle + (static_cast<double>(s) - of_slot / 2) * bar, std::min(f.Y(value), f.Y(0)),
               bar, std::abs(f.Y(0) - f.Y(value)), "bar",
               (chart.series.empty() ? "" : chart.series[s] + ", ") + chart.bars[b] + ": " +
                   HumanNumber(value));
      svg.EndGroup();
    }
    const std::string name = Shorten(chart.bars[b], 14);
    const double half = TextWidth(name, kFont) / 2;
    if (middle - half < free_from) continue;
    svg.Text(middle, f.bottom + 17, name, "middle", "tick");
    free_from = middle + half + 4;
  }
  svg.Line(f.left, f.Y(0), f.right, f.Y(0), "axis");
  svg.Text((f.left + f.right) / 2, f.bottom + 36, chart.x_label, "middle", "label");
  return svg.Finish();
}

std::string Draw(const ForestChart& chart) {
  constexpr double kRow = 24;
  std::vector<double> all = {0};
  double names = 40;
  for (const ForestChart::Row& row : chart.rows) {
    all.insert(all.end(), {row.value, row.low, row.high});
    names = std::max(names, TextWidth(Shorten(row.name, 40), kFont));
  }
  const double height = 58 + kRow * static_cast<double>(chart.rows.size());
  const Axis x(all, false, 6), y({0, 1}, false);
  const Frame f{names + 16, 8, kWidth - 110, height - 46, &x, &y};
  SvgWriter svg(kWidth, height, chart.title, chart.message);
  for (const Axis::Tick& tick : x.ticks()) {
    svg.Line(f.X(tick.value), f.top, f.X(tick.value), f.bottom, "grid");
  }
  svg.Line(f.X(0), f.top, f.X(0), f.bottom, "zero");
  double middle = f.top + kRow / 2;
  for (const ForestChart::Row& row : chart.rows) {
    const std::string text = (row.value > 0 ? "+" : "") + HumanNumber(row.value);
    svg.Text(f.left - 8, middle + 4, Shorten(row.name, 40), "end", "tick", row.name);
    svg.BeginGroup(row.low > 0 || row.high < 0 ? "c0" : "unclear");
    svg.Line(f.X(row.low), middle, f.X(row.high), middle, "line");
    svg.Circle(
        f.X(row.value), middle, 4, "mark",
        row.name + ": " + text + " [" + HumanNumber(row.low) + ", " + HumanNumber(row.high) + "]");
    svg.EndGroup();
    svg.Text(f.right + 10, middle + 4, text, "start", "tick");
    middle += kRow;
  }
  DrawXAxis(f, chart.x_label, &svg);
  return svg.Finish();
}

}  // namespace undula::cli::report
