// Item log-odds: score = log((positives + a) / (negatives + a)) over the item's training rows, the
// best constant per item under the log loss of rows with sampled or stored negatives. Where the
// training part has no negative row at all (pairwise protocols), the users who could have had the
// item stand in for them: score = log((positives + a) / (trained users - positives + a)).
#ifndef UNDULA_MODELS_ITEM_LOG_ODDS_H_
#define UNDULA_MODELS_ITEM_LOG_ODDS_H_

#include "models/model.h"

namespace undula::models {

struct ItemLogOddsOptions {
  double smoothing = 1.0;  // a, added to both counts
};

extern const ModelSpec kItemLogOddsSpec;

}  // namespace undula::models

#endif  // UNDULA_MODELS_ITEM_LOG_ODDS_H_
