#include "models/pinnersage/around.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(AroundOptions, by, kChoice, 0, 0, "clusters|recent|mean",
                  "search around the medoids of clusters, the latest items, or their mean"),
    UNDULA_OPTION(AroundOptions, alpha, kFloat, 0, 1e9, "",
                  "clusters: two single items merge where their cosine is 1 - alpha / 2 or more"),
    UNDULA_OPTION(AroundOptions, lambda, kFloat, 0, 100, "", "decay of an action a day"),
    UNDULA_OPTION(AroundOptions, interests, kInt, 0, 1000, "",
                  "clusters or recent items to search around; 0: all"),
    UNDULA_OPTION(AroundOptions, candidates, kInt, 1, 1e6, "", "items of all searches together"),
    UNDULA_OPTION(AroundOptions, merge, kChoice, 0, 0, "rank|cosine",
                  "weighted ranks, or the largest cosine"),
    UNDULA_OPTION(AroundOptions, recent, kInt, 0, 1e6, "", "latest actions that count; 0: all"),
};

}  // namespace

const OptionTable& AroundOptionTable() {
  static constexpr OptionTable table{"around", kFields};
  return table;
}

std::vector<Anchor> AnchorsOf(const ItemIndex& index, std::span<const InterestCluster> clusters,
                              int64_t interests) {
  std::vector<Anchor> out;
  for (const InterestCluster& cluster : clusters) {
    if (interests > 0 && static_cast<int64_t>(out.size()) == interests) break;
    Anchor anchor{std::vector<float>(static_cast<size_t>(index.dim())), cluster.importance};
    if (index.VectorOf(cluster.medoid, anchor.vector.data())) out.push_back(std::move(anchor));
  }
  return out;
}

std::vector<Anchor> AnchorsOf(const ItemIndex& index, std::span<const Action> all, double now,
                              const AroundOptions& options) {
  std::vector<Action> actions;
  for (const Action& action : all) {
    if (index.contains(action.item)) actions.push_back(action);
  }
  std::stable_sort(actions.begin(), actions.end(),
                   [](const Action& a, const Action& b) { return a.time < b.time; });
  if (options.recent > 0 && static_cast<int64_t>(actions.size()) > options.recent) {
    actions.erase(actions.begin(), actions.end() - options.recent);
  }
  if (actions.empty()) return {};
  const auto dim = static_cast<size_t>(index.dim());
  std::vector<Anchor> out;
  if (options.by == "recent") {
    std::vector<ItemId> taken;
    for (auto it = actions.rbegin(); it != actions.rend(); ++it) {
      if (options.interests > 0 && static_cast<int64_t>(out.size()) == options.interests) break;
      if (std::find(taken.begin(), taken.end(), it->item) != taken.end()) continue;
      taken.push_back(it->item);
      out.push_back({std::vector<float>(dim), 1.0 / static_cast<double>(taken.size())});
      index.VectorOf(it->item, out.back().vector.data());
    }
    return out;
  }
  if (options.by == "mean") {
    std::vector<double> sum(dim, 0.0);
    std::vector<float> vector(dim);
    for (const Action& action : actions) {
      index.VectorOf(action.item, vector.data());
      const double weight = std::exp(-options.lambda * std::max(0.0, now - action.time));
      for (size_t c = 0; c < dim; ++c) sum[c] += weight * vector[c];
    }
    out.push_back({std::vector<float>(sum.begin(), sum.end()), 1});
    Normalize(out[0].vector);
    return out;
  }
  // The clusters see the user's items alone, numbered in ascending order.
  std::vector<ItemId> items;
  for (const Action& action : actions) items.push_back(action.item);
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  std::vector<float> vectors(items.size() * dim);
  for (size_t i = 0; i < items.size(); ++i) index.VectorOf(items[i], vectors.data() + i * dim);
  for (Action& action : actions) {
    const auto at = std::lower_bound(items.begin(), items.end(), action.item);
    action.item = ItemId{static_cast<uint32_t>(at - items.begin())};
  }
  auto clusters = ClusterActions(actions, {vectors, index.dim()}, now,
                                 {.alpha = options.alpha, .lambda = options.lambda});
  for (InterestCluster& cluster : clusters) cluster.medoid = items[Index(cluster.medoid)];
  return AnchorsOf(index, clusters, options.interests);
}

std::vector<ScoredItem> SearchAround(const ItemIndex& index, std::span<const Anchor> anchors,
                                     const ItemMask& mask, double share, int64_t k,
                                     const AroundOptions& options, IndexScratch* scratch) {
  constexpr double kRankShift = 60;
  if (anchors.empty() || k < 1) return {};
  std::vector<IndexQuery> queries;
  double total = 0;
  for (const Anchor& anchor : anchors) {
    queries.push_back({anchor.vector, mask, share});
    total += anchor.weight;
  }
  const int64_t each =
      std::max<int64_t>(k, options.candidates / static_cast<int64_t>(anchors.size()));
  std::vector<std::vector<ScoredItem>> found;
  index.Search(queries, each, scratch, &found);
  const bool by_rank = options.merge == "rank" && total > 0;
  std::unordered_map<uint32_t, double> score;
  for (size_t a = 0; a < anchors.size(); ++a) {
    for (size_t r = 0; r < found[a].size(); ++r) {
      const auto [at, is_new] = score.try_emplace(Index(found[a][r].item), by_rank ? 0.0 : -2.0);
      if (by_rank) {
        at->second += anchors[a].weight / total / (kRankShift + static_cast<double>(r + 1));
      } else {
        at->second = std::max(at->second, double{found[a][r].score});
      }
    }
  }
  std::vector<ScoredItem> out;
  for (const auto& [item, value] : score) {
    out.push_back({ItemId{item}, static_cast<float>(value)});
  }
  std::sort(out.begin(), out.end(), [](const ScoredItem& a, const ScoredItem& b) {
    return a.score != b.score ? a.score > b.score : a.item < b.item;
  });
  if (static_cast<int64_t>(out.size()) > k) out.resize(static_cast<size_t>(k));
  return out;
}

}  // namespace undula::models
