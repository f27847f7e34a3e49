// Database::Profile: the shape of the graph and of the interactions.
#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "api/database_impl.h"
#include "base/rng.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"
#include "queries/load_catalog.h"

namespace undula {
namespace {

// Values by powers of two.
DataProfile::Histogram ByPowers(const std::vector<int64_t>& ptr) {
  std::vector<int64_t> count(65);  // [0]: value 0; [b]: values of b binary digits
  for (size_t i = 0; i + 1 < ptr.size(); ++i) {
    ++count[std::bit_width(static_cast<uint64_t>(ptr[i + 1] - ptr[i]))];
  }
  DataProfile::Histogram out;
  for (size_t b = 0; b < count.size(); ++b) {
    if (count[b] > 0) out.emplace_back(b == 0 ? 0 : int64_t{1} << (b - 1), count[b]);
  }
  return out;
}

int64_t Degree(const Snapshot& snapshot, EntityId entity) {
  return snapshot.out.degree(entity) + snapshot.in.degree(entity);
}

// Calls fn(relation, edges of the row with it).
template <class Fn>
void ForEachRun(const EdgeCsr& edges, uint32_t row, const Fn& fn) {
  for (int64_t i = edges.ptr[row], end = edges.ptr[row + 1]; i < end;) {
    int64_t next = i + 1;
    while (next < end && edges.relation[next] == edges.relation[i]) ++next;
    fn(Index(edges.relation[i]), next - i);
    i = next;
  }
}

void AddRelations(const Snapshot& snapshot, const queries::Catalog& catalog, DataProfile* out) {
  std::vector<DataProfile::Relation> all(snapshot.n_relations);
  std::vector<int64_t> items(snapshot.n_relations);
  for (uint32_t e = 0; e < snapshot.n_entities; ++e) {
    ForEachRun(snapshot.out, e, [&](uint32_t relation, int64_t n) {
      all[relation].triples += n;
      ++all[relation].heads;
      all[relation].most_tails = std::max(all[relation].most_tails, n);
    });
    ForEachRun(snapshot.in, e, [&](uint32_t relation, int64_t) { ++all[relation].tails; });
  }
  std::vector<uint32_t> last(snapshot.n_relations, kNoIndex);  // the item that was counted last
  for (uint32_t i = 0; i < snapshot.n_items; ++i) {
    const EntityId entity = snapshot.links.best(ItemId{i});
    if (entity == kNone<EntityId>) continue;
    const auto count = [&](uint32_t relation, int64_t) {
      if (std::exchange(last[relation], i) != i) ++items[relation];
    };
    ForEachRun(snapshot.out, Index(entity), count);
    ForEachRun(snapshot.in, Index(entity), count);
  }
  for (uint32_t r = 0; r < snapshot.n_relations; ++r) {
    if (all[r].triples == 0) continue;
    all[r].relation = std::string(catalog.relations[r]);
    all[r].label = std::string(catalog.relation_labels[r]);
    if (snapshot.n_items > 0) all[r].items = static_cast<double>(items[r]) / snapshot.n_items;
    out->relations.push_back(std::move(all[r]));
  }
  std::stable_sort(out->relations.begin(), out->relations.end(),
                   [](const auto& a, const auto& b) { return a.triples > b.triples; });
}

void AddComponents(const Snapshot& snapshot, DataProfile* out) {
  std::vector<uint32_t> parent(snapshot.n_entities), size(snapshot.n_entities, 1);
  std::iota(parent.begin(), parent.end(), 0u);
  const auto root = [&](uint32_t e) {
    while (parent[e] != e) e = parent[e] = parent[parent[e]];
    return e;
  };
  for (uint32_t e = 0; e < snapshot.n_entities; ++e) {
    for (int64_t i = snapshot.out.ptr[e]; i < snapshot.out.ptr[e + 1]; ++i) {
      uint32_t a = root(e), b = root(Index(snapshot.out.entity[i]));
      if (a == b) continue;
      if (size[a] < size[b]) std::swap(a, b);
      parent[b] = a;
      size[a] += size[b];
    }
  }
  for (uint32_t e = 0; e < snapshot.n_entities; ++e) {
    if (parent[e] != e || Degree(snapshot, EntityId{e}) == 0) continue;
    ++out->components;
    out->largest_component = std::max<int64_t>(out->largest_component, size[e]);
  }
}

void AddDegrees(const Snapshot& snapshot, DataProfile* out) {
  std::vector<int64_t> degrees;
  for (uint32_t e = 0; e < snapshot.n_entities; ++e) {
    degrees.push_back(Degree(snapshot, EntityId{e}));
  }
  std::sort(degrees.begin(), degrees.end());
  for (int64_t d = 1; !degrees.empty() && d <= degrees.back(); d *= 2) {
    const auto first = std::lower_bound(degrees.begin(), degrees.end(), d);
    out->degrees.emplace_back(d, degrees.end() - first);
  }
}

// How far edges lead away from an entity: 0, 1, or 2 for two hops or more.
int Hops(const Snapshot& snapshot, EntityId entity) {
  int hops = 0;
  for (const EdgeCsr* edges : {&snapshot.out, &snapshot.in}) {
    for (int64_t i = edges->ptr[Index(entity)]; i < edges->ptr[Index(entity) + 1]; ++i) {
      hops = 1;
      const uint32_t next = Index(edges->entity[i]);
      for (const EdgeCsr* further : {&snapshot.out, &snapshot.in}) {
        for (int64_t j = further->ptr[next]; j < further->ptr[next + 1]; ++j) {
          if (further->entity[j] != entity && Index(further->entity[j]) != next) return 2;
        }
      }
    }
  }
  return hops;
}

const char* MethodName(LinkMethod method) {
  switch (method) {
    case LinkMethod::kFile:
      return "file";
    case LinkMethod::kExternalId:
      return "external id";
    case LinkMethod::kLabel:
      return "label";
    case LinkMethod::kManual:
      return "manual";
  }
  return "other";
}

void AddLinks(const Snapshot& snapshot, const queries::Catalog& catalog, int64_t list,
              DataProfile* out) {
  std::vector<std::pair<int64_t, uint32_t>> unlinked;  // (-interactions, item)
  std::vector<std::pair<std::string, int64_t>>& methods = out->link_methods;
  for (uint32_t i = 0; i < snapshot.n_items; ++i) {
    const EntityId entity = snapshot.links.best(ItemId{i});
    const int64_t interactions = snapshot.by_item.ptr[i + 1] - snapshot.by_item.ptr[i];
    if (entity == kNone<EntityId>) {
      ++out->items_by_hops[0];
      ++out->unlinked_items;
      out->unlinked_interactions += interactions;
      unlinked.emplace_back(-interactions, i);
      continue;
    }
    ++out->items_by_hops[Hops(snapshot, entity)];
    const int64_t link = snapshot.links.ptr[i];
    const std::string method = MethodName(snapshot.links.method[link]);
    const auto known = std::find_if(methods.begin(), methods.end(),
                                    [&](const auto& entry) { return entry.first == method; });
    if (known == methods.end()) {
      methods.emplace_back(method, 1);
    } else {
      ++known->second;
    }
    ++out->link_confidence[std::clamp(static_cast<int>(snapshot.links.confidence[link] * 10), 0,
                                      9)];
  }
  std::sort(methods.begin(), methods.end());
  const auto shown =
      static_cast<size_t>(std::clamp<int64_t>(list, 0, static_cast<int64_t>(unlinked.size())));
  std::partial_sort(unlinked.begin(), unlinked.begin() + static_cast<int64_t>(shown),
                    unlinked.end());
  for (size_t i = 0; i < shown; ++i) {
    const auto [interactions, item] = unlinked[i];
    out->unlinked.push_back({std::string(catalog.items[item]),
                             std::string(catalog.ItemTitle(ItemId{item})), -interactions});
  }
}

void AddInteractions(const Snapshot& snapshot, const queries::Catalog& catalog,
                     const DataProfileOptions& options, DataProfile* out) {
  out->history_lengths = ByPowers(snapshot.by_user.ptr);
  out->item_popularity = ByPowers(snapshot.by_item.ptr);
  for (const int64_t time : snapshot.by_user.time) {
    if (time == 0) continue;
    if (out->first_time == 0 || time < out->first_time) out->first_time = time;
    if (out->last_time == 0 || time > out->last_time) out->last_time = time;
  }
  std::vector<uint32_t> active;
  for (uint32_t u = 0; u < snapshot.n_users; ++u) {
    if (!snapshot.by_user.row(u).empty()) active.push_back(u);
  }
  const Rng rng(options.seed, RngStream::kShuffle);
  const auto wanted = std::clamp<int64_t>(options.users, 0, static_cast<int64_t>(active.size()));
  for (uint32_t i = 0; i < static_cast<uint32_t>(wanted); ++i) {
    const auto left = static_cast<uint32_t>(active.size()) - i;
    std::swap(active[i], active[i + rng.Below(i, left)]);
    out->users.emplace_back(catalog.users[active[i]]);
  }
}

}  // namespace

absl::StatusOr<DataProfile> Database::Profile(const DataProfileOptions& options) const {
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
  UNDULA_ASSIGN_OR_RETURN(const Snapshot snapshot, kgstore::TakeSnapshot(view, impl_->arena()));
  static const std::string kLanguages[] = {"en", ""};
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<queries::Catalog> catalog,
                          queries::LoadCatalog(view, snapshot, kLanguages));
  DataProfile out;
  AddRelations(snapshot, *catalog, &out);
  AddComponents(snapshot, &out);
  AddDegrees(snapshot, &out);
  AddLinks(snapshot, *catalog, options.unlinked, &out);
  AddInteractions(snapshot, *catalog, options, &out);
  return out;
}

}  // namespace undula
