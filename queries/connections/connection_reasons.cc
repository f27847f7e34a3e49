#include "queries/connections/connection_reasons.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/status.h"
#include "queries/connections/long_connections.h"
#include "queries/connections/user_reasons.h"

namespace undula::queries {
namespace {

constexpr size_t kHistory = 50;
constexpr size_t kLikedToo = 200;  // items that paths behind users begin at
constexpr uint32_t kPathsPerReason = 5;
constexpr size_t kNamed = 3;  // items of the history that a sentence names
// How much of the price of a reason that is wholly like one before it is added to its own: 3 bits.
constexpr double kAlikeCost = 3 * kEighths;

struct Start {
  ItemId item;
  PathStart path;
};

// The latest positive items of the history, one for each entity.
std::vector<Start> StartsOf(const Context& context, const models::UserQuery& query) {
  std::vector<Start> starts;
  std::set<EntityId> taken;
  for (const ItemId item : LatestPositives(context, query)) {
    if (starts.size() == kHistory) break;
    const EntityId entity = context.catalog->item_entity[Index(item)];
    if (entity == kNone<EntityId> || !taken.insert(entity).second) continue;
    const auto rank = static_cast<uint32_t>(starts.size());
    starts.push_back({item, {entity, (rank * kEighths + 5) / 10}});
  }
  return starts;
}

// Paths that differ in their start only.
struct Group {
  std::vector<const ConnectionPath*> paths;  // cheapest first
  const ConnectionPath& best() const { return *paths[0]; }
};

std::vector<Group> GroupPaths(const std::vector<ConnectionPath>& paths) {
  std::vector<Group> groups;
  std::map<std::pair<std::vector<Arc>, std::vector<EntityId>>, size_t> known;
  for (const ConnectionPath& path : paths) {
    const std::pair key{
        std::vector<Arc>(path.arc.begin(), path.arc.begin() + path.steps),
        std::vector<EntityId>(path.vertex.begin() + 1, path.vertex.begin() + 1 + path.steps)};
    const auto [at, fresh] = known.try_emplace(key, groups.size());
    if (fresh) groups.emplace_back();
    groups[at->second].paths.push_back(&path);
  }
  return groups;
}

// From 0 (nothing in common) to 1.
double Likeness(const ConnectionPath& a, const ConnectionPath& b) {
  const bool same_pattern = a.steps == b.steps && a.arc == b.arc;
  const bool same_last =
      a.steps > 1 && b.steps > 1 && a.vertex[a.steps - 1] == b.vertex[b.steps - 1];
  return .5 * same_pattern + .3 * same_last + .2 * (a.start == b.start);
}

// Cheap ones that differ: each time the one whose price, with what its likeness to those before
// adds, is least.
std::vector<const Group*> Choose(const std::vector<Group>& groups, size_t count) {
  std::vector<const Group*> chosen;
  std::vector<double> likeness(groups.size(), 0);
  while (chosen.size() < std::min(count, groups.size())) {
    const Group* best = nullptr;
    double least = 0;
    for (size_t i = 0; i < groups.size(); ++i) {
      const Group* const group = &groups[i];
      if (std::find(chosen.begin(), chosen.end(), group) != chosen.end()) continue;
      const double cost = group->best().cost + kAlikeCost * likeness[i];
      if (best == nullptr || cost < least) {
        best = group;
        least = cost;
      }
    }
    chosen.push_back(best);
    for (size_t i = 0; i < groups.size(); ++i) {
      likeness[i] = std::max(likeness[i], Likeness(groups[i].best(), best->best()));
    }
  }
  return chosen;
}

class ReasonWriter {
 public:
  ReasonWriter(const Context& context, const std::vector<Start>& starts, ItemId item)
      : catalog_(*context.catalog), starts_(starts), item_(item) {}

  Reason Write(const Group& group) const {
    const ConnectionPath& path = group.best();
    Reason reason;
    reason.kind = Reason::Kind::kConnection;
    reason.shared = true;
    reason.hop = static_cast<int>(path.steps);
    reason.bits = path.bits();
    reason.seed_item = std::string(catalog_.items[Index(starts_[path.start].item)]);
    reason.seed_title = std::string(catalog_.ItemTitle(starts_[path.start].item));
    for (const ConnectionPath* other : group.paths) {
      reason.supports.emplace_back(catalog_.items[Index(starts_[other->start].item)]);
    }
    for (uint32_t i = 0; i < path.steps; ++i) reason.path.push_back(Edge(path, i));
    reason.sentence = Sentence(group, reason);
    return reason;
  }

 private:
  PathEdge Edge(const ConnectionPath& path, uint32_t i) const {
    EntityId head = path.vertex[i], tail = path.vertex[i + 1];
    if (path.arc[i].inverse) std::swap(head, tail);
    const RelationId relation = path.arc[i].relation;
    return PathEdge{std::string(catalog_.entities[Index(head)]),
                    std::string(catalog_.relations[Index(relation)]),
                    std::string(catalog_.entities[Index(tail)]),
                    catalog_.EntityLabel(head),
                    std::string(catalog_.relation_labels[Index(relation)]),
                    catalog_.EntityLabel(tail)};
  }

  // "A, B and C", "A, B, C and 4 more".
  std::string Names(const Group& group) const {
    std::string text;
    const size_t named = std::min(kNamed, group.paths.size());
    const size_t more = group.paths.size() - named;
    for (size_t i = 0; i < named; ++i) {
      if (i > 0) text += i + 1 == named && more == 0 ? " and " : ", ";
      text += catalog_.ItemTitle(starts_[group.paths[i]->start].item);
    }
    return more == 0 ? text : Concat(text, " and ", more, " more");
  }

  std::string Sentence(const Group& group, const Reason& reason) const {
    const ConnectionPath& path = group.best();
    const std::string title(catalog_.ItemTitle(item_));
    std::string text;
    for (uint32_t i = 0; i < path.steps; ++i) {
      const PathEdge& edge = reason.path[i];
      const bool inverse = path.arc[i].inverse;
      const bool first = i == 0, last = i + 1 == path.steps;
      const std::string from = first ? Names(group) : inverse ? edge.tail_label : edge.head_label;
      const std::string to = last ? title : inverse ? edge.head_label : edge.tail_label;
      // The item beside the history, at the same place of the same relation.
      if (last && i == 1 && path.arc[0] == Arc{path.arc[1].relation, !inverse}) {
        return Concat(text, inverse ? Concat("; so has ", title) : Concat(", and ", title));
      }
      if (!first) text += last ? "; " : ", ";
      const bool many = first && !inverse && group.paths.size() > 1;
      text += Concat(inverse ? to : from, many ? " have " : " has ", edge.relation_label, " ",
                     inverse ? from : to);
    }
    return text;
  }

  const Catalog& catalog_;
  const std::vector<Start>& starts_;
  const ItemId item_;
};

// The triples of all paths of the group, each once.
std::vector<models::AttentionSlot> EdgesOf(const Group& group) {
  std::vector<models::AttentionSlot> edges;
  for (const ConnectionPath* path : group.paths) {
    for (uint32_t i = 0; i < path->steps; ++i) {
      const auto [relation, inverse] = path->arc[i];
      const models::AttentionSlot edge{path->vertex[inverse ? i + 1 : i], relation,
                                       path->vertex[inverse ? i : i + 1], 0, inverse};
      const bool known = std::any_of(edges.begin(), edges.end(), [&](const auto& other) {
        return other.head == edge.head && other.relation == edge.relation &&
               other.tail == edge.tail;
      });
      if (!known) edges.push_back(edge);
    }
  }
  return edges;
}

// The best groups of the cheapest paths from the starts, in words.
class PathReasons {
 public:
  PathReasons(const Context& context, std::vector<Start> starts, ItemId item, int count, int steps)
      : starts_(std::move(starts)), writer_(context, starts_, item) {
    std::vector<PathStart> from;
    for (const Start& start : starts_) from.push_back(start.path);
    ConnectionLimits limits;
    limits.paths = kPathsPerReason * static_cast<uint32_t>(count);
    limits.max_steps = static_cast<uint32_t>(steps);
    const ConnectionGraph& graph = context.connections->graph();
    const EntityId target = context.catalog->item_entity[Index(item)];
    found_ = steps > kMaxSteps ? FindLongConnections(graph, from, target, limits)
                               : FindConnections(graph, from, target, limits);
    groups_ = GroupPaths(found_.paths);
    chosen_ = Choose(groups_, static_cast<size_t>(count));
  }

  const std::vector<const Group*>& chosen() const { return chosen_; }
  ConnectionReason Write(const Group& group) const {
    return {writer_.Write(group), EdgesOf(group)};
  }

 private:
  const std::vector<Start> starts_;
  const ReasonWriter writer_;
  Connections found_;
  std::vector<Group> groups_;
  std::vector<const Group*> chosen_;
};

// From another item, which users liked who liked one of the history, the graph leads on.
std::vector<ConnectionReason> ReasonsBeyondUsers(const Context& context,
                                                 const models::UserQuery& query, ItemId item,
                                                 int count, int steps) {
  const std::vector<LikedToo> liked = ItemsLikedToo(context, query, item, kLikedToo);
  std::vector<Start> starts;
  for (const LikedToo& pair : liked) {
    starts.push_back({pair.item, {context.catalog->item_entity[Index(pair.item)], pair.cost}});
  }
  const PathReasons paths(context, std::move(starts), item, count, steps);
  std::vector<ConnectionReason> reasons;
  for (const Group* group : paths.chosen()) {
    const ConnectionPath& path = group->best();
    const LikedToo& pair = liked[path.start];
    ConnectionReason reason = paths.Write({{&path}});
    Reason& text = reason.reason;
    text.kind = Reason::Kind::kUsers;
    text.seed_item = std::string(context.catalog->items[Index(pair.from)]);
    text.seed_title = std::string(context.catalog->ItemTitle(pair.from));
    text.supports = {text.seed_item};
    text.hop = 2 + static_cast<int>(path.steps);
    text.sentence = Concat(pair.users, " users who liked ", text.seed_title, " liked ",
                           context.catalog->ItemTitle(pair.item), " too; ", text.sentence);
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

void AddPopularity(const Context& context, ItemId item, std::vector<ConnectionReason>* reasons) {
  const InteractionCsr<UserId>& log = context.snapshot->by_item;
  if (Index(item) >= log.rows()) return;
  const auto begin = log.weight.begin() + log.ptr[Index(item)];
  const auto users =
      std::count_if(begin, log.weight.begin() + log.ptr[Index(item) + 1],
                    [&](float weight) { return weight >= context.positive_threshold; });
  if (users == 0) return;
  Reason reason;
  reason.kind = Reason::Kind::kPopularity;
  reason.sentence =
      Concat(users, users == 1 ? " user" : " users", " liked ", context.catalog->ItemTitle(item));
  reasons->push_back({std::move(reason), {}});
}

}  // namespace

const ConnectionGraph& ConnectionSource::graph() const {
  std::call_once(made_, [&] {
    graph_ = std::make_unique<const ConnectionGraph>(*context_.snapshot, RelationCosts{},
                                                     *context_.workers);
  });
  return *graph_;
}

std::vector<ItemId> LatestPositives(const Context& context, const models::UserQuery& query) {
  std::vector<ItemId> items(query.history.rbegin(), query.history.rend());
  const InteractionCsr<ItemId>& log = context.snapshot->by_user;
  if (query.user != kNone<UserId> && Index(query.user) < log.rows()) {
    for (int64_t i = log.ptr[Index(query.user) + 1]; i-- > log.ptr[Index(query.user)];) {
      if (log.weight[i] >= context.positive_threshold) items.push_back(log.other[i]);
    }
  }
  return items;
}

std::vector<ConnectionReason> ConnectionReasons(const Context& context,
                                                const models::UserQuery& query, ItemId item,
                                                int count, int steps) {
  std::vector<ConnectionReason> reasons;
  if (count <= 0 || context.connections == nullptr) return reasons;
  const bool linked = context.catalog->item_entity[Index(item)] != kNone<EntityId>;
  if (linked) {
    const PathReasons paths(context, StartsOf(context, query), item, count, steps);
    for (const Group* group : paths.chosen()) reasons.push_back(paths.Write(*group));
  }
  if (reasons.empty()) reasons = UserReasons(context, query, item, count);
  if (reasons.empty() && linked) {
    reasons = ReasonsBeyondUsers(context, query, item, count, std::min(steps, kMaxSteps));
  }
  if (reasons.empty()) AddPopularity(context, item, &reasons);
  return reasons;
}

}  // namespace undula::queries
