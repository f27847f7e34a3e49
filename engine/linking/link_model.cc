#include "linking/link_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

#include "base/status.h"

namespace undula::linking {
namespace {

constexpr std::array<std::string_view, kEvidenceCount> kNames = {
    "bias",      "same_words",  "edits",     "from_inner",     "from_head", "from_tail",
    "from_part", "of_head",     "of_bare",   "of_alias",       "length",    "same_year",
    "near_year", "other_year",  "type",      "qualifier",      "degree",    "rank",
    "rivals",    "degree_lead", "type_lead", "qualifier_lead", "year_lead", "best",
    "claimed",   "shared",      "agrees"};
constexpr std::string_view kHeader = "undula-link-model ";

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Solves a x = b for a symmetric positive definite matrix by Cholesky's method, in place.
void Solve(std::vector<double>* a, std::vector<double>* b) {
  const size_t n = b->size();
  std::vector<double>& m = *a;
  for (size_t j = 0; j < n; ++j) {
    for (size_t k = 0; k < j; ++k) {
      for (size_t i = j; i < n; ++i) m[i * n + j] -= m[i * n + k] * m[j * n + k];
    }
    const double pivot = std::sqrt(std::max(m[j * n + j], 1e-12));
    for (size_t i = j; i < n; ++i) m[i * n + j] /= pivot;
    m[j * n + j] = pivot;
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k) (*b)[i] -= m[i * n + k] * (*b)[k];
    (*b)[i] /= m[i * n + i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) (*b)[i] -= m[k * n + i] * (*b)[k];
    (*b)[i] /= m[i * n + i];
  }
}

}  // namespace

std::string_view EvidenceName(Evidence evidence) { return kNames[evidence]; }

double LinkModel::Logit(const EvidenceVector& evidence) const {
  double sum = 0;
  for (size_t i = 0; i < kEvidenceCount; ++i) sum += weights[i] * static_cast<double>(evidence[i]);
  return sum;
}

double LinkModel::Confidence(double best, double second) const {
  const double lead = std::clamp(best - second, 0.0, kMostLead);
  return Sigmoid(calibration[0] + calibration[1] * best + calibration[2] * lead);
}

std::vector<double> FitLogistic(std::span<const float> rows, std::span<const uint8_t> labels,
                                std::span<const double> prior, double l2) {
  const size_t width = prior.size();
  std::vector<double> weights(prior.begin(), prior.end()), gradient(width), hessian(width * width);
  const auto logit = [&](size_t row, const std::vector<double>& w) {
    double sum = 0;
    for (size_t i = 0; i < width; ++i) sum += w[i] * static_cast<double>(rows[row * width + i]);
    return sum;
  };
  const auto strength = [l2](size_t i) { return i == 0 ? 1e-6 : l2; };
  const auto loss = [&](const std::vector<double>& w) {
    double sum = 0;
    for (size_t r = 0; r < labels.size(); ++r) {
      const double x = labels[r] != 0 ? logit(r, w) : -logit(r, w);
      sum += x > 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x;
    }
    for (size_t i = 0; i < width; ++i) {
      sum += strength(i) / 2 * (w[i] - prior[i]) * (w[i] - prior[i]);
    }
    return sum;
  };
  double best = loss(weights);
  for (int round = 0; round < 50; ++round) {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    std::fill(hessian.begin(), hessian.end(), 0.0);
    for (size_t r = 0; r < labels.size(); ++r) {
      const float* const x = rows.data() + r * width;
      const double p = Sigmoid(logit(r, weights)), error = labels[r] - p, curve = p * (1 - p);
      for (size_t i = 0; i < width; ++i) {
        if (x[i] == 0) continue;
        gradient[i] += error * static_cast<double>(x[i]);
        const double scaled = curve * static_cast<double>(x[i]);
        for (size_t j = 0; j <= i; ++j) {
          hessian[i * width + j] += scaled * static_cast<double>(x[j]);
        }
      }
    }
    for (size_t i = 0; i < width; ++i) {
      gradient[i] -= strength(i) * (weights[i] - prior[i]);
      hessian[i * width + i] += strength(i);
    }
    Solve(&hessian, &gradient);
    // A full step may overshoot where the curvature is small: it is halved until the loss falls.
    double scale = 1, next = 0;
    std::vector<double> tried(width);
    for (; scale > 1e-6; scale /= 2) {
      for (size_t i = 0; i < width; ++i) tried[i] = weights[i] + scale * gradient[i];
      next = loss(tried);
      if (next < best) break;
    }
    if (!(next < best)) break;
    const bool done = best - next < 1e-9 * best;
    weights = tried;
    best = next;
    if (done) break;
  }
  return weights;
}

std::string FormatModel(const LinkModel& model) {
  std::string out = Concat(kHeader, LinkModel::kVersion, "\n");
  const auto add = [&out](std::string_view name, double value) {
    char number[32];
    std::snprintf(number, sizeof number, "%.9g", value);
    out += Concat(name, "\t", number, "\n");
  };
  for (size_t i = 0; i < kEvidenceCount; ++i) add(kNames[i], model.weights[i]);
  for (size_t i = 0; i < model.calibration.size(); ++i) {
    add(Concat("calibration_", i), model.calibration[i]);
  }
  return out;
}

absl::StatusOr<LinkModel> ParseModel(std::string_view text, std::string_view file) {
  LinkModel model;
  int line = 0;
  size_t seen = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (++line == 1) {
      if (!row.starts_with(kHeader)) {
        return InvalidArgumentError(file, ":1: not a link model: undula link train writes them");
      }
      if (row.substr(kHeader.size()) != std::to_string(LinkModel::kVersion)) {
        return FailedPreconditionError(file, ":1: a link model of version ",
                                       row.substr(kHeader.size()), "; this program has version ",
                                       LinkModel::kVersion, ": train it again");
      }
      continue;
    }
    const size_t tab = row.find('\t');
    const std::string_view name = row.substr(0, tab);
    const std::string_view number = tab == row.npos ? std::string_view() : row.substr(tab + 1);
    double value = 0;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size() ||
        !std::isfinite(value)) {
      return InvalidArgumentError(file, ":", line, ": expected a name, a tab and a number");
    }
    const auto known = std::find(kNames.begin(), kNames.end(), name);
    if (known != kNames.end()) {
      model.weights[static_cast<size_t>(known - kNames.begin())] = value;
    } else if (name.starts_with("calibration_") && name.size() == 13 && name[12] >= '0' &&
               name[12] <= '2') {
      model.calibration[static_cast<size_t>(name[12] - '0')] = value;
    } else {
      return InvalidArgumentError(file, ":", line, ": unknown evidence '", name, "'");
    }
    ++seen;
  }
  if (seen != kEvidenceCount + model.calibration.size()) {
    return InvalidArgumentError(file, ": a link model has ",
                                kEvidenceCount + model.calibration.size(), " values, this one ",
                                seen);
  }
  return model;
}

}  // namespace undula::linking
