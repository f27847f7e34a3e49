// Mentions of entities in the texts of a catalogue.
#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "api/database_impl.h"
#include "api/link_history.h"
#include "api/tab_rows.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"
#include "kgstore/write_links.h"
#include "linking/mention_model.h"
#include "linking/universe.h"

namespace undula {
namespace {

using linking::Document;
using linking::Mention;
using linking::MentionGold;
using linking::MentionModel;
using linking::NameTable;
using linking::Neighbors;

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Annotation {
  size_t document;
  EntityId entity;
  std::string surface;  // may be empty
  float confidence;
};

// Documents, labels and annotations of one state of the database.
struct Corpus {
  std::vector<Document> documents;            // by item
  std::vector<std::vector<uint32_t>> topics;  // by item
  std::vector<std::pair<EntityId, std::string>> labels;
  std::vector<uint8_t> is_label;  // by labels; else an alias
  std::vector<Annotation> annotations;
  MentionGold gold;
  uint32_t n_entities = 0;
  int64_t text_bytes = 0;
};

absl::Status ReadDocuments(const kgstore::ReadView& view, const MentionOptions& options,
                           Corpus* corpus) {
  const auto items = static_cast<uint32_t>(view.counts().items);
  std::set<std::string> seen;
  std::map<std::pair<size_t, std::string>, uint32_t> topics;  // of column and text
  for (uint32_t i = 0; i < items; ++i) {
    UNDULA_ASSIGN_OR_RETURN(const auto columns, view.ItemColumns(ItemId{i}));
    std::vector<uint32_t>& about = corpus->topics.emplace_back();
    for (size_t t = 0; t < options.topic_columns.size(); ++t) {
      for (const auto& [name, text] : columns) {
        if (name != options.topic_columns[t]) continue;
        seen.insert(name);
        const auto id = static_cast<uint32_t>(topics.size());
        about.push_back(topics.try_emplace({t, text}, id).first->second);
      }
    }
    Document& document = corpus->documents.emplace_back();
    document.texts.resize(options.text_columns.size());
    for (const auto& [name, text] : columns) {
      const auto at = std::find(options.text_columns.begin(), options.text_columns.end(), name);
      if (at == options.text_columns.end()) continue;
      seen.insert(name);
      corpus->text_bytes += static_cast<int64_t>(text.size());
      document.texts[static_cast<size_t>(at - options.text_columns.begin())] = text;
    }
  }
  for (const std::vector<std::string>* columns : {&options.text_columns, &options.topic_columns}) {
    for (const std::string& column : *columns) {
      if (seen.contains(column)) continue;
      return InvalidArgumentError("no item has a column '", column,
                                  "': name columns of the catalogue");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadAnnotations(const kgstore::ReadView& view, const std::string& file,
                             Corpus* corpus) {
  if (file.empty()) return InvalidArgumentError("mentions are learned: a gold file is needed");
  std::optional<size_t> item_column, entity_column, surface_column, confidence_column;
  corpus->gold.entities.resize(corpus->documents.size());
  corpus->gold.annotated.resize(corpus->documents.size());
  UNDULA_RETURN_IF_ERROR(
      api::ForEachTabRow(file, [&](int64_t line, const auto& cells) -> absl::Status {
        if (line == 1) {
          for (size_t c = 0; c < cells.size(); ++c) {
            if (cells[c] == "item") item_column = c;
            if (cells[c] == "entity") entity_column = c;
            if (cells[c] == "surface") surface_column = c;
            if (cells[c] == "confidence") confidence_column = c;
          }
          if (item_column && entity_column) return absl::OkStatus();
          return InvalidArgumentError(file,
                                      ":1: expected a header with the columns item and entity");
        }
        if (*item_column >= cells.size() || *entity_column >= cells.size()) {
          return InvalidArgumentError(file, ":", line, ": too few columns");
        }
        UNDULA_ASSIGN_OR_RETURN(const ItemId item, view.FindItem(cells[*item_column]));
        if (item == kNone<ItemId>) return absl::OkStatus();
        corpus->gold.annotated[Index(item)] = 1;
        UNDULA_ASSIGN_OR_RETURN(const EntityId entity, view.FindEntity(cells[*entity_column]));
        if (entity == kNone<EntityId>) return absl::OkStatus();  // nothing mentioned
        corpus->gold.entities[Index(item)].push_back(entity);
        const bool has_surface = surface_column && *surface_column < cells.size();
        float confidence = 1;
        if (confidence_column && *confidence_column < cells.size()) {
          const std::string_view cell = cells[*confidence_column];
          const auto parsed = std::from_chars(cell.data(), cell.data() + cell.size(), confidence);
          if (parsed.ec != std::errc() || parsed.ptr != cell.data() + cell.size() ||
              !(confidence >= 0 && confidence <= 1)) {
            return InvalidArgumentError(file, ":", line, ": the confidence is '", cell,
                                        "'; it must be a number from 0 to 1");
          }
        }
        corpus->annotations.push_back({Index(item), entity,
                                       std::string(has_surface ? cells[*surface_column] : ""),
                                       confidence});
        return absl::OkStatus();
      }));
  for (std::vector<EntityId>& entities : corpus->gold.entities) {
    std::sort(entities.begin(), entities.end());
    entities.erase(std::unique(entities.begin(), entities.end()), entities.end());
  }
  if (!confidence_column) return absl::OkStatus();
  // Of an entity that is annotated more than once, the surest annotation.
  corpus->gold.confidence.resize(corpus->documents.size());
  for (size_t d = 0; d < corpus->documents.size(); ++d) {
    corpus->gold.confidence[d].assign(corpus->gold.entities[d].size(), 0);
  }
  for (const Annotation& annotation : corpus->annotations) {
    const std::vector<EntityId>& entities = corpus->gold.entities[annotation.document];
    const auto at = std::lower_bound(entities.begin(), entities.end(), annotation.entity);
    float& confidence =
        corpus->gold.confidence[annotation.document][static_cast<size_t>(at - entities.begin())];
    confidence = std::max(confidence, annotation.confidence);
  }
  return absl::OkStatus();
}

absl::StatusOr<Corpus> LoadCorpus(const kgstore::ReadView& view, const MentionOptions& options,
                                  Progress* progress) {
  Corpus corpus;
  UNDULA_RETURN_IF_ERROR(ReadDocuments(view, options, &corpus));
  linking::LabelOptions labels;
  labels.labels = options.label_relations;
  labels.aliases = options.alias_relations;
  labels.languages = options.languages;
  labels.local_names = options.local_names;
  UNDULA_RETURN_IF_ERROR(linking::ForEachLabel(
      view, labels,
      [&](EntityId entity, linking::LabelSource source, std::string_view text) {
        corpus.labels.emplace_back(entity, text);
        corpus.is_label.push_back(source != linking::LabelSource::kAlias);
        return absl::OkStatus();
      },
      nullptr, progress));
  UNDULA_RETURN_IF_ERROR(ReadAnnotations(view, options.gold_file, &corpus));
  corpus.n_entities = static_cast<uint32_t>(view.counts().entities);
  return corpus;
}

// The surface forms of the annotated documents that `train` marks, as names of the table.
std::vector<std::vector<std::pair<uint32_t, EntityId>>> SurfacesIn(
    const Corpus& corpus, const NameTable& names, const std::vector<uint8_t>& train) {
  std::vector<std::vector<std::pair<uint32_t, EntityId>>> surfaces(corpus.documents.size());
  for (const Annotation& annotation : corpus.annotations) {
    if (train[annotation.document] == 0 || annotation.surface.empty()) continue;
    const int64_t name = names.Find(annotation.surface);
    if (name < 0) continue;
    surfaces[annotation.document].emplace_back(static_cast<uint32_t>(name), annotation.entity);
  }
  for (auto& list : surfaces) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return surfaces;
}

absl::StatusOr<std::vector<linking::DocumentNames>> NamesIn(const Corpus& corpus,
                                                            const NameTable& names,
                                                            TaskArena& arena, Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(std::vector<linking::DocumentNames> found,
                          linking::FindNames(names, corpus.documents, arena, progress));
  for (size_t d = 0; d < found.size(); ++d) found[d].topics = corpus.topics[d];
  return found;
}

// Labels, and the surface forms of the annotated documents that `train` marks.
absl::StatusOr<NameTable> MakeNames(const Corpus& corpus, const std::vector<uint8_t>* train) {
  NameTable names;
  for (size_t i = 0; i < corpus.labels.size(); ++i) {
    const auto& [entity, text] = corpus.labels[i];
    UNDULA_RETURN_IF_ERROR(names.Add(entity, text, corpus.is_label[i] != 0));
  }
  for (const Annotation& annotation : corpus.annotations) {
    if (train == nullptr || (*train)[annotation.document] == 0) continue;
    if (annotation.surface.empty()) continue;
    UNDULA_RETURN_IF_ERROR(names.Add(annotation.entity, annotation.surface, false));
  }
  names.Build();
  return names;
}

struct Counts {
  int64_t documents = 0, gold = 0, linked = 0, right = 0;

  void Add(const std::vector<EntityId>& expected, const std::vector<EntityId>& found) {
    ++documents;
    gold += static_cast<int64_t>(expected.size());
    linked += static_cast<int64_t>(found.size());
    for (const EntityId e : found) right += std::binary_search(expected.begin(), expected.end(), e);
  }
  LinkEvaluationReport::Row Row(std::string group) const {
    LinkEvaluationReport::Row row;
    row.group = std::move(group);
    row.items = documents;
    row.present = gold;
    row.linked = linked;
    row.right = right;
    row.precision = linked == 0 ? 0 : static_cast<double>(right) / static_cast<double>(linked);
    row.recall = gold == 0 ? 0 : static_cast<double>(right) / static_cast<double>(gold);
    const double sum = row.precision + row.recall;
    row.f1 = sum == 0 ? 0 : 2 * row.precision * row.recall / sum;
    row.coverage = gold == 0 ? 0 : static_cast<double>(linked) / static_cast<double>(gold);
    return row;
  }
};

int FoldOf(size_t document, const MentionOptions& options) {
  uint64_t x = static_cast<uint64_t>(options.seed) + (document + 1) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return static_cast<int>((x ^ (x >> 31)) % static_cast<uint64_t>(options.folds));
}

std::vector<EntityId> Above(const std::vector<Mention>& mentions, double threshold) {
  std::vector<EntityId> out;
  for (const Mention& mention : mentions) {
    if (mention.confidence >= threshold) out.push_back(mention.entity);
  }
  return out;
}

kgstore::SnapshotOptions GraphOnly() {
  kgstore::SnapshotOptions parts;
  parts.interactions = false;
  parts.social = false;
  parts.links = false;
  return parts;
}

}  // namespace

absl::StatusOr<LinkEvaluationReport> Database::EvaluateMentions(const MentionOptions& options,
                                                                Progress* progress) const {
  if (options.folds < 2) return InvalidArgumentError("cross-validation needs at least 2 folds");
  UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
  UNDULA_ASSIGN_OR_RETURN(const Corpus corpus, LoadCorpus(view, options, progress));
  UNDULA_ASSIGN_OR_RETURN(const Snapshot snapshot,
                          kgstore::TakeSnapshot(view, impl_->arena(), GraphOnly()));
  const Neighbors neighbors(snapshot.out, snapshot.in);
  UNDULA_ASSIGN_OR_RETURN(const NameTable labels, MakeNames(corpus, nullptr));
  UNDULA_ASSIGN_OR_RETURN(const auto by_label,
                          linking::FindNames(labels, corpus.documents, impl_->arena(), progress));

  Counts label_counts, prior_counts, model_counts;
  LinkEvaluationReport report;
  for (int fold = 0; fold < options.folds; ++fold) {
    std::vector<uint8_t> train = corpus.gold.annotated;
    for (size_t d = 0; d < train.size(); ++d) {
      if (FoldOf(d, options) == fold) train[d] = 0;
    }
    UNDULA_ASSIGN_OR_RETURN(const NameTable names,
                            MakeNames(corpus, options.surfaces ? &train : nullptr));
    UNDULA_ASSIGN_OR_RETURN(const auto found, NamesIn(corpus, names, impl_->arena(), progress));
    MentionGold gold = corpus.gold;
    gold.annotated = train;
    if (options.surfaces) gold.surfaces = SurfacesIn(corpus, names, train);
    UNDULA_ASSIGN_OR_RETURN(const MentionModel model,
                            MentionModel::Train(names, neighbors, found, gold, corpus.n_entities));
    std::vector<std::vector<Mention>> mentions(found.size());
    for (size_t d = 0; d < found.size(); ++d) {
      if (FoldOf(d, options) == fold && corpus.gold.annotated[d] != 0) {
        mentions[d] = model.Weigh(found[d]);
      }
    }
    const double threshold =
        linking::MentionThreshold(mentions, options.precision, options.least_confidence);
    report.threshold += threshold / static_cast<double>(options.folds);
    for (size_t d = 0; d < found.size(); ++d) {
      if (FoldOf(d, options) != fold || corpus.gold.annotated[d] == 0) continue;
      const std::vector<EntityId>& expected = corpus.gold.entities[d];
      label_counts.Add(expected, linking::ByLabel(labels, by_label[d]));
      prior_counts.Add(expected, model.ByPrior(found[d]));
      model_counts.Add(expected, Above(mentions[d], threshold));
    }
  }
  report.rows = {label_counts.Row("labels only"), prior_counts.Row("labels and priors"),
                 model_counts.Row("ranker")};
  return report;
}

absl::StatusOr<MentionReport> Database::LinkMentions(const MentionOptions& options,
                                                     Progress* progress) {
  const std::lock_guard writing(impl_->writing);
  MentionReport report;
  std::vector<kgstore::LinkRecord> links;
  {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
    UNDULA_ASSIGN_OR_RETURN(Corpus corpus, LoadCorpus(view, options, progress));
    UNDULA_ASSIGN_OR_RETURN(const Snapshot snapshot,
                            kgstore::TakeSnapshot(view, impl_->arena(), GraphOnly()));
    const Neighbors neighbors(snapshot.out, snapshot.in);
    UNDULA_ASSIGN_OR_RETURN(const NameTable names,
                            MakeNames(corpus, options.surfaces ? &corpus.gold.annotated : nullptr));
    if (options.surfaces) {
      corpus.gold.surfaces = SurfacesIn(corpus, names, corpus.gold.annotated);
    }
    report.names = names.names();
    report.index_bytes = names.bytes();
    report.text_bytes = corpus.text_bytes;
    double start = CpuSeconds();
    UNDULA_ASSIGN_OR_RETURN(const auto found, NamesIn(corpus, names, impl_->arena(), progress));
    report.find_seconds = CpuSeconds() - start;
    UNDULA_ASSIGN_OR_RETURN(
        const MentionModel model,
        MentionModel::Train(names, neighbors, found, corpus.gold, corpus.n_entities));
    start = CpuSeconds();
    std::vector<std::vector<Mention>> mentions(found.size());
    impl_->arena().For(static_cast<int64_t>(found.size()), 64, [&](int64_t from, int64_t to) {
      for (auto d = static_cast<size_t>(from); d < static_cast<size_t>(to); ++d) {
        if (corpus.gold.annotated[d] == 0) mentions[d] = model.Weigh(found[d]);
      }
    });
    report.weigh_seconds = CpuSeconds() - start;
    report.threshold =
        linking::MentionThreshold(mentions, options.precision, options.least_confidence);
    for (uint32_t d = 0; d < found.size(); ++d) {
      ++report.documents;
      report.annotated += corpus.gold.annotated[d];
      UNDULA_ASSIGN_OR_RETURN(const std::vector<kgstore::Link> old, view.Links(ItemId{d}));
      std::set<EntityId> kept;
      for (const kgstore::Link& link : old) {
        if (corpus.gold.annotated[d] == 0 && link.method == LinkMethod::kLabel) continue;
        links.push_back({ItemId{d}, link.entity, link.confidence, link.method});
        kept.insert(link.entity);
      }
      int64_t added = 0;
      for (const Mention& mention : mentions[d]) {
        if (mention.confidence < report.threshold || kept.contains(mention.entity)) continue;
        links.push_back({ItemId{d}, mention.entity,
                         static_cast<float>(std::min(mention.confidence, 0.999)),
                         LinkMethod::kLabel});
        ++added;
      }
      report.mentions += added;
      report.linked += added > 0;
    }
  }
  if (options.dry_run) return report;
  UNDULA_RETURN_IF_ERROR(api::SaveLinkState(*impl_->store));
  UNDULA_RETURN_IF_ERROR(
      kgstore::WriteLinks(*impl_->store, links, kgstore::LinkPolicy::kReplaceAll, progress)
          .status());
  return report;
}

}  // namespace undula
