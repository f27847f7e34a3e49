// The knowledge base of a memory network: a vector for each item from its linked entity, and a key
// for each relation.
#ifndef UNDULA_MODELS_SEQUENCE_KNOWLEDGE_H_
#define UNDULA_MODELS_SEQUENCE_KNOWLEDGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/parallel.h"
#include "models/data/training_data.h"
#include "models/sequence/options.h"

namespace undula::models {

struct KnowledgeBase {
  int64_t dim = 0;
  std::vector<float> entity;    // [items, dim], of the item's best linked entity; 0 without one
  std::vector<uint8_t> linked;  // [items]: has a link to an entity with a vector
  std::vector<float> relation;  // [relations, dim]
  std::string description;      // where the vectors are from

  int64_t items() const { return static_cast<int64_t>(linked.size()); }
  int64_t relations() const { return dim == 0 ? 0 : static_cast<int64_t>(relation.size()) / dim; }
};

// From the stored vectors options.entity_vectors where it names some, else from TransE (unit entity
// vectors, L2) trained on all triples for options.kb_epochs with a fixed budget. Deterministic in
// data.seed. FailedPrecondition where the graph has no triples or no item is linked.
absl::StatusOr<KnowledgeBase> MakeKnowledgeBase(const TrainingData& data,
                                                const SequenceOptions& options, TaskArena& workers);

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_KNOWLEDGE_H_
