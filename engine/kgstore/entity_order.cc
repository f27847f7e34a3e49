#include "kgstore/entity_order.h"

#include <algorithm>
#include <memory>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/link_value.h"
#include "kgstore/value_set.h"

namespace undula::kgstore::internal {
namespace {

// How often each name is used, by the tables of a view.
class Uses {
 public:
  explicit Uses(const ViewState& view)
      : view_(view),
        degree_(view.state().counts.entities, 0),
        entity_(view.state().counts.entities, false),
        literal_(view.state().counts.literals, false) {}

  absl::Status Count(std::span<const uint32_t> also_used) {
    UNDULA_RETURN_IF_ERROR(
        AdjacencyReader(view_, Table::kOut).Scan([&](uint32_t a, uint32_t, uint32_t c) {
          for (const uint32_t e : {a, c}) {
            if (Use(e, &entity_) && degree_[e] != kNoIndex) ++degree_[e];
          }
        }));
    UNDULA_RETURN_IF_ERROR(
        AdjacencyReader(view_, Table::kAttributes).Scan([&](uint32_t a, uint32_t, uint32_t c) {
          Use(a, &entity_);
          Use(c, &literal_);
        }));
    UNDULA_RETURN_IF_ERROR(CountGraphs());
    UNDULA_RETURN_IF_ERROR(CountLinks());
    for (const uint32_t e : also_used) Use(e, &entity_);
    return damaged_ ? DataLossError(view_.store().path(), ": a table names an id that has no name")
                    : absl::OkStatus();
  }

  uint32_t degree(uint32_t entity) const { return degree_[entity]; }
  bool entity(uint32_t id) const { return entity_[id]; }
  bool literal(uint32_t id) const { return literal_[id]; }

 private:
  bool Use(uint32_t id, std::vector<bool>* used) {
    if (id >= used->size()) {
      damaged_ = true;
      return false;
    }
    (*used)[id] = true;
    return true;
  }
  absl::Status CountGraphs() {
    UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.Walk(Table::kGraphs));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
    std::vector<uint32_t> graphs;
    while (more) {
      damaged_ = damaged_ || !DecodeGraphs(cursor->value(), &graphs);
      for (const uint32_t graph : graphs) {
        if (graph > 0) Use(graph - 1, &entity_);
      }
      UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
    }
    return absl::OkStatus();
  }
  absl::Status CountLinks() {
    UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.Walk(Table::kLinks));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
    while (more) {
      const bool ok = DecodeLinks(cursor->value(),
                                  [&](const Link& link) { Use(Index(link.entity), &entity_); });
      damaged_ = damaged_ || !ok;
      UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
    }
    return absl::OkStatus();
  }

  const ViewState& view_;
  std::vector<uint32_t> degree_;
  std::vector<bool> entity_, literal_;
  bool damaged_ = false;
};

std::vector<uint32_t> Invert(const std::vector<uint32_t>& old_ids, size_t n) {
  std::vector<uint32_t> new_ids(n, kNoIndex);
  for (uint32_t i = 0; i < old_ids.size(); ++i) new_ids[old_ids[i]] = i;
  return new_ids;
}

}  // namespace

absl::StatusOr<EntityOrder> OrderEntities(const ViewState& view, std::vector<uint32_t> segments,
                                          std::span<const uint32_t> also_used) {
  Uses uses(view);
  UNDULA_RETURN_IF_ERROR(uses.Count(also_used));
  const uint32_t n = view.state().counts.entities, literals = view.state().counts.literals;
  std::sort(segments.begin(), segments.end());
  const uint32_t kept = segments.empty() ? 0 : segments.back();
  EntityOrder order;
  segments.push_back(n);
  uint32_t begin = 0;
  for (const uint32_t end : segments) {
    const size_t first = order.old_entities.size();
    for (; begin < end; ++begin) {
      if (begin < kept || uses.entity(begin)) order.old_entities.push_back(begin);
    }
    std::stable_sort(order.old_entities.begin() + static_cast<int64_t>(first),
                     order.old_entities.end(),
                     [&](uint32_t x, uint32_t y) { return uses.degree(x) > uses.degree(y); });
  }
  for (uint32_t i = 0; i < literals; ++i) {
    if (uses.literal(i)) order.old_literals.push_back(i);
  }
  order.entity = Invert(order.old_entities, n);
  order.literal = Invert(order.old_literals, literals);
  return order;
}

}  // namespace undula::kgstore::internal
