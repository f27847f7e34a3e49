#include "models/train/running_mean.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace undula::models {
namespace {

template <class T>
TensorMap Values(const std::vector<T>& values) {
  TensorMap map;
  map.tensors["v"] = MakeTensor<T>({static_cast<int64_t>(values.size())}, values.data());
  return map;
}

// sum_i b^(e-i) p_i / sum_i b^(e-i), term by term.
double Plain(double share, const std::vector<double>& series) {
  double sum = 0, weights = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    const double weight = std::pow(share, static_cast<double>(series.size() - 1 - i));
    sum += weight * series[i];
    weights += weight;
  }
  return sum / weights;
}

TEST(RunningMean, IsTheWeightedMeanOfAllEpochs) {
  for (const double share : {0.1, 0.5, 0.9, 0.999}) {
    std::vector<double> series;
    TensorMap wide, narrow;
    for (int epoch = 1; epoch <= 12; ++epoch) {
      series.push_back(std::sin(3.0 * epoch) + 0.2 * epoch);
      const double value = series.back();
      AddToMean(share, epoch, Values<double>({value, -value}), &wide);
      AddToMean(share, epoch, Values<float>({static_cast<float>(value)}), &narrow);
      const double expected = Plain(share, series);
      EXPECT_NEAR(wide.Find("v")->data<double>()[0], expected, 1e-12) << share << ", " << epoch;
      EXPECT_NEAR(wide.Find("v")->data<double>()[1], -expected, 1e-12) << share << ", " << epoch;
      EXPECT_NEAR(narrow.Find("v")->data<float>()[0], expected, 1e-5) << share << ", " << epoch;
    }
  }
}

TEST(RunningMean, OfEqualValuesKeepsTheirBits) {
  const TensorMap values = Values<float>({0.1f, -3e-30f, 7e8f});
  TensorMap mean;
  for (int epoch = 1; epoch <= 50; ++epoch) AddToMean(0.7, epoch, values, &mean);
  EXPECT_TRUE(mean.Find("v")->bytes == values.Find("v")->bytes);
}

}  // namespace
}  // namespace undula::models
