#include "kgstore/apply_update.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/dictionary.h"
#include "kgstore/edit_dictionary.h"
#include "kgstore/edit_graph.h"
#include "kgstore/import_record.h"
#include "kgstore/labels.h"

namespace undula::kgstore::internal {
namespace {

class UpdateCommitter {
 public:
  UpdateCommitter(Store* store, PendingOps* pending, UpdateReport* report)
      : store_(*store), pending_(*pending), report_(*report) {}

  absl::Status Run(Counts* counts) {
    {
      // Names are looked up and old values read before the transaction begins: the map can grow
      // only while no view is open.
      UNDULA_ASSIGN_OR_RETURN(const auto view, store_.BeginView());
      tables_ = view->shared_tables();
      next_ = view->state();
      UNDULA_RETURN_IF_ERROR(Resolve(*view));
      UNDULA_RETURN_IF_ERROR(ReadFacts(*view));
      UNDULA_ASSIGN_OR_RETURN(relation_counts_, ReadRelationCounts(*view));
    }
    UNDULA_ASSIGN_OR_RETURN(const auto txn, store_.BeginWrite(Room()));
    const OpenTables open{store_, txn.get(), *tables_};
    UNDULA_RETURN_IF_ERROR(AppendNames(open));
    relation_counts_.resize(next_.counts.relations);
    UpdateContext context{open, &next_, &report_, {}};
    UNDULA_RETURN_IF_ERROR(EditGraph(std::move(ops_.triples), facts_, &relation_counts_, &context));
    UNDULA_RETURN_IF_ERROR(EditInteractions(std::move(ops_.interactions), &context));
    UNDULA_RETURN_IF_ERROR(EditLinks(std::move(ops_.links), &context));
    UNDULA_RETURN_IF_ERROR(EditSocial(std::move(ops_.social), &context));
    UNDULA_RETURN_IF_ERROR(
        EditColumns(std::move(ops_.items), Table::kItems, &next_.item_columns, &context));
    UNDULA_RETURN_IF_ERROR(
        EditColumns(std::move(ops_.users), Table::kUsers, &next_.user_columns, &context));
    if (!pending_.triples.empty()) {
      UNDULA_RETURN_IF_ERROR(
          txn->Put(store_.meta(), kRelationCountsKey, EncodeRelationCounts(relation_counts_)));
    }
    ChangeRecord record;
    for (size_t i = 0; i < record.size(); ++i) {
      std::vector<uint32_t>& rows = context.changed[i];
      std::sort(rows.begin(), rows.end());
      rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
      record[i].rows = std::move(rows);
    }
    UNDULA_RETURN_IF_ERROR(FinishUpdate(open, record, &next_));
    UNDULA_RETURN_IF_ERROR(txn->Commit());
    report_.change = next_.change;
    *counts = next_.counts;
    return absl::OkStatus();
  }

 private:
  // Final ids by provisional id; kNoIndex where a name is unknown and nothing is added under it.
  absl::Status Resolve(const ViewState& view) {
    for (int s = 0; s < kSpaces; ++s) {
      const auto space = static_cast<Space>(s);
      const PendingNames& names = pending_.names[static_cast<size_t>(s)];
      const DictionaryReader dictionary(view, space);
      std::vector<uint32_t>& ids = ids_[static_cast<size_t>(s)];
      ids.assign(names.texts.size(), kNoIndex);
      for (uint32_t i = 0; i < names.texts.size(); ++i) {
        const std::string_view text = names.texts.text(i);
        if (dictionary.size() > 0) {
          UNDULA_ASSIGN_OR_RETURN(ids[i], dictionary.Find(text));
        }
        if (ids[i] == kNoIndex && names.create[i]) {
          auto& fresh = fresh_[static_cast<size_t>(s)];
          ids[i] = dictionary.size() + static_cast<uint32_t>(fresh.size());
          fresh.push_back(text);
        }
        if (space == Space::kLiteral && ids[i] != kNoIndex) facts_.literals[ids[i]] = text;
      }
    }
    ResolveOps();
    return absl::OkStatus();
  }

  uint32_t Final(Space space, uint32_t provisional) const {
    return ids_[static_cast<size_t>(space)][provisional];
  }

  // Whether all names are known; what is removed under an unknown one is not there.
  bool Known(std::initializer_list<uint32_t> ids) {
    if (std::find(ids.begin(), ids.end(), kNoIndex) == ids.end()) return true;
    ++report_.unchanged;
    return false;
  }

  void ResolveOps() {
    for (const PendingTriple& pending : pending_.triples) {
      TripleOp op = pending.op;
      if (!pending.is_final) {
        const Space tail = op.kind == TailKind::kEntity ? Space::kEntity : Space::kLiteral;
        op.triple = {Final(Space::kEntity, op.triple.a), Final(Space::kRelation, op.triple.b),
                     Final(tail, op.triple.c)};
        const uint32_t graph = pending.has_graph ? Final(Space::kEntity, op.graph) : 0;
        if (!Known({op.triple.a, op.triple.b, op.triple.c, graph})) continue;
        op.graph = pending.has_graph ? graph + 1 : 0;
      }
      ops_.triples.push_back(op);
    }
    for (InteractionOp op : pending_.ops.interactions) {
      op.entry.row = Final(Space::kUser, op.entry.row);
      op.entry.other = Final(Space::kItem, op.entry.other);
      if (Known({op.entry.row, op.entry.other})) ops_.interactions.push_back(op);
    }
    for (LinkOp op : pending_.ops.links) {
      op.link.item = static_cast<ItemId>(Final(Space::kItem, Index(op.link.item)));
      op.link.entity = static_cast<EntityId>(Final(Space::kEntity, Index(op.link.entity)));
      if (Known({Index(op.link.item), Index(op.link.entity)})) ops_.links.push_back(op);
    }
    for (SocialOp op : pending_.ops.social) {
      op.edge.user = Final(Space::kUser, op.edge.user);
      op.edge.other = Final(Space::kUser, op.edge.other);
      if (Known({op.edge.user, op.edge.other})) ops_.social.push_back(op);
    }
    const auto rows = [&](Space space, std::vector<ColumnsOp>* from, std::vector<ColumnsOp>* to) {
      for (ColumnsOp& op : *from) {
        op.row = Final(space, op.row);
        if (Known({op.row})) to->push_back(std::move(op));
      }
    };
    rows(Space::kItem, &pending_.ops.items, &ops_.items);
    rows(Space::kUser, &pending_.ops.users, &ops_.users);
  }

  // The labels of the entities that may lose one.
  absl::Status ReadFacts(const ViewState& view) {
    const auto is_label = [&](uint32_t relation) {
      return std::any_of(
          next_.label_relations.begin(), next_.label_relations.end(),
          [&](const LabelRelation& label) { return Index(label.relation) == relation; });
    };
    for (const TripleOp& op : ops_.triples) {
      const uint32_t entity = op.triple.a;
      if (op.kind != TailKind::kLiteral || op.add || !is_label(op.triple.b) ||
          entity >= next_.counts.entities || facts_.labels.count(entity) > 0) {
        continue;
      }
      auto& labels = facts_.labels[entity];
      std::vector<std::pair<uint32_t, uint32_t>> attributes;
      UNDULA_RETURN_IF_ERROR(AdjacencyReader(view, Table::kAttributes)
                                 .ForEach(entity, [&](uint32_t relation, uint32_t literal) {
                                   if (is_label(relation))
                                     attributes.emplace_back(relation, literal);
                                 }));
      for (const auto& [relation, literal] : attributes) {
        UNDULA_ASSIGN_OR_RETURN(const std::string text,
                                DictionaryReader(view, Space::kLiteral).Text(literal));
        labels.insert({relation, literal, LabelOf(text)});
      }
    }
    return absl::OkStatus();
  }

  // Bytes of pages that the transaction may take: rather too many.
  uint64_t Room() const {
    uint64_t bytes = uint64_t{16384} * pending_.count + (uint64_t{1} << 20);
    for (const auto& fresh : fresh_) {
      for (const std::string_view text : fresh) bytes += 64 + 2 * text.size();
    }
    return bytes;
  }

  absl::Status AppendNames(const OpenTables& open) {
    const auto& relations = fresh_[static_cast<size_t>(Space::kRelation)];
    for (size_t i = 0; i < relations.size(); ++i) {
      if (const std::optional<uint8_t> rank = LabelRank(relations[i])) {
        const uint32_t id = next_.counts.relations + static_cast<uint32_t>(i);
        next_.label_relations.push_back({static_cast<RelationId>(id), *rank});
      }
    }
    for (int s = 0; s < kSpaces; ++s) {
      const auto& fresh = fresh_[static_cast<size_t>(s)];
      report_.names_new += static_cast<uint32_t>(fresh.size());
      UNDULA_RETURN_IF_ERROR(AppendTexts(open, static_cast<Space>(s), fresh, &next_));
    }
    return absl::OkStatus();
  }

  Store& store_;
  PendingOps& pending_;
  UpdateReport& report_;
  std::shared_ptr<const TableSet> tables_;
  State next_;
  std::array<std::vector<uint32_t>, kSpaces> ids_;
  std::array<std::vector<std::string_view>, kSpaces> fresh_;
  UpdateOps ops_;
  AttributeFacts facts_;
  std::vector<RelationCounts> relation_counts_;
};

}  // namespace

absl::Status FinishUpdate(const OpenTables& open, const ChangeRecord& record, State* next) {
  ++next->change;
  UNDULA_RETURN_IF_ERROR(
      LogChange(open.store.env(), open.txn, open[Table::kChanges], next->change, record));
  for (size_t i = 0; i < next->table_sum.size(); ++i) next->table_sum[i] += open.txn->sums()[i];
  return open.txn->Put(open.store.meta(), kStateKey, EncodeState(*next));
}

absl::Status ApplyUpdate(Store* store, PendingOps* pending, UpdateReport* report, Counts* counts) {
  return UpdateCommitter(store, pending, report).Run(counts);
}

}  // namespace undula::kgstore::internal
