// Training, validation and test parts of the interactions, with their negatives. Every protocol has
// a name, which is stored with results.
#ifndef UNDULA_MODELS_DATA_SPLIT_H_
#define UNDULA_MODELS_DATA_SPLIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "base/snapshot.h"

namespace undula::models {

// A row of the pointwise loss: label 1 positive, 0 negative.
struct LabeledPair {
  UserId user;
  ItemId item;
  float label;
};

struct Split {
  std::vector<LabeledPair> train, valid, test;
  std::string description;      // protocol, seed, counts; printed with every result
};

struct SplitOptions {
  // How interactions are cut: "ctr" (the RippleNet authors': positives and as many negatives pooled,
  // uniformly random over rows), "user" (per user at random), "leave_one_out" (last by time),
  // "time" (per user, latest interactions to test), "all" (everything is training).
  std::string protocol = "user";
  // An interaction is positive when its weight >= this.
  double positive_threshold = 0.0;
  // Items a user gave a lower weight are never drawn as negatives.
  double train_share = 0.8;
  double valid_share = 0.1;     // the rest is test
  // Negatives of ctr rows: "sampled" (uniform over items that are neither positive nor low-rated, one
  // per positive), "popularity" (popularity-matched), "stored" (rows below the threshold are the
  // negatives).
  std::string negatives = "sampled";
  bool linked_items_only = false;  // the authors drop items that are not in the KG
  uint64_t seed = 555;
};

// InvalidArgument where an option is out of range, FailedPrecondition where nothing is left to train.
absl::StatusOr<Split> MakeSplit(const Snapshot& snapshot, const SplitOptions& options);

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_SPLIT_H_
