// From candidates to decisions: linked, ambiguous or unlinked, each with its reason.
#ifndef UNDULA_LINKING_DECIDE_H_
#define UNDULA_LINKING_DECIDE_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "linking/candidates.h"
#include "linking/link_model.h"

namespace undula::linking {

// How a candidate was found.
enum class FoundBy : uint8_t {
  kExact,        // the title's words
  kSpelling,     // other articles, spaces, signs or numerals
  kPart,         // a bracket, a sub-title or the first of several names
  kApproximate,  // one or two letters apart
};
inline constexpr int kFoundByCount = 4;
FoundBy HowFound(const EvidenceVector& evidence);
std::string_view FoundByName(FoundBy by);  // "exact", ...

enum class Outcome : uint8_t {
  kLinked,
  kAmbiguous,  // the best candidate is not sure enough, and another one is nearly as good
  kUnsure,     // the best candidate is not sure enough
  kTaken,      // one-to-one: another item has all its candidates that are sure enough
  kNoCandidate,
  kNoTitle,   // empty, or nothing but punctuation
  kBadTitle,  // invalid UTF-8, or longer than kMaxTitle
};
std::string_view OutcomeText(Outcome outcome);  // "linked", "several entities fit", ...

struct Ranked {
  EntityId entity;
  double confidence;  // that it is the right one, 0..1
  double logit;
  EvidenceVector evidence;
};

struct Decision {
  Outcome outcome = Outcome::kNoCandidate;
  size_t chosen = 0;           // of `ranked`, where linked
  std::vector<Ranked> ranked;  // best first, at most kMaxRanked
};
inline constexpr size_t kMaxRanked = 8;

struct DecideOptions {
  // Expected share of right links among all links: the lowest confidence that is still linked is
  // chosen so that the mean confidence of the links is at least this.
  double precision = 0.99;
  double least_confidence = 0.5;  // a single link is surer than this, whatever the mean allows
  bool one_to_one = false;        // an entity belongs to one item, the most confident one
};

struct Decisions {
  std::vector<Decision> items;
  double threshold = 1;  // confidence
};

// Ranked candidates of an item; the first's confidence is calibrated against the second.
std::vector<Ranked> RankCandidates(const LinkModel& model, const ItemCandidates& candidates);

// One for each item, in order. Deterministic.
Decisions Decide(const LinkModel& model, std::span<const ItemCandidates> candidates,
                 const DecideOptions& options);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_DECIDE_H_
