// Layer-wise inference of PinSAGE in partitions of the items: every vector of every layer is
// computed once (Ying et al., KDD 2018, section 3.4), each stage of each partition is a job of its
// own that reads files and writes one file, so that any engine that runs jobs can run them. The
// result has the same bits for any number of partitions, and a job that was killed is run again.
//
//   StartPartitions              job.safetensors, lists-P and h-0-P of every partition P
//   for each layer k = 0, 1, ...:
//     ProjectPartition(k, P)     y-k-P: y of the partition's items               (no traffic)
//     ExchangePartition(k, P)    x-k-P: the y of all neighbors of its items      (needs all y-k-*)
//     PoolPartition(k, P)        h-(k+1)-P: pool, combine, normalise             (needs x-k-P)
//   FinishPartition(P)           z-P: the head
//   CollectPartitions            all z
//
// Jobs of a stage may run at once, in any order, on any machine that sees the directory. A file
// that a job needs and that is missing is NotFound, a truncated one DataLoss, one of another job or
// another place FailedPrecondition; each names the file and the stage that writes it ("start",
// "project", "exchange", "pool", "finish": the verb `undula partitions`).
#ifndef UNDULA_MODELS_CONVOLUTION_PARTITION_H_
#define UNDULA_MODELS_CONVOLUTION_PARTITION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/parallel.h"
#include "models/convolution/conv_model.h"

namespace undula::models {

struct StageWork {
  int64_t rows = 0;    // of vectors computed or, by an exchange, fetched
  int64_t remote = 0;  // of those, from other partitions
  int64_t bytes = 0;   // of the file written
};

// Cuts the items of a built or loaded PinSAGE into `partitions` (1 to 65536) ranges of ids of equal
// size; the directory must exist. InvalidArgument for GraphSAGE and for float64.
absl::Status StartPartitions(ConvModel* model, int64_t partitions, const std::string& directory);
absl::StatusOr<StageWork> ProjectPartition(const std::string& directory, int64_t layer,
                                           int64_t partition, TaskArena* workers);
absl::StatusOr<StageWork> ExchangePartition(const std::string& directory, int64_t layer,
                                            int64_t partition);
absl::StatusOr<StageWork> PoolPartition(const std::string& directory, int64_t layer,
                                        int64_t partition, TaskArena* workers);
absl::StatusOr<StageWork> FinishPartition(const std::string& directory, int64_t partition,
                                          TaskArena* workers);
// The vectors of all items, [n_items, dim].
absl::StatusOr<std::vector<float>> CollectPartitions(const std::string& directory);

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_PARTITION_H_
