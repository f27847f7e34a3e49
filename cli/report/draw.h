// Charts and pictures as SVG. Complete without a script; colors and fonts are the page's styles.
#ifndef UNDULA_CLI_REPORT_DRAW_H_
#define UNDULA_CLI_REPORT_DRAW_H_

#include <cstdint>
#include <string>

#include "cli/report/document.h"

namespace undula::cli::report {

inline constexpr int kColors = 8;           // styles c0 to c7
inline constexpr size_t kMostPoints = 400;  // of a series; longer ones are thinned

std::string Draw(const LineChart& chart);
std::string Draw(const BarChart& chart);
std::string Draw(const ForestChart& chart);
// The order within columns is the one with fewest crossings where that can be tried, else that of
// two sweeps by the mean place of neighbors.
std::string Draw(const PathPicture& picture);
// Labels that overlap are pushed apart; edges are named where there are few.
std::string Draw(const GraphPicture& picture);

// Values that the drawing leaves out because they are not finite (or, on a logarithmic axis, not
// above 0).
int64_t LeftOut(const LineChart& chart);

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_DRAW_H_
