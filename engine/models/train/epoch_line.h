// What TrainContext::on_epoch is told of a finished epoch.
#ifndef UNDULA_MODELS_TRAIN_EPOCH_LINE_H_
#define UNDULA_MODELS_TRAIN_EPOCH_LINE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "models/train/read_ahead.h"

namespace undula::models {

struct EpochLine {
  int64_t epoch = 0, steps = 0, rows = 0;
  double loss = 0;
  std::string_view metric;
  double value = 0;  // of the metric, NaN for none
  bool best = false;
  double seconds = 0;                // evaluation included
  double train_seconds = 0;          // without it
  const ReadAhead* ahead = nullptr;  // or null
};

// One JSON object without a newline, with the most memory that the process has had so far.
std::string JsonOf(const EpochLine& line);

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_EPOCH_LINE_H_
