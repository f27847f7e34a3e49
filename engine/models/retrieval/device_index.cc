#include "models/retrieval/device_index.h"

#include <algorithm>

#include "base/status.h"
#include "models/score/rank_on_device.h"

namespace undula::models {

using propagation::cuda::kNoItem;

absl::StatusOr<std::unique_ptr<ItemIndex>> DeviceIndex::Create(const IndexVectors& vectors,
                                                               propagation::Exec* exec) {
  UNDULA_ASSIGN_OR_RETURN(
      auto ranker, propagation::MakeRanker(
                       exec, propagation::DotRankModel{
                                 .dim = vectors.dim,
                                 .items = {vectors.values.data(), vectors.rows(), vectors.dim}}));
  return std::unique_ptr<ItemIndex>(new DeviceIndex(vectors, std::move(ranker)));
}

void DeviceIndex::Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
                         std::vector<std::vector<ScoredItem>>* out) const {
  constexpr size_t kTogether = 4096;
  const int64_t best = std::min(k, items());
  out->assign(queries.size(), {});
  if (best < 1) return;
  for (size_t first = 0; first < queries.size();) {
    size_t n = 1;
    while (first + n < queries.size() && n < kTogether &&
           queries[first + n].mask.allow == queries[first].mask.allow &&
           queries[first + n].mask.deny == queries[first].mask.deny) {
      ++n;
    }
    const auto together = queries.subspan(first, n);
    if (!SearchTogether(together, best, out->data() + first).ok()) {
      std::vector<std::vector<ScoredItem>> found;
      on_cpu_.Search(together, best, scratch, &found);
      std::move(found.begin(), found.end(), out->begin() + static_cast<int64_t>(first));
    }
    first += n;
  }
}

absl::Status DeviceIndex::SearchTogether(std::span<const IndexQuery> queries, int64_t k,
                                         std::vector<ScoredItem>* out) const {
  std::vector<float> vectors;
  std::vector<int64_t> excluded_ptr = {0};
  std::vector<uint32_t> excluded;  // rows
  for (const IndexQuery& query : queries) {
    vectors.insert(vectors.end(), query.vector.begin(), query.vector.end());
    for (const ItemId item : query.mask.excluded) {
      if (const int64_t row = RowOf(item); row >= 0) excluded.push_back(static_cast<uint32_t>(row));
    }
    excluded_ptr.push_back(static_cast<int64_t>(excluded.size()));
  }
  const std::vector<uint32_t> allowed =
      AllowedBits(queries[0].mask, static_cast<uint32_t>(items_.size()),
                  [this](uint32_t row) { return items_[row]; });
  std::vector<propagation::RankedItem> best;
  {
    const std::lock_guard turn(turn_);
    UNDULA_RETURN_IF_ERROR(ranker_->Rank({.vectors = vectors,
                                          .excluded_ptr = excluded_ptr,
                                          .excluded = excluded,
                                          .allowed = allowed,
                                          .k = k},
                                         &best));
  }
  for (size_t q = 0; q < queries.size(); ++q) {
    const propagation::RankedItem* list = best.data() + q * static_cast<size_t>(k);
    for (int64_t p = 0; p < k && list[p].item != kNoItem; ++p) {
      out[q].push_back({items_[list[p].item], list[p].score});
    }
  }
  return absl::OkStatus();
}

}  // namespace undula::models
