// What retrieval around a user's interests finds: PREFIX.vectors (float32 [items, DIM], row i of
// item i), PREFIX.train and PREFIX.test (lines "user item day", users ascending) as
// bench/pinnersage_quality.py writes them. One JSON line per configuration "key=value,...", the
// keys being those of AroundOptions, and update=DAYS: clusters of all but the last DAYS days, then
// one UpdateClusters a day.
//   around_bench PREFIX DIM CONFIGURATION ...
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/options.h"
#include "models/pinnersage/around.h"
#include "models/retrieval/exact_index.h"

namespace undula::models {
namespace {

struct User {
  std::vector<Action> train;
  std::vector<ItemId> test;
};

bool ReadActions(const std::string& path, bool test, std::vector<User>* users) {
  std::ifstream in(path);
  uint32_t user, item;
  double day;
  while (in >> user >> item >> day) {
    if (users->size() <= user) users->resize(user + 1);
    if (test) {
      (*users)[user].test.push_back(ItemId{item});
    } else {
      (*users)[user].train.push_back({ItemId{item}, day});
    }
  }
  return in.eof();
}

// Daily updates in place of one clustering of everything.
std::vector<InterestCluster> Updated(const User& user, const ItemVectors& vectors, double now,
                                     double days, const PinnerSageOptions& options) {
  std::vector<Action> old, day;
  for (const Action& a : user.train) {
    if (a.time <= now - days) old.push_back(a);
  }
  double at = now - days;
  std::vector<InterestCluster> clusters = ClusterActions(old, vectors, at, options);
  for (; at < now; at += 1) {
    day.clear();
    for (const Action& a : user.train) {
      if (a.time > at && a.time <= at + 1) day.push_back(a);
    }
    UpdateClusters(day, vectors, at, at + 1, options, &clusters);
  }
  return clusters;
}

struct Result {
  double users = 0, recall20 = 0, recall100 = 0, recall400 = 0, diversity = 0, anchors = 0;
  std::set<ItemId> shown;
};

int Main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "around_bench PREFIX DIM CONFIGURATION ...\n");
    return 2;
  }
  const std::string prefix = argv[1];
  IndexVectors table;
  table.dim = std::atoll(argv[2]);
  std::ifstream in(prefix + ".vectors", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  table.values.resize(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), table.values.size() * sizeof(float),
              reinterpret_cast<char*>(table.values.data()));
  for (size_t i = 0; i < table.values.size() / table.dim; ++i) {
    table.items.push_back(ItemId{static_cast<uint32_t>(i)});
    Normalize(std::span(table.values).subspan(i * table.dim, static_cast<size_t>(table.dim)));
  }
  std::vector<User> users;
  if (table.items.empty() || !ReadActions(prefix + ".train", false, &users) ||
      !ReadActions(prefix + ".test", true, &users)) {
    std::fprintf(stderr, "cannot read %s.{vectors,train,test}\n", argv[1]);
    return 1;
  }
  const ExactIndex index(table);
  const ItemVectors vectors{table.values, table.dim};
  for (int c = 3; c < argc; ++c) {
    AroundOptions options;
    double update = 0;
    std::stringstream text(argv[c]);
    for (std::string pair; std::getline(text, pair, ',');) {
      const size_t at = pair.find('=');
      const std::string key = pair.substr(0, at), value = pair.substr(at + 1);
      if (key == "update") {
        update = std::atof(value.c_str());
      } else if (const auto s = SetOption(AroundOptionTable(), &options, key, value); !s.ok()) {
        std::fprintf(stderr, "%s\n", s.ToString().c_str());
        return 2;
      }
    }
    Result r;
    IndexScratch scratch;
    const std::clock_t start = std::clock();
    for (const User& user : users) {
      std::vector<ItemId> seen;
      double now = 0;
      for (const Action& a : user.train) {
        seen.push_back(a.item);
        now = std::max(now, a.time);
      }
      std::sort(seen.begin(), seen.end());
      std::set<ItemId> wanted;
      for (const ItemId item : user.test) {
        if (!std::binary_search(seen.begin(), seen.end(), item)) wanted.insert(item);
      }
      if (wanted.empty() || user.train.empty()) continue;
      const std::vector<Anchor> anchors =
          update > 0 ? AnchorsOf(index,
                                 Updated(user, vectors, now, update,
                                         {.alpha = options.alpha, .lambda = options.lambda}),
                                 options.interests)
                     : AnchorsOf(index, user.train, now, options);
      const auto list =
          SearchAround(index, anchors, {seen}, 1, options.candidates, options, &scratch);
      double hits = 0;
      for (size_t i = 0; i < list.size(); ++i) {
        hits += wanted.contains(list[i].item);
        if (i + 1 == 20) r.recall20 += hits / static_cast<double>(wanted.size());
        if (i + 1 == 100) r.recall100 += hits / static_cast<double>(wanted.size());
      }
      r.recall400 += hits / static_cast<double>(wanted.size());
      double apart = 0;
      int pairs = 0;
      for (size_t i = 0; i < std::min<size_t>(20, list.size()); ++i) {
        r.shown.insert(list[i].item);
        for (size_t j = 0; j < i; ++j, ++pairs) {
          const auto a = vectors.of(list[i].item), b = vectors.of(list[j].item);
          double dot = 0;
          for (size_t d = 0; d < a.size(); ++d) dot += double{a[d]} * b[d];
          apart += 1 - dot;
        }
      }
      r.diversity += pairs > 0 ? apart / pairs : 0;
      r.anchors += static_cast<double>(anchors.size());
      r.users += 1;
    }
    const double cpu = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    const double n = std::max(1.0, r.users);
    std::printf(
        "{\"configuration\": \"%s\", \"users\": %.0f, \"recall@20\": %.4f, \"recall@100\": %.4f, "
        "\"recall@400\": %.4f, \"diversity@20\": %.4f, \"coverage@20\": %.4f, \"anchors\": %.2f, "
        "\"ms_a_user\": %.3f}\n",
        argv[c], r.users, r.recall20 / n, r.recall100 / n, r.recall400 / n, r.diversity / n,
        static_cast<double>(r.shown.size()) / static_cast<double>(table.rows()), r.anchors / n,
        1000 * cpu / n);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace undula::models

int main(int argc, char** argv) { return undula::models::Main(argc, argv); }
