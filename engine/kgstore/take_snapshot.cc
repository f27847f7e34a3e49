#include "kgstore/take_snapshot.h"

#include <array>
#include <functional>
#include <new>
#include <vector>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/interaction_log.h"
#include "kgstore/link_value.h"
#include "kgstore/store.h"
#include "kgstore/value_set.h"

namespace undula::kgstore {
namespace {

using internal::Table;
using internal::ViewState;

absl::Status Contradiction(const ViewState& view, Table table) {
  return DataLossError(view.store().path(), ": table ", internal::SpecOf(table).name,
                       " contradicts the counts; restore the file from a backup");
}

// Fills ptr for rows that come in ascending order.
class Rows {
 public:
  Rows(std::vector<int64_t>* ptr, uint32_t rows) : ptr_(ptr), rows_(rows) {
    ptr_->assign(size_t{rows} + 1, 0);
  }
  // Entry number `at` belongs to `row`; false where there is no such row.
  bool Enter(uint32_t row, int64_t at) {
    if (row >= rows_) return false;
    while (next_ <= row) (*ptr_)[next_++] = at;
    return true;
  }
  void Finish(int64_t entries) {
    while (next_ <= rows_) (*ptr_)[next_++] = entries;
  }

 private:
  std::vector<int64_t>* ptr_;
  uint64_t next_ = 0;
  uint32_t rows_;
};

absl::Status ReadEdges(const ViewState& view, Table table, EdgeCsr* csr) {
  const Counts& counts = view.state().counts;
  const uint64_t n = counts.triples;
  Rows rows(&csr->ptr, counts.entities);
  csr->relation.resize(n);
  csr->entity.resize(n);
  RelationId* const relation = csr->relation.data();
  EntityId* const entity = csr->entity.data();
  uint64_t at = 0;
  bool ok = true;
  uint32_t row = kNoIndex;
  UNDULA_RETURN_IF_ERROR(
      internal::AdjacencyReader(view, table).Scan([&](uint32_t a, uint32_t b, uint32_t c) {
        if (a != row) {
          ok = ok && rows.Enter(a, static_cast<int64_t>(at));
          row = a;
        }
        if (at >= n || b >= counts.relations || c >= counts.entities) {
          ok = false;
          return;
        }
        relation[at] = static_cast<RelationId>(b);
        entity[at] = static_cast<EntityId>(c);
        ++at;
      }));
  rows.Finish(static_cast<int64_t>(at));
  return ok && at == n ? absl::OkStatus() : Contradiction(view, table);
}

template <class Other>
absl::Status ReadLog(const ViewState& view, Table table, uint32_t n_rows, uint32_t n_others,
                     InteractionCsr<Other>* csr) {
  const uint64_t n = view.state().counts.interactions;
  Rows rows(&csr->ptr, n_rows);
  csr->other.resize(n);
  csr->weight.resize(n);
  csr->time.resize(n);
  uint64_t at = 0;
  bool ok = true;
  UNDULA_RETURN_IF_ERROR(internal::LogReader(view, table)
                             .Scan([&](uint32_t row, uint32_t other, float weight, int64_t time) {
                               if (at >= n || other >= n_others ||
                                   !rows.Enter(row, static_cast<int64_t>(at))) {
                                 ok = false;
                                 return;
                               }
                               csr->other[at] = static_cast<Other>(other);
                               csr->weight[at] = weight;
                               csr->time[at] = time;
                               ++at;
                             }));
  rows.Finish(static_cast<int64_t>(at));
  return ok && at == n ? absl::OkStatus() : Contradiction(view, table);
}

absl::Status ReadLinks(const ViewState& view, LinkCsr* csr) {
  const Counts& counts = view.state().counts;
  Rows rows(&csr->ptr, counts.items);
  csr->entity.reserve(counts.links);
  csr->confidence.reserve(counts.links);
  csr->method.reserve(counts.links);
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view.Walk(Table::kLinks));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  bool ok = true;
  while (more) {
    ok = ok && cursor->key().size() == 4 &&
         rows.Enter(internal::LoadFixed<uint32_t>(cursor->key().data()),
                    static_cast<int64_t>(csr->entity.size())) &&
         internal::DecodeLinks(cursor->value(), [&](const Link& link) {
           ok = ok && Index(link.entity) < counts.entities;
           csr->entity.push_back(link.entity);
           csr->confidence.push_back(link.confidence);
           csr->method.push_back(link.method);
         });
    if (!ok) break;
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  rows.Finish(static_cast<int64_t>(csr->entity.size()));
  return ok && csr->entity.size() == counts.links ? absl::OkStatus()
                                                  : Contradiction(view, Table::kLinks);
}

absl::Status ReadSocial(const ViewState& view, SocialCsr* csr) {
  const Counts& counts = view.state().counts;
  Rows rows(&csr->ptr, counts.users);
  csr->user.reserve(counts.social);
  csr->weight.reserve(counts.social);
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view.Walk(Table::kSocial));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  std::vector<internal::SocialEdge> edges;
  bool ok = true;
  while (more && ok) {
    ok = cursor->key().size() == 4 &&
         rows.Enter(internal::LoadFixed<uint32_t>(cursor->key().data()),
                    static_cast<int64_t>(csr->user.size())) &&
         internal::DecodeSocial(cursor->value(), &edges);
    for (const internal::SocialEdge& edge : edges) {
      ok = ok && edge.other < counts.users;
      csr->user.push_back(static_cast<UserId>(edge.other));
      csr->weight.push_back(edge.weight);
    }
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  rows.Finish(static_cast<int64_t>(csr->user.size()));
  return ok && csr->user.size() == counts.social ? absl::OkStatus()
                                                 : Contradiction(view, Table::kSocial);
}

}  // namespace

absl::StatusOr<Snapshot> TakeSnapshot(const Database& database, const SnapshotOptions& options) {
  UNDULA_ASSIGN_OR_RETURN(const ReadView view, database.Read());
  return TakeSnapshot(view, database.arena(), options);
}

absl::StatusOr<Snapshot> TakeSnapshot(const ReadView& read_view, TaskArena& arena,
                                      const SnapshotOptions& options) {
  const ViewState& view = read_view.state();
  const Counts& counts = view.state().counts;
  Snapshot snapshot;
  snapshot.n_entities = counts.entities;
  snapshot.n_relations = counts.relations;
  snapshot.n_users = counts.users;
  snapshot.n_items = counts.items;
  snapshot.id_space = read_view.id_space();
  snapshot.transaction = read_view.transaction();
  snapshot.change = view.state().change;
  // Each part walks its own tables with its own cursors, so they may share the transaction.
  std::vector<std::function<absl::Status()>> parts;
  if (options.graph) {
    parts.emplace_back([&] { return ReadEdges(view, Table::kOut, &snapshot.out); });
    if (options.in_edges) {
      parts.emplace_back([&] { return ReadEdges(view, Table::kIn, &snapshot.in); });
    }
  }
  if (options.interactions) {
    parts.emplace_back([&] {
      return ReadLog(view, Table::kUserLog, counts.users, counts.items, &snapshot.by_user);
    });
    parts.emplace_back([&] {
      return ReadLog(view, Table::kItemLog, counts.items, counts.users, &snapshot.by_item);
    });
  }
  if (options.social) parts.emplace_back([&] { return ReadSocial(view, &snapshot.social); });
  if (options.links) parts.emplace_back([&] { return ReadLinks(view, &snapshot.links); });
  std::vector<absl::Status> statuses(parts.size());
  arena.For(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto part = static_cast<size_t>(i);
      try {
        statuses[part] = parts[part]();
      } catch (const std::bad_alloc&) {
        statuses[part] =
            ResourceExhaustedError("out of memory for a snapshot of ", counts.triples,
                                   " triples and ", counts.interactions, " interactions");
      }
    }
  });
  for (const absl::Status& status : statuses) UNDULA_RETURN_IF_ERROR(status);
  return snapshot;
}

}  // namespace undula::kgstore
