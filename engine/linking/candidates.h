// Candidates of every item of a catalogue, with the evidence for each.
#ifndef UNDULA_LINKING_CANDIDATES_H_
#define UNDULA_LINKING_CANDIDATES_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "linking/link_model.h"
#include "linking/match.h"
#include "linking/universe.h"

namespace undula::linking {

struct CatalogItem {
  ItemId id;
  std::string title;
  int year = 0;                      // of a column of the catalogue; 0 = none
  std::vector<uint32_t> attributes;  // NameHash() of the values of other columns, ascending
};

struct Candidate {
  EntityId entity;
  EvidenceVector evidence;
};

struct ItemCandidates {
  TitleProblem problem = TitleProblem::kNone;
  std::vector<Candidate> candidates;  // by (cost of the match, entity)
};

struct CandidateOptions {
  bool approximate = true;
  int64_t most = 32;  // of an item
};

// One for each item, in order. Two passes: labels, then evidence that needs all items (which sort
// of entity the clear links are, who else fits an entity). Parallel in `arena`; the result does not
// depend on the number of threads. Memory: about 150 bytes a candidate. Cancelled and
// DeadlineExceeded by `progress` (may be null), which is asked between blocks of items.
absl::StatusOr<std::vector<ItemCandidates>> FindCandidates(const Universe& universe,
                                                           std::span<const CatalogItem> items,
                                                           const CandidateOptions& options,
                                                           TaskArena& arena, Progress* progress);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_CANDIDATES_H_
