#include "cli/report/axis.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "cli/report/text.h"

namespace undula::cli::report {
namespace {

constexpr double kHuge = 1e300;  // above: not shown, so that ranges stay finite

// With as many decimals as the step has; far from 1 in the form of a power of ten.
std::string Label(double value, double step) {
  if (value == 0) return "0";
  const double size = std::max(std::abs(value), step);
  if (size >= 1e7 || size < 1e-4) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.3g", value);
    return buffer;
  }
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  if (decimals == 0) return HumanNumber(static_cast<int64_t>(std::llround(value)));
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  return buffer;
}

}  // namespace

Axis::Axis(const std::vector<double>& values, bool logarithmic, int ticks, bool include_zero)
    : logarithmic_(logarithmic) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double v : values) {
    if (!(std::abs(v) < kHuge) || (logarithmic && v <= 0)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  if (low > high) low = logarithmic ? 1 : 0, high = logarithmic ? 10 : 1;
  if (logarithmic) {
    low_ = std::pow(10, std::floor(std::log10(low) + 1e-9));
    high_ = std::pow(10, std::ceil(std::log10(high) - 1e-9));
    if (low_ >= high_) high_ = low_ * 10;
    PlaceLogarithmic();
    return;
  }
  if (include_zero) low = std::min(low, 0.0), high = std::max(high, 0.0);
  if (high - low <= 1e-12 * std::max(std::abs(low), std::abs(high))) {
    const double around = low == 0 ? 1 : std::abs(low) / 2;
    low -= around;
    high += around;
    if (include_zero) low = std::min(low, 0.0);
  }
  low_ = low;
  high_ = high;
  PlaceLinear(ticks);
}

void Axis::PlaceLinear(int ticks) {
  const double raw = (high_ - low_) / std::max(ticks, 1);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = power * 10;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  const double first = std::floor(low_ / step + 1e-9), last = std::ceil(high_ / step - 1e-9);
  low_ = first * step;
  high_ = last * step;
  for (double i = first; i <= last; ++i) ticks_.push_back({i * step, Label(i * step, step)});
}

void Axis::PlaceLogarithmic() {
  const int first = static_cast<int>(std::lround(std::log10(low_)));
  const int last = static_cast<int>(std::lround(std::log10(high_)));
  const int stride = std::max(1, (last - first + 7) / 8);
  for (int i = first; i <= last; i += stride) {
    const double value = std::pow(10, i);
    ticks_.push_back({value, Label(value, value)});
  }
}

double Axis::At(double value) const {
  if (!logarithmic_) return (value - low_) / (high_ - low_);
  if (!(value > 0)) return std::numeric_limits<double>::quiet_NaN();
  return std::log(value / low_) / std::log(high_ / low_);
}

std::vector<std::pair<double, double>> Thin(const std::vector<std::pair<double, double>>& points,
                                            size_t most) {
  if (points.size() <= most || most < 3) return points;
  std::vector<std::pair<double, double>> finite;
  for (const auto& p : points) {
    if (std::isfinite(p.first) && std::isfinite(p.second)) finite.push_back(p);
  }
  if (finite.size() <= most) return finite;
  std::vector<std::pair<double, double>> out = {finite.front()};
  const size_t inner = finite.size() - 2, parts = most - 2;
  for (size_t part = 0; part < parts; ++part) {
    const size_t begin = 1 + inner * part / parts, end = 1 + inner * (part + 1) / parts;
    const size_t next_end = std::min(1 + inner * (part + 2) / parts, finite.size());
    double x = 0, y = 0;
    for (size_t i = end; i < next_end; ++i) x += finite[i].first, y += finite[i].second;
    if (end == next_end) {
      x = finite.back().first, y = finite.back().second;
    } else {
      x /= static_cast<double>(next_end - end), y /= static_cast<double>(next_end - end);
    }
    double best = -1;
    size_t chosen = begin;
    const auto [x0, y0] = out.back();
    for (size_t i = begin; i < end; ++i) {
      const double area =
          std::abs((x0 - x) * (finite[i].second - y0) - (x0 - finite[i].first) * (y - y0));
      if (area > best) best = area, chosen = i;
    }
    out.push_back(finite[chosen]);
  }
  out.push_back(finite.back());
  return out;
}

}  // namespace undula::cli::report
