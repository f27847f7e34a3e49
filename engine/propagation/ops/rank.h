// Ranking of a whole catalogue for many users on a GPU: scores are made and the best k kept in one
// kernel (rank_ripple.h, rank_mix.h, rank_dot.h). A ranker holds copies of all it needs in GPU
// memory. Scores agree with the CPU's to 1e-5; so do lists, except among scores closer than that.
#ifndef UNDULA_PROPAGATION_OPS_RANK_H_
#define UNDULA_PROPAGATION_OPS_RANK_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "propagation/arena.h"
#include "propagation/cuda/queue.h"
#include "propagation/cuda/ranking.h"
#include "propagation/exec.h"

namespace undula::propagation {

using RankedItem = cuda::Candidate;

struct RankQuery {
  std::span<const uint32_t> users;        // as the model numbers them; not checked; or, where
  std::span<const float> vectors;         // the ranker is of vectors, theirs: [users, dim]
  std::span<const int64_t> excluded_ptr;  // [users + 1]
  std::span<const uint32_t> excluded;     // items not to be ranked, ascending for each user
  std::span<const uint32_t> allowed;      // bit i: item i may be ranked; empty: all
  int64_t k = 10;
};

// One thread at a time, as the Exec, which must outlive it.
class DeviceRanker {
 public:
  virtual ~DeviceRanker() = default;
  // False where lists of k do not fit into the shared memory of a block.
  virtual bool Fits(int64_t k) const = 0;
  // best: [users][k], order of models/score/tile_scorer.h; places without an item have item
  // cuda::kNoItem. ResourceExhausted: out of GPU memory; Internal: the device failed.
  absl::Status Rank(const RankQuery& query, std::vector<RankedItem>* best);

 protected:
  // dim 0: queries are users; else vectors.
  DeviceRanker(Exec* exec, uint32_t items, int64_t dim = 0)
      : exec_(exec), items_(items), dim_(dim) {}
  virtual int Launch(const cuda::Queue& queue, const cuda::RankJob& job) = 0;
  Exec* exec_;

 private:
  uint32_t items_;
  int64_t dim_;
  Arena arena_;
};

// Host arrays, copied. Rows have `dim` columns, `stride` floats apart.
struct RankRows {
  const float* data = nullptr;
  int64_t rows = 0, stride = 0;
};

// RippleNet: see rank_ripple.h.
struct RippleRankModel {
  int64_t dim = 0, hops = 1;
  RankRows items, keys, values, transform;  // transform.rows = 0: none
  std::span<const int64_t> slot_ptr;        // [users * hops + 1]
  std::span<const uint32_t> key_row, value_row;
  std::span<const float> count;
  bool add_address = false, all_hops = true, paper = true;
};
// KGCN with one layer: see rank_mix.h.
struct MixRankModel {
  int64_t dim = 0;
  RankRows users, relations, base, slot_value;  // base: a row per item
  std::span<const int64_t> slot_ptr;            // [items + 1]
  std::span<const uint32_t> slot_relation;
  std::span<const float> slot_count;
  float scale = 1, gain = 1;
};
// Products with vectors: see rank_dot.h.
struct DotRankModel {
  int64_t dim = 0;
  RankRows items;
};
// Unimplemented: exec is on the CPU, vectors of more than 64 columns, or a user's memory (the
// relations) does not fit into the shared memory of a block. ResourceExhausted: out of GPU memory.
absl::StatusOr<std::unique_ptr<DeviceRanker>> MakeRanker(Exec* exec, const RippleRankModel& model);
absl::StatusOr<std::unique_ptr<DeviceRanker>> MakeRanker(Exec* exec, const MixRankModel& model);
// Likewise, with vectors of any length that fit into the shared memory of a block.
absl::StatusOr<std::unique_ptr<DeviceRanker>> MakeRanker(Exec* exec, const DotRankModel& model);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_RANK_H_
