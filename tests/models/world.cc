#include "tests/models/world.h"

#include <algorithm>
#include <tuple>

#include "base/rng.h"

namespace undula::models {
namespace {

template <class Other>
InteractionCsr<Other> ByRow(uint32_t rows, const std::vector<LogEntry>& log, bool by_user) {
  InteractionCsr<Other> csr;
  std::vector<LogEntry> sorted = log;
  std::sort(sorted.begin(), sorted.end(), [&](const LogEntry& a, const LogEntry& b) {
    return by_user ? std::tie(a.user, a.time, a.item) < std::tie(b.user, b.time, b.item)
                   : std::tie(a.item, a.time, a.user) < std::tie(b.item, b.time, b.user);
  });
  csr.ptr.assign(size_t{rows} + 1, 0);
  for (const LogEntry& e : sorted) {
    ++csr.ptr[(by_user ? e.user : e.item) + 1];
    csr.other.push_back(Other{by_user ? e.item : e.user});
    csr.weight.push_back(e.weight);
    csr.time.push_back(e.time);
  }
  for (uint32_t r = 0; r < rows; ++r) csr.ptr[r + 1] += csr.ptr[r];
  return csr;
}

EdgeCsr Edges(uint32_t n, std::vector<std::tuple<uint32_t, uint32_t, uint32_t>> edges) {
  std::sort(edges.begin(), edges.end());
  EdgeCsr csr;
  csr.ptr.assign(size_t{n} + 1, 0);
  for (const auto& [from, relation, to] : edges) {
    ++csr.ptr[from + 1];
    csr.relation.push_back(RelationId{relation});
    csr.entity.push_back(EntityId{to});
  }
  for (uint32_t e = 0; e < n; ++e) csr.ptr[e + 1] += csr.ptr[e];
  return csr;
}

}  // namespace

std::shared_ptr<Snapshot> MakeLog(uint32_t n_users, uint32_t n_items, std::vector<LogEntry> log) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->n_users = n_users;
  snapshot->n_items = n_items;
  snapshot->by_user = ByRow<ItemId>(n_users, log, true);
  snapshot->by_item = ByRow<UserId>(n_items, log, false);
  snapshot->links.ptr.assign(size_t{n_items} + 1, 0);
  snapshot->social.ptr.assign(size_t{n_users} + 1, 0);
  snapshot->id_space = 1;
  return snapshot;
}

std::shared_ptr<Snapshot> RandomLog(uint32_t n_users, uint32_t n_items, uint32_t most,
                                    uint64_t seed) {
  std::vector<LogEntry> log;
  for (uint32_t u = 0; u < n_users; ++u) {
    const Rng rng(seed, RngStream::kTest, u);
    const uint32_t n = 1 + rng.Below(0, most);
    std::vector<uint8_t> taken(n_items, 0);
    for (uint32_t k = 0; k < n; ++k) {
      // A quadratic pull towards low ids makes some items popular.
      const float x = rng.Uniform(10 + 4 * k);
      const auto item = static_cast<uint32_t>(x * x * static_cast<float>(n_items));
      if (taken[item]++ != 0) continue;
      log.push_back({u, item, static_cast<float>(1 + rng.Below(11 + 4 * k, 5)),
                     1000 + rng.Below(12 + 4 * k, 1000)});
    }
  }
  return MakeLog(n_users, n_items, std::move(log));
}

PlantedWorld MakePlantedWorld(uint32_t groups, uint32_t users_per_group, uint32_t items_per_group) {
  const uint32_t n_users = groups * users_per_group, n_items = groups * items_per_group;
  PlantedWorld world;
  std::vector<LogEntry> log;
  for (uint32_t u = 0; u < n_users; ++u) {
    const uint32_t group = u / users_per_group;
    const uint32_t withheld = group * items_per_group + u % items_per_group;
    for (uint32_t i = 0; i < items_per_group; ++i) {
      const uint32_t item = group * items_per_group + i;
      if (item == withheld) {
        world.split.test.push_back({UserId{u}, ItemId{item}, 1});
        continue;
      }
      // In a circle that ends before what is withheld: that is what comes next.
      const uint32_t turn =
          (i + items_per_group - withheld % items_per_group - 1) % items_per_group;
      log.push_back({u, item, 1, static_cast<int64_t>(turn)});
      world.split.train.push_back({UserId{u}, ItemId{item}, 1});
    }
    const Rng rng(7, RngStream::kTest, u);
    for (uint32_t i = 0; i + 1 < items_per_group; ++i) {
      const uint32_t other = (group + 1 + rng.Below(2 * i, groups - 1)) % groups;
      const uint32_t item = other * items_per_group + rng.Below(2 * i + 1, items_per_group);
      world.split.train.push_back({UserId{u}, ItemId{item}, 0});
    }
  }
  world.withheld = world.split.test;
  world.split.description = "planted";
  world.snapshot = MakeLog(n_users, n_items, std::move(log));
  Snapshot& s = *world.snapshot;
  s.n_entities = n_items + groups;
  s.n_relations = 2;
  std::vector<std::tuple<uint32_t, uint32_t, uint32_t>> out, in;
  for (uint32_t i = 0; i < n_items; ++i) {
    const uint32_t taste = n_items + i / items_per_group;
    out.emplace_back(i, 0, taste);
    out.emplace_back(taste, 1, i);
    in.emplace_back(taste, 0, i);
    in.emplace_back(i, 1, taste);
    s.links.ptr[i + 1] = i + 1;
    s.links.entity.push_back(EntityId{i});
    s.links.confidence.push_back(1);
    s.links.method.push_back(LinkMethod::kFile);
  }
  s.out = Edges(s.n_entities, std::move(out));
  s.in = Edges(s.n_entities, std::move(in));
  return world;
}

}  // namespace undula::models
