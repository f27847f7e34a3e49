#include "kgstore/edit_rows.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "kgstore/interaction_log.h"
#include "kgstore/link_value.h"
#include "kgstore/value_set.h"

namespace undula::kgstore::internal {
namespace {

// Orders ops by key, and of equal keys keeps the last one.
template <class Op, class Key>
void KeepLast(std::vector<Op>* ops, Key key) {
  std::stable_sort(ops->begin(), ops->end(),
                   [&](const Op& a, const Op& b) { return key(a) < key(b); });
  size_t kept = 0;
  for (size_t i = 0; i < ops->size(); ++i) {
    if (i + 1 < ops->size() && key((*ops)[i + 1]) == key((*ops)[i])) continue;
    if (kept != i) (*ops)[kept] = std::move((*ops)[i]);
    ++kept;
  }
  ops->resize(kept);
}

std::string BlockKey(uint32_t row, uint32_t block) {
  return std::string(HubKey(row, block, 0).view().substr(0, 8));
}

// Edits the log of one row.
class RowEditor {
 public:
  RowEditor(const OpenTables& open, Table table, uint32_t row)
      : open_(open), table_(table), row_(row) {}

  absl::Status Apply(std::vector<LogEdit>::iterator begin, std::vector<LogEdit>::iterator end) {
    UNDULA_RETURN_IF_ERROR(ReadFrom(begin->entry));
    std::vector<LogEntry> merged;
    auto stored = entries_.begin();
    bool changed = false;
    for (auto edit = begin; edit != end; ++edit) {
      while (stored != entries_.end() && stored->key() < edit->entry.key()) {
        merged.push_back(*stored++);
      }
      const bool found = stored != entries_.end() && stored->key() == edit->entry.key();
      const bool same = found && edit->add &&
                        std::memcmp(&stored->weight, &edit->entry.weight, sizeof(float)) == 0;
      if (edit->add) {
        edit->effect = same ? LogEdit::kNothing : found ? LogEdit::kReplaced : LogEdit::kAdded;
        merged.push_back(edit->entry);
      } else {
        edit->effect = found ? LogEdit::kRemoved : LogEdit::kNothing;
      }
      if (found) ++stored;
      changed = changed || edit->effect != LogEdit::kNothing;
    }
    merged.insert(merged.end(), stored, entries_.end());
    return changed ? Write(merged) : absl::OkStatus();
  }

 private:
  // Reads the blocks from the one that has or would have the entry to the end of the row.
  absl::Status ReadFrom(const LogEntry& first) {
    UNDULA_ASSIGN_OR_RETURN(const auto cursor,
                            Cursor::Open(open_.store.env(), open_.txn->raw(), open_[table_]));
    // Behind the row's last block, then back.
    UNDULA_ASSIGN_OR_RETURN(bool found, cursor->Seek(BlockKey(row_, kNoIndex)));
    UNDULA_ASSIGN_OR_RETURN(found, found ? cursor->Prev() : cursor->Last());
    while (found && LoadBigEndian(cursor->key().data()) == row_) {
      if (cursor->key().size() != 8) return open_.Damaged(table_);
      first_block_ = LoadBigEndian(cursor->key().data() + 4);
      if (end_block_ == 0) end_block_ = first_block_ + 1;
      std::vector<LogEntry> block;
      if (!DecodeLogBlock(cursor->value(),
                          [&](uint32_t other, float weight, int64_t time) {
                            block.push_back({row_, other, weight, time});
                          }) ||
          block.empty()) {
        return open_.Damaged(table_);
      }
      const bool begins_before = block.front().key() <= first.key();
      entries_.insert(entries_.begin(), block.begin(), block.end());
      if (begins_before || first_block_ == 0) break;
      UNDULA_ASSIGN_OR_RETURN(found, cursor->Prev());
    }
    return absl::OkStatus();
  }

  absl::Status Write(const std::vector<LogEntry>& entries) {
    uint32_t block = first_block_;
    LogWriter out([&](std::string_view, std::string_view value) {
      return open_.txn->Put(open_[table_], BlockKey(row_, block++), value);
    });
    for (const LogEntry& entry : entries) UNDULA_RETURN_IF_ERROR(out.Add(entry));
    UNDULA_RETURN_IF_ERROR(out.Finish());
    for (; block < end_block_; ++block) {
      UNDULA_RETURN_IF_ERROR(open_.txn->Delete(open_[table_], BlockKey(row_, block)));
    }
    return absl::OkStatus();
  }

  const OpenTables& open_;
  Table table_;
  uint32_t row_;
  uint32_t first_block_ = 0, end_block_ = 0;
  std::vector<LogEntry> entries_;
};

void Count(bool stored, bool add, bool same, UpdateReport* report) {
  if (add != stored) {
    ++(add ? report->added : report->removed);
  } else {
    ++(add && !same ? report->replaced : report->unchanged);
  }
}

// Puts a row that is not empty; else deletes it.
absl::Status PutRow(const OpenTables& open, Table table, uint32_t row, const std::string& value) {
  return value.empty() ? open.txn->Delete(open[table], AsBytes(row))
                       : open.txn->Put(open[table], AsBytes(row), value);
}

}  // namespace

absl::Status EditLog(const OpenTables& open, Table table, std::vector<LogEdit>* edits) {
  for (auto begin = edits->begin(); begin != edits->end();) {
    auto end = begin;
    while (end != edits->end() && end->entry.row == begin->entry.row) ++end;
    UNDULA_RETURN_IF_ERROR(RowEditor(open, table, begin->entry.row).Apply(begin, end));
    begin = end;
  }
  return absl::OkStatus();
}

absl::Status EditInteractions(std::vector<InteractionOp> ops, UpdateContext* context) {
  KeepLast(&ops, [](const InteractionOp& op) { return op.entry.key(); });
  std::vector<LogEdit> edits;
  for (const InteractionOp& op : ops) edits.push_back({op.entry, op.add});
  UNDULA_RETURN_IF_ERROR(EditLog(context->open, Table::kUserLog, &edits));
  UpdateReport& report = *context->report;
  uint64_t& count = context->next->counts.interactions;
  std::vector<LogEdit> effective;
  for (const LogEdit& edit : edits) {
    report.added += edit.effect == LogEdit::kAdded;
    report.removed += edit.effect == LogEdit::kRemoved;
    report.replaced += edit.effect == LogEdit::kReplaced;
    report.unchanged += edit.effect == LogEdit::kNothing;
    if (edit.effect == LogEdit::kNothing) continue;
    if (edit.effect == LogEdit::kAdded) ++count;
    if (edit.effect == LogEdit::kRemoved) --count;
    context->Changed(Rows::kUserLog, edit.entry.row);
    context->Changed(Rows::kItemLog, edit.entry.other);
    LogEdit turned = edit;
    std::swap(turned.entry.row, turned.entry.other);
    effective.push_back(turned);
  }
  std::sort(effective.begin(), effective.end(),
            [](const LogEdit& a, const LogEdit& b) { return a.entry.key() < b.entry.key(); });
  return EditLog(context->open, Table::kItemLog, &effective);
}

absl::Status EditLinks(std::vector<LinkOp> ops, UpdateContext* context) {
  KeepLast(&ops, [](const LinkOp& op) { return std::pair(op.link.item, op.link.entity); });
  const OpenTables& open = context->open;
  Counts& counts = context->next->counts;
  for (size_t i = 0; i < ops.size();) {
    const uint32_t item = Index(ops[i].link.item);
    UNDULA_ASSIGN_OR_RETURN(const auto value, open.txn->Get(open[Table::kLinks], AsBytes(item)));
    std::vector<Link> links;
    if (value.has_value() &&
        !DecodeLinks(*value, [&](const Link& link) { links.push_back(link); })) {
      return open.Damaged(Table::kLinks);
    }
    const size_t before = links.size();
    bool changed = false;
    for (; i < ops.size() && Index(ops[i].link.item) == item; ++i) {
      const LinkRecord& wanted = ops[i].link;
      const auto at = std::find_if(links.begin(), links.end(),
                                   [&](const Link& link) { return link.entity == wanted.entity; });
      const bool stored = at != links.end();
      const bool same =
          stored && at->confidence == wanted.confidence && at->method == wanted.method;
      Count(stored, ops[i].add, same, context->report);
      changed = changed || ops[i].add != stored || (ops[i].add && !same);
      if (stored) links.erase(at);
      if (ops[i].add) links.push_back({wanted.entity, wanted.confidence, wanted.method});
    }
    if (!changed) continue;
    std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) {
      return a.confidence != b.confidence ? a.confidence > b.confidence : a.entity < b.entity;
    });
    counts.links += links.size() - before;
    counts.linked_items += (links.empty() ? 0 : 1) - (before == 0 ? 0 : 1);
    context->Changed(Rows::kLinks, item);
    UNDULA_RETURN_IF_ERROR(PutRow(open, Table::kLinks, item, EncodeLinks(links)));
  }
  return absl::OkStatus();
}

absl::Status EditSocial(std::vector<SocialOp> ops, UpdateContext* context) {
  KeepLast(&ops, [](const SocialOp& op) { return std::pair(op.edge.user, op.edge.other); });
  const OpenTables& open = context->open;
  std::vector<SocialEdge> edges;
  for (size_t i = 0; i < ops.size();) {
    const uint32_t user = ops[i].edge.user;
    UNDULA_ASSIGN_OR_RETURN(const auto value, open.txn->Get(open[Table::kSocial], AsBytes(user)));
    edges.clear();
    if (value.has_value() && !DecodeSocial(*value, &edges)) return open.Damaged(Table::kSocial);
    const size_t before = edges.size();
    bool changed = false;
    for (; i < ops.size() && ops[i].edge.user == user; ++i) {
      const SocialEdge wanted{ops[i].edge.other, ops[i].edge.weight};
      auto at = std::lower_bound(
          edges.begin(), edges.end(), wanted,
          [](const SocialEdge& a, const SocialEdge& b) { return a.other < b.other; });
      const bool stored = at != edges.end() && at->other == wanted.other;
      const bool same = stored && std::memcmp(&at->weight, &wanted.weight, sizeof(float)) == 0;
      Count(stored, ops[i].add, same, context->report);
      changed = changed || ops[i].add != stored || (ops[i].add && !same);
      if (stored && ops[i].add) {
        *at = wanted;
      } else if (stored) {
        edges.erase(at);
      } else if (ops[i].add) {
        edges.insert(at, wanted);
      }
    }
    if (!changed) continue;
    context->next->counts.social += edges.size() - before;
    context->Changed(Rows::kSocial, user);
    UNDULA_RETURN_IF_ERROR(PutRow(open, Table::kSocial, user, EncodeSocial(edges)));
  }
  return absl::OkStatus();
}

absl::Status EditColumns(std::vector<ColumnsOp> ops, Table table, std::vector<std::string>* names,
                         UpdateContext* context) {
  const OpenTables& open = context->open;
  // Several on one row take effect one after the other.
  std::stable_sort(ops.begin(), ops.end(),
                   [](const ColumnsOp& a, const ColumnsOp& b) { return a.row < b.row; });
  for (size_t i = 0; i < ops.size();) {
    const uint32_t row = ops[i].row;
    UNDULA_ASSIGN_OR_RETURN(const auto value, open.txn->Get(open[table], AsBytes(row)));
    ColumnMap columns;
    if (value.has_value() && !DecodeColumns(*value, &columns)) return open.Damaged(table);
    const ColumnMap before = columns;
    for (; i < ops.size() && ops[i].row == row; ++i) {
      if (!ops[i].add) columns.clear();
      for (const auto& [name, text] : ops[i].columns) {
        const auto it = std::find(names->begin(), names->end(), name);
        columns[static_cast<uint32_t>(it - names->begin())] = text;
        if (it == names->end()) names->push_back(name);
      }
    }
    Count(!before.empty(), !columns.empty(), columns == before, context->report);
    if (columns == before) continue;
    UNDULA_RETURN_IF_ERROR(PutRow(open, table, row, EncodeColumns(columns)));
  }
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
