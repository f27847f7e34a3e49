#include "queries/path_metrics.h"

#include <algorithm>
#include <map>

namespace undula::queries {
namespace {

constexpr double kBeta = .3;

}  // namespace

std::vector<double> SmoothedRanks(std::span<const double> ascending) {
  std::vector<double> out(ascending.begin(), ascending.end());
  for (size_t i = 1; i < out.size(); ++i) out[i] = (1 - kBeta) * out[i - 1] + kBeta * ascending[i];
  if (out.empty()) return out;
  const auto [low, high] = std::minmax_element(out.begin(), out.end());
  const double least = *low, range = *high - *low;
  for (double& value : out) value = range > 0 ? (value - least) / range : 1;
  return out;
}

PathVariety VarietyOf(std::span<const ShownPath> paths, size_t possible_types) {
  PathVariety out;
  if (paths.empty()) return out;
  std::set<std::string> starts, entities, patterns;
  std::map<std::string, double> types;
  double with_start = 0;
  for (const ShownPath& path : paths) {
    if (!path.start.empty()) {
      starts.insert(path.start);
      ++with_start;
    }
    entities.insert(path.entity);
    patterns.insert(path.pattern);
    ++types[path.type];
  }
  const auto n = static_cast<double>(paths.size());
  if (with_start > 0) out.starts = static_cast<double>(starts.size()) / with_start;
  out.entities = static_cast<double>(entities.size()) / n;
  out.patterns = static_cast<double>(patterns.size()) / n;
  out.types = static_cast<double>(types.size()) /
              std::min(n, static_cast<double>(std::max(possible_types, types.size())));
  if (paths.size() > 1) {
    double alike = 0;
    for (const auto& [type, count] : types) alike += count * (count - 1);
    out.evenness = 1 - alike / (n * (n - 1));
  }
  return out;
}

double Jaccard(const std::set<std::string>& a, const std::set<std::string>& b) {
  if (a.empty() && b.empty()) return 1;
  const auto common =
      std::count_if(a.begin(), a.end(), [&](const std::string& s) { return b.contains(s); });
  return static_cast<double>(common) /
         static_cast<double>(a.size() + b.size() - static_cast<size_t>(common));
}

}  // namespace undula::queries
