#include "tests/propagation/op_run.h"

#include <utility>

#include "base/rng.h"
#include "propagation/ops/elementwise.h"

namespace undula::propagation {

Values RandomValues(std::vector<int64_t> shape, uint32_t seed) {
  Values values{std::move(shape), {}};
  int64_t n = 1;
  for (const int64_t extent : values.shape) n *= extent;
  const Rng rng(7, RngStream::kTest, seed);
  for (int64_t i = 0; i < n; ++i) values.data.push_back(2.0 * rng.Uniform(i) - 1.0);
  return values;
}

Tensor OpRun::Floats(const Values& values) {
  Tensor t;
  t.dtype = tape_.float_type();
  t.rank = static_cast<int>(values.shape.size());
  for (int axis = 0; axis < t.rank; ++axis) t.shape[axis] = values.shape[axis];
  // One element more than needed: an empty vector has no address.
  if (t.dtype == DType::kF64) {
    f64_.emplace_back(values.data.begin(), values.data.end()).push_back(0);
    t.data = f64_.back().data();
  } else {
    f32_.emplace_back(values.data.begin(), values.data.end()).push_back(0);
    t.data = f32_.back().data();
  }
  return t;
}

Tensor OpRun::Ids(std::vector<uint32_t> ids) {
  const auto n = static_cast<int64_t>(ids.size());
  ids.push_back(0);
  return View(ids_.emplace_back(std::move(ids)).data(), n);
}

Tensor OpRun::Offsets(std::vector<int64_t> offsets) {
  const auto n = static_cast<int64_t>(offsets.size());
  return View(offsets_.emplace_back(std::move(offsets)).data(), n);
}

std::vector<double> OpRun::Read(const Tensor& t) {
  if (t.empty()) return {};
  if (t.dtype == DType::kF64) return {t.as<double>(), t.as<double>() + t.size()};
  return {t.as<float>(), t.as<float>() + t.size()};
}

Var OpRun::Weighted(Var v, const std::vector<double>& upstream) {
  const Tensor& value = tape_.value(v);
  const Values weights{{value.shape, value.shape + value.rank}, upstream};
  return Sum(tape_, Mul(tape_, v, Constant(weights)));
}

}  // namespace undula::propagation
