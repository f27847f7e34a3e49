// The scorer of models that give an item the same score for everyone.
#ifndef UNDULA_MODELS_ITEM_SCORES_H_
#define UNDULA_MODELS_ITEM_SCORES_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/tensor_map.h"
#include "models/model.h"

namespace undula::models {

// What such a model learned; saved as "state/score" and "state/n_users".
struct ItemScores {
  std::vector<float> score;  // by item
  uint32_t n_users = 0;

  void Save(TensorMap* out) const;
  // NotFound or InvalidArgument names the tensor that is missing or malformed.
  absl::Status Load(const TensorMap& in);
  // Answers any user below n_users and any history.
  std::unique_ptr<Scorer> MakeScorer() const;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_ITEM_SCORES_H_
