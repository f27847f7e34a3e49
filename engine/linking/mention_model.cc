#include "linking/mention_model.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/status.h"

namespace undula::linking {
namespace {

constexpr int kLeastTrained = 20;

bool Has(const std::vector<EntityId>& sorted, EntityId e) {
  return std::binary_search(sorted.begin(), sorted.end(), e);
}

}  // namespace

uint64_t MentionModel::ShapeKey(const NameInDocument& in, const Pick& pick) const {
  return (uint64_t{names_->Shape(pick.entity).Code()} * kNameForms +
          static_cast<uint64_t>(in.form)) *
             kNameKinds +
         static_cast<uint64_t>(pick.kind);
}

std::pair<uint64_t, uint64_t> MentionModel::WordKeys(std::string_view name, NameForm form) {
  const uint64_t lower = form == NameForm::kLower;
  const size_t first = name.find(' '), last = name.rfind(' ');
  return {HashWord(name.substr(0, first)) * 2 + lower,
          last == name.npos ? 0 : HashWord(name.substr(last + 1)) * 2 + lower};
}

uint64_t MentionModel::TopicKey(uint64_t what, uint64_t of, uint64_t topic) {
  uint64_t x = (of << 2 | what) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 29) ^ topic) * 0xBF58476D1CE4E5B9u;
  return x ^ (x >> 32);
}

void MentionModel::CountUsage(std::span<const DocumentNames> found) {
  usage_.resize(static_cast<size_t>(names_->names()));
  for (const DocumentNames& document : found) {
    uint32_t last = kNoName;
    for (const NameInDocument& in : document.names) {
      Usage& usage = usage_[in.name];
      usage.documents += in.name != last;
      ++usage.forms[static_cast<size_t>(in.form)];
      if (in.name != last || usage.beside < usage.documents) {
        usage.beside += in.capital_before + in.capital_after > 0;
      }
      last = in.name;
    }
  }
}

void MentionModel::CountDocument(const DocumentNames& found, const std::vector<EntityId>& entities,
                                 const std::vector<float>* confidence) {
  ++annotated_;
  const auto sure = [&](EntityId e) {
    if (confidence == nullptr) return 0.97;
    const auto at = std::lower_bound(entities.begin(), entities.end(), e) - entities.begin();
    return static_cast<double>((*confidence)[static_cast<size_t>(at)]);
  };
  for (const EntityId e : entities) {
    ++documents_[Index(e)];
    sure_entity_[Index(e)] += sure(e);
  }
  std::vector<uint32_t> whole_names;
  std::set<EntityId> possible;
  uint32_t last = kNoName;
  for (const NameInDocument& in : found.names) {
    const std::span<const NameTable::Entry> entries = names_->Entries(in.name);
    std::vector<uint64_t> meant;  // entries
    for (uint32_t i = 0; i < entries.size(); ++i) {
      if (Has(entities, entries[i].entity)) meant.push_back(names_->EntryBegin(in.name) + i);
    }
    const bool whole = !names_->IsOnlyPart(in.name);
    const auto count = [&](uint32_t form) {
      Counts& counts = counts_[uint64_t{in.name} * 4 + form];
      ++counts.all;
      counts.yes += !meant.empty();
      for (const uint64_t entry : meant) ++meant_[entry * 4 + form];
    };
    count(static_cast<uint32_t>(in.form));
    if (in.name != last) {
      count(kAnyForm);
      for (const uint32_t topic : found.topics) {
        Counts& counts = in_topic_[TopicKey(kOfName, in.name, topic)];
        ++counts.all;
        counts.yes += !meant.empty();
        for (const uint64_t entry : meant) ++in_topic_[TopicKey(kOfEntry, entry, topic)].yes;
      }
      for (const uint64_t entry : meant) {
        const auto i = static_cast<size_t>(entry - names_->EntryBegin(in.name));
        sure_entry_[static_cast<uint32_t>(entry)] += sure(entries[i].entity);
      }
      if (whole) {
        for (const uint32_t other : whole_names) ++pairs_[uint64_t{other} << 32 | in.name];
        whole_names.push_back(in.name);
        for (const EntityId e : entities) ++beside_[{e, in.name}];
        for (const NameTable::Entry& entry : entries) possible.insert(entry.entity);
      }
    }
    last = in.name;
    if (!whole || in.form == NameForm::kLower) continue;
    for (Counts* counts : {&before_[in.before], &after_[in.after], &words_}) {
      ++counts->all;
      counts->yes += !meant.empty();
    }
  }
  for (const EntityId e : possible) ++possible_[Index(e)];
}

void MentionModel::CountPatterns(const DocumentNames& found,
                                 const std::vector<EntityId>& entities) {
  for (const NameInDocument& in : found.names) {
    const auto [first_word, last_word] = WordKeys(names_->Name(in.name), in.form);
    for (const Pick& pick : Picks(in, found)) {
      const bool yes = Has(entities, pick.entity);
      for (Counts* counts : {&picks_, &shapes_[ShapeKey(in, pick)], &first_words_[first_word]}) {
        ++counts->all;
        counts->yes += yes;
      }
      if (last_word != 0) {
        Counts& counts = last_words_[last_word];
        ++counts.all;
        counts.yes += yes;
      }
      if (in.form == NameForm::kLower) continue;
      for (Counts* counts : {&patterns_[pick.pattern], &kinds_[static_cast<size_t>(pick.kind)]}) {
        ++counts->all;
        counts->yes += yes;
      }
      for (const uint32_t topic : found.topics) {
        Counts& counts = in_topic_[TopicKey(kOfKind, static_cast<uint64_t>(pick.kind), topic)];
        ++counts.all;
        counts.yes += yes;
      }
    }
  }
}

void MentionModel::CountAnnotated(std::span<const DocumentNames> found, const MentionGold& gold,
                                  size_t but) {
  for (size_t d = 0; d < gold.surfaces.size(); ++d) {
    if (gold.annotated[d] == 0) continue;
    for (const auto& [name, entity] : gold.surfaces[d]) {
      const std::span<const NameTable::Entry> entries = names_->Entries(name);
      for (uint32_t i = 0; i < entries.size(); ++i) {
        if (entries[i].entity != entity) continue;
        Counts& counts = surfaces_[names_->EntryBegin(name) + i];
        ++counts.all;
        counts.yes += d % kParts != but;
      }
    }
  }
  for (const bool patterns : {false, true}) {
    for (size_t d = 0; d < found.size(); ++d) {
      if (gold.annotated[d] == 0 || d % kParts == but) continue;
      if (patterns) {
        CountPatterns(found[d], gold.entities[d]);
      } else {
        CountDocument(found[d], gold.entities[d],
                      gold.confidence.empty() ? nullptr : &gold.confidence[d]);
      }
    }
  }
}

absl::StatusOr<MentionModel> MentionModel::Train(const NameTable& names, const Neighbors& neighbors,
                                                 std::span<const DocumentNames> found,
                                                 const MentionGold& gold, uint32_t n_entities) {
  MentionModel model(names, neighbors, n_entities);
  model.CountUsage(found);
  std::vector<std::vector<Candidate>> candidates(found.size());
  int right = 0;
  for (size_t part = 0; part < kParts; ++part) {
    MentionModel counts(names, neighbors, n_entities);
    counts.usage_.swap(model.usage_);
    counts.CountAnnotated(found, gold, part);
    for (size_t d = part; d < found.size(); d += kParts) {
      if (gold.annotated[d] == 0) continue;
      candidates[d] = counts.Candidates(found[d]);
      for (const Candidate& c : candidates[d]) right += Has(gold.entities[d], c.entity);
    }
    counts.usage_.swap(model.usage_);
  }
  if (right < kLeastTrained) {
    return FailedPreconditionError("only ", right,
                                   " names of the annotated documents stand for an ",
                                   "annotated entity; at least ", kLeastTrained, " are needed");
  }
  const auto train = [&](size_t but) {
    std::vector<float> rows;
    std::vector<uint8_t> labels;
    for (size_t d = 0; d < candidates.size(); ++d) {
      if (d % kGroups == but) continue;
      for (const Candidate& candidate : candidates[d]) {
        rows.insert(rows.end(), candidate.row.begin(), candidate.row.end());
        labels.push_back(Has(gold.entities[d], candidate.entity));
      }
    }
    return BoostedTrees::Train(rows, kWidth, labels, BoostOptions());
  };
  model.first_ = train(kGroups);
  std::vector<BoostedTrees> others;
  for (size_t group = 0; group < kGroups; ++group) others.push_back(train(group));
  for (size_t d = 0; d < candidates.size(); ++d) {
    model.LookAround(others[d % kGroups], &candidates[d]);
  }
  model.second_ = train(kGroups);
  model.CountAnnotated(found, gold, kParts);
  return model;
}

std::vector<Mention> MentionModel::Weigh(const DocumentNames& found) const {
  std::map<uint32_t, Mention> by_name;
  std::vector<Candidate> candidates = Candidates(found);
  LookAround(first_, &candidates);
  for (const Candidate& candidate : candidates) {
    const double confidence = 1 / (1 + std::exp(-second_.Logit(candidate.row)));
    const Mention mention{candidate.entity, candidate.name, confidence};
    const auto [at, added] = by_name.try_emplace(candidate.name, mention);
    if (!added && mention.confidence > at->second.confidence) at->second = mention;
  }
  std::map<EntityId, Mention> by_entity;
  for (const auto& [name, mention] : by_name) {
    const auto [at, added] = by_entity.try_emplace(mention.entity, mention);
    if (!added && mention.confidence > at->second.confidence) at->second = mention;
  }
  std::vector<Mention> out;
  for (const auto& [entity, mention] : by_entity) out.push_back(mention);
  std::stable_sort(out.begin(), out.end(),
                   [](const Mention& a, const Mention& b) { return a.confidence > b.confidence; });
  return out;
}

std::vector<EntityId> MentionModel::ByPrior(const DocumentNames& found) const {
  std::vector<EntityId> out;
  for (const NameInDocument& in : found.names) {
    if (in.nested == in.times || names_->IsOnlyPart(in.name)) continue;
    const std::span<const NameTable::Entry> entries = names_->Entries(in.name);
    uint32_t best = 0, most = 0, whole = 0;
    for (uint32_t i = 0; i < entries.size(); ++i) {
      const uint32_t meant = Meant(names_->EntryBegin(in.name) + i, kAnyForm);
      if (!IsPart(entries[i].kind) && whole++ == 0 && most == 0) best = i;
      if (meant > most) {
        most = meant;
        best = i;
      }
    }
    const uint32_t seen = Seen(in.name, kAnyForm).all;
    if (seen == 0 ? whole == 1 : 2 * most >= seen) out.push_back(entries[best].entity);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace undula::linking
