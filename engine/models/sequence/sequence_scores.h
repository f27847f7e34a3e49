// The scorer of models that read a history and were trained without gradients: Markov and session
// kNN differ in what an event of the history adds to the scores.
#ifndef UNDULA_MODELS_SEQUENCE_SEQUENCE_SCORES_H_
#define UNDULA_MODELS_SEQUENCE_SEQUENCE_SCORES_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/csr.h"
#include "base/tensor_map.h"
#include "models/scorer.h"

namespace undula::models {

// What such a model remembers of its training: the sequences of users and the items' popularity,
// under "state/".
struct SequenceMemory {
  std::vector<int64_t> ptr = {0};  // [users + 1]
  std::vector<ItemId> items;       // in time order
  std::vector<uint32_t> popularity;

  uint32_t n_users() const { return static_cast<uint32_t>(ptr.size() - 1); }
  uint32_t n_items() const { return static_cast<uint32_t>(popularity.size()); }
  std::span<const ItemId> of(uint32_t user) const {
    return std::span(items).subspan(static_cast<size_t>(ptr[user]),
                                    static_cast<size_t>(ptr[user + 1] - ptr[user]));
  }
  void Take(const InteractionCsr<ItemId>& log, std::span<const uint32_t> item_popularity);
  void Save(TensorMap* out) const;
  // NotFound or InvalidArgument names the tensor that is missing or malformed.
  absl::Status Load(const TensorMap& in, std::string_view model);
};

// Adds to scores [items] what a history (not empty, known items) says; called from many threads.
using AddScores = std::function<void(std::span<const ItemId> history, std::span<float> scores)>;

// `memory` must be what AddScores refers to. Ties are broken by popularity: it is added in units
// below what any event adds.
std::unique_ptr<Scorer> MakeSequenceScorer(std::shared_ptr<const SequenceMemory> memory,
                                           AddScores add);

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_SEQUENCE_SCORES_H_
