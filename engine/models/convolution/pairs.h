// What a batch of (user, positive item) rows asks of the convolutions: the items behind each row's
// query, the negatives, and the edges that must not be walked. Everything is a function of (seed,
// epoch, batch).
#ifndef UNDULA_MODELS_CONVOLUTION_PAIRS_H_
#define UNDULA_MODELS_CONVOLUTION_PAIRS_H_

#include <cstdint>
#include <vector>

#include "models/convolution/options.h"
#include "models/convolution/plan.h"
#include "models/data/training_data.h"
#include "models/model.h"

namespace undula::models {

struct ConvPairs {
  // Items of row b's query: query_item[query_ptr[b] .. query_ptr[b + 1]), the row's positive not
  // among them; weights of a mean. Of GraphSAGE: empty, the query is the user's own vector.
  std::vector<int64_t> query_ptr;
  std::vector<uint32_t> query_item;
  std::vector<float> query_weight;
  std::vector<uint32_t> negatives;  // shared, ascending and distinct
  // Shared negatives that the row's user knows.
  std::vector<int64_t> excluded_ptr;
  std::vector<uint32_t> excluded;  // places in `negatives`
  std::vector<uint32_t> hard_row, hard_item;
  std::vector<RemovedEdge> removed;
};

// Not thread-safe; keeps its memory.
class PairMaker {
 public:
  PairMaker(const ConvOptions& options, bool bipartite, uint64_t seed)
      : options_(options), bipartite_(bipartite), seed_(seed) {}
  // `known`: the users' distinct training positives. `pools` may be null: no hard negatives.
  const ConvPairs& Make(const Batch& batch, int64_t epoch, const UserItems& known,
                        const propagation::HardPools* pools);

 private:
  void AddQuery(uint32_t user, uint32_t item, std::span<const ItemId> known, int64_t epoch);
  void AddHard(uint32_t row, uint32_t user, uint32_t item, std::span<const ItemId> known,
               int64_t epoch, const propagation::HardPools& pools);
  void AddRemoved(uint32_t row, uint32_t user, uint32_t item);

  ConvOptions options_;
  bool bipartite_;
  uint64_t seed_;
  ConvPairs out_;
  std::vector<uint32_t> chosen_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_PAIRS_H_
