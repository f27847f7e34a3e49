#include "kgstore/edit_graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/status.h"
#include "base/text/normalize.h"
#include "kgstore/edit_labels.h"
#include "kgstore/labels.h"
#include "kgstore/literal_key.h"
#include "kgstore/number_key.h"
#include "kgstore/value_set.h"

namespace undula::kgstore::internal {
namespace {

class GraphEditor {
 public:
  GraphEditor(const AttributeFacts& facts, std::vector<RelationCounts>* per_relation,
              UpdateContext* context)
      : facts_(facts), per_relation_(*per_relation), context_(*context), open_(context->open) {}

  absl::Status Run(std::vector<TripleOp> ops) {
    const auto key = [](const TripleOp& op) { return std::tuple(op.kind, op.triple, op.graph); };
    std::stable_sort(ops.begin(), ops.end(),
                     [&](const TripleOp& a, const TripleOp& b) { return key(a) < key(b); });
    size_t kept = 0;
    for (size_t i = 0; i < ops.size(); ++i) {
      if (i + 1 < ops.size() && key(ops[i + 1]) == key(ops[i])) continue;
      ops[kept++] = ops[i];
    }
    ops.resize(kept);
    for (size_t i = 0; i < ops.size();) {
      size_t end = i;
      while (end < ops.size() && ops[end].kind == ops[i].kind && ops[end].triple == ops[i].triple) {
        ++end;
      }
      UNDULA_RETURN_IF_ERROR(Plan(std::span(ops).subspan(i, end - i)));
      i = end;
    }
    UNDULA_RETURN_IF_ERROR(EditTriples());
    return EditAttributes();
  }

 private:
  struct Edits {
    std::vector<TripleEdit> list;
    std::vector<bool> counted;  // in the report, as a change of graphs
  };

  // Decides for one triple whether it shall be there, and writes its graphs.
  absl::Status Plan(std::span<const TripleOp> ops) {
    const TripleOp& first = ops.front();
    Edits& edits = first.kind == TailKind::kEntity ? triples_ : attributes_;
    const bool named = ops.size() > 1 || first.graph != 0;
    std::vector<uint32_t> graphs;
    const std::string key = GraphsKey(first.kind, first.triple);
    bool stored = false;
    if (context_.next->counts.quads > 0) {
      UNDULA_ASSIGN_OR_RETURN(const auto value, open_.txn->Get(open_[Table::kGraphs], key));
      stored = value.has_value();
      if (stored && !DecodeGraphs(*value, &graphs)) return open_.Damaged(Table::kGraphs);
    }
    if (!named && !stored) {
      edits.list.push_back({first.triple, first.add});
      edits.counted.push_back(false);
      return absl::OkStatus();
    }
    if (!stored) {
      const Table table = first.kind == TailKind::kEntity ? Table::kOut : Table::kAttributes;
      bool found = false;
      UNDULA_RETURN_IF_ERROR(
          AdjacencyEditor(open_, table).ForEach(first.triple.a, [&](uint32_t b, uint32_t c) {
            found = found || (b == first.triple.b && c == first.triple.c);
          }));
      if (found) graphs.push_back(0);
    }
    const std::vector<uint32_t> before = graphs;
    for (const TripleOp& op : ops) {
      const auto at = std::lower_bound(graphs.begin(), graphs.end(), op.graph);
      const bool has = at != graphs.end() && *at == op.graph;
      if (op.add == has) {
        ++context_.report->unchanged;
      } else if (op.add) {
        graphs.insert(at, op.graph);
        ++context_.report->added;
      } else {
        graphs.erase(at);
        ++context_.report->removed;
      }
    }
    if (graphs == before) return absl::OkStatus();
    const auto named_count = [](const std::vector<uint32_t>& list) {
      return list.size() - (!list.empty() && list.front() == 0 ? 1 : 0);
    };
    context_.next->counts.quads += named_count(graphs) - named_count(before);
    if (named_count(graphs) > 0) {
      UNDULA_RETURN_IF_ERROR(open_.txn->Put(open_[Table::kGraphs], key, EncodeGraphs(graphs)));
    } else if (stored) {
      UNDULA_RETURN_IF_ERROR(open_.txn->Delete(open_[Table::kGraphs], key));
    }
    if (graphs.empty() != before.empty()) {
      edits.list.push_back({first.triple, !graphs.empty()});
      edits.counted.push_back(true);
    }
    return absl::OkStatus();
  }

  // Edits the first order of a kind and counts; leaves the edits that made a difference.
  absl::Status EditFirst(Table table, Edits* edits, uint64_t* count,
                         uint64_t RelationCounts::*relation_count) {
    UNDULA_RETURN_IF_ERROR(AdjacencyEditor(open_, table).Apply(&edits->list));
    UpdateReport& report = *context_.report;
    size_t kept = 0;
    for (size_t i = 0; i < edits->list.size(); ++i) {
      const TripleEdit edit = edits->list[i];
      if (!edits->counted[i]) {
        ++(!edit.done ? report.unchanged : edit.add ? report.added : report.removed);
      }
      if (!edit.done) continue;
      const uint64_t step = edit.add ? 1 : ~uint64_t{0};
      *count += step;
      if (edit.triple.b < per_relation_.size()) {
        per_relation_[edit.triple.b].*relation_count += step;
      }
      edits->list[kept++] = edit;
    }
    edits->list.resize(kept);
    return absl::OkStatus();
  }

  absl::Status EditOther(Table table, const Edits& edits, Triple (*order)(const Triple&)) {
    std::vector<TripleEdit> turned;
    turned.reserve(edits.list.size());
    for (const TripleEdit& edit : edits.list) turned.push_back({order(edit.triple), edit.add});
    std::sort(turned.begin(), turned.end(),
              [](const TripleEdit& a, const TripleEdit& b) { return a.triple < b.triple; });
    UNDULA_RETURN_IF_ERROR(AdjacencyEditor(open_, table).Apply(&turned));
    for (const TripleEdit& edit : turned) {
      if (!edit.done) return open_.Damaged(table);  // the orders do not hold the same triples
    }
    return absl::OkStatus();
  }

  absl::Status EditTriples() {
    UNDULA_RETURN_IF_ERROR(EditFirst(Table::kOut, &triples_, &context_.next->counts.triples,
                                     &RelationCounts::triples));
    for (const TripleEdit& edit : triples_.list) {
      context_.Changed(Rows::kOut, edit.triple.a);
      context_.Changed(Rows::kIn, edit.triple.c);
    }
    UNDULA_RETURN_IF_ERROR(EditOther(Table::kIn, triples_, [](const Triple& t) {
      return Triple{t.c, t.b, t.a};
    }));
    return EditOther(Table::kByRelation, triples_, [](const Triple& t) {
      return Triple{t.b, t.c, t.a};
    });
  }

  absl::Status EditAttributes() {
    UNDULA_RETURN_IF_ERROR(EditFirst(Table::kAttributes, &attributes_,
                                     &context_.next->counts.attributes,
                                     &RelationCounts::attributes));
    UNDULA_RETURN_IF_ERROR(EditOther(Table::kValues, attributes_, [](const Triple& t) {
      return Triple{t.c, t.b, t.a};
    }));
    UNDULA_RETURN_IF_ERROR(EditLabels());
    return EditNumbers();
  }

  bool IsLabel(uint32_t relation) const {
    const auto& labels = context_.next->label_relations;
    return std::any_of(labels.begin(), labels.end(), [&](const LabelRelation& label) {
      return Index(label.relation) == relation;
    });
  }

  std::string_view Literal(uint32_t id) const {
    const auto it = facts_.literals.find(id);
    return it == facts_.literals.end() ? std::string_view() : it->second;
  }

  absl::Status EditLabels() {
    std::map<std::pair<std::string, uint32_t>, bool> wanted;  // (label, entity) -> is there
    std::set<Triple> removed;
    for (const TripleEdit& edit : attributes_.list) {
      if (!edit.add) removed.insert(edit.triple);
    }
    for (const TripleEdit& edit : attributes_.list) {
      const Triple& t = edit.triple;
      if (!IsLabel(t.b)) continue;
      std::string label = LabelOf(Literal(t.c));
      if (label.empty()) continue;
      bool keep = edit.add;
      if (const auto old = facts_.labels.find(t.a); !keep && old != facts_.labels.end()) {
        for (const auto& [relation, literal, text] : old->second) {
          keep = keep || (text == label && removed.count({t.a, relation, literal}) == 0);
        }
      }
      bool& there = wanted[{std::move(label), t.a}];
      there = there || keep;
    }
    if (!wanted.empty() &&
        context_.next->normalizer_version != static_cast<uint32_t>(kNormalizerVersion)) {
      return FailedPreconditionError(
          open_.store.path(), ": its labels were written with text normalizer version ",
          context_.next->normalizer_version, ", this program has version ", kNormalizerVersion,
          "; import the data into a new database");
    }
    UNDULA_ASSIGN_OR_RETURN(const int64_t grown, EditLabelBlocks(open_, wanted));
    context_.next->counts.labels += static_cast<uint64_t>(grown);
    return absl::OkStatus();
  }

  absl::Status EditNumbers() {
    AdjacencyEditor values(open_, Table::kValues);
    for (const TripleEdit& edit : attributes_.list) {
      const Triple& t = edit.triple;
      const std::optional<uint64_t> number = NumberKey(Literal(t.c));
      if (!number.has_value()) continue;
      const std::string key = EncodeNumberEntry({t.b, *number, t.c});
      bool used = false;
      UNDULA_RETURN_IF_ERROR(values.ForEach(
          t.c, [&](uint32_t relation, uint32_t) { used = used || relation == t.b; }));
      UNDULA_ASSIGN_OR_RETURN(const auto stored, open_.txn->Get(open_[Table::kNumbers], key));
      if (used == stored.has_value()) continue;
      context_.next->counts.numbers += used ? 1 : ~uint64_t{0};
      UNDULA_RETURN_IF_ERROR(used ? open_.txn->Put(open_[Table::kNumbers], key, "")
                                  : open_.txn->Delete(open_[Table::kNumbers], key));
    }
    return absl::OkStatus();
  }

  const AttributeFacts& facts_;
  std::vector<RelationCounts>& per_relation_;
  UpdateContext& context_;
  const OpenTables& open_;
  Edits triples_, attributes_;
};

}  // namespace

std::string LabelOf(std::string_view literal_key) {
  // Text that is not UTF-8 has no label; readers refuse it before it comes here.
  absl::StatusOr<std::string> label = NormalizeText(LexicalForm(literal_key));
  if (!label.ok() || label->size() > kMaxLabelBytes) return "";
  return *std::move(label);
}

absl::Status EditGraph(std::vector<TripleOp> ops, const AttributeFacts& facts,
                       std::vector<RelationCounts>* per_relation, UpdateContext* context) {
  return GraphEditor(facts, per_relation, context).Run(std::move(ops));
}

}  // namespace undula::kgstore::internal
