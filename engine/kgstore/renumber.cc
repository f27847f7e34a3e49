#include "kgstore/renumber.h"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/adjacency.h"
#include "kgstore/dictionary.h"
#include "kgstore/entity_order.h"
#include "kgstore/generation_writer.h"
#include "kgstore/hash.h"
#include "kgstore/import_record.h"
#include "kgstore/labels.h"
#include "kgstore/link_value.h"
#include "kgstore/merge_tables.h"
#include "kgstore/model_record.h"
#include "kgstore/model_store.h"
#include "kgstore/number_key.h"
#include "kgstore/record_source.h"
#include "kgstore/value_set.h"
#include "kgstore/vectors.h"

namespace undula::kgstore {
namespace {

using namespace internal;  // NOLINT: this file is about it

constexpr int64_t kStages = 8;

// Tables in which no entity and no literal occurs.
constexpr Table kCopied[] = {Table::kUserLog, Table::kItemLog, Table::kItems, Table::kUsers,
                             Table::kSocial};

// The tables of one database, written into an empty one.
class TableWriter {
 public:
  TableWriter(const ViewState& from, const EntityOrder& ids, GenerationWriter* writer,
              Progress* progress)
      : from_(from), ids_(ids), writer_(*writer), progress_(progress) {}

  absl::Status Run() {
    using Step = absl::Status (TableWriter::*)();
    constexpr std::pair<std::string_view, Step> kSteps[] = {
        {"writing names", &TableWriter::Names},
        {"writing triples", &TableWriter::Triples},
        {"writing attributes", &TableWriter::Attributes},
        {"writing graphs", &TableWriter::Graphs},
        {"writing labels", &TableWriter::Labels},
        {"writing numbers", &TableWriter::Numbers},
        {"writing links", &TableWriter::Links},
        {"writing the rest", &TableWriter::Rest},
    };
    static_assert(std::size(kSteps) == kStages);
    int64_t done = 0;
    for (const auto& [name, step] : kSteps) {
      writer_.out().set_stage(name, done, kStages);
      UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, done++, kStages, name));
      UNDULA_RETURN_IF_ERROR((this->*step)());
      if (damaged_) {
        return DataLossError(from_.store().path(),
                             " is damaged; restore the file from a backup (undula verify)");
      }
    }
    return absl::OkStatus();
  }

 private:
  uint32_t New(const std::vector<uint32_t>& ids, uint32_t old) {
    const uint32_t id = old < ids.size() ? ids[old] : kNoIndex;
    damaged_ = damaged_ || id == kNoIndex;
    return id;
  }
  uint32_t Entity(uint32_t old) { return New(ids_.entity, old); }
  uint32_t Literal(uint32_t old) { return New(ids_.literal, old); }

  absl::Status Names() {
    UNDULA_RETURN_IF_ERROR(NamesOf(Space::kEntity, &ids_.entity, &ids_.old_entities));
    UNDULA_RETURN_IF_ERROR(NamesOf(Space::kLiteral, &ids_.literal, &ids_.old_literals));
    for (const Space space : {Space::kRelation, Space::kUser, Space::kItem}) {
      UNDULA_RETURN_IF_ERROR(NamesOf(space, nullptr, nullptr));
    }
    return absl::OkStatus();
  }

  // Without maps all names keep their ids.
  absl::Status NamesOf(Space space, const std::vector<uint32_t>* new_ids,
                       const std::vector<uint32_t>* old_ids) {
    const uint64_t seed = writer_.old().store().id_space();
    std::string bytes;
    std::vector<std::pair<uint64_t, uint32_t>> place;  // by old id: begin, size
    place.reserve(from_.state().CountOf(space));
    UNDULA_RETURN_IF_ERROR(
        DictionaryReader(from_, space).ForEach([&](uint32_t id, std::string_view text) {
          const bool kept = new_ids == nullptr || (*new_ids)[id] != kNoIndex;
          place.emplace_back(bytes.size(), kept ? static_cast<uint32_t>(text.size()) : 0);
          if (kept) bytes.append(text);
          return absl::OkStatus();
        }));
    FreshTexts fresh;
    const size_t n = old_ids == nullptr ? place.size() : old_ids->size();
    fresh.texts.reserve(n);
    fresh.hashes.reserve(n);
    for (size_t i = 0; i < n; ++i) {
      const auto& [begin, size] = place[old_ids == nullptr ? i : (*old_ids)[i]];
      fresh.texts.push_back(std::string_view(bytes).substr(begin, size));
      fresh.hashes.push_back(HashText(seed, HashedPart(space, fresh.texts.back())));
    }
    return WriteDictionary(writer_.old(), space, fresh, writer_.handles(), &writer_.out(),
                           &writer_.next());
  }

  absl::Status Adjacency(Table table, const std::vector<Triple>& triples) {
    SpanSource<Triple> source(triples);
    const auto none = [](uint32_t, uint32_t, uint32_t) {};
    return MergeAdjacency(&writer_, table, &source, none).status();
  }

  absl::Status Triples() {
    std::vector<Triple> triples;
    triples.reserve(from_.state().counts.triples);
    UNDULA_RETURN_IF_ERROR(
        AdjacencyReader(from_, Table::kOut).Scan([&](uint32_t a, uint32_t b, uint32_t c) {
          triples.push_back({Entity(a), b, Entity(c)});
        }));
    if (damaged_) return absl::OkStatus();
    SortTriples(&triples);
    UNDULA_RETURN_IF_ERROR(Adjacency(Table::kOut, triples));
    // As in an import: only the fields that come to the front need sorting, the sorts are stable.
    SortTriplesBy(&Triple::b, &triples);
    SortTriplesBy(&Triple::c, &triples);
    for (Triple& t : triples) t = {t.c, t.b, t.a};  // (tail, relation, head)
    UNDULA_RETURN_IF_ERROR(Adjacency(Table::kIn, triples));
    SortTriplesBy(&Triple::b, &triples);
    for (Triple& t : triples) t = {t.b, t.a, t.c};  // (relation, tail, head)
    return Adjacency(Table::kByRelation, triples);
  }

  absl::Status Attributes() {
    std::vector<Triple> attributes;
    attributes.reserve(from_.state().counts.attributes);
    UNDULA_RETURN_IF_ERROR(
        AdjacencyReader(from_, Table::kAttributes).Scan([&](uint32_t a, uint32_t b, uint32_t c) {
          attributes.push_back({Entity(a), b, Literal(c)});
        }));
    if (damaged_) return absl::OkStatus();
    SortTriples(&attributes);
    UNDULA_RETURN_IF_ERROR(Adjacency(Table::kAttributes, attributes));
    SortTriplesBy(&Triple::b, &attributes);
    SortTriplesBy(&Triple::c, &attributes);
    for (Triple& t : attributes) t = {t.c, t.b, t.a};  // (literal, relation, entity)
    return Adjacency(Table::kValues, attributes);
  }

  // f(key, value) -> Status over a table of the old database.
  template <class F>
  absl::Status ForEachEntry(Table table, F&& f) {
    UNDULA_ASSIGN_OR_RETURN(const auto cursor, from_.Walk(table));
    UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
    while (more && !damaged_) {
      UNDULA_RETURN_IF_ERROR(f(cursor->key(), cursor->value()));
      UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
    }
    return absl::OkStatus();
  }
  absl::Status Append(Table table, std::string_view key, std::string_view value) {
    return damaged_ ? absl::OkStatus() : writer_.out().Append(writer_.handle(table), key, value);
  }

  absl::Status Graphs() {
    std::vector<Quad> quads;  // graph: 0 or entity + 1
    std::vector<uint32_t> graphs;
    UNDULA_RETURN_IF_ERROR(
        ForEachEntry(Table::kGraphs, [&](std::string_view key, std::string_view value) {
          if (key.size() != 13 || !DecodeGraphs(value, &graphs)) {
            damaged_ = true;
            return absl::OkStatus();
          }
          const auto kind = static_cast<TailKind>(key[0]);
          const uint32_t tail = LoadBigEndian(&key[9]);
          const Triple triple{Entity(LoadBigEndian(&key[1])), LoadBigEndian(&key[5]),
                              kind == TailKind::kEntity ? Entity(tail) : Literal(tail)};
          for (const uint32_t graph : graphs) {
            quads.push_back({kind, triple, graph == 0 ? 0 : Entity(graph - 1) + 1});
          }
          return absl::OkStatus();
        }));
    std::sort(quads.begin(), quads.end());
    for (size_t i = 0; i < quads.size();) {
      const Quad& first = quads[i];
      graphs.clear();
      for (; i < quads.size() && quads[i].kind == first.kind && quads[i].triple == first.triple;
           ++i) {
        graphs.push_back(quads[i].graph);
      }
      UNDULA_RETURN_IF_ERROR(
          Append(Table::kGraphs, GraphsKey(first.kind, first.triple), EncodeGraphs(graphs)));
    }
    return absl::OkStatus();
  }

  absl::Status Labels() {
    LabelPacker packer([&](std::string_view key, std::string_view value) {
      return Append(Table::kLabels, key, value);
    });
    std::vector<uint32_t> renumbered;
    UNDULA_RETURN_IF_ERROR(
        ForEachEntry(Table::kLabels, [&](std::string_view key, std::string_view value) {
          absl::Status status;
          const bool ok = ReadLabelBlock(
              key, value, [&](std::string_view label, const std::vector<uint32_t>& entities) {
                renumbered.clear();
                for (const uint32_t entity : entities) renumbered.push_back(Entity(entity));
                std::sort(renumbered.begin(), renumbered.end());
                status = packer.Add(label, renumbered);
                return status.ok();
              });
          damaged_ = damaged_ || !ok;
          return status;
        }));
    return packer.Finish();
  }

  // Literals keep their order.
  absl::Status Numbers() {
    return ForEachEntry(Table::kNumbers, [&](std::string_view key, std::string_view) {
      std::optional<NumberEntry> entry = DecodeNumberEntry(key);
      if (!entry.has_value()) {
        damaged_ = true;
        return absl::OkStatus();
      }
      entry->literal = Literal(entry->literal);
      return Append(Table::kNumbers, EncodeNumberEntry(*entry), "");
    });
  }

  absl::Status Links() {
    std::vector<Link> links;
    return ForEachEntry(Table::kLinks, [&](std::string_view key, std::string_view value) {
      links.clear();
      const bool ok = DecodeLinks(value, [&](Link link) {
        link.entity = EntityId{Entity(Index(link.entity))};
        links.push_back(link);
      });
      damaged_ = damaged_ || !ok;
      std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) {
        return a.confidence != b.confidence ? a.confidence > b.confidence : a.entity < b.entity;
      });
      return Append(Table::kLinks, key, EncodeLinks(links));
    });
  }

  absl::Status Rest() {
    for (const Table table : kCopied) {
      UNDULA_RETURN_IF_ERROR(ForEachEntry(table, [&](std::string_view key, std::string_view value) {
        return Append(table, key, value);
      }));
    }
    UNDULA_ASSIGN_OR_RETURN(const auto counts, from_.Get(from_.store().meta(), kRelationCountsKey));
    if (counts.has_value()) writer_.set_relation_counts(std::string(*counts));
    return absl::OkStatus();
  }

  const ViewState& from_;
  const EntityOrder& ids_;
  GenerationWriter& writer_;
  Progress* progress_;
  bool damaged_ = false;
};

// What the stored models and vectors need of the new order.
struct ModelNeeds {
  std::set<std::string> dropped;  // cannot be brought along
  std::vector<uint32_t> segments, used;
};

absl::StatusOr<uint32_t> EntitiesOfModel(const ViewState& from, const std::string& name,
                                         const TensorMap& model, const ModelRenumberer& models) {
  const auto tag = model.metadata.find("id_space");
  if (tag == model.metadata.end() || tag->second != std::to_string(from.store().id_space())) {
    return FailedPreconditionError("model '", name, "' belongs to another id space");
  }
  if (IsVectors(model)) return 0;
  UNDULA_ASSIGN_OR_RETURN(const uint32_t entities, models.Entities(name, model));
  if (entities <= from.state().counts.entities) return entities;
  return FailedPreconditionError("model '", name, "' knows more entities than the database has");
}

absl::StatusOr<ModelNeeds> AskModels(const ViewState& from, const std::vector<ModelRecord>& records,
                                     const ModelRenumberer& models) {
  ModelNeeds needs;
  for (const ModelRecord& record : records) {
    UNDULA_ASSIGN_OR_RETURN(const TensorMap model, ReadModel(from, record));
    const auto entities = EntitiesOfModel(from, record.name, model, models);
    if (!entities.ok() && models.drop_unknown()) {
      needs.dropped.insert(record.name);
      continue;
    }
    UNDULA_RETURN_IF_ERROR(entities.status());
    if (*entities > 0) needs.segments.push_back(*entities);
    const std::vector<uint32_t> used = EntitiesOfVectors(model);
    needs.used.insert(needs.used.end(), used.begin(), used.end());
  }
  return needs;
}

absl::Status WriteTables(const ViewState& from, const EntityOrder& ids, bool compact_dictionary,
                         Store* to, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const auto turn, to->TakeWriteTurn());
  UNDULA_ASSIGN_OR_RETURN(
      const auto writer,
      GenerationWriter::Begin(to, 2 * from.store().env().used_bytes(), progress));
  State next = from.state();
  next.table_generation = writer->next().table_generation;
  next.table_sum = writer->next().table_sum;
  next.compact_dictionary = compact_dictionary;
  // The import history names generations; snapshots compare the number of the change.
  ++next.generation;
  ++next.change;
  writer->next() = next;
  TableBits tables;
  tables.set();
  tables.reset(static_cast<size_t>(Table::kChanges));
  UNDULA_RETURN_IF_ERROR(writer->CreateTables(tables));
  UNDULA_RETURN_IF_ERROR(TableWriter(from, ids, writer.get(), progress).Run());
  UNDULA_RETURN_IF_ERROR(writer->Publish(std::nullopt));

  UNDULA_ASSIGN_OR_RETURN(const std::vector<ImportRecord> imports, ReadImportRecords(from));
  uint64_t bytes = 0;
  for (const ImportRecord& record : imports) bytes += 256 + record.source.size();
  UNDULA_ASSIGN_OR_RETURN(const auto txn, to->BeginWrite(bytes));
  for (const ImportRecord& record : imports) {
    UNDULA_RETURN_IF_ERROR(
        txn->Put(to->meta(), ImportRecordKey(record.generation), EncodeImportRecord(record)));
  }
  return txn->Commit();
}

absl::StatusOr<std::vector<std::string>> Write(const ViewState& from, bool compact_dictionary,
                                               const ModelRenumberer& models, Database& to,
                                               Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(const std::vector<ModelRecord> records, ReadModelRecords(from));
  UNDULA_ASSIGN_OR_RETURN(const ModelNeeds needs, AskModels(from, records, models));
  Renumbering ids;
  ids.id_space = to.id_space();
  {
    UNDULA_ASSIGN_OR_RETURN(EntityOrder order, OrderEntities(from, needs.segments, needs.used));
    UNDULA_RETURN_IF_ERROR(WriteTables(from, order, compact_dictionary, &to.store(), progress));
    ids.entity = std::move(order.entity);
  }
  UNDULA_ASSIGN_OR_RETURN(const auto store, OpenModelStore(to));
  std::vector<std::string> dropped;
  for (const ModelRecord& record : records) {
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, kStages, kStages, "writing models"));
    UNDULA_ASSIGN_OR_RETURN(TensorMap model, ReadModel(from, record));
    const bool follows = needs.dropped.count(record.name) == 0;
    absl::Status status;
    if (follows) {
      status = IsVectors(model) ? RenumberVectors(ids.entity, &model)
                                : models.Renumber(record.name, ids, &model);
    }
    if (!follows || (!status.ok() && models.drop_unknown())) {
      dropped.push_back(record.name);
      continue;
    }
    UNDULA_RETURN_IF_ERROR(status);
    model.metadata["id_space"] = std::to_string(ids.id_space);
    UNDULA_RETURN_IF_ERROR(store->Put(record.name, model));
  }
  return dropped;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> WriteRenumbered(const ReadView& from,
                                                         bool compact_dictionary,
                                                         const ModelRenumberer& models,
                                                         Database& to, Progress* progress) {
  try {
    return Write(from.state(), compact_dictionary, models, to, progress);
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError("out of memory while renumbering ", from.state().store().path());
  }
}

}  // namespace undula::kgstore
