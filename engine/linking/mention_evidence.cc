// What speaks for and against an entity of a name in a document: the columns of MentionModel.
#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <set>
#include <tuple>

#include "linking/mention_model.h"

namespace undula::linking {
namespace {

constexpr size_t kMostPicks = 12, kMostRivals = 4;
constexpr double kContextPrior = 0.3, kRatePrior = 3,
                 kTopicPrior = 2;  // added to counts of documents

float Log1p(double x) { return static_cast<float>(std::log1p(x)); }
float LogOdds(double a, double b, double prior = 0.5) {
  return static_cast<float>(std::log((a + prior) / (b + prior)));
}
float Share(uint16_t part, const NameInDocument& in) {
  return static_cast<float>(part) / static_cast<float>(in.times);
}
// Log-odds of yes with `prior` documents of the usual rate added.
float Shrunk(double yes, double all, double rate) {
  return static_cast<float>(
      std::log((yes + kRatePrior * rate) / (all - yes + kRatePrior * (1 - rate))));
}

// In units of .05, since annotations are kept from .9 on; 1 document of .97 is added.
float MeanConfidence(const std::unordered_map<uint32_t, double>& sums, uint32_t of,
                     double documents) {
  const auto at = sums.find(of);
  const double sum = at == sums.end() ? 0.97 * documents : at->second;
  return static_cast<float>((sum + 0.97) / (documents + 1) * 20 - 19);
}

bool HasName(const DocumentNames& found, uint32_t name) {
  const auto at =
      std::lower_bound(found.names.begin(), found.names.end(), name,
                       [](const NameInDocument& in, uint32_t id) { return in.name < id; });
  return at != found.names.end() && at->name == name;
}

double Logit(double p) { return std::log(p / (1 - p)); }

// What `part` lacks of `whole`: the words after or before it.
std::string_view Lacking(std::string_view whole, std::string_view part) {
  if (whole.size() <= part.size()) return {};
  return whole.starts_with(part) ? whole.substr(part.size() + 1)
                                 : whole.substr(0, whole.size() - part.size() - 1);
}

}  // namespace

uint32_t MentionModel::Meant(uint32_t entry, uint32_t form) const {
  const auto at = meant_.find(uint64_t{entry} * 4 + form);
  return at == meant_.end() ? 0 : at->second;
}

MentionModel::Counts MentionModel::At(const std::unordered_map<uint64_t, Counts>& counts,
                                      uint64_t key) {
  const auto at = counts.find(key);
  return at == counts.end() ? Counts() : at->second;
}

MentionModel::Counts MentionModel::Seen(uint32_t name, uint32_t form) const {
  return At(counts_, uint64_t{name} * 4 + form);
}

std::vector<MentionModel::Pick> MentionModel::Picks(const NameInDocument& in,
                                                    const DocumentNames& found) const {
  using Key = std::tuple<int64_t, bool, int64_t, float, NameKind, EntityId>;
  std::vector<std::pair<Key, Pick>> picks;
  const std::span<const NameTable::Entry> entries = names_->Entries(in.name);
  std::array<size_t, kNameKinds> of_kind = {};
  for (const NameTable::Entry& entry : entries) ++of_kind[static_cast<size_t>(entry.kind)];
  for (uint32_t i = 0; i < entries.size(); ++i) {
    const NameTable::Entry& entry = entries[i];
    Pick pick = {names_->EntryBegin(in.name) + i, entry.entity, entry.kind, 0, 0, 0};
    if (const auto at = surfaces_.find(pick.entry); at != surfaces_.end()) {
      if (at->second.yes > 0) {
        pick.kind = std::min(pick.kind, NameKind::kSurface);
      } else if (pick.kind == NameKind::kSurface) {
        continue;  // a name that only documents tell of that are not counted
      }
    }
    const int64_t meant = int64_t{Meant(pick.entry, kAnyForm)};
    const int64_t documents = int64_t{documents_[Index(entry.entity)]};
    const bool part = IsPart(pick.kind);
    // A part within a longer name says nothing, nor beside the whole.
    if (part && (in.nested == in.times || HasName(found, entry.whole))) continue;
    if (pick.kind == NameKind::kAcronym && in.form != NameForm::kUpper) continue;
    std::string_view lacking;
    if (pick.kind != NameKind::kSurface && pick.kind != NameKind::kAcronym) {
      lacking = Lacking(names_->Name(entry.whole), names_->Name(in.name));
    }
    pick.pattern = HashWord(lacking) * 8 + static_cast<uint64_t>(pick.kind);
    uint32_t there = 0;
    for (size_t at = 0; at < lacking.size();) {
      const size_t end = std::min(lacking.find(' ', at), lacking.size());
      ++pick.lacks;
      there += std::binary_search(found.words.begin(), found.words.end(),
                                  HashWord(lacking.substr(at, end - at)));
      at = end + 1;
    }
    if (pick.lacks > 0) {
      pick.lacking_in_document = static_cast<float>(there) / static_cast<float>(pick.lacks);
    }
    if (part && meant == 0 && documents == 0 && there == 0 &&
        of_kind[static_cast<size_t>(entry.kind)] > kMostRivals) {
      continue;
    }
    picks.emplace_back(
        Key{-meant, part, -documents, -pick.lacking_in_document, pick.kind, entry.entity}, pick);
  }
  std::sort(picks.begin(), picks.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  if (picks.size() > kMostPicks) picks.resize(kMostPicks);
  std::vector<Pick> out;
  for (const auto& [key, pick] : picks) out.push_back(pick);
  return out;
}

float MentionModel::Context(EntityId entity, uint32_t name, const DocumentNames& found) const {
  const double documents = documents_[Index(entity)];
  if (documents <= 0) return 0;
  double sum = 0, n = 0;
  uint32_t last = kNoName;
  for (const NameInDocument& in : found.names) {
    if (in.name == name || in.name == last || names_->IsOnlyPart(in.name)) continue;
    last = in.name;
    const uint32_t with_name = Seen(in.name, kAnyForm).all;
    if (with_name < 2) continue;
    const auto at = beside_.find({entity, in.name});
    const double together = at == beside_.end() ? 0 : at->second;
    const double expected = documents * with_name / annotated_;
    sum += std::log((together + kContextPrior) / (expected + kContextPrior));
    ++n;
  }
  return n == 0 ? 0 : static_cast<float>(sum / std::sqrt(n));
}

float MentionModel::Contrast(EntityId entity, uint32_t name, double share,
                             const DocumentNames& found) const {
  double sum = 0, n = 0;
  uint32_t last = kNoName;
  for (const NameInDocument& in : found.names) {
    if (in.name == name || in.name == last || names_->IsOnlyPart(in.name)) continue;
    last = in.name;
    const auto both =
        pairs_.find(uint64_t{std::min(name, in.name)} << 32 | std::max(name, in.name));
    if (both == pairs_.end()) continue;
    const auto at = beside_.find({entity, in.name});
    const double together = at == beside_.end() ? 0 : at->second;
    const double expected = both->second * share;
    sum += std::log((together + kContextPrior) / (expected + kContextPrior));
    ++n;
  }
  return n == 0 ? 0 : static_cast<float>(sum / std::sqrt(n));
}

double MentionModel::InTopics(uint64_t yes_what, uint64_t yes_of, uint64_t all_what,
                              uint64_t all_of, double rate, const DocumentNames& found) const {
  for (const uint32_t topic : found.topics) {
    const auto all = in_topic_.find(TopicKey(all_what, all_of, topic));
    if (all == in_topic_.end()) break;
    const auto yes = in_topic_.find(TopicKey(yes_what, yes_of, topic));
    const double times = yes == in_topic_.end() ? 0 : yes->second.yes;
    rate = (times + kTopicPrior * rate) / (all->second.all + kTopicPrior);
  }
  return rate;
}

// What is the same for all entities of a name. Fills the first part of the row and returns where it
// ends; see Candidates() for the rest.
void MentionModel::WeighName(const NameInDocument& in, Row* row) const {
  const Counts counts = Seen(in.name, static_cast<uint32_t>(in.form));
  const double seen = counts.all, yes = counts.yes;
  const Usage& usage = usage_[in.name];
  const bool whole = !names_->IsOnlyPart(in.name);
  const std::span<const NameTable::Entry> entries = names_->Entries(in.name);
  size_t labels = 0, parts = 0;
  for (const NameTable::Entry& entry : entries) {
    labels += entry.kind <= NameKind::kBare;
    parts += IsPart(entry.kind);
  }
  float cover_odds = 0;
  bool cover_seen = false;
  if (in.cover != kNoName) {
    const Counts cover = Seen(in.cover, kAnyForm);
    cover_seen = cover.all > 0;
    if (cover_seen) cover_odds = LogOdds(cover.yes, cover.all - cover.yes, 0.3);
  }
  const double rate = words_.all == 0 ? 0.5 : static_cast<double>(words_.yes) / words_.all;
  const auto beside = [&](const std::unordered_map<uint64_t, Counts>& words, uint64_t word) {
    const Counts of_word = At(words, word);
    return Shrunk(of_word.yes, of_word.all, rate);
  };
  // "The Wisconsin", where "Wisconsin" is a name too.
  const std::string_view text = names_->Name(in.name);
  const size_t space = text.find(' ');
  float small_first = 0;
  if (space != text.npos && IsSmallWord(text.substr(0, space))) {
    const int64_t rest = names_->Find(text.substr(space + 1));
    small_first = rest >= 0 && !names_->IsOnlyPart(static_cast<uint32_t>(rest)) ? 2 : 1;
  }
  const double rate_of_picks = (picks_.yes + 0.1) / (picks_.all + 1.0);
  const auto [first_word, last_word] = WordKeys(text, in.form);
  const Counts first = At(first_words_, first_word), last = At(last_words_, last_word);
  const float values[] = {
      Shrunk(first.yes, first.all, rate_of_picks),
      Log1p(first.all),
      Shrunk(last.yes, last.all, rate_of_picks),
      Log1p(last.all),
      seen > 0 ? 1.0f : 0.0f,
      Log1p(seen),
      seen > 0 ? LogOdds(yes, seen - yes, 0.3) : 0,
      in.form == NameForm::kCapital ? 1.0f : 0.0f,
      in.form == NameForm::kUpper ? 1.0f : 0.0f,
      static_cast<float>(in.words),
      Log1p(static_cast<double>(names_->Name(in.name).size())),
      Log1p(static_cast<double>(entries.size())),
      Log1p(static_cast<double>(labels)),
      Log1p(static_cast<double>(parts)),
      Log1p(usage.documents),
      LogOdds(usage.forms[0], usage.forms[1] + usage.forms[2]),
      LogOdds(usage.forms[2], usage.forms[1]),
      LogOdds(usage.beside, usage.documents - usage.beside),
      Share(in.capital_before, in),
      Share(in.capital_after, in),
      in.alone > 0 ? 1.0f : 0.0f,
      static_cast<float>(in.run_before),
      static_cast<float>(in.run_after),
      Share(in.joined_before, in),
      Share(in.joined_after, in),
      Share(in.headline, in),
      in.in_first ? 1.0f : 0.0f,
      in.in_rest ? 1.0f : 0.0f,
      static_cast<float>(in.times),
      Share(in.begins, in),
      in.genitive > 0 ? 1.0f : 0.0f,
      in.comma > 0 ? 1.0f : 0.0f,
      Share(in.hyphen, in),
      static_cast<float>(in.place),
      Share(in.nested, in),
      in.nested == in.times ? 1.0f : 0.0f,
      Share(in.crossing, in),
      cover_odds,
      cover_seen ? 1.0f : 0.0f,
      beside(before_, in.before),
      beside(after_, in.after),
      whole ? 1.0f : 0.0f,
      small_first,
  };
  static_assert(std::size(values) == kNameWidth);
  std::copy(std::begin(values), std::end(values), row->begin());
}

void MentionModel::WeighPick(const NameInDocument& in, const Pick& pick, Row* row) const {
  const auto form = static_cast<uint32_t>(in.form);
  const Counts counts = Seen(in.name, form), any = Seen(in.name, kAnyForm);
  const double seen = counts.all, yes = counts.yes, seen_any = any.all;
  const double meant = Meant(pick.entry, form), meant_any = Meant(pick.entry, kAnyForm);
  const Counts& kind = kinds_[static_cast<size_t>(pick.kind)];
  const double rate = (kind.yes + 0.1) / (kind.all + 1.0);
  const Counts pattern = At(patterns_, pick.pattern);
  const LabelShape label = names_->Shape(pick.entity);
  const Counts shape = At(shapes_, ShapeKey(in, pick));
  const double documents = documents_[Index(pick.entity)];
  const double possible = std::max(documents, static_cast<double>(possible_[Index(pick.entity)]));
  int better = 0, same = 0;
  for (const NameTable::Entry& entry : names_->Entries(in.name)) {
    better += entry.kind < pick.kind;
    same += entry.kind == pick.kind;
  }
  const float values[] = {
      seen > 0 ? LogOdds(meant, seen - meant, 0.3) : 0,
      yes > 0 ? LogOdds(meant, yes - meant, 0.3) : 0,
      seen_any > 0 ? LogOdds(meant_any, seen_any - meant_any, 0.3) : 0,
      Log1p(seen_any),
      static_cast<float>(pick.kind),
      Shrunk(pattern.yes, pattern.all, rate),
      Log1p(pattern.all),
      static_cast<float>(pick.lacks),
      pick.lacking_in_document,
      Log1p(documents),
      LogOdds(documents, possible - documents, 0.3),
      Log1p(possible),
      Log1p(static_cast<double>(neighbors_->Count(pick.entity))),
      Log1p(better),
      Log1p(same),
      MeanConfidence(sure_entity_, Index(pick.entity), documents),
      MeanConfidence(sure_entry_, pick.entry, meant_any),
      label.first_capital ? 1.0f : 0.0f,
      static_cast<float>(label.rest),
      static_cast<float>(label.words),
      static_cast<float>(label.bracket + 2 * label.comma),
      static_cast<float>(label.digit + 2 * label.all_upper),
      Shrunk(shape.yes, shape.all, (picks_.yes + 0.1) / (picks_.all + 1.0)),
      Log1p(shape.all),
  };
  static_assert(std::size(values) == kPickWidth);
  std::copy(std::begin(values), std::end(values), row->begin() + kNameWidth);
}

std::vector<MentionModel::Candidate> MentionModel::Candidates(const DocumentNames& found) const {
  std::vector<Candidate> out;
  struct Place {
    size_t name;  // in found.names
    Pick pick;
    float rank;
  };
  std::vector<Place> places;
  std::map<EntityId, std::set<std::pair<uint32_t, bool>>> names_of;  // name, as a whole
  double share = 0, seen_names = 0, capitals = 0;
  for (size_t n = 0; n < found.names.size(); ++n) {
    const NameInDocument& in = found.names[n];
    float rank = 0;
    for (const Pick& pick : Picks(in, found)) {
      places.push_back({n, pick, rank++});
      names_of[pick.entity].emplace(in.name, !IsPart(pick.kind));
    }
    if (in.form == NameForm::kLower || names_->IsOnlyPart(in.name)) continue;
    ++capitals;
    const Counts counts = Seen(in.name, static_cast<uint32_t>(in.form));
    if (counts.all == 0) continue;
    share += static_cast<double>(counts.yes) / counts.all;
    ++seen_names;
  }
  std::vector<EntityId> whole;
  for (const auto& [entity, names] : names_of) {
    if (std::any_of(names.begin(), names.end(), [](const auto& name) { return name.second; })) {
      whole.push_back(entity);
    }
  }
  const auto share_of = [&](const NameInDocument& in, const Pick& pick) {
    const Counts any = Seen(in.name, kAnyForm);
    const uint32_t meant = Meant(pick.entry, kAnyForm);
    if (meant == 0 || any.all < 3) return 0.0f;
    return Contrast(pick.entity, in.name, static_cast<double>(meant) / any.all, found);
  };
  Row of_name{};
  for (size_t i = 0; i < places.size(); ++i) {
    const NameInDocument& in = found.names[places[i].name];
    const Pick& pick = places[i].pick;
    if (i == 0 || places[i - 1].name != places[i].name) WeighName(in, &of_name);
    Candidate& candidate = out.emplace_back();
    candidate = {in.name, pick.entity, of_name};
    WeighPick(in, pick, &candidate.row);
    int connected = 0;
    if (neighbors_->Count(pick.entity) > 0) {
      for (const EntityId other : whole) connected += neighbors_->Connected(pick.entity, other);
    }
    bool other = false, other_whole = false;
    for (const auto& [name, is_whole] : names_of[pick.entity]) {
      other = other || name != in.name;
      other_whole = other_whole || (name != in.name && is_whole);
    }
    const Counts any = Seen(in.name, kAnyForm);
    const double of_entry = (Meant(pick.entry, kAnyForm) + 0.3) / (any.all + 0.6);
    const double rate_of_name = (any.yes + 0.3) / (any.all + 0.6);
    const auto kind_id = static_cast<uint64_t>(pick.kind);
    const Counts& kind = kinds_[kind_id];
    const double of_kind = (kind.yes + 0.1) / (kind.all + 1.0);
    const auto in_topics = [&](uint64_t what, uint64_t of, uint64_t all, uint64_t all_of,
                               double rate) {
      return static_cast<float>(Logit(InTopics(what, of, all, all_of, rate, found)));
    };
    const float values[] = {
        in_topics(kOfEntry, pick.entry, kOfName, in.name, of_entry),
        in_topics(kOfName, in.name, kOfName, in.name, rate_of_name),
        in_topics(kOfKind, kind_id, kOfKind, kind_id, of_kind),
        Context(pick.entity, in.name, found),
        share_of(in, pick),
        Log1p(connected),
        other ? 1.0f : 0.0f,
        other_whole ? 1.0f : 0.0f,
        places[i].rank,
        Log1p(found.length),
        Log1p(capitals),
        static_cast<float>((share + 0.5) / (seen_names + 1)),
        found.has_rest ? 1.0f : 0.0f,
    };
    static_assert(std::size(values) == kTogetherWidth);
    std::copy(std::begin(values), std::end(values),
              candidate.row.begin() + kNameWidth + kPickWidth);
  }
  return out;
}

}  // namespace undula::linking
