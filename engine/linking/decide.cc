#include "linking/decide.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace undula::linking {
namespace {

constexpr double kNearlyAsGood = 2;  // difference of logits

Outcome OfProblem(TitleProblem problem) {
  switch (problem) {
    case TitleProblem::kNone:
      return Outcome::kNoCandidate;
    case TitleProblem::kEmpty:
      return Outcome::kNoTitle;
    case TitleProblem::kInvalidUtf8:
    case TitleProblem::kTooLong:
      return Outcome::kBadTitle;
  }
  return Outcome::kBadTitle;
}

bool IsAmbiguous(const Decision& decision) {
  return decision.ranked.size() > 1 &&
         decision.ranked[0].logit - decision.ranked[1].logit < kNearlyAsGood;
}

// Gives each entity to the most confident item; the others try their next candidates.
void MakeOneToOne(double threshold, std::vector<Decision>* items) {
  std::map<EntityId, size_t> owner;
  std::vector<size_t> queue(items->size());
  for (size_t i = 0; i < queue.size(); ++i) queue[i] = i;
  while (!queue.empty()) {
    std::vector<size_t> lost;
    for (const size_t i : queue) {
      Decision& item = (*items)[i];
      if (item.outcome != Outcome::kLinked) continue;
      const Ranked& mine = item.ranked[item.chosen];
      const auto [at, added] = owner.try_emplace(mine.entity, i);
      if (added) continue;
      const Decision& other = (*items)[at->second];
      size_t loser = i;
      if (other.ranked[other.chosen].confidence < mine.confidence) std::swap(loser, at->second);
      lost.push_back(loser);
    }
    queue.clear();
    for (const size_t i : lost) {
      Decision& item = (*items)[i];
      ++item.chosen;
      if (item.chosen < item.ranked.size() && item.ranked[item.chosen].confidence >= threshold) {
        queue.push_back(i);
      } else {
        item.outcome = Outcome::kTaken;
        item.chosen = 0;
      }
    }
  }
}

}  // namespace

FoundBy HowFound(const EvidenceVector& x) {
  if (x[kEdits] > 0) return FoundBy::kApproximate;
  if (x[kFromInner] + x[kFromHead] + x[kFromTail] + x[kFromPart] + x[kOfHead] > 0) {
    return FoundBy::kPart;
  }
  return x[kSameWords] > 0 ? FoundBy::kExact : FoundBy::kSpelling;
}

std::string_view FoundByName(FoundBy by) {
  switch (by) {
    case FoundBy::kExact:
      return "exact";
    case FoundBy::kSpelling:
      return "spelling";
    case FoundBy::kPart:
      return "part";
    case FoundBy::kApproximate:
      return "approximate";
  }
  return "unknown";
}

std::string_view OutcomeText(Outcome outcome) {
  switch (outcome) {
    case Outcome::kLinked:
      return "linked";
    case Outcome::kAmbiguous:
      return "several entities fit";
    case Outcome::kUnsure:
      return "the best candidate is not sure enough";
    case Outcome::kTaken:
      return "its candidates belong to other items";
    case Outcome::kNoCandidate:
      return "no entity fits the title";
    case Outcome::kNoTitle:
      return "the title is empty";
    case Outcome::kBadTitle:
      return "the title is not valid UTF-8 or longer than 4096 bytes";
  }
  return "unknown";
}

std::vector<Ranked> RankCandidates(const LinkModel& model, const ItemCandidates& candidates) {
  std::vector<Ranked> ranked;
  ranked.reserve(candidates.candidates.size());
  for (const Candidate& c : candidates.candidates) {
    ranked.push_back({c.entity, 0, model.Logit(c.evidence), c.evidence});
  }
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.entity < b.entity;
  });
  const double second =
      ranked.size() > 1 ? ranked[1].logit : -std::numeric_limits<double>::infinity();
  // Never above the candidate's share of the odds of all: of two equal ones neither is sure.
  double odds = 0;
  for (const Ranked& r : ranked) odds += std::exp(r.logit - ranked[0].logit);
  for (size_t i = 0; i < ranked.size(); ++i) {
    const double share = std::exp(ranked[i].logit - ranked[0].logit) / odds;
    ranked[i].confidence =
        std::min(share, model.Confidence(ranked[i].logit, i == 0 ? second : ranked[0].logit));
  }
  if (ranked.size() > kMaxRanked) ranked.resize(kMaxRanked);
  return ranked;
}

Decisions Decide(const LinkModel& model, std::span<const ItemCandidates> candidates,
                 const DecideOptions& options) {
  Decisions out;
  out.items.resize(candidates.size());
  std::vector<double> best;
  for (size_t i = 0; i < candidates.size(); ++i) {
    Decision& item = out.items[i];
    item.ranked = RankCandidates(model, candidates[i]);
    if (item.ranked.empty()) {
      item.outcome = OfProblem(candidates[i].problem);
    } else if (item.ranked[0].confidence > options.least_confidence) {
      best.push_back(item.ranked[0].confidence);
    }
  }
  std::sort(best.rbegin(), best.rend());
  double sum = 0;
  for (size_t i = 0; i < best.size(); ++i) {
    sum += best[i];
    if (sum >= options.precision * static_cast<double>(i + 1)) out.threshold = best[i];
  }
  for (Decision& item : out.items) {
    if (item.ranked.empty()) continue;
    if (!best.empty() && item.ranked[0].confidence >= out.threshold) {
      item.outcome = Outcome::kLinked;
    } else {
      item.outcome = IsAmbiguous(item) ? Outcome::kAmbiguous : Outcome::kUnsure;
    }
  }
  if (options.one_to_one) MakeOneToOne(out.threshold, &out.items);
  return out;
}

}  // namespace undula::linking
