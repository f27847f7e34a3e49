#include "linking/type_evidence.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>

namespace undula::linking {
namespace {

double Share(double count, double of) { return (count + 0.5) / (of + 1); }

template <class F>
void ForEachWord(std::string_view text, F&& f) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) f(text.substr(at, end - at));
    at = end + 1;
  }
}

}  // namespace

// Calls f(relation) for the entity's distinct relations; incoming ones count on from relations_.
template <class F>
void TypeEvidence::ForEachRelation(EntityId entity, F&& f) const {
  size_t offset = 0;
  for (const EdgeCsr* edges : {universe_.out, universe_.in}) {
    const auto begin = edges->relation.begin() + edges->ptr[Index(entity)];
    const auto end = edges->relation.begin() + edges->ptr[Index(entity) + 1];
    for (auto it = begin; it != end; it = std::upper_bound(it, end, *it)) f(offset + Index(*it));
    offset += relations_;
  }
}

TypeEvidence::TypeEvidence(const Universe& universe, std::span<const Seed> seeds)
    : universe_(universe) {
  for (const EdgeCsr* edges : {universe.out, universe.in}) {
    for (const RelationId r : edges->relation) {
      relations_ = std::max(relations_, static_cast<size_t>(Index(r)) + 1);
    }
  }
  relation_.assign(2 * relations_, 0);
  const std::vector<std::string>& qualifiers = universe.labels.qualifiers();
  qualifier_.assign(qualifiers.size(), 0);
  if (seeds.empty()) return;

  std::vector<double> all(2 * relations_), clear(2 * relations_);
  double n_all = 0, n_clear = 0;
  for (uint32_t e = 0; e < universe.entities(); ++e) {
    if (universe.degree(EntityId{e}) == 0) continue;
    ++n_all;
    ForEachRelation(EntityId{e}, [&](size_t r) { ++all[r]; });
  }
  for (const Seed& seed : seeds) {
    if (universe.degree(seed.entity) == 0) continue;
    ++n_clear;
    ForEachRelation(seed.entity, [&](size_t r) { ++clear[r]; });
  }
  for (size_t r = 0; r < relation_.size(); ++r) {
    const double p = Share(clear[r], n_clear), q = Share(all[r], n_all);
    const double absent = std::log(1 - p) - std::log(1 - q);
    none_ += absent;
    relation_[r] = std::log(p) - std::log(q) - absent;
  }

  // Words of the seeds' brackets against words of all labels' brackets.
  std::map<std::string, std::pair<double, double>, std::less<>> words;  // (clear, all)
  double n_words = 0, n_clear_words = 0;
  for (size_t q = 1; q < qualifiers.size(); ++q) {
    ForEachWord(qualifiers[q], [&](std::string_view word) {
      words[std::string(word)].second += universe.labels.qualifier_counts()[q];
      n_words += universe.labels.qualifier_counts()[q];
    });
  }
  for (const Seed& seed : seeds) {
    ForEachWord(qualifiers[seed.qualifier], [&](std::string_view word) {
      ++words[std::string(word)].first;
      ++n_clear_words;
    });
  }
  for (size_t q = 1; q < qualifiers.size(); ++q) {
    double sum = 0, count = 0;
    ForEachWord(qualifiers[q], [&](std::string_view word) {
      const auto& [clear_count, all_count] = words.find(word)->second;
      sum += std::log(Share(clear_count, n_clear_words)) - std::log(Share(all_count, n_words));
      ++count;
    });
    if (count > 0) qualifier_[q] = std::clamp(sum / count, -kMost, kMost);
  }
}

double TypeEvidence::OfRelations(EntityId entity) const {
  if (universe_.degree(entity) == 0) return 0;
  double sum = none_;
  ForEachRelation(entity, [&](size_t r) { sum += relation_[r]; });
  return std::clamp(sum, -kMost, kMost);
}

}  // namespace undula::linking
