// Session kNN: the sequences of training most like a history vote for their items. The likeness of
// a sequence is the sum, over the items it shares with the latest `history` events, of the event's
// weight (decay^age), divided by the root of the sequence's length; of the `neighbors` most alike
// each adds its likeness to the scores of its items. Jannach, Ludewig, "When Recurrent Neural
// Networks meet the Neighborhood for Session-Based Recommendation", RecSys 2017 (their sampling of
// recent sessions is left out: all sequences are candidates).
#ifndef UNDULA_MODELS_SEQUENCE_SESSION_KNN_H_
#define UNDULA_MODELS_SEQUENCE_SESSION_KNN_H_

#include "models/model.h"

namespace undula::models {

struct SessionKnnOptions {
  int64_t neighbors = 100;
  int64_t history = 50;
  double decay = 0.9;
};

extern const ModelSpec kSessionKnnSpec;

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_SESSION_KNN_H_
