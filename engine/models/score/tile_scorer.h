// The one top-k loop: users x item tiles of fixed shape, masks, fused top-k. The evaluator,
// recommend and queries/batch_score all rank with it.
//
// Order of a list: score descending, item id ascending. NaN is never ranked. An item's score does
// not depend on tiles (Scorer's contract), so neither lists nor their bits depend on threads, tiles
// or which users are scored together.
#ifndef UNDULA_MODELS_SCORE_TILE_SCORER_H_
#define UNDULA_MODELS_SCORE_TILE_SCORER_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "models/scorer.h"

namespace undula::models {

struct ScoredItem {
  ItemId item;
  float score;
};

// A set of items as a bitmap.
class ItemSet {
 public:
  explicit ItemSet(uint32_t n_items) : words_((size_t{n_items} + 63) / 64, 0) {}
  ItemSet(uint32_t n_items, std::span<const ItemId> items) : ItemSet(n_items) {
    for (const ItemId item : items) Add(item);
  }
  // Items beyond n_items are ignored: they cannot be ranked.
  void Add(ItemId item) {
    const size_t word = Index(item) / 64;
    if (word < words_.size()) words_[word] |= uint64_t{1} << (Index(item) % 64);
  }
  bool contains(ItemId item) const {
    const size_t word = Index(item) / 64;
    return word < words_.size() && (words_[word] >> (Index(item) % 64) & 1) != 0;
  }

 private:
  std::vector<uint64_t> words_;
};

// What may be ranked. Null pointers and empty spans restrict nothing.
struct ItemMask {
  std::span<const ItemId> excluded;  // e.g. seen items; ascending
  const ItemSet* allow = nullptr;    // only these
  const ItemSet* deny = nullptr;     // none of these
};

struct TileOptions {
  int64_t k = 10;             // 0 gives empty lists; more than the catalogue gives shorter lists
  uint32_t item_tile = 4096;  // items scored at a time
  uint32_t user_tile = 8;     // users worked by one task; 64 where queries have vectors
  // RankAll: known users are ranked there (Scorer::MakeDeviceRanker of the same scorer), others and
  // lists that do not fit on the CPU. Scores then agree with the CPU's to 1e-5. May be null.
  propagation::DeviceRanker* ranker = nullptr;
};

// Memory of one ranking thread; keep it between calls.
struct RankScratch {
  propagation::Arena arena;
  std::vector<float> scores, vectors;
};

// The best k items for one query, in `out`. Errors are the scorer's.
absl::Status RankOne(const Scorer& scorer, const UserQuery& query, const ItemMask& mask,
                     const TileOptions& options, RankScratch* scratch,
                     std::vector<ScoredItem>* out);

struct RankJob {
  int64_t n = 0;  // queries 0 .. n-1
  // The two are called from many threads; what their spans show must live until emit got query i.
  std::function<UserQuery(int64_t i)> query;
  std::function<ItemMask(int64_t i)> mask;  // may be empty: no mask
};

// One answer. status is NotFound or FailedPrecondition for a query that cannot be scored (unknown
// user, no history), with an empty list; any other failure ends the job.
struct RankedList {
  absl::Status status;
  std::span<const ScoredItem> items;  // valid during the call of emit
};

// Ranks all queries in parallel and calls emit(i, list) on the calling thread in ascending i.
// Memory: threads x tile plus k for each of the users in flight (8 user tiles per thread). Ends
// with emit's first error. Progress counts queries.
absl::Status RankAll(const Scorer& scorer, const RankJob& job, const TileOptions& options,
                     TaskArena& workers, Progress* progress,
                     const std::function<absl::Status(int64_t i, const RankedList& list)>& emit);

}  // namespace undula::models

#endif  // UNDULA_MODELS_SCORE_TILE_SCORER_H_
