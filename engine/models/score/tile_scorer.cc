#include "models/score/tile_scorer.h"

#include <algorithm>
#include <limits>

#include "base/scratch_pool.h"
#include "base/status.h"
#include "models/score/item_panels.h"
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

// The list of one query, filled from tiles of scores in ascending order of the items.
class ListBuilder {
 public:
  ListBuilder(size_t k, const ItemMask& mask, std::vector<ScoredItem>* out)
      : k_(k), mask_(mask), excluded_(mask.excluded.begin()), top_(k, out) {}

  // scores of the items from `begin` on.
  void Offer(uint32_t begin, std::span<const float> scores) {
    const auto size = static_cast<int64_t>(scores.size());
    // Most of the catalogue stops at this comparison; masks are read for the rest only.
    for (int64_t i = 0; k_ > 0 && (i = find_(scores.data(), i, size, top_.least())) < size; ++i) {
      const ItemId item{begin + static_cast<uint32_t>(i)};
      while (excluded_ != mask_.excluded.end() && *excluded_ < item) ++excluded_;
      if (excluded_ != mask_.excluded.end() && *excluded_ == item) continue;
      if (mask_.allow != nullptr && !mask_.allow->contains(item)) continue;
      if (mask_.deny != nullptr && mask_.deny->contains(item)) continue;
      top_.Push({item, scores[static_cast<size_t>(i)]});
    }
  }
  void Finish() { top_.Sort(); }

 private:
  size_t k_;
  ItemMask mask_;
  std::span<const ItemId>::iterator excluded_;
  TopK top_;
  propagation::simd::FindAtLeastKernel find_ = propagation::simd::GetFindAtLeast();
};

// Queries worked together where the scorer gives their vectors, and the items of a tile then: what
// is made of their histories and their scores stay in the cache.
constexpr int64_t kVectorQueries = 32;
constexpr uint32_t kVectorItems = 256;

// One query of several ranked together: what is asked and where its answer goes.
struct Asked {
  UserQuery query;
  ItemMask mask;
  absl::Status* status;
  std::vector<ScoredItem>* out;
};

// Lists of queries that have vectors, all at once. What it returns fails them all.
absl::Status RankVectors(const Scorer& scorer, std::span<const Asked> asked,
                         const TileOptions& options, RankScratch* scratch) {
  const ItemPanels& panels = *scorer.item_panels();
  const uint32_t n_items = scorer.n_items(), tile = std::min(options.item_tile, kVectorItems);
  const auto k = static_cast<size_t>(std::min<int64_t>(options.k, n_items));
  std::vector<UserQuery> queries;
  std::vector<absl::Status> status(asked.size());
  for (const Asked& a : asked) queries.push_back(a.query);
  scratch->vectors.resize(asked.size() * static_cast<size_t>(panels.dim()));
  scratch->arena.Reset();
  UNDULA_RETURN_IF_ERROR(scorer.QueryVectors(queries, scratch->vectors, status, scratch->arena));
  scratch->scores.resize(asked.size() * tile);
  std::vector<float*> rows;
  for (size_t i = 0; i < asked.size(); ++i) {
    rows.push_back(scratch->scores.data() + i * tile);
    *asked[i].status = status[i];
    if (!status[i].ok()) std::fill_n(&scratch->vectors[i * panels.dim()], panels.dim(), 0.0f);
  }
  std::vector<ListBuilder> lists;
  for (const Asked& a : asked) lists.emplace_back(k, a.mask, a.out);
  for (uint32_t begin = 0; begin < n_items;) {
    const uint32_t size = std::min(tile, n_items - begin);
    panels.Scores(scratch->vectors.data(), static_cast<int64_t>(asked.size()),
                  {begin, begin + size}, rows.data());
    for (size_t i = 0; i < asked.size(); ++i) {
      if (status[i].ok()) lists[i].Offer(begin, {rows[i], size});
    }
    begin += size;
  }
  for (ListBuilder& list : lists) list.Finish();
  return absl::OkStatus();
}

absl::Status CheckTiles(const TileOptions& options) {
  if (options.k >= 0 && options.item_tile > 0 && options.user_tile > 0) return absl::OkStatus();
  return InvalidArgumentError("k = ", options.k, ", item tile = ", options.item_tile,
                              ", user tile = ", options.user_tile,
                              ": k must be >= 0 and a tile >= 1");
}

}  // namespace

absl::Status RankOne(const Scorer& scorer, const UserQuery& query, const ItemMask& mask,
                     const TileOptions& options, RankScratch* scratch,
                     std::vector<ScoredItem>* out) {
  out->clear();
  UNDULA_RETURN_IF_ERROR(CheckTiles(options));
  if (scorer.item_panels() != nullptr) {
    absl::Status status;
    const Asked asked{query, mask, &status, out};
    UNDULA_RETURN_IF_ERROR(RankVectors(scorer, {&asked, 1}, options, scratch));
    return status;
  }
  const uint32_t n_items = scorer.n_items();
  ListBuilder list(static_cast<size_t>(std::min<int64_t>(options.k, n_items)), mask, out);
  scratch->scores.resize(std::min(options.item_tile, n_items));
  for (uint32_t begin = 0; begin < n_items;) {
    const uint32_t size = std::min(options.item_tile, n_items - begin);
    scratch->arena.Reset();
    const std::span<float> scores = std::span(scratch->scores).first(size);
    UNDULA_RETURN_IF_ERROR(
        scorer.Score(query, ItemRange{begin, begin + size}, scores, scratch->arena));
    list.Offer(begin, scores);
    begin += size;
  }
  list.Finish();
  return absl::OkStatus();
}

absl::Status RankAll(const Scorer& scorer, const RankJob& job, const TileOptions& options,
                     TaskArena& workers, Progress* progress,
                     const std::function<absl::Status(int64_t i, const RankedList& list)>& emit) {
  // Enough tiles per thread that waiting for the last one costs little, few enough that progress is
  // asked often. Lists do not depend on it.
  constexpr int64_t kTilesPerThread = 8;
  UNDULA_RETURN_IF_ERROR(CheckTiles(options));
  const bool vectors = scorer.item_panels() != nullptr;
  const int64_t user_tile = vectors ? kVectorQueries : int64_t{options.user_tile};
  // A GPU wants many users at once.
  constexpr int64_t kDeviceUsers = 4096;
  const int64_t block =
      options.ranker != nullptr ? kDeviceUsers : kTilesPerThread * workers.threads() * user_tile;
  struct Answer {
    absl::Status status;
    std::vector<ScoredItem> items;
  };
  std::vector<Answer> answers(static_cast<size_t>(std::min(block, std::max<int64_t>(job.n, 0))));
  ScratchPool<RankScratch> pool;
  DeviceBlock on_device(&scorer, options);
  for (int64_t first = 0; first < job.n; first += block) {
    const int64_t n = std::min(block, job.n - first);
    if (options.ranker != nullptr) UNDULA_RETURN_IF_ERROR(on_device.Run(job, first, n));
    workers.For(n, user_tile, [&](int64_t begin, int64_t end) {
      auto scratch = pool.Take();
      std::vector<Asked> together;
      for (int64_t i = begin; i < end; ++i) {
        if (progress != nullptr && progress->cancelled()) break;
        Answer& answer = answers[i];
        if (options.ranker != nullptr && on_device.Take(i, &answer.items)) {
          answer.status = absl::OkStatus();
          continue;
        }
        const ItemMask mask = job.mask ? job.mask(first + i) : ItemMask{};
        const UserQuery query = job.query(first + i);
        if (vectors) {
          together.push_back({query, mask, &answer.status, &answer.items});
        } else {
          answer.status = RankOne(scorer, query, mask, options, scratch.get(), &answer.items);
        }
      }
      if (!together.empty()) {
        const absl::Status status = RankVectors(scorer, together, options, scratch.get());
        for (const Asked& asked : together) {
          if (!status.ok()) *asked.status = status;
        }
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
