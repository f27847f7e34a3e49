#include "kgstore/commit_import.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/text/normalize.h"
#include "kgstore/dictionary.h"
#include "kgstore/generation_writer.h"
#include "kgstore/import_record.h"
#include "kgstore/labels.h"
#include "kgstore/literal_key.h"
#include "kgstore/merge_extras.h"
#include "kgstore/merge_tables.h"
#include "kgstore/resolve_ids.h"
#include "kgstore/spilled_graph.h"
#include "kgstore/write_link_table.h"

namespace undula::kgstore::internal {
namespace {

constexpr int64_t kStages = 9;

class Committer {
 public:
  // `spill`: where names and graph are instead of *data; may be null.
  Committer(ImportData* data, ImportSpill* spill, GenerationWriter* writer, Progress* progress,
            ImportReport* report)
      : data_(*data), spill_(spill), writer_(*writer), progress_(progress), report_(*report) {
    if (spill != nullptr) spilled_.emplace(spill, writer, progress);
  }

  absl::Status Run() {
    UNDULA_RETURN_IF_ERROR(Stage("looking up names"));
    UNDULA_ASSIGN_OR_RETURN(ids_, ResolveIds(writer_.old(), data_, progress_));
    if (spilled_.has_value()) UNDULA_RETURN_IF_ERROR(spilled_->Resolve());
    UNDULA_RETURN_IF_ERROR(writer_.CreateTables(Touched()));
    UNDULA_RETURN_IF_ERROR(WriteDictionaries());
    if (spilled_.has_value()) UNDULA_RETURN_IF_ERROR(spilled_->Translate(&data_.links));
    UNDULA_RETURN_IF_ERROR(WriteLabels());
    UNDULA_RETURN_IF_ERROR(WriteNumbers());
    UNDULA_RETURN_IF_ERROR(WriteGraph());
    UNDULA_RETURN_IF_ERROR(WriteInteractions());
    UNDULA_RETURN_IF_ERROR(WriteCatalogues());
    UNDULA_RETURN_IF_ERROR(WriteSocial());
    UNDULA_RETURN_IF_ERROR(WriteLinks());
    return Stage("making the import visible");
  }

 private:
  bool Spilled(Space space) const {
    return spilled_.has_value() && static_cast<int>(space) < kSpilledSpaces;
  }

  uint32_t Fresh(Space space) const {
    return Spilled(space)
               ? spilled_->fresh(space)
               : static_cast<uint32_t>(ids_[static_cast<size_t>(space)].fresh.texts.size());
  }

  uint32_t Final(Space space, uint32_t provisional) const {
    return ids_[static_cast<size_t>(space)].id[provisional];
  }

  absl::Status Stage(std::string_view name) {
    writer_.out().set_stage(name, stage_, kStages);
    return Progress::Report(progress_, stage_++, kStages, name);
  }

  // Only tables that get new entries are written anew.
  TableBits Touched() const {
    TableBits tables;
    for (int s = 0; s < kSpaces; ++s) {
      const auto space = static_cast<Space>(s);
      if (Fresh(space) == 0) continue;
      for (const Table table : {TermsOf(space), IdsOf(space), TextsOf(space)}) Mark(&tables, table);
    }
    const auto mark = [&](bool needed, std::initializer_list<Table> list) {
      for (const Table table : list) {
        if (needed) Mark(&tables, table);
      }
    };
    bool triples = !data_.triples.empty(), attributes = !data_.attributes.empty();
    bool quads = !data_.quads.empty();
    if (spilled_.has_value()) {
      triples = spill_->has_triples();
      attributes = spill_->has_attributes();
      quads = spill_->quads().size() > 0;
    }
    for (const Quad& quad : data_.quads) {
      (quad.kind == TailKind::kEntity ? triples : attributes) = true;
    }
    const bool has_quads = quads || writer_.old().state().counts.quads > 0;
    mark(has_quads && (triples || attributes), {Table::kGraphs});
    mark(attributes, {Table::kNumbers});
    mark(!data_.user_cells.empty(), {Table::kUsers});
    mark(!data_.social.empty(), {Table::kSocial});
    mark(triples, {Table::kOut, Table::kOutHubs, Table::kIn, Table::kInHubs, Table::kByRelation,
                   Table::kByRelationHubs});
    mark(attributes, {Table::kAttributes, Table::kAttributesHubs, Table::kValues,
                      Table::kValuesHubs, Table::kLabels});
    mark(!data_.interactions.empty(), {Table::kUserLog, Table::kItemLog});
    mark(!data_.cells.empty(), {Table::kItems});
    mark(!data_.links.empty(), {Table::kLinks});
    return tables;
  }

  absl::Status WriteDictionaries() {
    UNDULA_RETURN_IF_ERROR(Stage("writing names"));
    uint32_t* const created[kSpaces] = {&report_.entities_new, &report_.relations_new,
                                        &report_.literals_new, &report_.users_new,
                                        &report_.items_new};
    for (int s = 0; s < kSpaces; ++s) {
      const auto space = static_cast<Space>(s);
      *created[s] = Fresh(space);
      if (Spilled(space)) {
        UNDULA_RETURN_IF_ERROR(spilled_->WriteNames(space));
        continue;
      }
      const FreshTexts& fresh = ids_[static_cast<size_t>(s)].fresh;
      if (fresh.texts.empty()) continue;
      const uint32_t known = writer_.next().CountOf(space);
      if (space == Space::kRelation) {
        for (size_t i = 0; i < fresh.texts.size(); ++i) {
          if (const std::optional<uint8_t> rank = LabelRank(fresh.texts[i])) {
            const auto relation = static_cast<RelationId>(known + static_cast<uint32_t>(i));
            writer_.next().label_relations.push_back({relation, *rank});
          }
        }
      }
      UNDULA_RETURN_IF_ERROR(WriteDictionary(writer_.old(), space, fresh, writer_.handles(),
                                             &writer_.out(), &writer_.next()));
    }
    return absl::OkStatus();
  }

  // Needs the provisional ids of the attributes, so it comes before WriteGraph.
  absl::Status WriteLabels() {
    UNDULA_RETURN_IF_ERROR(Stage("writing labels"));
    if (!Wanted(Table::kLabels)) return absl::OkStatus();
    if (writer_.next().normalizer_version != static_cast<uint32_t>(kNormalizerVersion)) {
      return FailedPreconditionError(
          writer_.old().store().path(), ": its labels were written with text normalizer version ",
          writer_.next().normalizer_version, ", this program has version ", kNormalizerVersion,
          "; import the data into a new database");
    }
    if (spilled_.has_value()) return spilled_->WriteLabels();
    const TermTable& relations = data_.space(Space::kRelation);
    std::vector<bool> is_label(relations.size());
    for (uint32_t r = 0; r < relations.size(); ++r) {
      is_label[r] = LabelRank(relations.text(r)).has_value();
    }
    FreshLabels labels;
    ForEachAttribute([&](const Triple& t) {
      if (!is_label[t.b]) return;
      const std::string_view key = data_.space(Space::kLiteral).text(t.c);
      // Text that is not UTF-8 has no label; readers refuse it before it comes here.
      const absl::StatusOr<std::string> label = NormalizeText(LexicalForm(key));
      if (!label.ok() || label->empty() || label->size() > kMaxLabelBytes) return;
      labels.Add(*label, Final(Space::kEntity, t.a));
    });
    labels.Sort();
    SpanSource<LabelPair> source(labels.pairs());
    UNDULA_ASSIGN_OR_RETURN(writer_.next().counts.labels, MergeLabels(&writer_, &source));
    return absl::OkStatus();
  }

  bool Wanted(Table table) const { return writer_.created(table); }

  // With provisional ids, of all graphs.
  template <class F>
  void ForEachAttribute(F&& f) const {
    for (const Triple& t : data_.attributes) f(t);
    for (const Quad& quad : data_.quads) {
      if (quad.kind == TailKind::kLiteral) f(quad.triple);
    }
  }

  // Like WriteLabels.
  absl::Status WriteNumbers() {
    if (!Wanted(Table::kNumbers)) return absl::OkStatus();
    if (spilled_.has_value()) return spilled_->WriteNumbers();
    const TermTable& literals = data_.space(Space::kLiteral);
    std::vector<uint64_t> number(literals.size());
    for (uint32_t l = 0; l < literals.size(); ++l) {
      number[l] = NumberKey(literals.text(l)).value_or(0);
    }
    std::vector<NumberEntry> entries;
    ForEachAttribute([&](const Triple& t) {
      if (number[t.c] == 0) return;
      entries.push_back({Final(Space::kRelation, t.b), number[t.c], Final(Space::kLiteral, t.c)});
    });
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    SpanSource<NumberEntry> source(entries);
    return MergeNumbers(&writer_, &source);
  }

  // The triples and attributes of all graphs get their final ids and order.
  absl::Status WriteGraphs() {
    const uint64_t before = writer_.next().counts.quads;
    if (spilled_.has_value()) {
      if (!Wanted(Table::kGraphs)) return absl::OkStatus();
      UNDULA_RETURN_IF_ERROR(spilled_->WriteGraphs());
      report_.quads_new = writer_.next().counts.quads - before;
      return absl::OkStatus();
    }
    Translate(&data_.triples, Space::kEntity);
    Translate(&data_.attributes, Space::kLiteral);
    if (!Wanted(Table::kGraphs)) return absl::OkStatus();
    for (Quad& quad : data_.quads) {
      const Space tail = quad.kind == TailKind::kEntity ? Space::kEntity : Space::kLiteral;
      quad.triple = Final(quad.triple, tail);
      quad.graph = Final(Space::kEntity, quad.graph);
    }
    std::sort(data_.quads.begin(), data_.quads.end());
    SpanSource<Triple> triples(data_.triples), attributes(data_.attributes);
    SpanSource<Quad> quads(data_.quads);
    UNDULA_RETURN_IF_ERROR(MergeGraphs(&writer_, &triples, &attributes, &quads));
    report_.quads_new = writer_.next().counts.quads - before;
    for (const Quad& quad : data_.quads) {
      (quad.kind == TailKind::kEntity ? data_.triples : data_.attributes).push_back(quad.triple);
    }
    SortDistinct(&data_.triples);
    SortDistinct(&data_.attributes);
    return absl::OkStatus();
  }

  Triple Final(const Triple& t, Space tail) const {
    return {Final(Space::kEntity, t.a), Final(Space::kRelation, t.b), Final(tail, t.c)};
  }

  static void SortDistinct(std::vector<Triple>* triples) {
    SortTriples(triples);
    triples->erase(std::unique(triples->begin(), triples->end()), triples->end());
  }

  void Translate(std::vector<Triple>* triples, Space tail) const {
    for (Triple& t : *triples) t = Final(t, tail);
    SortDistinct(triples);
  }

  template <class F>
  absl::StatusOr<uint64_t> Merge(Table table, const std::vector<Triple>& fresh, F&& each) {
    SpanSource<Triple> source(fresh);
    return MergeAdjacency(&writer_, table, &source, each);
  }

  // All orders of data_.triples, which are sorted.
  template <class F>
  absl::StatusOr<uint64_t> WriteTriples(F&& each) {
    std::vector<Triple>& triples = data_.triples;
    const auto none = [](uint32_t, uint32_t, uint32_t) {};
    UNDULA_ASSIGN_OR_RETURN(const uint64_t total, Merge(Table::kOut, triples, none));
    // Each order needs only the fields sorted that come to the front; the sorts are stable.
    SortTriplesBy(&Triple::b, &triples);
    SortTriplesBy(&Triple::c, &triples);
    for (Triple& t : triples) t = {t.c, t.b, t.a};  // (tail, relation, head)
    UNDULA_RETURN_IF_ERROR(Merge(Table::kIn, triples, none).status());
    SortTriplesBy(&Triple::b, &triples);
    for (Triple& t : triples) t = {t.b, t.a, t.c};  // (relation, tail, head)
    UNDULA_RETURN_IF_ERROR(Merge(Table::kByRelation, triples, each).status());
    return total;
  }

  template <class F>
  absl::StatusOr<uint64_t> WriteAttributes(F&& each) {
    std::vector<Triple>& attributes = data_.attributes;
    const auto none = [](uint32_t, uint32_t, uint32_t) {};
    UNDULA_ASSIGN_OR_RETURN(const uint64_t total, Merge(Table::kAttributes, attributes, each));
    SortTriplesBy(&Triple::b, &attributes);
    SortTriplesBy(&Triple::c, &attributes);
    for (Triple& t : attributes) t = {t.c, t.b, t.a};
    UNDULA_RETURN_IF_ERROR(Merge(Table::kValues, attributes, none).status());
    return total;
  }

  absl::Status WriteGraph() {
    UNDULA_ASSIGN_OR_RETURN(std::vector<RelationCounts> per_relation,
                            ReadRelationCounts(writer_.old()));
    per_relation.resize(writer_.next().counts.relations);
    Counts& counts = writer_.next().counts;

    UNDULA_RETURN_IF_ERROR(Stage("writing triples"));
    UNDULA_RETURN_IF_ERROR(WriteGraphs());
    if (Wanted(Table::kOut)) {
      for (RelationCounts& c : per_relation) c.triples = 0;
      const auto each = [&](uint32_t r, uint32_t, uint32_t) {
        if (r < per_relation.size()) ++per_relation[r].triples;
      };
      UNDULA_ASSIGN_OR_RETURN(const uint64_t total, spilled_.has_value()
                                                        ? spilled_->WriteTriples(each)
                                                        : WriteTriples(each));
      report_.triples_new = total - counts.triples;
      counts.triples = total;
    }

    UNDULA_RETURN_IF_ERROR(Stage("writing attributes"));
    if (Wanted(Table::kAttributes)) {
      for (RelationCounts& c : per_relation) c.attributes = 0;
      const auto each = [&](uint32_t, uint32_t r, uint32_t) {
        if (r < per_relation.size()) ++per_relation[r].attributes;
      };
      UNDULA_ASSIGN_OR_RETURN(const uint64_t total, spilled_.has_value()
                                                        ? spilled_->WriteAttributes(each)
                                                        : WriteAttributes(each));
      report_.attributes_new = total - counts.attributes;
      counts.attributes = total;
    }
    writer_.set_relation_counts(EncodeRelationCounts(per_relation));
    return absl::OkStatus();
  }

  absl::Status WriteInteractions() {
    UNDULA_RETURN_IF_ERROR(Stage("writing interactions"));
    std::vector<LogEntry>& log = data_.interactions;
    if (log.empty()) return absl::OkStatus();
    for (LogEntry& entry : log) {
      entry.row = Final(Space::kUser, entry.row);
      entry.other = Final(Space::kItem, entry.other);
    }
    const auto by_key = [](const LogEntry& a, const LogEntry& b) { return a.key() < b.key(); };
    std::stable_sort(log.begin(), log.end(), by_key);
    // Of equal keys the one read last holds.
    size_t kept = 0;
    for (size_t i = 0; i < log.size(); ++i) {
      if (i + 1 < log.size() && log[i + 1].key() == log[i].key()) continue;
      log[kept++] = log[i];
    }
    log.resize(kept);
    UNDULA_ASSIGN_OR_RETURN(const uint64_t total, MergeLog(&writer_, Table::kUserLog, log));
    for (LogEntry& entry : log) std::swap(entry.row, entry.other);
    std::sort(log.begin(), log.end(), by_key);
    UNDULA_RETURN_IF_ERROR(MergeLog(&writer_, Table::kItemLog, log).status());
    report_.interactions_new = total - writer_.next().counts.interactions;
    writer_.next().counts.interactions = total;
    return absl::OkStatus();
  }

  absl::Status WriteCatalogues() {
    UNDULA_RETURN_IF_ERROR(Stage("writing the catalogue"));
    State& next = writer_.next();
    UNDULA_RETURN_IF_ERROR(WriteCatalogue(Space::kItem, Table::kItems, data_.column_names,
                                          &data_.cells, &next.item_columns));
    return WriteCatalogue(Space::kUser, Table::kUsers, data_.user_column_names, &data_.user_cells,
                          &next.user_columns);
  }

  absl::Status WriteCatalogue(Space space, Table table, const TermTable& fresh_names,
                              std::vector<ItemCell>* cells, std::vector<std::string>* stored) {
    if (cells->empty()) return absl::OkStatus();
    std::vector<std::string>& names = *stored;
    std::vector<uint32_t> column(fresh_names.size());
    for (uint32_t i = 0; i < column.size(); ++i) {
      const std::string name(fresh_names.text(i));
      const auto it = std::find(names.begin(), names.end(), name);
      column[i] = static_cast<uint32_t>(it - names.begin());
      if (it == names.end()) names.push_back(name);
    }
    for (ItemCell& cell : *cells) {
      cell.item = Final(space, cell.item);
      cell.column = column[cell.column];
    }
    std::stable_sort(cells->begin(), cells->end(),
                     [](const ItemCell& a, const ItemCell& b) { return a.item < b.item; });
    return MergeColumns(&writer_, table, *cells);
  }

  absl::Status WriteSocial() {
    if (data_.social.empty()) return absl::OkStatus();
    for (SocialRecord& edge : data_.social) {
      edge.user = Final(Space::kUser, edge.user);
      edge.other = Final(Space::kUser, edge.other);
    }
    const uint64_t before = writer_.next().counts.social;
    UNDULA_RETURN_IF_ERROR(MergeSocial(&writer_, std::move(data_.social)));
    report_.social_new = writer_.next().counts.social - before;
    return absl::OkStatus();
  }

  absl::Status WriteLinks() {
    UNDULA_RETURN_IF_ERROR(Stage("writing links"));
    if (data_.links.empty()) return absl::OkStatus();
    for (LinkRecord& link : data_.links) {
      link.item = static_cast<ItemId>(Final(Space::kItem, Index(link.item)));
      if (spilled_.has_value()) continue;  // has its entity from Translate
      link.entity = static_cast<EntityId>(Final(Space::kEntity, Index(link.entity)));
    }
    const uint64_t before = writer_.next().counts.links;
    UNDULA_RETURN_IF_ERROR(WriteLinkTable(&writer_, std::move(data_.links), LinkPolicy::kMerge));
    report_.links_new = writer_.next().counts.links - before;
    return absl::OkStatus();
  }

  ImportData& data_;
  ImportSpill* spill_;
  std::optional<SpilledGraph> spilled_;
  GenerationWriter& writer_;
  Progress* progress_;
  ImportReport& report_;
  ResolvedIds ids_;
  int64_t stage_ = 0;
};

// Bytes that the import may add to the file, rather too many: tables touched are written anew.
uint64_t RoomFor(const Store& store, const ImportData& data, const ImportSpill* spill) {
  uint64_t bytes = store.env().used_bytes() + (uint64_t{64} << 20);
  if (spill != nullptr) {
    bytes += 6 * (spill->triples().size() + spill->attributes().size()) +
             7 * spill->quads().size() + 2 * spill->text_bytes();
  }
  bytes += 128 * data.quads.size() + 32 * data.social.size();
  bytes += 64 * data.triples.size() + 64 * data.attributes.size() + 64 * data.interactions.size();
  for (const TermTable& terms : data.terms) {
    for (uint32_t i = 0; i < terms.size(); ++i) bytes += 40 + 2 * terms.text(i).size();
  }
  for (const ItemCell& cell : data.cells) bytes += 32 + 2 * cell.text.size();
  for (const ItemCell& cell : data.user_cells) bytes += 32 + 2 * cell.text.size();
  return bytes;
}

}  // namespace

absl::Status CommitImport(Store* store, ImportData* data, ImportSpill* spill,
                          const ImportOptions& options, Progress* progress, ImportReport* report) {
  if (spill != nullptr && spill->runs().empty()) spill = nullptr;  // everything fits into memory
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<GenerationWriter> writer,
                          GenerationWriter::Begin(store, RoomFor(*store, *data, spill), progress,
                                                  options.transaction_bytes));
  UNDULA_RETURN_IF_ERROR(Committer(data, spill, writer.get(), progress, report).Run());
  ImportRecord record;
  record.generation = writer->next().generation;
  record.time = std::chrono::duration_cast<std::chrono::seconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count();
  record.source = options.source;
  record.triples_new = report->triples_new;
  record.attributes_new = report->attributes_new;
  record.interactions_new = report->interactions_new;
  record.links_new = report->links_new;
  record.quads_new = report->quads_new;
  record.social_new = report->social_new;
  UNDULA_RETURN_IF_ERROR(writer->Publish(record));
  report->generation = record.generation;
  // It is done now, whatever the progress says.
  Progress::Report(progress, kStages, kStages, "import done").IgnoreError();
  return absl::OkStatus();
}

}  // namespace undula::kgstore::internal
