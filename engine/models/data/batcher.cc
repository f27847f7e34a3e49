#include "models/data/batcher.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/rng.h"
#include "base/status.h"
#include "models/data/shuffle.h"

namespace undula::models {
namespace {

// Streams of one epoch: index 2 * epoch orders rows within users, 2 * epoch + 1 orders chunks.
Rng RowOrder(uint64_t seed, int64_t epoch) {
  return Rng(seed, RngStream::kShuffle, static_cast<uint32_t>(2 * epoch));
}
Rng ChunkOrder(uint64_t seed, int64_t epoch) {
  return Rng(seed, RngStream::kShuffle, static_cast<uint32_t>(2 * epoch + 1));
}

}  // namespace

absl::StatusOr<Batcher> Batcher::Create(BatchKind kind, const TrainingData& data,
                                        const BatcherOptions& options) {
  if (options.batch_size < 1 || options.chunk < 1 || options.chunk > options.batch_size) {
    return InvalidArgumentError("batch_size ", options.batch_size, " and chunk ", options.chunk,
                                ": need 1 <= chunk <= batch_size");
  }
  if (options.fresh_negatives < 0) {
    return InvalidArgumentError("fresh_negatives ", options.fresh_negatives, " is below 0");
  }
  Batcher out(kind, data, options);
  if (kind == BatchKind::kPointwise) out.MakePointwiseRows();
  if (kind == BatchKind::kPairwise) out.MakePairwiseRows();
  if (kind == BatchKind::kNextItem) out.MakeNextItemRows();
  if (out.users_.empty()) {
    return FailedPreconditionError("there is nothing to train on: ", data.train.size(),
                                   " training rows, ", out.dropped_rows_,
                                   " of users who have every item, ", data.dropped_users,
                                   " users without a training positive");
  }
  if (options.replay < 1 && !options.seen.empty()) out.MarkSeen(options.seen);
  return out;
}

void Batcher::MakePointwiseRows() {
  if (fresh()) MakeSampler();
  std::vector<uint32_t> by_user(data_->train.size());
  std::iota(by_user.begin(), by_user.end(), 0u);
  std::stable_sort(by_user.begin(), by_user.end(), [&](uint32_t a, uint32_t b) {
    return data_->train[a].user < data_->train[b].user;
  });
  const auto add = [&](const LabeledPair& row, float label) {
    users_.push_back(Index(row.user));
    items_.push_back(Index(row.item));
    labels_.push_back(label);
  };
  for (const uint32_t i : by_user) {
    const LabeledPair& row = data_->train[i];
    if (fresh() && row.label == 0) continue;
    add(row, row.label);
    if (!fresh() || positives_.of(row.user).size() >= data_->n_items()) continue;
    for (int64_t n = 0; n < options_.fresh_negatives; ++n) add(row, 0.0f);
  }
}

void Batcher::MakePairwiseRows() {
  MakeSampler();
  for (uint32_t u = 0; u < data_->n_users(); ++u) {
    const auto row = positives_.of(UserId{u});
    if (row.size() >= data_->n_items()) {
      dropped_rows_ += static_cast<int64_t>(row.size());
      continue;
    }
    for (const ItemId item : row) {
      users_.push_back(u);
      items_.push_back(Index(item));
    }
  }
}

void Batcher::MakeNextItemRows() {
  const InteractionCsr<ItemId>& log = data_->positives;
  for (uint32_t u = 0; u < data_->n_users(); ++u) {
    for (int64_t i = log.ptr[u] + 1; i < log.ptr[u + 1]; ++i) {
      users_.push_back(u);
      items_.push_back(Index(log.other[i]));
      positions_.push_back(static_cast<uint32_t>(i - log.ptr[u]));
    }
  }
}

void Batcher::MakeSampler() {
  positives_ = PositivesByUser(data_->n_users(), {data_->train});
  std::vector<ItemId> all(data_->n_items());
  for (uint32_t i = 0; i < data_->n_items(); ++i) all[i] = ItemId{i};
  sampler_ = options_.negatives == "popularity"
                 ? std::make_unique<ItemSampler>(std::move(all), data_->item_popularity)
                 : std::make_unique<ItemSampler>(std::move(all));
}

void Batcher::MarkSeen(std::span<const LabeledPair> seen) {
  using Key = std::tuple<uint32_t, uint32_t, bool>;
  std::vector<Key> keys;
  keys.reserve(seen.size());
  for (const LabeledPair& row : seen) {
    keys.emplace_back(Index(row.user), Index(row.item), row.label > 0);
  }
  std::sort(keys.begin(), keys.end());
  old_.resize(users_.size());
  for (size_t i = 0; i < old_.size(); ++i) {
    const bool positive = labels_.empty() || fresh() || labels_[i] > 0;
    old_[i] = std::binary_search(keys.begin(), keys.end(), Key(users_[i], items_[i], positive));
  }
}

// The rows of the epoch in ascending order.
void Batcher::DrawRows() {
  order_.resize(users_.size());
  std::iota(order_.begin(), order_.end(), 0u);
  if (old_.empty()) return;
  const Rng rng(options_.seed, RngStream::kReplay, static_cast<uint32_t>(epoch_));
  std::erase_if(
      order_, [&](uint32_t row) { return old_[row] != 0 && rng.Uniform(row) >= options_.replay; });
  if (!order_.empty()) return;
  order_.resize(users_.size());
  std::iota(order_.begin(), order_.end(), 0u);
}

int64_t Batcher::StartEpoch(int64_t epoch) {
  epoch_ = epoch;
  DrawRows();
  const auto n = static_cast<int64_t>(order_.size());
  chunk_ptr_.assign(1, 0);
  if (options_.chunk == 1) {
    Shuffle(std::span(order_), ChunkOrder(options_.seed, epoch));
    chunk_ptr_.resize(static_cast<size_t>(n) + 1);
    std::iota(chunk_ptr_.begin(), chunk_ptr_.end(), int64_t{0});
  } else {
    // Chunks as (begin, end) of the user-ordered, shuffled rows; then the chunks in random order.
    struct Chunk {
      int64_t begin, end;
    };
    std::vector<Chunk> chunks;
    for (int64_t begin = 0; begin < n;) {
      int64_t end = begin + 1;
      while (end < n && users_[order_[end]] == users_[order_[begin]]) ++end;
      if (kind_ != BatchKind::kNextItem) {
        Shuffle(std::span(order_).subspan(begin, end - begin), RowOrder(options_.seed, epoch),
                static_cast<uint64_t>(begin));
      }
      for (int64_t c = begin; c < end; c += options_.chunk) {
        chunks.push_back({c, std::min(end, c + options_.chunk)});
      }
      begin = end;
    }
    Shuffle(std::span(chunks), ChunkOrder(options_.seed, epoch));
    std::vector<uint32_t> packed;
    packed.reserve(order_.size());
    for (const Chunk& chunk : chunks) {
      packed.insert(packed.end(), order_.begin() + chunk.begin, order_.begin() + chunk.end);
      chunk_ptr_.push_back(static_cast<int64_t>(packed.size()));
    }
    order_ = std::move(packed);
  }
  const int64_t chunks = static_cast<int64_t>(chunk_ptr_.size()) - 1;
  batch_ptr_.assign(1, 0);
  for (int64_t c = 0; c < chunks; ++c) {
    const int64_t begin = chunk_ptr_[batch_ptr_.back()];
    if (chunk_ptr_[c + 1] - begin > options_.batch_size) batch_ptr_.push_back(c);
  }
  batch_ptr_.push_back(chunks);
  return steps();
}

Batch Batcher::Get(int64_t step) {
  const int64_t chunk_begin = batch_ptr_[step], chunk_end = batch_ptr_[step + 1];
  const int64_t begin = chunk_ptr_[chunk_begin], end = chunk_ptr_[chunk_end];
  batch_chunk_ptr_.clear();
  for (int64_t c = chunk_begin; c <= chunk_end; ++c) {
    batch_chunk_ptr_.push_back(chunk_ptr_[c] - begin);
  }
  const size_t n = static_cast<size_t>(end - begin);
  batch_users_.resize(n);
  batch_items_.resize(n);
  const bool pairwise = kind_ == BatchKind::kPairwise, next = kind_ == BatchKind::kNextItem;
  batch_labels_.resize(pairwise || next ? 0 : n);
  batch_positions_.resize(next ? n : 0);
  batch_negatives_.resize(pairwise ? n : 0);
  const Rng rng(options_.seed, RngStream::kNegative, static_cast<uint32_t>(epoch_));
  for (size_t i = 0; i < n; ++i) {
    const uint32_t row = order_[begin + static_cast<int64_t>(i)];
    batch_users_[i] = users_[row];
    batch_items_[i] = items_[row];
    const auto draw = [&] {
      return Index(
          sampler_->Draw(positives_.of(UserId{users_[row]}), rng, row * ItemSampler::kDraws));
    };
    if (next) {
      batch_positions_[i] = positions_[row];
    } else if (pairwise) {
      batch_negatives_[i] = draw();
    } else {
      batch_labels_[i] = labels_[row];
      if (fresh() && labels_[row] == 0) batch_items_[i] = draw();
    }
  }
  Batch batch{batch_users_, batch_items_, batch_labels_, batch_negatives_, batch_chunk_ptr_};
  batch.positions = batch_positions_;
  return batch;
}

}  // namespace undula::models
