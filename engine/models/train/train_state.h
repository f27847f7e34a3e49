// What a checkpoint holds beside parameters and optimiser state: where the run stands, and whose
// run it is.
#ifndef UNDULA_MODELS_TRAIN_TRAIN_STATE_H_
#define UNDULA_MODELS_TRAIN_TRAIN_STATE_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "base/options.h"
#include "base/tensor_map.h"
#include "models/data/training_data.h"
#include "models/model.h"

namespace undula::models {

struct TrainState {
  int64_t epoch = 1;        // the present one
  int64_t step = 0;         // the next step in it
  int64_t global_step = 0;  // steps done
  int64_t samples = 0;      // rows done
  int64_t epoch_rows = 0;   // rows of the present epoch
  int64_t finished_epochs = 0;
  int64_t best_epoch = 0;  // 0: none yet
  int64_t since_best = 0;  // evaluations
  bool done = false;       // stopped early
  double loss_sum = 0;     // of the present epoch, weighted by rows
  double last_loss = 0;
  double best_value = std::numeric_limits<double>::quiet_NaN();

  // To and from "train/counters" and "train/values".
  void Save(TensorMap* out) const;
  absl::Status Load(const TensorMap& in);
};

// A hash of the data of a training: FNV-1a over the bytes of the values.
class Fingerprint {
 public:
  void Add(uint64_t value);
  std::string Text() const;  // 16 hexadecimal digits

 private:
  uint64_t hash_ = 0xCBF29CE484222325u;
};
// Of the id space, the counts, the seed, the graph's size and the rows.
Fingerprint FingerprintOf(const TrainingData& data);

// What must be equal for a checkpoint to fit a run: the model and its options, the training options
// that define the bits (not epochs, patience, read-ahead or checkpoint cadence), the data.
std::map<std::string, std::string> RunIdentity(const Model& model, const Fingerprint& data,
                                               const OptionMap& train_options);
// FailedPrecondition naming the first difference.
absl::Status CheckIdentity(const std::map<std::string, std::string>& identity,
                           const TensorMap& checkpoint, const std::string& run);

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_TRAIN_STATE_H_
