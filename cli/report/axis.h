// An axis of a chart: its range, where its ticks stand, and what they are called.
#ifndef UNDULA_CLI_REPORT_AXIS_H_
#define UNDULA_CLI_REPORT_AXIS_H_

#include <string>
#include <utility>
#include <vector>

namespace undula::cli::report {

class Axis {
 public:
  // Covers the finite values (of a logarithmic axis: those above 0). One value, all equal ones and
  // none are fine. At most about `ticks` ticks at 1, 2 or 5 times a power of ten; a logarithmic
  // axis has them at powers of ten.
  Axis(const std::vector<double>& values, bool logarithmic, int ticks = 6,
       bool include_zero = false);

  // Where `value` lies: 0 at the low end, 1 at the high end. NaN for what the axis cannot show.
  double At(double value) const;
  double low() const { return low_; }
  double high() const { return high_; }
  struct Tick {
    double value;
    std::string label;
  };
  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  void PlaceLinear(int ticks);
  void PlaceLogarithmic();

  bool logarithmic_;
  double low_ = 0, high_ = 1;
  std::vector<Tick> ticks_;
};

// `points` thinned to at most `most` by largest triangles (Steinarsson 2013): the first and the
// last stay, and of each part the point that spans most with its neighbors. Points that are not
// finite go first where any have to go.
std::vector<std::pair<double, double>> Thin(const std::vector<std::pair<double, double>>& points,
                                            size_t most);

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_AXIS_H_
