// Click-through data of the timing programs: an undirected graph whose first entities are the
// items, and labelled rows (user, item, 0 or 1) in three parts. From files, or planted: made up
// with a structure that a model can find.
#ifndef UNDULA_BENCH_CTR_DATA_H_
#define UNDULA_BENCH_CTR_DATA_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/snapshot.h"
#include "models/data/training_data.h"

namespace undula::bench {

struct CtrData {
  std::shared_ptr<Snapshot> snapshot = std::make_shared<Snapshot>();
  std::vector<models::LabeledPair> part[3];  // training, validation, test
};

// What a planted data set is made of. Items and other entities belong to topics, users like two of
// them: 8 in 10 edges of an item lead to its topic, 8 in 10 positives of a user are of theirs; the
// others are uniform. Within a topic the first are the most popular (density 1 / sqrt of the rank).
// Edges to items take the last two relations, edges to another entity that entity's own.
struct PlantedOptions {
  int64_t users = 2000, items = 2000, entities = 8000;  // entities: with the items
  int64_t relations = 12, triples = 20000;
  double item_share = 0.3;  // of the triples whose tail is an item, too
  int64_t positives = 30;   // drawn per user, equal ones once; as many uniform negatives
  int64_t topics = 20;
  int64_t seed = 1;
};

// "key=value,key=value" over the defaults; an unknown key is InvalidArgument.
absl::StatusOr<PlantedOptions> ParsePlanted(const std::string& text);
CtrData Plant(const PlantedOptions& options);

// DIRECTORY/kg_final.txt (head relation tail; items are the entities of the same number) and either
// ratings_final.txt (user item 0|1; cut 60/20/20 over rows by split_seed) or train.txt, eval.txt
// and test.txt; or "planted:" and what ParsePlanted takes, cut in the same way.
absl::StatusOr<CtrData> LoadCtr(const std::string& source, uint64_t split_seed);

// kg_final.txt, train.txt, eval.txt and test.txt. False where a file cannot be written.
bool WriteCtr(const CtrData& data, const std::string& directory);

// Seconds of CPU time of the process so far, all threads.
double CpuSeconds();

}  // namespace undula::bench

#endif  // UNDULA_BENCH_CTR_DATA_H_
