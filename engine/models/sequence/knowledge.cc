#include "models/sequence/knowledge.h"

#include <algorithm>

#include "base/rng.h"
#include "base/status.h"
#include "models/data/shuffle.h"
#include "models/kge/link_training.h"

namespace undula::models {
namespace {

// TransE's budget, the same for every graph: the defaults of `undula embed` but for the epochs.
absl::StatusOr<GraphVectors> TrainVectors(const TrainingData& data, const SequenceOptions& options,
                                          TaskArena& workers) {
  KgeOptions kge;
  kge.dim = options.kb_dim;
  Kge model(kge, DType::kF32);
  TrainOptions train;
  train.epochs = options.kb_epochs;
  train.batch_size = 1024;
  train.learning_rate = 0.01;
  train.metric = "none";
  train.seed = static_cast<int64_t>(data.seed & INT64_MAX);
  TripleSplit split;
  split.train = data.snapshot->out;
  const TrainContext context{.workers = &workers};
  if (options.kb_epochs > 0) {
    UNDULA_RETURN_IF_ERROR(
        TrainOnTriples(&model, data.snapshot, split, {.corruption = "bernoulli"}, train, context)
            .status());
  } else {
    UNDULA_RETURN_IF_ERROR(model.Build(data, workers));
  }
  GraphVectors out;
  out.dim = options.kb_dim;
  out.entity = model.EntityVectors();
  out.has_entity.assign(data.snapshot->n_entities, 1);
  out.relation_dim = options.kb_dim;
  out.relation = model.RelationVectors();
  out.description = Concat("TransE, ", options.kb_epochs, " epochs");
  return out;
}

}  // namespace

absl::StatusOr<KnowledgeBase> MakeKnowledgeBase(const TrainingData& data,
                                                const SequenceOptions& options,
                                                TaskArena& workers) {
  const Snapshot& snapshot = *data.snapshot;
  if (snapshot.out.edges() == 0) {
    return FailedPreconditionError(
        "the graph is empty, and a memory network reads its relations; import triples first");
  }
  std::shared_ptr<const GraphVectors> given;
  GraphVectors trained;
  if (options.entity_vectors.empty()) {
    UNDULA_ASSIGN_OR_RETURN(trained, TrainVectors(data, options, workers));
  } else {
    UNDULA_ASSIGN_OR_RETURN(given, ReadVectors(data, options.entity_vectors));
    if (given->has_entity.empty() || given->relation_dim != given->dim) {
      return InvalidArgumentError(
          "a memory adds vectors of entities and relations; '", options.entity_vectors, "' has ",
          given->has_entity.empty() ? "none of entities" : Concat("entities of ", given->dim),
          " and ",
          given->relation.empty() ? "none of relations"
                                  : Concat("relations of ", given->relation_dim),
          " (undula embed --form transe makes both)");
    }
  }
  const GraphVectors& vectors = given == nullptr ? trained : *given;
  KnowledgeBase out;
  out.dim = vectors.dim;
  out.relation = vectors.relation;
  out.description = vectors.description;
  out.entity.assign(static_cast<size_t>(data.n_items() * out.dim), 0.0f);
  out.linked.assign(data.n_items(), 0);
  std::vector<uint32_t> linked, entities;
  for (uint32_t i = 0; i < data.n_items() && i < snapshot.links.rows(); ++i) {
    const EntityId entity = snapshot.links.best(ItemId{i});
    if (entity == kNone<EntityId> || vectors.has_entity[Index(entity)] == 0) continue;
    out.linked[i] = 1;
    linked.push_back(i);
    entities.push_back(Index(entity));
  }
  if (linked.empty()) {
    return FailedPreconditionError(
        "no item is linked to an entity with a vector; link items first (undula link)");
  }
  if (options.shuffle_kb) {
    Shuffle(std::span(entities), Rng(data.seed, RngStream::kShuffle, kNoIndex));
    out.description += ", dealt out at random";
  }
  for (size_t i = 0; i < linked.size(); ++i) {
    std::copy_n(vectors.entity.begin() + int64_t{entities[i]} * out.dim, out.dim,
                out.entity.begin() + int64_t{linked[i]} * out.dim);
  }
  return out;
}

}  // namespace undula::models
