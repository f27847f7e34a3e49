#include "models/score/tile_scorer.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>

#include "base/status.h"
#include "models/score/rank_on_device.h"
#include "propagation/simd/scan.h"

namespace undula::models {
namespace {

bool Better(const ScoredItem& a, const ScoredItem& b) {
  return a.score != b.score ? a.score > b.score : a.item < b.item;
}

// The k best seen so far: once there are k, a heap whose top is the worst of them.
class TopK {
 public:
  TopK(size_t k, std::vector<ScoredItem>* heap) : k_(k), heap_(heap) { heap_->clear(); }

  // Only scores of at least this are worth a closer look. Never NaN.
  float least() const {
    return heap_->size() < k_ ? -std::numeric_limits<float>::infinity() : heap_->front().score;
  }
  void Push(ScoredItem item) {
    if (heap_->size() < k_) {
      heap_->push_back(item);
      if (heap_->size() == k_) std::make_heap(heap_->begin(), heap_->end(), Better);
    } else if (Better(item, heap_->front())) {
      ReplaceWorst(item);
    }
  }
  void Sort() { std::sort(heap_->begin(), heap_->end(), Better); }

 private:
  void ReplaceWorst(ScoredItem item) {
    ScoredItem* const heap = heap_->data();
    size_t at = 0;
    for (size_t child = 1; child < k_; child = 2 * at + 1) {
      child += child + 1 < k_ && Better(heap[child], heap[child + 1]);
      if (!Better(item, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = item;
  }

  size_t k_;
  std::vector<ScoredItem>* heap_;
};

bool IsQueryError(const absl::Status& status) {
  return status.code() == absl::StatusCode::kNotFound ||
         status.code() == absl::StatusCode::kFailedPrecondition;
}

// Scratch memory that tasks borrow: as many as tasks run at once.
class ScratchPool {
 public:
  std::unique_ptr<RankScratch> Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<RankScratch>();
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void Give(std::unique_ptr<RankScratch> scratch) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<RankScratch>> free_;
};

}  // namespace

absl::Status RankOne(const Scorer& scorer, const UserQuery& query, const ItemMask& mask,
                     const TileOptions& options, RankScratch* scratch,
                     std::vector<ScoredItem>* out) {
  out->clear();
  if (options.k < 0 || options.item_tile == 0) {
    return InvalidArgumentError("k = ", options.k, ", item tile = ", options.item_tile,
                                ": k must be >= 0 and a tile >= 1 item");
  }
  const uint32_t n_items = scorer.n_items();
  const size_t k = static_cast<size_t>(std::min<int64_t>(options.k, n_items));
  TopK top(k, out);
  const auto find = propagation::simd::GetFindAtLeast();
  auto excluded = mask.excluded.begin();
  scratch->scores.resize(std::min(options.item_tile, n_items));
  for (uint32_t begin = 0; begin < n_items;) {
    const uint32_t size = std::min(options.item_tile, n_items - begin);
    scratch->arena.Reset();
    const std::span<float> scores = std::span(scratch->scores).first(size);
    UNDULA_RETURN_IF_ERROR(
        scorer.Score(query, ItemRange{begin, begin + size}, scores, scratch->arena));
    // Most of the catalogue stops at this comparison; masks are read for the rest only.
    for (int64_t i = 0; k > 0 && (i = find(scores.data(), i, size, top.least())) < size; ++i) {
      const ItemId item{begin + static_cast<uint32_t>(i)};
      while (excluded != mask.excluded.end() && *excluded < item) ++excluded;
      if (excluded != mask.excluded.end() && *excluded == item) continue;
      if (mask.allow != nullptr && !mask.allow->contains(item)) continue;
      if (mask.deny != nullptr && mask.deny->contains(item)) continue;
      top.Push({item, scores[static_cast<size_t>(i)]});
    }
    begin += size;
  }
  top.Sort();
  return absl::OkStatus();
}

absl::Status RankAll(const Scorer& scorer, const RankJob& job, const TileOptions& options,
                     TaskArena& workers, Progress* progress,
                     const std::function<absl::Status(int64_t i, const RankedList& list)>& emit) {
  // Enough tiles per thread that waiting for the last one costs little, few enough that progress is
  // asked often. Lists do not depend on it.
  constexpr int64_t kTilesPerThread = 8;
  if (options.user_tile == 0) return InvalidArgumentError("a user tile must be >= 1 user");
  // A GPU wants many users at once.
  constexpr int64_t kDeviceUsers = 4096;
  const int64_t block = options.ranker != nullptr
                            ? kDeviceUsers
                            : kTilesPerThread * workers.threads() * options.user_tile;
  struct Answer {
    absl::Status status;
    std::vector<ScoredItem> items;
  };
  std::vector<Answer> answers(static_cast<size_t>(std::min(block, std::max<int64_t>(job.n, 0))));
  ScratchPool pool;
  DeviceBlock on_device(&scorer, options);
  for (int64_t first = 0; first < job.n; first += block) {
    const int64_t n = std::min(block, job.n - first);
    if (options.ranker != nullptr) UNDULA_RETURN_IF_ERROR(on_device.Run(job, first, n));
    workers.For(n, options.user_tile, [&](int64_t begin, int64_t end) {
      auto scratch = pool.Take();
      for (int64_t i = begin; i < end; ++i) {
        if (progress != nullptr && progress->cancelled()) break;
        if (options.ranker != nullptr && on_device.Take(i, &answers[i].items)) {
          answers[i].status = absl::OkStatus();
          continue;
        }
        const ItemMask mask = job.mask ? job.mask(first + i) : ItemMask{};
        Answer& answer = answers[i];
        answer.status =
            RankOne(scorer, job.query(first + i), mask, options, scratch.get(), &answer.items);
      }
      pool.Give(std::move(scratch));
    });
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, first, job.n, "scoring"));
    for (int64_t i = 0; i < n; ++i) {
      Answer& answer = answers[i];
      if (!answer.status.ok()) {
        if (!IsQueryError(answer.status)) return answer.status;
        answer.items.clear();
      }
      UNDULA_RETURN_IF_ERROR(emit(first + i, RankedList{answer.status, answer.items}));
    }
  }
  return Progress::Report(progress, job.n, job.n, "scoring");
}

}  // namespace undula::models
