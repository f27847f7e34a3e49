// What the other candidates of a document say of a candidate: the last columns of MentionModel.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "linking/mention_model.h"

namespace undula::linking {
namespace {

constexpr double kHopeless = -5.5;  // log-odds: 1 in 250
constexpr double kStrong = 0.2;     // probability of an entity that others may lean on
constexpr float kNobody = -1;

}  // namespace

void MentionModel::LookAround(const BoostedTrees& first, std::vector<Candidate>* candidates) const {
  for (Candidate& candidate : *candidates) candidate.logit = first.Logit(candidate.row);
  std::erase_if(*candidates, [](const Candidate& c) { return c.logit < kHopeless; });
  const std::vector<Candidate>& all = *candidates;
  std::vector<float> p;
  struct OfName {
    std::string padded;  // with a space around each word
    std::vector<size_t> candidates;
    float best = 0;
  };
  std::map<uint32_t, OfName> names;
  std::map<EntityId, std::vector<size_t>> of_entity;
  for (size_t i = 0; i < all.size(); ++i) {
    p.push_back(static_cast<float>(1 / (1 + std::exp(-all[i].logit))));
    OfName& name = names[all[i].name];
    name.candidates.push_back(i);
    name.best = std::max(name.best, p[i]);
    of_entity[all[i].entity].push_back(i);
  }
  float sum = 0;
  int sure = 0;
  for (auto& [id, name] : names) {
    name.padded.append(" ").append(names_->Name(id)).append(" ");
    sum += name.best;
    sure += name.best > 0.5f;
  }
  std::vector<std::pair<EntityId, float>> strong;
  for (const auto& [entity, places] : of_entity) {
    float best = 0;
    for (const size_t i : places) best = std::max(best, p[i]);
    if (best > kStrong) strong.emplace_back(entity, best);
  }
  for (const auto& [id, name] : names) {
    float within = kNobody, around = kNobody;  // the best of the names in it, and around it
    std::set<uint32_t> longer;
    for (const auto& [other_id, other] : names) {
      if (other_id == id) continue;
      if (other.padded.find(name.padded) != std::string::npos) {
        around = std::max(around, other.best);
        longer.insert(other_id);
      } else if (name.padded.find(other.padded) != std::string::npos) {
        within = std::max(within, other.best);
      }
    }
    for (const size_t i : name.candidates) {
      Candidate& candidate = (*candidates)[i];
      float rival = 0, rivals = 0, elsewhere = kNobody, same_around = kNobody, beside = 0, no = 1;
      int better = 0;
      for (const size_t j : name.candidates) {
        better += p[j] > p[i];
        if (all[j].entity == candidate.entity) continue;
        rival = std::max(rival, p[j]);
        rivals += p[j];
      }
      for (const size_t j : of_entity[candidate.entity]) {
        no *= 1 - p[j];
        if (all[j].name == id) continue;
        elsewhere = std::max(elsewhere, p[j]);
        if (longer.contains(all[j].name)) same_around = std::max(same_around, p[j]);
      }
      for (const auto& [entity, probability] : strong) {
        if (entity != candidate.entity && neighbors_->Connected(entity, candidate.entity)) {
          beside += probability;
        }
      }
      int better_names = 0;
      for (const auto& [other_id, other] : names) better_names += other.best > p[i];
      const float values[] = {
          static_cast<float>(candidate.logit),
          rival,
          rivals,
          static_cast<float>(better),
          elsewhere,
          1 - no,
          around,
          within,
          same_around,
          beside,
          sum - name.best,
          static_cast<float>(sure),
          static_cast<float>(names.size()),
          static_cast<float>(better_names),
          (sum + 0.5f) / (static_cast<float>(names.size()) + 5),
      };
      static_assert(std::size(values) == kAroundWidth);
      std::copy(std::begin(values), std::end(values), candidate.row.begin() + kFirstWidth);
    }
  }
}

}  // namespace undula::linking
