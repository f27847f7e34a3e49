// Small synthetic data for the tests of models.
#ifndef UNDULA_TESTS_MODELS_WORLD_H_
#define UNDULA_TESTS_MODELS_WORLD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/snapshot.h"
#include "models/data/split.h"

namespace undula::models {

struct LogEntry {
  uint32_t user, item;
  float weight = 1;
  int64_t time = 0;
};

// A snapshot with these interactions (any order) and no graph.
std::shared_ptr<Snapshot> MakeLog(uint32_t n_users, uint32_t n_items, std::vector<LogEntry> log);

// Random interactions: every user has between 1 and `most` distinct items, weights 1 to 5.
std::shared_ptr<Snapshot> RandomLog(uint32_t n_users, uint32_t n_items, uint32_t most,
                                    uint64_t seed);

// Planted tastes: `groups` groups of users, each with its own `items_per_group` items; every user
// has all items of the group but one (withheld, a different one from user to user), in the order of
// a circle that the withheld item would continue. In the graph
// item i is entity i and points to the entity of its group; relation 0 leads there, relation 1
// back.
struct PlantedWorld {
  std::shared_ptr<Snapshot> snapshot;
  Split split;  // train: the log and sampled negatives; test: what is withheld
  std::vector<LabeledPair> withheld;  // one per user
};
PlantedWorld MakePlantedWorld(uint32_t groups, uint32_t users_per_group, uint32_t items_per_group);

}  // namespace undula::models

#endif  // UNDULA_TESTS_MODELS_WORLD_H_
