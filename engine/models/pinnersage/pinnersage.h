// PinnerSage: a user as several clusters of what they did, each shown by its medoid. Pal,
// Eksombatchai, Zhou, Zhao, Rosenberg, Leskovec, "PinnerSage: Multi-Modal User Embedding Framework
// for Recommendations at Pinterest", KDD 2020. Items come with fixed vectors (of any model that has
// them); nothing is trained.
//
//   clusters   Ward's method, cut at alpha (ward.h)
//   medoid     the member with the least sum of squared distances to the others, which is the
//              member nearest to the centroid; ties: the smallest item
//   importance sum over the cluster's actions of exp(-lambda (now - time)), in days
//
// Deviations: an item that was acted on several times is one point with that count (the same
// clusters: its copies would merge at height 0).
#ifndef UNDULA_MODELS_PINNERSAGE_PINNERSAGE_H_
#define UNDULA_MODELS_PINNERSAGE_PINNERSAGE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "propagation/exec.h"

namespace undula::models {

struct PinnerSageOptions {
  double alpha = 0.5;    // heights up to this are merged; vectors of length 1: up to 4
  double lambda = 0.01;  // decay of importance a day; 0: frequency alone
};

struct Action {
  ItemId item;
  double time;  // days
};

struct InterestCluster {
  ItemId medoid;
  double importance = 0;
  int64_t actions = 0;
  double last_time = 0;
  std::vector<ItemId> items;  // distinct, ascending
};

// Vectors of all items, row-major.
struct ItemVectors {
  std::span<const float> values;
  int64_t dim = 0;
  std::span<const float> of(ItemId item) const {
    return values.subspan(Index(item) * static_cast<size_t>(dim), static_cast<size_t>(dim));
  }
};

// The clusters of a user's actions (any order), most important first, then by medoid. An action
// after `now` counts as now. Items must have a vector.
std::vector<InterestCluster> ClusterActions(std::span<const Action> actions,
                                            const ItemVectors& vectors, double now,
                                            const PinnerSageOptions& options);

// ClusterActions of many users, in parallel. Where `exec` is on a GPU the merges are made there, a
// block a user, all but those of users with more than propagation::kMostWardPoints distinct items:
// the clusters are the same on every device. out: [users]. ResourceExhausted: out of GPU memory.
struct UserActions {
  std::span<const Action> actions;
  double now = 0;
};
absl::Status ClusterUsers(std::span<const UserActions> users, const ItemVectors& vectors,
                          const PinnerSageOptions& options, propagation::Exec* exec,
                          std::vector<std::vector<InterestCluster>>* out);

// The clusters of `old_now` a while later with the new actions: importances decay, a new item joins
// the cluster to whose centroid it is nearest where that merge's height is at most alpha, else it
// begins one; medoids are found anew. Between daily clusterings; not the same as clustering all.
void UpdateClusters(std::span<const Action> actions, const ItemVectors& vectors, double old_now,
                    double now, const PinnerSageOptions& options,
                    std::vector<InterestCluster>* clusters);

// Places of `count` clusters drawn without replacement in proportion to importance, by
// Rng(seed, kWalkQuery, user): the same draw for the same (seed, user, day).
std::vector<size_t> ChooseClusters(std::span<const InterestCluster> clusters, size_t count,
                                   uint64_t seed, uint32_t user, uint32_t day);

}  // namespace undula::models

#endif  // UNDULA_MODELS_PINNERSAGE_PINNERSAGE_H_
