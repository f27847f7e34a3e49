// Measures decisions against gold links, and trains the model from them.
#ifndef UNDULA_LINKING_EVALUATE_H_
#define UNDULA_LINKING_EVALUATE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "linking/candidates.h"
#include "linking/decide.h"
#include "linking/link_model.h"

namespace undula::linking {

// The right entity of an item: nothing where the gold file does not name the item, kNone<EntityId>
// where it names an entity that the graph does not have (the item must stay unlinked).
using Gold = std::optional<EntityId>;

// Weights by regularized logistic regression over all candidates of the items that have gold, then
// the calibration over their best candidates. With `prior` the weights start from that model and
// stay near it (strength 10 in place of 1 towards 0). FailedPrecondition with fewer than 20 items
// that have a right candidate.
absl::StatusOr<LinkModel> TrainLinkModel(std::span<const ItemCandidates> candidates,
                                         std::span<const Gold> gold,
                                         const LinkModel* prior = nullptr);

// Decisions for all items where those of each fold come from a model trained on the others. Folds
// are drawn from the item's place and the seed. The threshold is chosen within the fold.
absl::StatusOr<Decisions> CrossDecide(std::span<const ItemCandidates> candidates,
                                      std::span<const Gold> gold, int folds, uint64_t seed,
                                      const DecideOptions& options);

struct LinkCounts {
  int64_t items = 0;    // with gold
  int64_t present = 0;  // of these, with a right entity in the graph
  int64_t linked = 0, right = 0;
  double precision() const { return linked == 0 ? 0 : static_cast<double>(right) / linked; }
  double recall() const { return present == 0 ? 0 : static_cast<double>(right) / present; }
  double f1() const {
    const double sum = precision() + recall();
    return sum == 0 ? 0 : 2 * precision() * recall() / sum;
  }
  double coverage() const { return items == 0 ? 0 : static_cast<double>(linked) / items; }
};

enum class LinkError : uint8_t {
  kRanking,        // linked to another entity; the right one was a candidate
  kNotFound,       // linked to another entity; the right one was no candidate
  kAbsent,         // linked, though the graph does not have the right entity
  kUnsure,         // not linked; the right one was the best candidate
  kMissedRanking,  // not linked; the right one was a candidate, not the best
  kMissed,         // not linked; the right one was no candidate
};
inline constexpr int kLinkErrors = 6;
std::string_view LinkErrorText(LinkError error);

inline constexpr std::array<int64_t, 3> kDegreeBands = {1, 10, 30};  // lower ends after the first
inline constexpr int kReliabilityBins = 10;

struct LinkEvaluation {
  LinkCounts all;
  std::array<LinkCounts, 4> by_degree;  // by the right entity's edges: 0, 1-9, 10-29, 30 and more
  // By how the chosen candidate was found; `items` and `present` are those of all.
  std::array<LinkCounts, kFoundByCount> by_method;
  struct Bin {
    int64_t items = 0, right = 0;
    double confidence = 0;  // sum
  };
  std::array<Bin, kReliabilityBins> reliability;  // of best candidates, linked or not
  std::array<int64_t, kLinkErrors> errors{};
  struct Case {
    size_t item;
    LinkError error;
    EntityId chosen;  // kNone where nothing was
  };
  std::vector<Case> cases;  // all errors, by item
};

// `skip[i]`: leave the item out (may be empty).
LinkEvaluation EvaluateDecisions(const Universe& universe, const Decisions& decisions,
                                 std::span<const Gold> gold, std::span<const uint8_t> skip);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_EVALUATE_H_
