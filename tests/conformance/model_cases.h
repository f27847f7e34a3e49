// What the conformance suite needs to know of a model beyond its spec.
#ifndef UNDULA_TESTS_CONFORMANCE_MODEL_CASES_H_
#define UNDULA_TESTS_CONFORMANCE_MODEL_CASES_H_

#include <string_view>
#include <vector>

#include "base/options.h"
#include "models/train/trainer.h"

namespace undula::models {

struct ModelCase {
  std::string_view model;
  OptionMap tiny;      // options for the gradient check: few parameters, every term in play
  OptionMap options;   // options for the planted world
  TrainOptions train;  // enough training to find the planted structure
};

// One case per registered model; a model without one fails the suite.
const ModelCase* FindModelCase(std::string_view model);

}  // namespace undula::models

#endif  // UNDULA_TESTS_CONFORMANCE_MODEL_CASES_H_
