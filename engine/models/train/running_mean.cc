#include "models/train/running_mean.h"

#include <cmath>

namespace undula::models {
namespace {

template <class T>
void Approach(double weight, const NamedTensor& value, NamedTensor* mean) {
  const T* const p = value.data<T>();
  T* const m = mean->data<T>();
  const T w = static_cast<T>(weight);
  for (int64_t i = 0, n = value.size(); i < n; ++i) m[i] += w * (p[i] - m[i]);
}

}  // namespace

void AddToMean(double share, int64_t epoch, const TensorMap& values, TensorMap* mean) {
  if (epoch <= 1) {
    *mean = values;
    return;
  }
  const double weight = (1 - share) / (1 - std::pow(share, static_cast<double>(epoch)));
  for (const auto& [name, value] : values.tensors) {
    NamedTensor& tensor = mean->tensors[name];
    if (value.dtype == DType::kF64) {
      Approach<double>(weight, value, &tensor);
    } else {
      Approach<float>(weight, value, &tensor);
    }
  }
}

}  // namespace undula::models
