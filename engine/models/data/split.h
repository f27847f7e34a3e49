// Training, validation and test parts of the interactions, with their negatives. Every protocol has
// a name, which is stored with results. A split is a pure function of (snapshot, options): it does
// not depend on threads, and its random numbers are counter-based (stream kSplit).
#ifndef UNDULA_MODELS_DATA_SPLIT_H_
#define UNDULA_MODELS_DATA_SPLIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "base/options.h"
#include "base/snapshot.h"

namespace undula::models {

// A row of the pointwise loss: label 1 positive, 0 negative.
struct LabeledPair {
  UserId user;
  ItemId item;
  float label;
};

// Rows of a part are ordered by user; within a user positives first, in time order. A (user, item)
// pair stands in at most one row of the whole split.
struct Split {
  std::vector<LabeledPair> train, valid, test;
  std::string description;  // protocol, seed, counts; printed with every result
};

struct SplitOptions {
  // How interactions are cut: "ctr" (the RippleNet authors': positives and as many negatives
  // pooled, uniformly random over rows), "user" (per user at random), "leave_one_out" (last by
  // time), "time" (per user, latest interactions to test), "last_day" (the items of each user's
  // last day, UTC, to test, of the day before to validation), "time_ratio" (one cut for all users:
  // what happened from some moment on is validation, from a later one test; nothing of training is
  // later), "all" (everything is training).
  std::string protocol = "user";
  // An interaction is positive when its weight >= this. A pair that occurs several times is
  // positive when one of its interactions is.
  double positive_threshold = 0.0;
  // Items a user gave a lower weight are never drawn as negatives.
  // train_share 0: the protocol's own shares, .6/.2 for ctr and .8/.1 for user, time and
  // time_ratio (there of the interactions, whoever's they are).
  double train_share = 0;
  double valid_share = 0;  // the rest is test
  // Negatives, per user as many as positives: "sampled" (uniform without replacement over items
  // that are neither positive nor low-rated), "popularity" (the same, drawn by number of
  // positives), "stored" (pairs below the threshold are the negatives, however many), "none"
  // (pairwise models). ctr pools them with the positives before the cut; other protocols deal them
  // out to the parts in proportion to the positives there.
  std::string negatives = "sampled";
  bool linked_items_only = false;  // the authors drop items that are not in the KG
  int64_t seed = 555;
};

const OptionTable& SplitOptionTable();

// InvalidArgument where an option is out of range, FailedPrecondition where nothing is left to
// train.
absl::StatusOr<Split> MakeSplit(const Snapshot& snapshot, const SplitOptions& options);

// A fixed split given by its rows (published files). InvalidArgument for an id that the snapshot
// does not have or a label other than 0 and 1; FailedPrecondition without a training positive.
// Positives of test or validation that also stand in train are kept, and counted in the
// description.
absl::StatusOr<Split> SplitFromRows(const Snapshot& snapshot, std::vector<LabeledPair> train,
                                    std::vector<LabeledPair> valid, std::vector<LabeledPair> test,
                                    const std::string& name);

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_SPLIT_H_
