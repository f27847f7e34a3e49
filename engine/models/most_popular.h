// MostPopular: an item's score is its number of training positives (users, a pair counted once).
// The baseline that every evaluation prints: under uniform negatives AUC is largely a popularity
// test.
#ifndef UNDULA_MODELS_MOST_POPULAR_H_
#define UNDULA_MODELS_MOST_POPULAR_H_

#include "models/model.h"

namespace undula::models {

struct MostPopularOptions {};

extern const ModelSpec kMostPopularSpec;

}  // namespace undula::models

#endif  // UNDULA_MODELS_MOST_POPULAR_H_
