// Cuts the training rows of an epoch into batches. Everything is a pure function of (data, options,
// seed, epoch, step), so that a resume in the middle of an epoch goes on exactly.
#ifndef UNDULA_MODELS_DATA_BATCHER_H_
#define UNDULA_MODELS_DATA_BATCHER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/data/batch_source.h"
#include "models/data/negatives.h"
#include "models/data/training_data.h"
#include "models/model.h"

namespace undula::models {

struct BatcherOptions {
  int64_t batch_size = 1024;  // rows of the loss at most
  // User chunks: each user's rows are shuffled and cut into chunks of at most `chunk` rows, the
  // chunks are shuffled and packed into batches as long as they fit. 1 is a plain shuffle of rows.
  // Next-item rows of a user stay in the order of their positions, so that the rows of a chunk are
  // prefixes of one sequence, one behind the other.
  int64_t chunk = 1;
  std::string negatives = "uniform";  // that are drawn here: "uniform" or "popularity"
  // Pointwise: in place of the rows of label 0, this many negatives for each positive row, drawn
  // anew in every epoch among the items that are no training positive of the user. 0: data.train as
  // it is. A user who has every item has positive rows only.
  int64_t fresh_negatives = 0;
  // Rows that an earlier training has seen (pairwise and with fresh_negatives: the positives among
  // them, with what is drawn for each): each epoch draws this share of them; the other rows are in
  // every epoch. An epoch that would be empty has all.
  std::span<const LabeledPair> seen;
  double replay = 1;
  uint64_t seed = 1;
};

class Batcher final : public BatchSource {
 public:
  // Rows are data.train (pointwise; see fresh_negatives) or data's distinct training positives
  // (pairwise), or (next item) all positives of data's sequences but the first of each. `data` must
  // outlive the batcher. FailedPrecondition where there is no row: no training positive, (pairwise)
  // users who have every item, or (next item) no user with two positives.
  static absl::StatusOr<Batcher> Create(BatchKind kind, const TrainingData& data,
                                        const BatcherOptions& options);

  int64_t rows() const { return static_cast<int64_t>(users_.size()); }
  // Pairwise: positives of users to whom no item can be a negative.
  int64_t dropped_rows() const { return dropped_rows_; }

  // Orders the rows of epoch 1, 2, ...; tells the number of steps.
  int64_t StartEpoch(int64_t epoch) override;
  int64_t steps() const { return static_cast<int64_t>(batch_ptr_.size()) - 1; }
  // Batch `step` (from 0) of the epoch. Its spans stay valid until the next Get or StartEpoch.
  Batch Get(int64_t step) override;

 private:
  Batcher(BatchKind kind, const TrainingData& data, const BatcherOptions& options)
      : kind_(kind), data_(&data), options_(options) {}

  BatchKind kind_;
  const TrainingData* data_;
  BatcherOptions options_;
  int64_t dropped_rows_ = 0;
  int64_t epoch_ = 0;
  void MakePointwiseRows();
  void MakePairwiseRows();
  void MakeNextItemRows();
  void MakeSampler();
  bool fresh() const { return kind_ == BatchKind::kPointwise && options_.fresh_negatives > 0; }
  void MarkSeen(std::span<const LabeledPair> seen);
  void DrawRows();

  // All rows, grouped by user in ascending order. With fresh negatives those that are to be drawn
  // have label 0 and the item of their positive.
  std::vector<uint32_t> users_, items_;
  std::vector<uint32_t> positions_;  // of next-item rows
  std::vector<uint8_t> old_;         // of rows: seen before; empty without replay
  std::vector<float> labels_;
  UserItems positives_;
  std::unique_ptr<ItemSampler> sampler_;
  // The epoch: row numbers in order, chunks of them, batches of chunks.
  std::vector<uint32_t> order_;
  std::vector<int64_t> chunk_ptr_;
  std::vector<int64_t> batch_ptr_ = {0};
  // The batch that Get returned.
  std::vector<uint32_t> batch_users_, batch_items_, batch_negatives_, batch_positions_;
  std::vector<float> batch_labels_;
  std::vector<int64_t> batch_chunk_ptr_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_DATA_BATCHER_H_
