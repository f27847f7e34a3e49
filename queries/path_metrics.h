// Measures of shown paths that need nothing but the paths: how recent, popular and varied they are.
// LIR, SEP and the varieties after Balloccu, Boratto, Fenu, Marras, "Post processing recommender
// systems with knowledge graphs for recency, popularity, and diversity of explanations", SIGIR
// 2022, and their "Reinforcement recommendation reasoning through knowledge graphs for explanation
// path quality", Knowledge-Based Systems 260 (2023).
#ifndef UNDULA_QUERIES_PATH_METRICS_H_
#define UNDULA_QUERIES_PATH_METRICS_H_

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace undula::queries {

// The moving average with weight .3 for the new value over `ascending`, min-max to [0, 1]; all 1
// where all values are equal. Over times it is LIR, over degrees SEP.
std::vector<double> SmoothedRanks(std::span<const double> ascending);

// A path as far as its variety goes.
struct ShownPath {
  std::string start;    // the item of the history; empty: it starts at none
  std::string entity;   // the last vertex between
  std::string type;     // the last relation
  std::string pattern;  // all relations in their order
};

struct PathVariety {
  double starts = 0;    // LID: distinct starts / paths that have one; 0 where none has
  double entities = 0;  // SED: distinct entities / paths
  double patterns = 0;  // PPT: distinct patterns / paths
  double types = 0;     // PTD: distinct types / min(paths, possible types)
  // PTC: 1 - sum n (n - 1) / (N (N - 1)) over types of n among N paths; 0 of a single path.
  double evenness = 0;
};

// Of all paths of a user; all 0 of none.
PathVariety VarietyOf(std::span<const ShownPath> paths, size_t possible_types);

// Common ones / all; 1 of two empty sets.
double Jaccard(const std::set<std::string>& a, const std::set<std::string>& b);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_PATH_METRICS_H_
