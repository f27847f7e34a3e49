#include "models/retrieval/new_items.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "models/retrieval/exact_index.h"

namespace undula::models {
namespace {

constexpr int64_t kMostSharing = 10000;

class Placer {
 public:
  Placer(const Snapshot& snapshot, const IndexVectors& known) : snapshot_(snapshot), known_(known) {
    row_.assign(snapshot.n_items, -1);
    for (int64_t r = 0; r < known.rows(); ++r) {
      const ItemId item = known.items[r];
      if (Index(item) >= snapshot.n_items) continue;
      row_[Index(item)] = r;
      const EntityId entity = snapshot.links.best(item);
      if (entity != kNone<EntityId>) rows_of_.emplace_back(entity, r);
    }
    std::sort(rows_of_.begin(), rows_of_.end());
  }

  bool IsKnown(uint32_t item) const { return row_[item] >= 0; }

  // False where the item shares nothing with items that have a vector.
  bool Place(ItemId item, std::vector<float>* out) {
    std::vector<double> sum(static_cast<size_t>(known_.dim), 0.0);
    double total = 0;
    const EntityId entity = snapshot_.links.best(item);
    if (entity != kNone<EntityId>) {
      for (const EdgeCsr* edges : {&snapshot_.out, &snapshot_.in}) {
        for (int64_t e = edges->ptr[Index(entity)]; e < edges->ptr[Index(entity) + 1]; ++e) {
          Add(OfFeature(edges->entity[e]), &sum, &total);
        }
      }
    }
    const InteractionCsr<UserId>& log = snapshot_.by_item;
    for (int64_t i = log.ptr[Index(item)]; i < log.ptr[Index(item) + 1]; ++i) {
      Add(OfUser(log.other[i]), &sum, &total);
    }
    out->assign(sum.begin(), sum.end());
    Normalize(*out);
    return total > 0;
  }

 private:
  struct Mean {
    std::vector<double> vector;
    int64_t count = 0;
  };

  void Add(const Mean& mean, std::vector<double>* sum, double* total) const {
    if (mean.count == 0) return;
    const double weight =
        std::log((1.0 + static_cast<double>(known_.rows())) / static_cast<double>(mean.count));
    for (size_t c = 0; c < sum->size(); ++c) (*sum)[c] += weight * mean.vector[c];
    *total += weight;
  }

  Mean Of(std::vector<int64_t> rows) const {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    Mean mean;
    mean.count = static_cast<int64_t>(rows.size());
    mean.vector.assign(static_cast<size_t>(known_.dim), 0.0);
    for (const int64_t row : rows) {
      const auto v = known_.row(row);
      for (size_t c = 0; c < v.size(); ++c)
        mean.vector[c] += v[c] / static_cast<double>(rows.size());
    }
    return mean;
  }

  const Mean& OfFeature(EntityId x) {
    const auto [at, is_new] = features_.try_emplace(Index(x));
    if (!is_new || snapshot_.out.degree(x) + snapshot_.in.degree(x) > kMostSharing) {
      return at->second;
    }
    std::vector<int64_t> rows;
    for (const EdgeCsr* edges : {&snapshot_.out, &snapshot_.in}) {
      for (int64_t e = edges->ptr[Index(x)]; e < edges->ptr[Index(x) + 1]; ++e) {
        const std::pair<EntityId, int64_t> key(edges->entity[e], 0);
        auto it = std::lower_bound(rows_of_.begin(), rows_of_.end(), key);
        for (; it != rows_of_.end() && it->first == key.first; ++it) rows.push_back(it->second);
      }
    }
    return at->second = Of(std::move(rows));
  }

  const Mean& OfUser(UserId user) {
    const auto [at, is_new] = users_.try_emplace(Index(user));
    const auto items = snapshot_.by_user.row(Index(user));
    if (!is_new || static_cast<int64_t>(items.size()) > kMostSharing) return at->second;
    std::vector<int64_t> rows;
    for (const ItemId item : items) {
      if (IsKnown(Index(item))) rows.push_back(row_[Index(item)]);
    }
    return at->second = Of(std::move(rows));
  }

  const Snapshot& snapshot_;
  const IndexVectors& known_;
  std::vector<int64_t> row_;                           // of each item in known, or -1
  std::vector<std::pair<EntityId, int64_t>> rows_of_;  // (linked entity, row), ascending
  std::unordered_map<uint32_t, Mean> features_, users_;
};

class MoreItems final : public ItemIndex {
 public:
  MoreItems(std::unique_ptr<ItemIndex> base, const IndexVectors& more, const IndexVectors& all)
      : ItemIndex(all), base_(std::move(base)), more_(more) {}

  std::string_view kind() const override { return base_->kind(); }
  int64_t bytes() const override { return base_->bytes() + more_.bytes(); }
  void Search(std::span<const IndexQuery> queries, int64_t k, IndexScratch* scratch,
              std::vector<std::vector<ScoredItem>>* out) const override {
    base_->Search(queries, k, scratch, out);
    IndexScratch own;
    std::vector<std::vector<ScoredItem>> found;
    more_.Search(queries, k, &own, &found);
    for (size_t q = 0; q < queries.size(); ++q) {
      std::vector<ScoredItem>& list = (*out)[q];
      list.insert(list.end(), found[q].begin(), found[q].end());
      std::sort(list.begin(), list.end(), [](const ScoredItem& a, const ScoredItem& b) {
        return a.score != b.score ? a.score > b.score : a.item < b.item;
      });
      if (static_cast<int64_t>(list.size()) > k)
        list.resize(static_cast<size_t>(std::max<int64_t>(k, 0)));
    }
  }
  int64_t width() const override { return base_->width(); }
  void set_width(int64_t width) override { base_->set_width(width); }
  void Save(TensorMap* out) const override { base_->Save(out); }

 private:
  void CopyRow(int64_t row, float* out) const override {
    if (!base_->VectorOf(items_[row], out)) more_.VectorOf(items_[row], out);
  }

  std::unique_ptr<ItemIndex> base_;
  ExactIndex more_;
};

}  // namespace

IndexVectors PlaceNewItems(const Snapshot& snapshot, const IndexVectors& known) {
  IndexVectors out;
  out.dim = known.dim;
  if (known.rows() == 0) return out;
  Placer placer(snapshot, known);
  std::vector<float> vector;
  for (uint32_t i = 0; i < snapshot.n_items; ++i) {
    if (placer.IsKnown(i) || !placer.Place(ItemId{i}, &vector)) continue;
    out.items.push_back(ItemId{i});
    out.values.insert(out.values.end(), vector.begin(), vector.end());
  }
  return out;
}

std::unique_ptr<ItemIndex> WithMoreItems(std::unique_ptr<ItemIndex> base,
                                         const IndexVectors& more) {
  if (more.rows() == 0) return base;
  IndexVectors all;  // of the items alone
  all.dim = base->dim();
  all.items = base->item_ids();
  all.items.insert(all.items.end(), more.items.begin(), more.items.end());
  std::sort(all.items.begin(), all.items.end());
  return std::make_unique<MoreItems>(std::move(base), more, all);
}

}  // namespace undula::models
