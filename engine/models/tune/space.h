// What a search tries: ranges of options by model family, and the budget, read from TOML.
//
//   [tune]                  # optional; the same for every family
//   trials = 16             # settings drawn
//   epochs = 27             # of the settings that are left at the end
//   eta = 3                 # each rung keeps the best of every eta settings
//   seed = 1                # of the draws
//   [split]                 # as for train: fixed
//   [train]                 # fixed options of every training
//   [ripplenet]             # a family: options of the model or the training
//   dim = [16, 32, 64]                                     # one of these
//   learning_rate = { min = 1e-3, max = 3e-2, log = true } # a number between
//   hops = 1                                               # fixed
#ifndef UNDULA_MODELS_TUNE_SPACE_H_
#define UNDULA_MODELS_TUNE_SPACE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/options.h"
#include "models/model.h"

namespace undula::models {

struct TuneBudget {
  int64_t trials = 16;
  int64_t epochs = 27;
  int64_t eta = 3;
  int64_t seed = 1;
};

// One option of a family.
struct TuneRange {
  std::string key;
  bool of_model = false;  // else of the training
  std::vector<std::string> values;
  // Where there are no values: a number in [min, max], whole or with four significant digits.
  double min = 0, max = 0;
  bool logarithmic = false, whole = false;
};

struct TuneFamily {
  const ModelSpec* spec;
  std::vector<TuneRange> ranges;  // in byte order of the keys
};

struct TuneSpace {
  TuneBudget budget;
  OptionMap split, train;
  std::vector<TuneFamily> families;  // in byte order of the names
};

// One setting.
struct TuneSetting {
  OptionMap model, train;
};

// InvalidArgument with file:line:column for an unknown section or option, a value that the option
// does not take, or an option that a search may not vary (epochs, seed, metric and what belongs to
// the selection of the epoch); models that learn nothing have nothing to tune.
absl::StatusOr<TuneSpace> ParseTuneSpace(std::string_view toml, const std::string& name);

// The setting of trial 0, 1, ...: a pure function of (space, family, trial). Trial 0 has the
// defaults of the options that are given by a number's range which holds the default, and the first
// value of each list.
TuneSetting DrawSetting(const TuneSpace& space, const TuneFamily& family, int64_t trial);

// The rungs of a search: how many settings go how far.
struct TuneRung {
  int64_t trials, epochs;
};
// From the shortest to the longest; the last has `epochs` epochs, and each keeps ceil(n / eta).
std::vector<TuneRung> TuneRungs(const TuneBudget& budget);
// Epochs that a family's search trains in all.
int64_t TotalEpochs(const TuneBudget& budget);

}  // namespace undula::models

#endif  // UNDULA_MODELS_TUNE_SPACE_H_
