#include "linking/evaluate.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace undula::linking {
namespace {

// Of the regularization.
constexpr double kStrength = 1, kPriorStrength = 10, kCalibrationStrength = 1;
constexpr int kLeastGold = 20;

int FoldOf(size_t item, int folds, uint64_t seed) {
  uint64_t x = seed + (item + 1) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return static_cast<int>((x ^ (x >> 31)) % static_cast<uint64_t>(folds));
}

// What the model is calibrated on: the best candidate's logit and its lead.
struct Best {
  EntityId entity;
  double logit, lead;
};

std::optional<Best> FindBest(const LinkModel& model, const ItemCandidates& item) {
  const std::vector<Ranked> ranked = RankCandidates(model, item);
  if (ranked.empty()) return std::nullopt;
  const double lead = ranked.size() > 1 ? ranked[0].logit - ranked[1].logit : LinkModel::kMostLead;
  return Best{ranked[0].entity, ranked[0].logit, std::min(lead, LinkModel::kMostLead)};
}

}  // namespace

absl::StatusOr<LinkModel> TrainLinkModel(std::span<const ItemCandidates> candidates,
                                         std::span<const Gold> gold, const LinkModel* prior) {
  std::vector<float> rows;
  std::vector<uint8_t> labels;
  int right = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!gold[i]) continue;
    for (const Candidate& candidate : candidates[i].candidates) {
      rows.insert(rows.end(), candidate.evidence.begin(), candidate.evidence.end());
      labels.push_back(candidate.entity == *gold[i]);
      right += labels.back();
    }
  }
  if (right < kLeastGold) {
    return FailedPreconditionError("only ", right, " gold links have their entity among the ",
                                   "candidates; at least ", kLeastGold, " are needed");
  }
  LinkModel model;
  const std::vector<double> weights =
      FitLogistic(rows, labels, prior != nullptr ? prior->weights : model.weights,
                  prior != nullptr ? kPriorStrength : kStrength);
  std::copy(weights.begin(), weights.end(), model.weights.begin());

  rows.clear();
  labels.clear();
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!gold[i]) continue;
    const std::optional<Best> best = FindBest(model, candidates[i]);
    if (!best) continue;
    rows.insert(rows.end(),
                {1.0f, static_cast<float>(best->logit), static_cast<float>(best->lead)});
    labels.push_back(best->entity == *gold[i]);
  }
  const std::vector<double> calibration =
      FitLogistic(rows, labels, model.calibration, kCalibrationStrength);
  std::copy(calibration.begin(), calibration.end(), model.calibration.begin());
  return model;
}

absl::StatusOr<Decisions> CrossDecide(std::span<const ItemCandidates> candidates,
                                      std::span<const Gold> gold, int folds, uint64_t seed,
                                      const DecideOptions& options) {
  if (folds < 2) return InvalidArgumentError("cross-validation needs at least 2 folds");
  Decisions all;
  all.items.resize(candidates.size());
  double thresholds = 0;
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<Gold> train(gold.begin(), gold.end());
    std::vector<size_t> items;
    std::vector<ItemCandidates> held_out;
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (FoldOf(i, folds, seed) != fold) continue;
      train[i].reset();
      items.push_back(i);
      held_out.push_back(candidates[i]);
    }
    UNDULA_ASSIGN_OR_RETURN(const LinkModel model, TrainLinkModel(candidates, train));
    Decisions decided = Decide(model, held_out, options);
    for (size_t k = 0; k < items.size(); ++k) all.items[items[k]] = std::move(decided.items[k]);
    thresholds += decided.threshold;
  }
  all.threshold = thresholds / folds;
  return all;
}

std::string_view LinkErrorText(LinkError error) {
  switch (error) {
    case LinkError::kRanking:
      return "linked to a wrong candidate";
    case LinkError::kNotFound:
      return "linked, the right entity was no candidate";
    case LinkError::kAbsent:
      return "linked, the right entity is not in the graph";
    case LinkError::kUnsure:
      return "not linked, the best candidate was right";
    case LinkError::kMissedRanking:
      return "not linked, a lower candidate was right";
    case LinkError::kMissed:
      return "not linked, the right entity was no candidate";
  }
  return "unknown";
}

LinkEvaluation EvaluateDecisions(const Universe& universe, const Decisions& decisions,
                                 std::span<const Gold> gold, std::span<const uint8_t> skip) {
  LinkEvaluation out;
  for (size_t i = 0; i < decisions.items.size(); ++i) {
    if (!gold[i] || (!skip.empty() && skip[i] != 0)) continue;
    const Decision& item = decisions.items[i];
    const EntityId right = *gold[i];
    const bool present = right != kNone<EntityId>;
    const bool linked = item.outcome == Outcome::kLinked;
    const EntityId chosen = linked ? item.ranked[item.chosen].entity : kNone<EntityId>;
    const bool correct = linked && chosen == right;
    const auto count = [&](LinkCounts* counts) {
      ++counts->items;
      counts->present += present;
      counts->linked += linked;
      counts->right += correct;
    };
    count(&out.all);
    const int64_t degree = present ? universe.degree(right) : 0;
    count(&out.by_degree[static_cast<size_t>(
        std::upper_bound(kDegreeBands.begin(), kDegreeBands.end(), degree) -
        kDegreeBands.begin())]);
    if (linked) {
      LinkCounts& method =
          out.by_method[static_cast<size_t>(HowFound(item.ranked[item.chosen].evidence))];
      ++method.linked;
      method.right += correct;
    }
    if (!item.ranked.empty()) {
      const double confidence = item.ranked[0].confidence;
      const int bin =
          std::min(static_cast<int>(confidence * kReliabilityBins), kReliabilityBins - 1);
      LinkEvaluation::Bin& b = out.reliability[static_cast<size_t>(bin)];
      ++b.items;
      b.right += item.ranked[0].entity == right;
      b.confidence += confidence;
    }
    if (correct || (!linked && !present)) continue;
    const auto among = std::find_if(item.ranked.begin(), item.ranked.end(),
                                    [&](const Ranked& r) { return r.entity == right; });
    const bool candidate = among != item.ranked.end();
    LinkError error;
    if (linked) {
      error = !present    ? LinkError::kAbsent
              : candidate ? LinkError::kRanking
                          : LinkError::kNotFound;
    } else {
      error = !candidate                     ? LinkError::kMissed
              : among == item.ranked.begin() ? LinkError::kUnsure
                                             : LinkError::kMissedRanking;
    }
    ++out.errors[static_cast<size_t>(error)];
    out.cases.push_back({i, error, chosen});
  }
  for (LinkCounts& counts : out.by_method) {
    counts.items = out.all.items;
    counts.present = out.all.present;
  }
  return out;
}

}  // namespace undula::linking
