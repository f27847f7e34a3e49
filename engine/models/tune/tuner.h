// Random search with successive halving on the validation part: every setting trains a few epochs,
// the better ones go on from their checkpoints, until the best has trained the whole budget. Every
// family has the same budget.
#ifndef UNDULA_MODELS_TUNE_TUNER_H_
#define UNDULA_MODELS_TUNE_TUNER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "models/data/split.h"
#include "models/data/training_data.h"
#include "models/tune/space.h"

namespace undula::models {

// What has come of a setting so far.
struct TuneTrial {
  std::string family;
  int64_t trial = 0;
  TuneSetting setting;  // what was drawn, and the fixed options of the training
  int64_t epochs = 0;   // how far it was trained
  int64_t best_epoch = 0;
  std::string metric;  // "auc"
  double value = 0;    // of the best epoch; NaN where it failed
  double cpu_seconds = 0;
  std::string error;  // why it failed: a loss that is not finite, options that do not go together
};

struct TuneContext {
  TaskArena* workers = nullptr;  // required: trials run in parallel, each on one thread
  Progress* progress = nullptr;  // trials; may be null
  // For results (a file for each setting and rung) and checkpoints. A search that was killed goes
  // on from there; only equal searches may share it (see `identity`).
  std::string directory;
  // What else must be equal for the results there to be of this search, e.g. the space's text.
  std::string identity;
  // Called when a trial of a rung is done, by any thread, one call at a time. May be empty.
  std::function<void(const TuneTrial& trial)> on_trial;
};

// All settings of all families: by family, then those that came furthest, then the best first (a
// lower trial number breaks ties). The values do not depend on threads or interruptions.
//
// split.test must be empty (InvalidArgument): nothing here may read it. FailedPrecondition where
// the directory holds another search, or where every setting of a family failed. Cancelled and
// DeadlineExceeded come from context.progress; the same call then goes on.
absl::StatusOr<std::vector<TuneTrial>> Tune(const TuneSpace& space, const TrainingData& data,
                                            const Split& split, const TuneContext& context);

}  // namespace undula::models

#endif  // UNDULA_MODELS_TUNE_TUNER_H_
