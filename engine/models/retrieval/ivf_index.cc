#include "models/retrieval/ivf_index.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/rng.h"
#include "base/status.h"

namespace undula::models {

using propagation::simd::kPanelQueries;
using propagation::simd::kPanelWidth;
using propagation::simd::PanelList;

namespace {

constexpr int64_t kRounds = 8;         // of k-means
constexpr int64_t kTrainingRows = 64;  // a list
constexpr int64_t kChunkBytes = 32 << 10;

std::vector<ItemId> Numbered(int64_t n) {
  std::vector<ItemId> out;
  for (int64_t i = 0; i < n; ++i) out.push_back(ItemId{static_cast<uint32_t>(i)});
  return out;
}

// The nearest centroid of each row: the largest x c - |c|^2 / 2, one more dimension of the product.
std::vector<uint32_t> Assign(const IndexVectors& vectors, std::span<const uint32_t> rows,
                             std::span<const float> centroids, TaskArena& workers) {
  const int64_t dim = vectors.dim, lists = static_cast<int64_t>(centroids.size()) / dim;
  const int64_t wide = dim + 1;
  std::vector<float> points(static_cast<size_t>(lists * wide));
  for (int64_t l = 0; l < lists; ++l) {
    const float* c = centroids.data() + l * dim;
    std::copy_n(c, dim, points.data() + l * wide);
    points[l * wide + dim] = -0.5f * std::inner_product(c, c + dim, c, 0.0f);
  }
  const VectorPanels panels(points, wide);
  const std::vector<ItemId> ids = Numbered(lists);
  std::vector<uint32_t> out(rows.size(), 0);
  constexpr int64_t kGrain = 960;
  workers.For(static_cast<int64_t>(rows.size()), kGrain, [&](int64_t begin, int64_t end) {
    std::vector<float> extended(static_cast<size_t>((end - begin) * wide));
    std::vector<IndexQuery> queries;
    for (int64_t i = begin; i < end; ++i) {
      float* to = extended.data() + (i - begin) * wide;
      std::copy_n(vectors.row(rows[i]).data(), dim, to);
      to[dim] = 1;
      queries.push_back({{to, static_cast<size_t>(wide)}, {}});
    }
    IndexScratch scratch;
    std::vector<std::vector<ScoredItem>> nearest;
    RankPanels(panels, ids, queries, 1, &scratch, &nearest);
    for (int64_t i = begin; i < end; ++i) {
      if (!nearest[i - begin].empty()) out[i] = Index(nearest[i - begin][0].item);
    }
  });
  return out;
}

}  // namespace

absl::StatusOr<IvfLists> TrainIvfLists(const IndexVectors& vectors, const IndexOptions& options,
                                       TaskArena& workers, Progress* progress) {
  const int64_t n = vectors.rows(), dim = vectors.dim;
  const int64_t wanted = options.lists > 0
                             ? options.lists
                             : static_cast<int64_t>(4 * std::sqrt(static_cast<double>(n)));
  const int64_t lists = std::clamp<int64_t>(wanted, 1, n);
  // Rows in an order drawn by the seed: the first ones are the centroids to begin with.
  std::vector<uint32_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), 0u);
  std::vector<uint64_t> key;
  const Rng rng(static_cast<uint64_t>(options.seed), RngStream::kShuffle);
  for (int64_t r = 0; r < n; ++r) key.push_back(rng.Bits64(static_cast<uint64_t>(r)));
  std::sort(rows.begin(), rows.end(),
            [&](uint32_t a, uint32_t b) { return key[a] != key[b] ? key[a] < key[b] : a < b; });
  const auto training = std::span(rows).first(std::min(n, kTrainingRows * lists));
  IvfLists out;
  for (int64_t l = 0; l < lists; ++l) {
    const auto row = vectors.row(rows[l]);
    out.centroids.insert(out.centroids.end(), row.begin(), row.end());
  }
  for (int64_t round = 0; round < kRounds; ++round) {
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, round, kRounds + 1, "building the index"));
    const std::vector<uint32_t> nearest = Assign(vectors, training, out.centroids, workers);
    std::vector<double> sum(out.centroids.size(), 0.0);
    std::vector<int64_t> count(static_cast<size_t>(lists), 0);
    for (size_t i = 0; i < training.size(); ++i) {
      const auto row = vectors.row(training[i]);
      double* to = sum.data() + nearest[i] * dim;
      for (int64_t c = 0; c < dim; ++c) to[c] += row[c];
      ++count[nearest[i]];
    }
    for (int64_t l = 0; l < lists; ++l) {
      if (count[l] == 0) continue;  // stays where it is
      for (int64_t c = 0; c < dim; ++c) {
        out.centroids[l * dim + c] = static_cast<float>(sum[l * dim + c] / count[l]);
      }
    }
  }
  std::iota(rows.begin(), rows.end(), 0u);
  out.list_of = Assign(vectors, rows, out.centroids, workers);
  return out;
}

IvfIndex::IvfIndex(const IndexVectors& vectors, IvfLists lists)
    : ItemIndex(vectors),
      stored_(std::move(lists)),
      centroid_panels_(stored_.centroids, vectors.dim),
      list_ids_(Numbered(centroid_panels_.rows())),
      slot_of_(vectors.items.size()) {
  constexpr int64_t kPair = 2 * kPanelWidth;
  std::vector<int64_t> size(list_ids_.size(), 0);
  for (const uint32_t list : stored_.list_of) ++size[list];
  panel_ptr_.assign(1, 0);
  for (const int64_t rows : size) {
    panel_ptr_.push_back(panel_ptr_.back() + (rows + kPair - 1) / kPair * 2);
  }
  panels_.assign(static_cast<size_t>(panel_ptr_.back() * kPanelWidth * dim_), 0.0f);
  slot_item_.assign(static_cast<size_t>(panel_ptr_.back() * kPanelWidth), kNone<ItemId>);
  std::vector<int64_t> next;
  for (size_t l = 0; l < size.size(); ++l) next.push_back(panel_ptr_[l] * kPanelWidth);
  for (int64_t r = 0; r < items(); ++r) {
    const int64_t slot = next[stored_.list_of[r]]++;
    slot_of_[r] = static_cast<uint32_t>(slot);
    slot_item_[slot] = items_[r];
    float* to = panels_.data() + slot / kPanelWidth * kPanelWidth * dim_ + slot % kPanelWidth;
    for (int64_t c = 0; c < dim_; ++c) to[c * kPanelWidth] = vectors.row(r)[c];
  }
}

int64_t IvfIndex::bytes() const {
  return centroid_panels_.bytes() +
         static_cast<int64_t>(panels_.size() + slot_item_.size() + slot_of_.size() +
                              stored_.centroids.size() + stored_.list_of.size()) *
             4;
}

void IvfIndex::CopyRow(int64_t row, float* out) const {
  const int64_t slot = slot_of_[row];
  const float* from = panels_.data() + slot / kPanelWidth * kPanelWidth * dim_ + slot % kPanelWidth;
  for (int64_t c = 0; c < dim_; ++c) out[c] = from[c * kPanelWidth];
}

int64_t IvfIndex::ListsToRead(const IndexQuery& query, int64_t k) const {
  const double excluded =
      static_cast<double>(query.mask.excluded.size()) / static_cast<double>(items());
  const double share = query.share * (1 - std::min(0.9, excluded));
  const double longer = std::sqrt(std::max(1.0, static_cast<double>(k) / 10));
  const double wide = static_cast<double>(width_) * longer / std::max(share, 1e-9);
  return wide >= static_cast<double>(lists()) ? lists() : static_cast<int64_t>(std::ceil(wide));
}

void IvfIndex::Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
                      std::vector<std::vector<ScoredItem>>* out) const {
  out->assign(queries.size(), {});
  k = std::min(std::max<int64_t>(k, 0), items());
  if (k == 0) return;
  std::vector<std::pair<uint32_t, uint32_t>> probes;
  std::vector<IndexQuery> plain;
  int64_t most = 1;
  for (const IndexQuery& query : queries) {
    plain.push_back({query.vector, {}});
    most = std::max(most, ListsToRead(query, k));
  }
  std::vector<std::vector<ScoredItem>> near;
  RankPanels(centroid_panels_, list_ids_, plain, most, scratch, &near);
  for (uint32_t q = 0; q < queries.size(); ++q) {
    const auto count = std::min(near[q].size(), static_cast<size_t>(ListsToRead(queries[q], k)));
    for (size_t l = 0; l < count; ++l) probes.emplace_back(Index(near[q][l].item), q);
  }
  std::sort(probes.begin(), probes.end());
  ReadLists(queries, probes, k, scratch, out);
  // Lists that a mask cut short: everything is read for them.
  probes.clear();
  for (uint32_t list = 0; list < lists(); ++list) {
    for (uint32_t q = 0; q < queries.size(); ++q) {
      const bool shortened = static_cast<int64_t>((*out)[q].size()) < k;
      if (shortened && ListsToRead(queries[q], k) < lists()) probes.emplace_back(list, q);
    }
  }
  if (!probes.empty()) ReadLists(queries, probes, k, scratch, out);
}

void IvfIndex::ReadLists(std::span<const IndexQuery> queries,
                         std::span<const std::pair<uint32_t, uint32_t>> probes, int64_t k,
                         IndexScratch* scratch, std::vector<std::vector<ScoredItem>>* out) const {
  const auto scan = propagation::simd::GetPanelScan();
  const int64_t panel_bytes = dim_ * kPanelWidth * int64_t{sizeof(float)};
  const int64_t chunk = std::max<int64_t>(1, kChunkBytes / (2 * panel_bytes)) * 2;
  const int64_t rows = chunk * kPanelWidth, room = HitList::Room(k, rows);
  std::vector<int64_t> place(queries.size(), -1);
  std::vector<HitList> lists;
  for (const auto& [list, q] : probes) {
    if (place[q] >= 0) continue;
    place[q] = static_cast<int64_t>(lists.size());
    lists.emplace_back(k, rows, queries[q].mask, nullptr);
  }
  scratch->hits.resize(lists.size() * static_cast<size_t>(room));
  for (size_t i = 0; i < lists.size(); ++i) {
    lists[i].list()->hits = scratch->hits.data() + i * static_cast<size_t>(room);
  }
  scratch->queries.resize(static_cast<size_t>(kPanelQueries * dim_));
  for (size_t i = 0; i < probes.size();) {
    const uint32_t list = probes[i].first;
    size_t size = 0;
    const float* group[kPanelQueries];
    HitList* to[kPanelQueries];
    for (; size < kPanelQueries && i + size < probes.size() && probes[i + size].first == list;
         ++size) {
      group[size] = queries[probes[i + size].second].vector.data();
      to[size] = &lists[place[probes[i + size].second]];
    }
    i += size;
    PackQueries({group, size}, dim_, scratch->queries.data());
    PanelList together[kPanelQueries];
    for (int64_t p = panel_ptr_[list]; p < panel_ptr_[list + 1]; p += chunk) {
      for (size_t r = 0; r < size; ++r) together[r] = *to[r]->list();
      scan(scratch->queries.data(), static_cast<int64_t>(size), dim_,
           panels_.data() + p * kPanelWidth * dim_, std::min(chunk, panel_ptr_[list + 1] - p),
           static_cast<uint32_t>(p * kPanelWidth), together);
      for (size_t r = 0; r < size; ++r) {
        to[r]->list()->size = together[r].size;
        to[r]->Take(slot_item_);
      }
    }
  }
  for (size_t q = 0; q < queries.size(); ++q) {
    if (place[q] >= 0) lists[place[q]].Finish(&(*out)[q]);
  }
}

void IvfIndex::Save(TensorMap* out) const {
  out->tensors[Concat(kIndexPrefix, "centroids")] =
      MakeTensor({lists(), dim_}, stored_.centroids.data());
  out->tensors[Concat(kIndexPrefix, "list")] = MakeTensor({items()}, stored_.list_of.data());
}

absl::StatusOr<IvfLists> IvfIndex::Load(const TensorMap& in, int64_t rows, int64_t dim) {
  const auto damaged = [](const char* name) {
    return DataLossError("the tensor ", kIndexPrefix, name,
                         " of the index is missing, damaged or does not fit");
  };
  const NamedTensor* centroids = in.Find(Concat(kIndexPrefix, "centroids"));
  const NamedTensor* list = in.Find(Concat(kIndexPrefix, "list"));
  if (centroids == nullptr || centroids->dtype != DType::kF32 || centroids->shape.size() != 2 ||
      centroids->shape[0] < 1 || centroids->shape[0] > rows || centroids->shape[1] != dim) {
    return damaged("centroids");
  }
  if (list == nullptr || list->dtype != DType::kU32 || list->shape.size() != 1 ||
      list->size() != rows) {
    return damaged("list");
  }
  IvfLists out;
  out.centroids.assign(centroids->data<float>(), centroids->data<float>() + centroids->size());
  out.list_of.assign(list->data<uint32_t>(), list->data<uint32_t>() + rows);
  for (const uint32_t l : out.list_of) {
    if (l >= centroids->shape[0]) return damaged("list");
  }
  return out;
}

}  // namespace undula::models
