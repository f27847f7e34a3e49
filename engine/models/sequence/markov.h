// Item-to-item transitions: the score of j after a history is
//   sum over its latest `history` events i, the last first, of decay^age share(j | i),
// share(j | i) = how often j followed i among all that followed i, plus `smoothing`. A baseline of
// sequence models; nothing is learned by gradients.
#ifndef UNDULA_MODELS_SEQUENCE_MARKOV_H_
#define UNDULA_MODELS_SEQUENCE_MARKOV_H_

#include "models/model.h"

namespace undula::models {

struct MarkovOptions {
  int64_t history = 10;
  double decay = 0.5;
  double smoothing = 10;
};

extern const ModelSpec kMarkovSpec;

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_MARKOV_H_
