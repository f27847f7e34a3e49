#include "kgstore/verify.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <set>
#include <utility>

#include "base/status.h"
#include "base/text/normalize.h"
#include "kgstore/adjacency.h"
#include "kgstore/change_log.h"
#include "kgstore/dictionary.h"
#include "kgstore/hash.h"
#include "kgstore/hash_bucket.h"
#include "kgstore/import_record.h"
#include "kgstore/interaction_log.h"
#include "kgstore/labels.h"
#include "kgstore/link_value.h"
#include "kgstore/literal_key.h"
#include "kgstore/live_page_check.h"
#include "kgstore/model_store.h"
#include "kgstore/number_key.h"
#include "kgstore/repeated_text.h"
#include "kgstore/value_set.h"

namespace undula::kgstore {
namespace {

using namespace internal;  // NOLINT: this file is about all of it

constexpr char kRestore[] = "restore the file from a backup";
constexpr char kRebuild[] =
    "export the data (undula export) and import it into a new database, or restore a backup";

uint64_t HashOf(std::initializer_list<uint64_t> words) {
  uint64_t hash = 0;
  for (const uint64_t word : words) hash = MixBytes(hash, AsBytes(word));
  return hash;
}

// A multiset of records: equal ones have equal sums, and others almost never.
struct RecordSum {
  uint64_t count = 0, sum = 0;
  void Add(std::initializer_list<uint64_t> words) {
    ++count;
    sum += HashOf(words);
  }
  bool operator==(const RecordSum&) const = default;
};

class Verifier {
 public:
  Verifier(const Database& database, const ReadView& view, VerifyReport* report, Progress* progress)
      : database_(database),
        view_(view.state()),
        state_(view_.state()),
        report_(report),
        progress_(progress) {}

  absl::Status Run();

 private:
  template <class... Parts>
  void Find(const char* remedy, const Parts&... what) {
    if (report_->findings.size() < VerifyReport::kMaxFindings) {
      report_->findings.push_back({Concat(what...), remedy});
    }
  }
  void Require(bool ok, const char* remedy, const char* what) {
    if (!ok) Find(remedy, what);
  }
  // Damage met on the way is a finding, and the check of that part ends; other errors are passed
  // on.
  absl::Status Part(absl::Status status) {
    if (!absl::IsDataLoss(status) && !absl::IsInvalidArgument(status)) return status;
    Find(kRestore, Message(status));
    return absl::OkStatus();
  }
  uint32_t Size(Space space) const { return state_.CountOf(space); }

  absl::Status Dictionary(Space space);
  absl::Status Adjacency(Table table, int order, std::array<uint32_t, 3> limits, RecordSum* sum);
  absl::Status Graph();
  absl::Status Derived();
  absl::Status Numbers(const std::vector<uint64_t>& order);
  absl::Status Labels();
  absl::Status Quads();
  absl::Status Logs();
  absl::Status Log(Table table, bool by_item, RecordSum* sum);
  absl::Status Rows(Table table, uint32_t limit,
                    const std::function<bool(uint32_t, std::string_view)>& ok);
  absl::Status ItemsAndUsers();
  absl::Status Records();
  absl::Status Models();

  const Database& database_;
  const ViewState& view_;
  const State& state_;
  VerifyReport* report_;
  Progress* progress_;
  std::vector<RelationCounts> by_relation_;
};

absl::Status Verifier::Run() {
  using Step = absl::Status (Verifier::*)();
  constexpr std::pair<const char*, Step> kSteps[] = {
      {"checking the graph", &Verifier::Graph},
      {"checking numbers and labels", &Verifier::Derived},
      {"checking graphs", &Verifier::Quads},
      {"checking interactions", &Verifier::Logs},
      {"checking items, users and links", &Verifier::ItemsAndUsers},
      {"checking records", &Verifier::Records},
      {"checking models", &Verifier::Models},
  };
  constexpr int64_t kTotal = 2 + std::size(kSteps);
  UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, 0, kTotal, "checking checksums"));
  UNDULA_RETURN_IF_ERROR(Part(CheckValues(database_.store(), view_, &report_->entries, progress_)));
  UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, 1, kTotal, "checking names"));
  for (int s = 0; s < kSpaces; ++s) {
    UNDULA_RETURN_IF_ERROR(Part(Dictionary(static_cast<Space>(s))));
  }
  int64_t done = 2;
  for (const auto& [message, step] : kSteps) {
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress_, done++, kTotal, message));
    UNDULA_RETURN_IF_ERROR(Part((this->*step)()));
  }
  return Progress::Report(progress_, kTotal, kTotal, "checked");
}

absl::Status Verifier::Dictionary(Space space) {
  const uint64_t seed = view_.store().id_space();
  const uint8_t bits = state_.bucket_bits[static_cast<size_t>(space)];
  const auto bucket_of = [bits](uint64_t hash) { return bits == 0 ? 0 : hash >> (64 - bits); };
  RecordSum texts, ids;
  UNDULA_RETURN_IF_ERROR(
      DictionaryReader(view_, space).ForEach([&](uint32_t id, std::string_view text) {
        // Forgotten users leave an id without a text behind.
        if (text.empty() && space == Space::kUser) return absl::OkStatus();
        const uint64_t hash = HashText(seed, HashedPart(space, text));
        texts.Add({bucket_of(hash), FingerprintOf(hash), id});
        return absl::OkStatus();
      }));
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.Walk(IdsOf(space)));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  std::vector<HashPair> pairs;
  while (more) {
    pairs.clear();
    if (!DecodeHashBucket(cursor->value(), &pairs)) {
      Find(kRestore, "table ", SpecOf(IdsOf(space)).name, ": a damaged bucket");
    }
    const uint64_t bucket = LoadFixed<uint32_t>(cursor->key().data());
    for (const HashPair& pair : pairs) ids.Add({bucket, pair.fingerprint, pair.id});
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  if (!(texts == ids)) {
    Find(kRebuild, "the dictionary of ", SpaceName(space), " names: ", texts.count, " texts, ",
         ids.count, " entries from text to id, and they do not fit together");
  }
  UNDULA_ASSIGN_OR_RETURN(const bool repeated, HasRepeatedText(view_, space));
  if (repeated) {
    Find(kRebuild, "the dictionary of ", SpaceName(space), " names has a text twice");
  }
  return absl::OkStatus();
}

// order: which of (a, b, c) is the head and which the tail; 0: a..c, 1: c..a, 2: c..b.
absl::Status Verifier::Adjacency(Table table, int order, std::array<uint32_t, 3> limits,
                                 RecordSum* sum) {
  Triple last{};
  bool first = true, ascending = true, in_range = true;
  const AdjacencyReader reader(view_, table);
  UNDULA_RETURN_IF_ERROR(reader.Scan([&](uint32_t a, uint32_t b, uint32_t c) {
    const Triple triple{a, b, c};
    ascending = ascending && (first || last < triple);
    in_range = in_range && a < limits[0] && b < limits[1] && c < limits[2];
    last = triple;
    first = false;
    switch (order) {
      case 0:
        sum->Add({a, b, c});
        break;
      case 1:
        sum->Add({c, b, a});
        break;
      default:
        sum->Add({c, a, b});
    }
  }));
  uint64_t degrees = 0;
  UNDULA_RETURN_IF_ERROR(reader.ForEachDegree([&](uint32_t, uint64_t n) { degrees += n; }));
  const char* name = SpecOf(table).name;
  if (!ascending) Find(kRestore, "table ", name, ": its lists are not ascending");
  if (!in_range) Find(kRestore, "table ", name, ": an id that does not exist");
  if (degrees != sum->count) {
    Find(kRestore, "table ", name, ": degrees add up to ", degrees, ", lists to ", sum->count);
  }
  return absl::OkStatus();
}

absl::Status Verifier::Graph() {
  const uint32_t entities = Size(Space::kEntity), relations = Size(Space::kRelation),
                 literals = Size(Space::kLiteral);
  RecordSum out, in, by_relation, attributes, values;
  UNDULA_RETURN_IF_ERROR(Adjacency(Table::kOut, 0, {entities, relations, entities}, &out));
  UNDULA_RETURN_IF_ERROR(Part(Adjacency(Table::kIn, 1, {entities, relations, entities}, &in)));
  UNDULA_RETURN_IF_ERROR(
      Part(Adjacency(Table::kByRelation, 2, {relations, entities, entities}, &by_relation)));
  UNDULA_RETURN_IF_ERROR(
      Part(Adjacency(Table::kAttributes, 0, {entities, relations, literals}, &attributes)));
  UNDULA_RETURN_IF_ERROR(
      Part(Adjacency(Table::kValues, 1, {literals, relations, entities}, &values)));
  Require(in == out, kRebuild, "table in: its triples are not those of table out");
  Require(by_relation == out, kRebuild,
          "table by_relation: its triples are not those of table out");
  Require(values == attributes, kRebuild, "table values: not the attributes of table attributes");
  if (out.count != state_.counts.triples || attributes.count != state_.counts.attributes) {
    Find(kRebuild, "the state record counts ", state_.counts.triples, " triples and ",
         state_.counts.attributes, " attributes, the tables have ", out.count, " and ",
         attributes.count);
  }
  by_relation_.resize(relations);
  UNDULA_RETURN_IF_ERROR(
      AdjacencyReader(view_, Table::kByRelation).ForEachDegree([&](uint32_t relation, uint64_t n) {
        if (relation < relations) by_relation_[relation].triples += n;
      }));
  return AdjacencyReader(view_, Table::kAttributes).Scan([&](uint32_t, uint32_t b, uint32_t) {
    if (b < relations) ++by_relation_[b].attributes;
  });
}

absl::Status Verifier::Derived() {
  std::vector<uint64_t> order(Size(Space::kLiteral));
  UNDULA_RETURN_IF_ERROR(
      DictionaryReader(view_, Space::kLiteral).ForEach([&](uint32_t id, std::string_view text) {
        order[id] = NumberKey(text).value_or(0);
        return absl::OkStatus();
      }));
  UNDULA_RETURN_IF_ERROR(Part(Numbers(order)));
  return Labels();
}

absl::Status Verifier::Numbers(const std::vector<uint64_t>& order) {
  RecordSum expected, stored;
  uint64_t last_literal = ~uint64_t{0}, last_relation = 0;
  UNDULA_RETURN_IF_ERROR(AdjacencyReader(view_, Table::kValues)
                             .Scan([&](uint32_t literal, uint32_t relation, uint32_t) {
                               if (literal == last_literal && relation == last_relation) return;
                               last_literal = literal;
                               last_relation = relation;
                               if (literal >= order.size() || order[literal] == 0) return;
                               expected.Add({relation, order[literal], literal});
                             }));
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.Walk(Table::kNumbers));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  while (more) {
    const auto entry = DecodeNumberEntry(cursor->key());
    if (!entry.has_value()) return DataLossError("table numbers: a key of another length");
    stored.Add({entry->relation, entry->number, entry->literal});
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  Require(stored == expected, kRebuild,
          "table numbers: not the numbers and dates of the attributes");
  Require(stored.count == state_.counts.numbers, kRebuild,
          "table numbers: another number of entries "
          "than the state record says");
  return absl::OkStatus();
}

absl::Status Verifier::Labels() {
  std::vector<bool> is_label(Size(Space::kRelation));
  std::set<std::pair<uint32_t, uint8_t>> expected_relations, stored_relations;
  UNDULA_RETURN_IF_ERROR(
      DictionaryReader(view_, Space::kRelation).ForEach([&](uint32_t id, std::string_view text) {
        if (const auto rank = LabelRank(text)) {
          is_label[id] = true;
          expected_relations.emplace(id, *rank);
        }
        return absl::OkStatus();
      }));
  for (const LabelRelation& label : state_.label_relations) {
    stored_relations.emplace(Index(label.relation), label.rank);
  }
  Require(expected_relations == stored_relations, kRebuild,
          "the state record's label relations are not those of the dictionary");
  std::vector<uint64_t> pairs, stored;
  std::vector<std::pair<uint32_t, uint32_t>> wanted;  // (literal, entity), literals ascending
  UNDULA_RETURN_IF_ERROR(AdjacencyReader(view_, Table::kValues)
                             .Scan([&](uint32_t literal, uint32_t relation, uint32_t entity) {
                               if (relation < is_label.size() && is_label[relation]) {
                                 wanted.emplace_back(literal, entity);
                               }
                             }));
  size_t next = 0;
  UNDULA_RETURN_IF_ERROR(
      DictionaryReader(view_, Space::kLiteral).ForEach([&](uint32_t id, std::string_view text) {
        if (next == wanted.size() || wanted[next].first != id) return absl::OkStatus();
        const auto label = NormalizeText(LexicalForm(text));
        const bool kept = label.ok() && !label->empty() && label->size() <= kMaxLabelBytes;
        const uint64_t hash = kept ? MixBytes(1, *label) : 0;
        for (; next < wanted.size() && wanted[next].first == id; ++next) {
          if (kept) pairs.push_back(HashOf({hash, wanted[next].second}));
        }
        return absl::OkStatus();
      }));
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.Walk(Table::kLabels));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  while (more) {
    const bool ok =
        ReadLabelBlock(cursor->key(), cursor->value(),
                       [&](std::string_view label, const std::vector<uint32_t>& entities) {
                         const uint64_t hash = MixBytes(1, label);
                         for (const uint32_t entity : entities)
                           stored.push_back(HashOf({hash, entity}));
                         return true;
                       });
    if (!ok) return DataLossError("table labels is damaged");
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  std::sort(stored.begin(), stored.end());
  Require(stored == pairs, kRebuild, "table labels: not the labels of the attributes");
  Require(stored.size() == state_.counts.labels, kRebuild,
          "table labels: another number of labels than the state record says");
  return absl::OkStatus();
}

absl::Status Verifier::Quads() {
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.Walk(Table::kGraphs));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  std::vector<uint32_t> graphs;
  uint64_t quads = 0;
  bool stated = true, in_range = true;
  while (more) {
    const std::string_view key = cursor->key();
    if (key.size() != 13 || !DecodeGraphs(cursor->value(), &graphs)) {
      return DataLossError("table graphs is damaged");
    }
    const Triple triple{LoadBigEndian(key.data() + 1), LoadBigEndian(key.data() + 5),
                        LoadBigEndian(key.data() + 9)};
    const Table table = key[0] == 'e' ? Table::kOut : Table::kAttributes;
    bool found = false;
    if (triple.a < Size(Space::kEntity)) {
      UNDULA_RETURN_IF_ERROR(
          AdjacencyReader(view_, table).ForEachOf(triple.a, triple.b, [&](uint32_t c) {
            found = found || c == triple.c;
          }));
    }
    stated = stated && found;
    for (const uint32_t graph : graphs) {
      in_range = in_range && graph <= Size(Space::kEntity);
      quads += graph != 0;
    }
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  Require(stated, kRebuild, "table graphs: a triple that is not in the graph");
  Require(in_range, kRestore, "table graphs: a graph that does not exist");
  Require(quads == state_.counts.quads, kRebuild,
          "table graphs: another number of quads than the state record says");
  return absl::OkStatus();
}

absl::Status Verifier::Log(Table table, bool by_item, RecordSum* sum) {
  const uint32_t rows = Size(by_item ? Space::kItem : Space::kUser);
  const uint32_t others = Size(by_item ? Space::kUser : Space::kItem);
  bool in_range = true, ascending = true, first = true;
  std::tuple<uint32_t, int64_t, uint32_t> last;
  UNDULA_RETURN_IF_ERROR(
      LogReader(view_, table).Scan([&](uint32_t row, uint32_t other, float weight, int64_t time) {
        const std::tuple key(row, time, other);
        in_range = in_range && row < rows && other < others;
        ascending = ascending && (first || last < key);
        last = key;
        first = false;
        sum->Add({by_item ? other : row, by_item ? row : other, std::bit_cast<uint32_t>(weight),
                  static_cast<uint64_t>(time)});
      }));
  if (!in_range) Find(kRestore, "table ", SpecOf(table).name, ": an id that does not exist");
  if (!ascending) Find(kRebuild, "table ", SpecOf(table).name, " is not in the order of time");
  return absl::OkStatus();
}

absl::Status Verifier::Logs() {
  RecordSum users, items;
  UNDULA_RETURN_IF_ERROR(Log(Table::kUserLog, false, &users));
  UNDULA_RETURN_IF_ERROR(Part(Log(Table::kItemLog, true, &items)));
  Require(users == items, kRebuild, "table item_log: its interactions are not those of user_log");
  Require(users.count == state_.counts.interactions, kRebuild,
          "table user_log: another number of interactions than the state record says");
  return absl::OkStatus();
}

absl::Status Verifier::Rows(Table table, uint32_t limit,
                            const std::function<bool(uint32_t, std::string_view)>& ok) {
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.Walk(table));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  bool sound = true;
  while (more) {
    const auto row = LoadFixed<uint32_t>(cursor->key().data());
    sound = sound && row < limit && ok(row, cursor->value());
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  if (!sound) Find(kRestore, "table ", SpecOf(table).name, ": a row or an id that does not exist");
  return absl::OkStatus();
}

absl::Status Verifier::ItemsAndUsers() {
  const auto columns_ok = [](const std::vector<std::string>& names) {
    return [&names](uint32_t, std::string_view value) {
      ColumnMap columns;
      return DecodeColumns(value, &columns) &&
             (columns.empty() || columns.rbegin()->first < names.size());
    };
  };
  const uint32_t items = Size(Space::kItem), users = Size(Space::kUser);
  UNDULA_RETURN_IF_ERROR(Rows(Table::kItems, items, columns_ok(state_.item_columns)));
  UNDULA_RETURN_IF_ERROR(Rows(Table::kUsers, users, columns_ok(state_.user_columns)));
  uint64_t links = 0, linked = 0, social = 0;
  UNDULA_RETURN_IF_ERROR(Rows(Table::kLinks, items, [&](uint32_t, std::string_view value) {
    bool ok = !value.empty();
    ++linked;
    return DecodeLinks(value,
                       [&](const Link& link) {
                         ++links;
                         ok = ok && Index(link.entity) < Size(Space::kEntity) &&
                              link.confidence == link.confidence;
                       }) &&
           ok;
  }));
  UNDULA_RETURN_IF_ERROR(Rows(Table::kSocial, users, [&](uint32_t, std::string_view value) {
    std::vector<SocialEdge> edges;
    if (!DecodeSocial(value, &edges)) return false;
    social += edges.size();
    return std::all_of(edges.begin(), edges.end(),
                       [&](const SocialEdge& edge) { return edge.other < users; });
  }));
  Require(links == state_.counts.links && linked == state_.counts.linked_items &&
              social == state_.counts.social,
          kRebuild, "links or social: another number than the state record says");
  return absl::OkStatus();
}

absl::Status Verifier::Records() {
  UNDULA_ASSIGN_OR_RETURN(const auto counts, ReadRelationCounts(view_));
  bool equal = counts.size() == by_relation_.size();
  for (size_t r = 0; equal && r < counts.size(); ++r) {
    equal = counts[r].triples == by_relation_[r].triples &&
            counts[r].attributes == by_relation_[r].attributes;
  }
  Require(equal, kRebuild, "the record relation_counts does not fit the graph");
  UNDULA_RETURN_IF_ERROR(ReadImportRecords(view_).status());
  UNDULA_ASSIGN_OR_RETURN(const auto cursor, view_.Walk(Table::kChanges));
  UNDULA_ASSIGN_OR_RETURN(bool more, cursor->First());
  bool sound = true;
  while (more) {
    const auto record = DecodeChangeRecord(cursor->value());
    sound = sound && record.has_value() && cursor->key().size() == 8 &&
            cursor->key() <= ChangeKey(state_.change);
    UNDULA_ASSIGN_OR_RETURN(more, cursor->Next());
  }
  Require(sound, kRebuild, "table changes: a record is damaged or of the future");
  return absl::OkStatus();
}

absl::Status Verifier::Models() {
  // Reading only: the store is not changed by it.
  UNDULA_ASSIGN_OR_RETURN(const auto models, OpenModelStore(const_cast<Database&>(database_)));
  UNDULA_ASSIGN_OR_RETURN(const std::vector<std::string> names, models->List());
  for (const std::string& name : names) {
    UNDULA_RETURN_IF_ERROR(Part(models->Get(name).status()));
    ++report_->models;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifyContents(const Database& database, VerifyReport* report, Progress* progress) {
  auto view = database.Read();
  if (absl::IsDataLoss(view.status())) {
    report->findings.push_back({std::string(Message(view.status())), kRestore});
    return absl::OkStatus();
  }
  UNDULA_RETURN_IF_ERROR(view.status());
  return Verifier(database, *view, report, progress).Run();
}

}  // namespace undula::kgstore
