#include "models/pinnersage/pinnersage.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/rng.h"
#include "base/status.h"
#include "models/pinnersage/ward.h"
#include "propagation/ops/ward.h"

namespace undula::models {
namespace {

struct Point {
  ItemId item;
  uint32_t count = 0;
  double importance = 0, last_time = 0;
};

std::vector<Point> Distinct(std::span<const Action> actions, double now, double lambda) {
  std::vector<Action> sorted(actions.begin(), actions.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Action& a, const Action& b) { return a.item < b.item; });
  std::vector<Point> out;
  for (const Action& action : sorted) {
    if (out.empty() || out.back().item != action.item) {
      out.push_back({action.item, 0, 0, action.time});
    }
    Point& p = out.back();
    ++p.count;
    p.importance += std::exp(-lambda * std::max(0.0, now - action.time));
    p.last_time = std::max(p.last_time, action.time);
  }
  return out;
}

double SquaredDistance(std::span<const float> a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t c = 0; c < b.size(); ++c) {
    const double d = static_cast<double>(a[c]) - b[c];
    sum += d * d;
  }
  return sum;
}

void FindMedoid(const ItemVectors& vectors, const std::vector<double>& centroid,
                InterestCluster* cluster) {
  double best = std::numeric_limits<double>::infinity();
  for (const ItemId item : cluster->items) {
    const double d = SquaredDistance(vectors.of(item), centroid);
    if (d < best) {
      best = d;
      cluster->medoid = item;
    }
  }
}

void SortClusters(std::vector<InterestCluster>* clusters) {
  std::sort(
      clusters->begin(), clusters->end(), [](const InterestCluster& a, const InterestCluster& b) {
        return a.importance != b.importance ? a.importance > b.importance : a.medoid < b.medoid;
      });
}

std::vector<WardMerge> Merges(std::span<const Point> points, const ItemVectors& vectors) {
  std::vector<float> rows;
  std::vector<uint32_t> counts;
  for (const Point& p : points) {
    const auto v = vectors.of(p.item);
    rows.insert(rows.end(), v.begin(), v.end());
    counts.push_back(p.count);
  }
  return WardLinkage<float>(rows, vectors.dim, counts);
}

// The clusters of points between which `merges` of up to alpha are made.
std::vector<InterestCluster> Clusters(std::span<const Point> points, const ItemVectors& vectors,
                                      std::span<const WardMerge> merges, double alpha) {
  const std::vector<uint32_t> label = CutLinkage(merges, points.size(), alpha);
  std::vector<InterestCluster> clusters;
  std::vector<std::vector<double>> centroid;
  for (size_t p = 0; p < points.size(); ++p) {
    if (label[p] == clusters.size()) {
      clusters.push_back({points[p].item, 0, 0, points[p].last_time, {}});
      centroid.emplace_back(static_cast<size_t>(vectors.dim), 0.0);
    }
    InterestCluster& cluster = clusters[label[p]];
    cluster.items.push_back(points[p].item);
    cluster.importance += points[p].importance;
    cluster.actions += points[p].count;
    cluster.last_time = std::max(cluster.last_time, points[p].last_time);
    const auto v = vectors.of(points[p].item);
    for (size_t c = 0; c < v.size(); ++c) centroid[label[p]][c] += points[p].count * double{v[c]};
  }
  for (size_t k = 0; k < clusters.size(); ++k) {
    for (double& x : centroid[k]) x /= static_cast<double>(clusters[k].actions);
    FindMedoid(vectors, centroid[k], &clusters[k]);
  }
  SortClusters(&clusters);
  return clusters;
}

// body(i) for i < n, in parallel where there are workers.
template <class Body>
void ForEach(TaskArena* workers, size_t n, const Body& body) {
  const auto range = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(static_cast<size_t>(i));
  };
  if (workers == nullptr) {
    range(0, static_cast<int64_t>(n));
  } else {
    workers->For(static_cast<int64_t>(n), 8, range);
  }
}

// The merges of the users with these points, as far as they fit; `made` says whose were made.
absl::Status MergesOnDevice(propagation::DeviceWard* ward,
                            std::span<const std::vector<Point>> points,
                            std::vector<std::vector<WardMerge>>* merges,
                            std::vector<uint8_t>* made) {
  // Large ones first: a block takes every so many-th user.
  std::vector<size_t> order;
  for (size_t u = 0; u < points.size(); ++u) {
    (*made)[u] = ward->Fits(static_cast<int64_t>(points[u].size())) ? 1 : 0;
    if ((*made)[u] != 0) order.push_back(u);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return points[a].size() > points[b].size(); });
  std::vector<int64_t> ptr = {0};
  std::vector<uint32_t> row, count;
  for (const size_t u : order) {
    for (const Point& p : points[u]) {
      row.push_back(Index(p.item));
      count.push_back(p.count);
    }
    ptr.push_back(static_cast<int64_t>(row.size()));
  }
  std::vector<propagation::WardLink> links;
  UNDULA_RETURN_IF_ERROR(ward->Link({ptr, row, count}, &links));
  for (size_t i = 0; i < order.size(); ++i) {
    auto& of_user = (*merges)[order[i]];
    for (int64_t p = ptr[i]; p + 1 < ptr[i + 1]; ++p) {
      of_user.push_back({links[p].a, links[p].b, double{links[p].height}});
    }
    SortMerges(&of_user);
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<InterestCluster> ClusterActions(std::span<const Action> actions,
                                            const ItemVectors& vectors, double now,
                                            const PinnerSageOptions& options) {
  const std::vector<Point> points = Distinct(actions, now, options.lambda);
  return Clusters(points, vectors, Merges(points, vectors), options.alpha);
}

absl::Status ClusterUsers(std::span<const UserActions> users, const ItemVectors& vectors,
                          const PinnerSageOptions& options, propagation::Exec* exec,
                          std::vector<std::vector<InterestCluster>>* out) {
  constexpr size_t kTogether = 1 << 14;  // users of one launch
  std::unique_ptr<propagation::DeviceWard> ward;
  if (exec->on_gpu()) {
    UNDULA_ASSIGN_OR_RETURN(ward,
                            propagation::DeviceWard::Create(exec, vectors.values, vectors.dim));
  }
  out->assign(users.size(), {});
  for (size_t first = 0; first < users.size(); first += kTogether) {
    const auto part = users.subspan(first, std::min(kTogether, users.size() - first));
    std::vector<std::vector<Point>> points(part.size());
    std::vector<std::vector<WardMerge>> merges(part.size());
    std::vector<uint8_t> made(part.size(), 0);
    ForEach(exec->workers(), part.size(),
            [&](size_t u) { points[u] = Distinct(part[u].actions, part[u].now, options.lambda); });
    if (ward != nullptr) {
      UNDULA_RETURN_IF_ERROR(MergesOnDevice(ward.get(), points, &merges, &made));
    }
    ForEach(exec->workers(), part.size(), [&](size_t u) {
      if (made[u] == 0) merges[u] = Merges(points[u], vectors);
      (*out)[first + u] = Clusters(points[u], vectors, merges[u], options.alpha);
    });
  }
  return absl::OkStatus();
}

void UpdateClusters(std::span<const Action> actions, const ItemVectors& vectors, double old_now,
                    double now, const PinnerSageOptions& options,
                    std::vector<InterestCluster>* clusters) {
  const auto centroid_of = [&](const InterestCluster& cluster) {
    std::vector<double> out(static_cast<size_t>(vectors.dim), 0.0);
    for (const ItemId item : cluster.items) {
      const auto v = vectors.of(item);
      for (size_t c = 0; c < v.size(); ++c) out[c] += double{v[c]};
    }
    for (double& x : out) x /= static_cast<double>(cluster.items.size());
    return out;
  };
  const double decay = std::exp(-options.lambda * std::max(0.0, now - old_now));
  std::vector<std::vector<double>> centroid;
  for (InterestCluster& cluster : *clusters) {
    cluster.importance *= decay;
    centroid.push_back(centroid_of(cluster));
  }
  for (const Point& p : Distinct(actions, now, options.lambda)) {
    size_t best = clusters->size();
    double height = options.alpha;
    for (size_t k = 0; k < clusters->size(); ++k) {
      const double n = static_cast<double>((*clusters)[k].actions), m = p.count;
      const double h = 2 * n * m / (n + m) * SquaredDistance(vectors.of(p.item), centroid[k]);
      const auto& items = (*clusters)[k].items;
      const bool member = std::binary_search(items.begin(), items.end(), p.item);
      if (member || h <= height) {
        best = k;
        height = member ? -1 : h;
      }
    }
    if (best == clusters->size()) {
      clusters->push_back({p.item, 0, 0, p.last_time, {}});
      centroid.emplace_back();
    }
    InterestCluster& cluster = (*clusters)[best];
    const auto at = std::lower_bound(cluster.items.begin(), cluster.items.end(), p.item);
    if (at == cluster.items.end() || *at != p.item) cluster.items.insert(at, p.item);
    cluster.importance += p.importance;
    cluster.actions += p.count;
    cluster.last_time = std::max(cluster.last_time, p.last_time);
    centroid[best] = centroid_of(cluster);
    FindMedoid(vectors, centroid[best], &cluster);
  }
  SortClusters(clusters);
}

std::vector<size_t> ChooseClusters(std::span<const InterestCluster> clusters, size_t count,
                                   uint64_t seed, uint32_t user, uint32_t day) {
  // Exponential keys -log(U) / importance: the smallest ones are a draw without replacement.
  std::vector<std::pair<double, size_t>> keys;
  const Rng rng(seed, RngStream::kWalkQuery, user);
  for (size_t k = 0; k < clusters.size(); ++k) {
    const uint64_t draw = uint64_t{day} << 32 | Index(clusters[k].medoid);
    const double u = (static_cast<double>(rng.Bits32(draw)) + 1) * 0x1.0p-32;
    keys.emplace_back(clusters[k].importance > 0 ? -std::log(u) / clusters[k].importance
                                                 : std::numeric_limits<double>::infinity(),
                      k);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<size_t> out;
  for (size_t k = 0; k < keys.size() && k < count; ++k) out.push_back(keys[k].second);
  return out;
}

}  // namespace undula::models
