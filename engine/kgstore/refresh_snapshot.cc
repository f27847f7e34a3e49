#include "kgstore/refresh_snapshot.h"

#include <algorithm>
#include <array>
#include <functional>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/change_log.h"
#include "kgstore/interaction_log.h"
#include "kgstore/link_value.h"
#include "kgstore/store.h"
#include "kgstore/value_set.h"

namespace undula::kgstore {
namespace {

using internal::ChangeRecord;
using internal::Rows;
using internal::Table;
using internal::ViewState;

constexpr uint64_t kWholeShare = 8;  // a part is read whole where more than 1/8 of its rows changed

ChangeRecord EverythingChanged() {
  ChangeRecord record;
  for (auto& changed : record) changed.all = true;
  return record;
}

// What the commits behind `change` have changed; everything where the log does not reach so far.
absl::StatusOr<ChangeRecord> ChangesSince(const ViewState& view, uint64_t change) {
  const uint64_t now = view.state().change;
  ChangeRecord sum;
  if (change > now || now - change > internal::kChangesKept) return EverythingChanged();
  if (change == now) return sum;
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view.Walk(Table::kChanges));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->Seek(internal::ChangeKey(change + 1)));
  for (uint64_t next = change + 1; next <= now; ++next) {
    if (!more || cursor->key() != internal::ChangeKey(next)) return EverythingChanged();
    const auto record = internal::DecodeChangeRecord(cursor->value());
    if (!record.has_value()) {
      return DataLossError(view.store().path(),
                           ": table changes is damaged; restore the file from a backup");
    }
    for (size_t i = 0; i < sum.size(); ++i) {
      const auto& from = (*record)[i];
      sum[i].all = sum[i].all || from.all;
      sum[i].rows.insert(sum[i].rows.end(), from.rows.begin(), from.rows.end());
    }
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  for (auto& changed : sum) {
    std::sort(changed.rows.begin(), changed.rows.end());
    changed.rows.erase(std::unique(changed.rows.begin(), changed.rows.end()), changed.rows.end());
  }
  return sum;
}

absl::Status Contradiction(const ViewState& view, Table table) {
  return DataLossError(view.store().path(), ": table ", internal::SpecOf(table).name,
                       " contradicts the counts; restore the file from a backup");
}

// Puts fresh rows among the old ones, within the arrays.
class RowReplacement {
 public:
  // `ptr` gets `rows` rows, not fewer than it has; those that it does not have yet are empty.
  RowReplacement(std::vector<int64_t>* ptr, uint32_t rows) : ptr_(*ptr) {
    ptr_.resize(size_t{rows} + 1, ptr_.back());
    end_ = ptr_.back();
  }

  // The next row, ascending, has `size` entries now.
  void Replace(uint32_t row, int64_t size) {
    KeepUntil(ptr_[row]);
    fresh_.push_back({read_, ptr_[row] + shift_, size});
    read_ += size;
    shift_ += size - (ptr_[row + 1] - ptr_[row]);
    from_ = ptr_[row + 1];
    ends_.emplace_back(row + 1, shift_);
  }
  // After the last row. The number of entries that there are now.
  int64_t Finish() {
    KeepUntil(end_);
    for (size_t i = 0; i < ends_.size(); ++i) {
      const size_t end = i + 1 < ends_.size() ? ends_[i + 1].first : ptr_.size();
      for (size_t row = ends_[i].first; row < end; ++row) ptr_[row] += ends_[i].second;
    }
    return end_ + shift_;
  }
  // One of the arrays beside ptr; `fresh` has the entries of the replaced rows, one after another.
  template <class T>
  void Apply(const std::vector<T>& fresh, std::vector<T>* column) const {
    const auto size = static_cast<size_t>(end_ + shift_);
    // Room for further refreshes, but not twice as much.
    if (size > column->capacity()) column->reserve(size + size / 64);
    column->resize(std::max(size, column->size()));
    const auto at = [&](int64_t place) { return column->begin() + place; };
    // In this order no run is overwritten before it is moved: the places are in the same order
    // before and after.
    for (const Run& run : kept_) {
      if (run.to < run.from) std::copy(at(run.from), at(run.from + run.size), at(run.to));
    }
    for (auto run = kept_.rbegin(); run != kept_.rend(); ++run) {
      if (run->to > run->from) {
        std::copy_backward(at(run->from), at(run->from + run->size), at(run->to + run->size));
      }
    }
    for (const Run& run : fresh_) {
      std::copy_n(fresh.begin() + run.from, run.size, at(run.to));
    }
    column->resize(size);
  }

 private:
  struct Run {
    int64_t from, to, size;
  };
  void KeepUntil(int64_t end) {
    if (end > from_) kept_.push_back({from_, from_ + shift_, end - from_});
  }

  std::vector<int64_t>& ptr_;
  int64_t end_ = 0, from_ = 0, shift_ = 0, read_ = 0;
  std::vector<Run> kept_, fresh_;
  std::vector<std::pair<size_t, int64_t>> ends_;  // ptr from here on moves by so much
};

absl::Status RefreshEdges(const ViewState& view, Table table, const std::vector<uint32_t>& rows,
                          EdgeCsr* csr) {
  const Counts& counts = view.state().counts;
  const internal::AdjacencyReader reader(view, table);
  RowReplacement replacement(&csr->ptr, counts.entities);
  std::vector<RelationId> relation;
  std::vector<EntityId> entity;
  bool ok = true;
  for (const uint32_t row : rows) {
    const size_t before = entity.size();
    UNDULA_RETURN_IF_ERROR(reader.ForEach(row, [&](uint32_t b, uint32_t c) {
      ok = ok && b < counts.relations && c < counts.entities;
      relation.push_back(static_cast<RelationId>(b));
      entity.push_back(static_cast<EntityId>(c));
    }));
    replacement.Replace(row, static_cast<int64_t>(entity.size() - before));
  }
  if (!ok || static_cast<uint64_t>(replacement.Finish()) != counts.triples) {
    return Contradiction(view, table);
  }
  replacement.Apply(relation, &csr->relation);
  replacement.Apply(entity, &csr->entity);
  return absl::OkStatus();
}

template <class Other>
absl::Status RefreshLog(const ViewState& view, Table table, const std::vector<uint32_t>& rows,
                        uint32_t n_rows, uint32_t n_others, InteractionCsr<Other>* csr) {
  const internal::LogReader reader(view, table);
  RowReplacement replacement(&csr->ptr, n_rows);
  InteractionCsr<Other> fresh;
  bool ok = true;
  for (const uint32_t row : rows) {
    const size_t before = fresh.other.size();
    UNDULA_RETURN_IF_ERROR(
        reader.Row(row, [&](uint32_t, uint32_t other, float weight, int64_t time) {
          ok = ok && other < n_others;
          fresh.other.push_back(static_cast<Other>(other));
          fresh.weight.push_back(weight);
          fresh.time.push_back(time);
        }));
    replacement.Replace(row, static_cast<int64_t>(fresh.other.size() - before));
  }
  if (!ok || static_cast<uint64_t>(replacement.Finish()) != view.state().counts.interactions) {
    return Contradiction(view, table);
  }
  replacement.Apply(fresh.other, &csr->other);
  replacement.Apply(fresh.weight, &csr->weight);
  replacement.Apply(fresh.time, &csr->time);
  return absl::OkStatus();
}

absl::Status RefreshLinks(const ViewState& view, const std::vector<uint32_t>& rows, LinkCsr* csr) {
  const Counts& counts = view.state().counts;
  RowReplacement replacement(&csr->ptr, counts.items);
  LinkCsr fresh;
  bool ok = true;
  for (const uint32_t row : rows) {
    const size_t before = fresh.entity.size();
    UNDULA_ASSIGN_OR_RETURN(const auto value, view.Get(Table::kLinks, internal::AsBytes(row)));
    ok = ok && (!value.has_value() || internal::DecodeLinks(*value, [&](const Link& link) {
           ok = ok && Index(link.entity) < counts.entities;
           fresh.entity.push_back(link.entity);
           fresh.confidence.push_back(link.confidence);
           fresh.method.push_back(link.method);
         }));
    replacement.Replace(row, static_cast<int64_t>(fresh.entity.size() - before));
  }
  if (!ok || static_cast<uint64_t>(replacement.Finish()) != counts.links) {
    return Contradiction(view, Table::kLinks);
  }
  replacement.Apply(fresh.entity, &csr->entity);
  replacement.Apply(fresh.confidence, &csr->confidence);
  replacement.Apply(fresh.method, &csr->method);
  return absl::OkStatus();
}

absl::Status RefreshSocial(const ViewState& view, const std::vector<uint32_t>& rows,
                           SocialCsr* csr) {
  const Counts& counts = view.state().counts;
  RowReplacement replacement(&csr->ptr, counts.users);
  SocialCsr fresh;
  std::vector<internal::SocialEdge> edges;
  bool ok = true;
  for (const uint32_t row : rows) {
    UNDULA_ASSIGN_OR_RETURN(const auto value, view.Get(Table::kSocial, internal::AsBytes(row)));
    edges.clear();
    ok = ok && (!value.has_value() || internal::DecodeSocial(*value, &edges));
    for (const internal::SocialEdge& edge : edges) {
      ok = ok && edge.other < counts.users;
      fresh.user.push_back(static_cast<UserId>(edge.other));
      fresh.weight.push_back(edge.weight);
    }
    replacement.Replace(row, static_cast<int64_t>(edges.size()));
  }
  if (!ok || static_cast<uint64_t>(replacement.Finish()) != counts.social) {
    return Contradiction(view, Table::kSocial);
  }
  replacement.Apply(fresh.user, &csr->user);
  replacement.Apply(fresh.weight, &csr->weight);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Snapshot> RefreshSnapshot(Snapshot old, const ReadView& read_view, TaskArena& arena,
                                         const SnapshotOptions& options, RefreshReport* report) {
  const ViewState& view = read_view.state();
  const Counts& counts = view.state().counts;
  RefreshReport unused;
  RefreshReport& done = report != nullptr ? *report : unused;
  done = RefreshReport();
  const bool related = old.id_space == read_view.id_space() && old.n_entities <= counts.entities &&
                       old.n_users <= counts.users && old.n_items <= counts.items;
  ChangeRecord changes = EverythingChanged();
  if (related) {
    UNDULA_ASSIGN_OR_RETURN(changes, ChangesSince(view, old.change));
  }
  const auto changed = [&](Rows rows) -> internal::ChangedRows& {
    return changes[static_cast<size_t>(rows)];
  };
  // Whether a part has to be read whole: `ptr` is the old one, of `old_rows` rows.
  const auto whole = [&](Rows kind, const std::vector<int64_t>& ptr, uint32_t old_rows,
                         uint32_t new_rows) {
    const internal::ChangedRows& part = changed(kind);
    return part.all || ptr.size() != size_t{old_rows} + 1 ||
           kWholeShare * part.rows.size() > old_rows ||
           (!part.rows.empty() && part.rows.back() >= new_rows);
  };
  const bool want_in = options.graph && options.in_edges;
  const bool whole_in = want_in && whole(Rows::kIn, old.in.ptr, old.n_entities, counts.entities);
  const bool whole_out =
      options.graph && whole(Rows::kOut, old.out.ptr, old.n_entities, counts.entities);
  const bool whole_log =
      options.interactions && (whole(Rows::kUserLog, old.by_user.ptr, old.n_users, counts.users) ||
                               whole(Rows::kItemLog, old.by_item.ptr, old.n_items, counts.items));
  const bool whole_links =
      options.links && whole(Rows::kLinks, old.links.ptr, old.n_items, counts.items);
  const bool whole_social =
      options.social && whole(Rows::kSocial, old.social.ptr, old.n_users, counts.users);
  SnapshotOptions missing;
  missing.in_edges = whole_in;
  missing.graph = whole_out || whole_in;
  missing.interactions = whole_log;
  missing.links = whole_links;
  missing.social = whole_social;
  UNDULA_ASSIGN_OR_RETURN(Snapshot fresh, TakeSnapshot(read_view, arena, missing));
  done.parts_read = int{missing.graph} + int{whole_in} + 2 * int{whole_log} + int{whole_links} +
                    int{whole_social};

  std::vector<std::function<absl::Status()>> parts;
  const auto refresh = [&](Rows kind, auto&& part) {
    done.rows += changed(kind).rows.size();
    parts.emplace_back(part);
  };
  const auto rows_of = [&](Rows kind) -> const std::vector<uint32_t>& {
    return changed(kind).rows;
  };
  if (options.graph && !missing.graph) {
    fresh.out = std::move(old.out);
    refresh(Rows::kOut,
            [&] { return RefreshEdges(view, Table::kOut, rows_of(Rows::kOut), &fresh.out); });
  }
  if (want_in && !whole_in) {
    fresh.in = std::move(old.in);
    refresh(Rows::kIn,
            [&] { return RefreshEdges(view, Table::kIn, rows_of(Rows::kIn), &fresh.in); });
  }
  if (options.interactions && !whole_log) {
    fresh.by_user = std::move(old.by_user);
    fresh.by_item = std::move(old.by_item);
    refresh(Rows::kUserLog, [&] {
      return RefreshLog(view, Table::kUserLog, rows_of(Rows::kUserLog), counts.users, counts.items,
                        &fresh.by_user);
    });
    refresh(Rows::kItemLog, [&] {
      return RefreshLog(view, Table::kItemLog, rows_of(Rows::kItemLog), counts.items, counts.users,
                        &fresh.by_item);
    });
  }
  if (options.links && !whole_links) {
    fresh.links = std::move(old.links);
    refresh(Rows::kLinks, [&] { return RefreshLinks(view, rows_of(Rows::kLinks), &fresh.links); });
  }
  if (options.social && !whole_social) {
    fresh.social = std::move(old.social);
    refresh(Rows::kSocial,
            [&] { return RefreshSocial(view, rows_of(Rows::kSocial), &fresh.social); });
  }
  std::vector<absl::Status> statuses(parts.size());
  arena.For(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto part = static_cast<size_t>(i);
      try {
        statuses[part] = parts[part]();
      } catch (const std::bad_alloc&) {
        statuses[part] = ResourceExhaustedError("out of memory while refreshing a snapshot");
      }
    }
  });
  for (const absl::Status& status : statuses) UNDULA_RETURN_IF_ERROR(status);
  return fresh;
}

}  // namespace undula::kgstore
