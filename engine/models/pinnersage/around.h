// Retrieval for a user: search around several vectors and merge what is found. The vectors are the
// medoids of PinnerSage's clusters or, to compare with, the latest items or one mean.
#ifndef UNDULA_MODELS_PINNERSAGE_AROUND_H_
#define UNDULA_MODELS_PINNERSAGE_AROUND_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "models/pinnersage/pinnersage.h"
#include "models/retrieval/item_index.h"

namespace undula::models {

struct AroundOptions {
  std::string by = "clusters";  // or "recent" items, or their "mean"
  double alpha = 1.0;           // clusters: heights up to this are merged (PinnerSageOptions)
  double lambda = 0.01;         // clusters, mean: decay of an action a day
  int64_t interests = 3;        // clusters or recent items to search around; 0: all
  int64_t candidates = 400;     // all searches together
  std::string merge = "rank";   // or "cosine"
  int64_t recent = 0;           // latest actions that count; 0: all
};
const OptionTable& AroundOptionTable();

// Where to search.
struct Anchor {
  std::vector<float> vector;
  double weight = 1;
};

// Anchors of clusters: their medoids, with the importance as weight. `clusters` in the order that
// ClusterActions gives.
std::vector<Anchor> AnchorsOf(const ItemIndex& index, std::span<const InterestCluster> clusters,
                              int64_t interests);

// What a user did as anchors, by `options.by`. Actions on items without a vector do not count; no
// action that counts gives no anchor. `now` in days, as Action::time.
std::vector<Anchor> AnchorsOf(const ItemIndex& index, std::span<const Action> actions, double now,
                              const AroundOptions& options);

// The best k of what is found around the anchors: candidates / anchors items each (at least k), a
// copy of an item counting once. Score by merge:
//   cosine  the largest cosine with an anchor
//   rank    sum over anchors of weight / (60 + rank): reciprocal rank fusion (Cormack, Clarke,
//           Buettcher, SIGIR 2009), weights scaled to sum 1
std::vector<ScoredItem> SearchAround(const ItemIndex& index, std::span<const Anchor> anchors,
                                     const ItemMask& mask, double share, int64_t k,
                                     const AroundOptions& options, IndexScratch* scratch);

}  // namespace undula::models

#endif  // UNDULA_MODELS_PINNERSAGE_AROUND_H_
