// Triples of the graph as training data: the cut into training, validation and test, and batches of
// triples with one end replaced.
#ifndef UNDULA_MODELS_KGE_TRIPLES_H_
#define UNDULA_MODELS_KGE_TRIPLES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/csr.h"
#include "base/ids.h"
#include "base/options.h"
#include "models/data/batch_source.h"

namespace undula::models {

struct Triple {
  EntityId head;
  RelationId relation;
  EntityId tail;
};

struct TripleSplit {
  EdgeCsr train;  // head -> (relation, tail), a row per entity
  std::vector<Triple> valid, test;
  std::string description;
};

// Cuts the edges of `graph` at random: about the given shares of them go to validation and test. Of
// every entity and relation at least one triple stays in training, so that each has a vector that
// was trained; fewer are held out where the graph is too sparse for that. InvalidArgument for
// shares below 0 or that leave no training; FailedPrecondition for a graph without edges.
absl::StatusOr<TripleSplit> MakeTripleSplit(const EdgeCsr& graph, uint32_t n_relations,
                                            double valid_share, double test_share, uint64_t seed);

// True where `graph` has the edge.
bool HasEdge(const EdgeCsr& graph, EntityId head, RelationId relation, EntityId tail);

// Tells most triples that a graph does not have by one word of memory: 16 bits a triple, three of
// which are set for each, all in the same word. Immutable, thread-safe.
class TripleFilter {
 public:
  explicit TripleFilter(const EdgeCsr& graph);
  // False: the graph does not have it. True: it may.
  bool MayHave(EntityId head, RelationId relation, EntityId tail) const;

 private:
  std::vector<uint64_t> words_;
  int shift_ = 64;  // of a hash, to the number of its word
};

// Options of a training on triples beside those of the model and the trainer.
struct TripleOptions {
  double valid_share = 0.05;  // chooses the epoch
  double test_share = 0.05;
  std::string corruption = "bernoulli";  // see TripleBatchOptions
  bool filter_negatives = false;         // see TripleBatchOptions
  int64_t seed = 555;                    // of the cut
};

const OptionTable& TripleOptionTable();

struct TripleBatchOptions {
  int64_t batch_size = 4096;
  // Which end is replaced: "uniform", either with probability 1/2; "bernoulli", the head with
  // probability tph / (tph + hpt) of the relation's mean tails per head and heads per tail (Wang et
  // al., "TransH", AAAI 2014).
  std::string corruption = "bernoulli";
  // A replacing entity that makes a training triple is drawn anew, up to kDraws times. Off: it
  // stays, which keeps vectors from fitting the training triples too closely (docs/models/kge.md).
  bool filter_negatives = false;
  uint64_t seed = 1;
};

// Batches of kTriples. A replaced end is an entity drawn uniformly; one that makes a training
// triple is drawn anew, up to kDraws times.
class TripleBatcher final : public BatchSource {
 public:
  static constexpr int kDraws = 8;

  // graph: training triples, at least one; must outlive the batcher.
  TripleBatcher(const EdgeCsr& graph, uint32_t n_relations, const TripleBatchOptions& options);

  int64_t rows() const { return graph_->edges(); }
  int64_t StartEpoch(int64_t epoch) override;
  Batch Get(int64_t step) override;

 private:
  const EdgeCsr* graph_;
  TripleFilter filter_;
  TripleBatchOptions options_;
  int64_t epoch_ = 0;
  std::vector<uint32_t> head_;        // of each edge
  std::vector<float> replaces_head_;  // by relation: the probability
  std::vector<uint32_t> order_;       // edges, in the epoch's order
  std::vector<uint32_t> heads_, relations_, tails_, corrupt_;
  std::vector<uint8_t> corrupts_head_;
  std::vector<int64_t> chunk_ptr_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGE_TRIPLES_H_
