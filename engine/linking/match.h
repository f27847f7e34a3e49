// Which labels a title fits, and how well.
#ifndef UNDULA_LINKING_MATCH_H_
#define UNDULA_LINKING_MATCH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "linking/label_index.h"

namespace undula::linking {

// A title fits a label of an entity. Of several such pairs of one entity the cheapest counts.
struct Match {
  EntityId entity;
  float cost;  // 0 = same words; grows with everything that had to be changed or left out
  TitleForm::Kind form, label_form;
  LabelSource source;
  uint8_t edits;
  bool same_words;
  uint8_t key_size;
  uint16_t label_year;  // 0 = none
  uint16_t qualifier;   // of LabelIndex::qualifiers()
};

// Why nothing was looked up.
enum class TitleProblem : uint8_t { kNone, kEmpty, kInvalidUtf8, kTooLong };

struct TitleMatches {
  TitleProblem problem = TitleProblem::kNone;
  int year = 0;                // of the title
  std::vector<Match> matches;  // by (cost, entity), the first `most`
};

inline constexpr size_t kMaxTitle = 4096;  // bytes; a longer one is no title

// Approximate matches are looked for where no form of the title has an exact one that leaves
// nothing out, and `approximate` is set. Thread-safe.
TitleMatches MatchTitle(const LabelIndex& index, std::string_view title, bool approximate,
                        size_t most);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_MATCH_H_
