#include "api/link_session.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <set>

#include "api/link_history.h"
#include "api/tab_rows.h"
#include "base/file.h"
#include "base/options.h"
#include "base/status.h"
#include "kgstore/take_snapshot.h"

namespace undula::api {
namespace {

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

using Columns = std::vector<std::pair<std::string, std::string>>;

const std::string* FindColumn(const Columns& columns, std::string_view name) {
  for (const auto& [column, text] : columns) {
    if (column == name) return &text;
  }
  return nullptr;
}

// The column's name of "column=relation".
std::string_view ColumnOf(std::string_view id) { return id.substr(0, id.find('=')); }

int ParseYear(std::string_view text) {
  int year = 0;
  if (text.size() < 4) return 0;
  for (size_t i = 0; i < 4; ++i) {
    if (text[i] < '0' || text[i] > '9') return 0;
    year = year * 10 + (text[i] - '0');
  }
  return year;
}

void AddNames(std::string_view text, std::vector<uint32_t>* hashes) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('|'), text.size());
    const uint32_t hash = linking::NameHash(text.substr(0, end));
    if (hash != 0) hashes->push_back(hash);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

absl::Status UnknownColumn(const std::string& name, const std::set<std::string>& known) {
  if (known.empty()) {
    return InvalidArgumentError("no item has a column '", name, "': import a catalogue first");
  }
  std::string list;
  for (const std::string& column : known) list += Concat(list.empty() ? "" : ", ", column);
  return InvalidArgumentError("no item has a column '", name, "'; the catalogue has ", list);
}

}  // namespace

absl::Status LinkSession::ReadIds(const LinkerOptions& options, const Columns& columns,
                                  Item* item) const {
  for (const std::string& id : options.ids) {
    const std::string_view column = ColumnOf(id);
    const std::string* const text = column == "item" ? &item->name : FindColumn(columns, column);
    if (text == nullptr || text->empty()) continue;
    UNDULA_ASSIGN_OR_RETURN(const EntityId entity, view_.FindEntity(*text));
    if (column.size() == id.size()) {
      if (entity != kNone<EntityId>) item->by_id.push_back(entity);
      continue;
    }
    UNDULA_ASSIGN_OR_RETURN(const RelationId relation,
                            view_.FindRelation(std::string_view(id).substr(column.size() + 1)));
    if (relation == kNone<RelationId>) {
      return NotFoundError("the graph has no relation '", id.substr(column.size() + 1),
                           "' (of the identifier '", id, "')");
    }
    std::vector<EntityId> found;
    if (entity != kNone<EntityId>) {
      UNDULA_ASSIGN_OR_RETURN(found, view_.Heads(relation, entity));
      item->by_id.insert(item->by_id.end(), found.begin(), found.end());
    }
    UNDULA_ASSIGN_OR_RETURN(found, view_.EntitiesByValue(relation, *text));
    item->by_id.insert(item->by_id.end(), found.begin(), found.end());
  }
  std::sort(item->by_id.begin(), item->by_id.end());
  item->by_id.erase(std::unique(item->by_id.begin(), item->by_id.end()), item->by_id.end());
  return absl::OkStatus();
}

absl::Status LinkSession::ReadItems(const LinkerOptions& options, Progress* progress) {
  UNDULA_RETURN_IF_ERROR(view_.ForEachItemName(
      [this](ItemId, std::string_view name) { items_.emplace_back().name = std::string(name); }));
  if (items_.empty()) {
    return FailedPreconditionError(
        "there are no items to link: import a catalogue or interactions first");
  }
  std::set<std::string> seen;
  for (uint32_t i = 0; i < items_.size(); ++i) {
    UNDULA_ASSIGN_OR_RETURN(const Columns columns, view_.ItemColumns(ItemId{i}));
    linking::CatalogItem& item = catalog_.emplace_back();
    item.id = ItemId{i};
    for (const auto& [name, text] : columns) {
      if (!seen.contains(name)) seen.insert(name);
      if (name == options.title_column) item.title = text;
      if (name == options.year_column) item.year = ParseYear(text);
      if (std::find(options.attribute_columns.begin(), options.attribute_columns.end(), name) !=
          options.attribute_columns.end()) {
        AddNames(text, &item.attributes);
      }
    }
    std::sort(item.attributes.begin(), item.attributes.end());
    UNDULA_RETURN_IF_ERROR(ReadIds(options, columns, &items_[i]));
    UNDULA_ASSIGN_OR_RETURN(const std::vector<kgstore::Link> links, view_.Links(ItemId{i}));
    items_[i].has_link = !links.empty();
    for (const kgstore::Link& link : links) {
      if (link.method != LinkMethod::kLabel) {
        if (!items_[i].has_given_link) items_[i].given = link.entity;
        items_[i].has_given_link = true;
      }
    }
    UNDULA_RETURN_IF_ERROR(
        Progress::Report(progress, i, static_cast<int64_t>(items_.size()), "reading items"));
  }
  if (!seen.contains(options.title_column)) return UnknownColumn(options.title_column, seen);
  for (const std::string& name : options.attribute_columns) {
    if (!seen.contains(name)) return UnknownColumn(name, seen);
  }
  for (const std::string& id : options.ids) {
    const std::string column(ColumnOf(id));
    if (column != "item" && !seen.contains(column)) return UnknownColumn(column, seen);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LinkSession>> LinkSession::Load(const Database::Impl& database,
                                                               const LinkerOptions& options,
                                                               Progress* progress) {
  UNDULA_ASSIGN_OR_RETURN(kgstore::ReadView view, database.store->Read());
  std::unique_ptr<LinkSession> session(new LinkSession(std::move(view)));
  UNDULA_RETURN_IF_ERROR(session->ReadItems(options, progress));
  UNDULA_ASSIGN_OR_RETURN(const RejectedItems rejected, ReadRejectedItems(*database.store));
  for (Item& item : session->items_) item.rejected = rejected.contains(item.name);
  kgstore::SnapshotOptions parts;
  parts.interactions = false;
  parts.social = false;
  UNDULA_ASSIGN_OR_RETURN(session->snapshot_,
                          kgstore::TakeSnapshot(session->view_, database.arena(), parts));
  linking::LabelOptions labels;
  labels.labels = options.label_relations;
  labels.aliases = options.alias_relations;
  labels.languages = options.languages;
  labels.local_names = options.local_names;
  UNDULA_ASSIGN_OR_RETURN(labels.title_languages, TitleLanguages::Of(options.title_languages));
  double start = CpuSeconds();
  UNDULA_ASSIGN_OR_RETURN(session->universe_,
                          linking::LoadUniverse(session->view_, session->snapshot_.out,
                                                session->snapshot_.in, labels, progress));
  session->index_seconds_ = CpuSeconds() - start;
  linking::CandidateOptions find;
  find.approximate = options.approximate;
  start = CpuSeconds();
  UNDULA_ASSIGN_OR_RETURN(session->candidates_,
                          linking::FindCandidates(session->universe_, session->catalog_, find,
                                                  database.arena(), progress));
  session->candidate_seconds_ = CpuSeconds() - start;
  return session;
}

absl::StatusOr<std::vector<linking::Gold>> LinkSession::ReadGold(const std::string& file) const {
  std::map<std::string_view, size_t> places;
  for (size_t i = 0; i < items_.size(); ++i) places[items_[i].name] = i;
  std::vector<linking::Gold> gold(items_.size());
  size_t item_column = 0, entity_column = std::string::npos;
  UNDULA_RETURN_IF_ERROR(ForEachTabRow(
      file, [&](int64_t line, const std::vector<std::string_view>& cells) -> absl::Status {
        if (line == 1) {
          const auto item = std::find(cells.begin(), cells.end(), "item");
          const auto entity = std::find(cells.begin(), cells.end(), "entity");
          if (item != cells.end() && entity != cells.end()) {
            item_column = static_cast<size_t>(item - cells.begin());
            entity_column = static_cast<size_t>(entity - cells.begin());
            return absl::OkStatus();
          }
        }
        const size_t at = entity_column == std::string::npos ? cells.size() - 1 : entity_column;
        if (cells.size() < 2 || item_column >= cells.size() || at >= cells.size()) {
          return InvalidArgumentError(file, ":", line, ": expected an item and an entity, ",
                                      "separated by tabs");
        }
        const auto place = places.find(cells[item_column]);
        if (place == places.end()) return absl::OkStatus();
        UNDULA_ASSIGN_OR_RETURN(gold[place->second], view_.FindEntity(cells[at]));
        return absl::OkStatus();
      }));
  if (std::none_of(gold.begin(), gold.end(),
                   [](const linking::Gold& g) { return g.has_value(); })) {
    return InvalidArgumentError(file, ": names no item of the database");
  }
  return gold;
}

absl::StatusOr<std::vector<linking::Gold>> LinkSession::GivenLinks() const {
  std::vector<linking::Gold> gold(items_.size());
  bool any = false;
  for (size_t i = 0; i < items_.size(); ++i) {
    if (!items_[i].has_given_link && !items_[i].rejected) continue;
    gold[i] = items_[i].given;
    any = true;
  }
  if (!any) {
    return FailedPreconditionError(
        "no item has a link by file, identifier or hand to learn from: import a review, or give a ",
        "file with gold links");
  }
  return gold;
}

absl::StatusOr<std::vector<uint8_t>> LinkSession::ReadSkip(const std::string& file) const {
  std::set<std::string, std::less<>> names;
  UNDULA_RETURN_IF_ERROR(ForEachTabRow(file, [&](int64_t line, const auto& cells) {
    if (line > 1) names.insert(std::string(cells[0]));
    return absl::OkStatus();
  }));
  std::vector<uint8_t> skip(items_.size());
  for (size_t i = 0; i < items_.size(); ++i) skip[i] = names.contains(items_[i].name);
  return skip;
}

absl::StatusOr<linking::LinkModel> LoadLinkModel(const LinkerOptions& options) {
  if (options.model_file.empty()) return linking::ShippedModel();
  UNDULA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(options.model_file, 1 << 20));
  return linking::ParseModel(text, options.model_file);
}

linking::DecideOptions DecideOptionsOf(const LinkerOptions& options) {
  linking::DecideOptions decide;
  decide.precision = options.precision;
  decide.least_confidence = options.least_confidence;
  decide.one_to_one = options.one_to_one;
  return decide;
}

}  // namespace undula::api
