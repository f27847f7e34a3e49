// The ranker's model: logistic regressions over the evidence for one candidate.
#ifndef UNDULA_LINKING_LINK_MODEL_H_
#define UNDULA_LINKING_LINK_MODEL_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace undula::linking {

// Evidence that speaks for or against a candidate. All values are of the order of 1.
enum Evidence : uint8_t {
  kBias,
  kSameWords,  // title and label have the same words in the same order
  kEdits,      // edits between the keys, relative to the length of the title's key times 10
  kFromInner,  // found by a bracket of the title, by what stands before its sub-title, by the
  kFromHead,   // sub-title, by the first of several names
  kFromTail,
  kFromPart,
  kOfHead,  // the label was found by what stands before its sub-title
  kOfBare,  // the label has a bracket: "The Sting (film)"
  kOfAlias,
  kLength,      // log of the key's length, less log 10
  kSameYear,    // as the title or the catalogue has it
  kNearYear,    // one year apart
  kOtherYear,   // further apart
  kType,        // log-odds of the entity's relations among clear links against all entities
  kQualifier,   // the same of the words in the label's bracket
  kDegree,      // log10 of 1 + edges
  kRank,        // log10 of PageRank
  kRivals,      // log of 1 + other candidates that fit the title as well or better
  kDegreeLead,  // the candidate's less the best of these rivals'
  kTypeLead,
  kQualifierLead,
  kYearLead,  // same year 1, near 0.5, unknown 0, other -1: the candidate's less the best rival's
  kBest,      // no candidate fits the title better
  kClaimed,   // another item fits this entity better
  kShared,    // log of 1 + other items that fit this entity as well
  kAgrees,    // columns of the catalogue that name a neighbor of the entity
  kEvidenceCount
};
std::string_view EvidenceName(Evidence evidence);

using EvidenceVector = std::array<float, kEvidenceCount>;

struct LinkModel {
  static constexpr int kVersion = 1;

  std::array<double, kEvidenceCount> weights{};
  // Confidence that the best candidate is right: logistic of [0] + [1] * its logit + [2] * its lead
  // over the second (at most kMostLead).
  std::array<double, 3> calibration = {0, 1, 0};
  static constexpr double kMostLead = 8;

  // Before calibration.
  double Logit(const EvidenceVector& evidence) const;
  double Confidence(double best, double second) const;  // second: logit, -inf for none
};

// Trained on both gold sets of docs/linking.md.
const LinkModel& ShippedModel();

// A text file: "undula-link-model VERSION", then "name<tab>value" lines. InvalidArgument names the
// line; another version is FailedPrecondition and says to train again.
std::string FormatModel(const LinkModel& model);
absl::StatusOr<LinkModel> ParseModel(std::string_view text, std::string_view file);

// L2-regularized logistic regression by Newton's method with step halving (50 rounds at most), in
// double and in the order of the rows, so that equal input gives equal bits. `rows` has
// prior.size() values per label; the weights are pulled towards `prior` with strength l2, but the
// first one (bias) is free.
std::vector<double> FitLogistic(std::span<const float> rows, std::span<const uint8_t> labels,
                                std::span<const double> prior, double l2);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_LINK_MODEL_H_
