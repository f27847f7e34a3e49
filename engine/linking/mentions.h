// Names of entities in documents: where they stand, how they are written, and what is around them.
#ifndef UNDULA_LINKING_MENTIONS_H_
#define UNDULA_LINKING_MENTIONS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/csr.h"
#include "base/ids.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "linking/name_table.h"

namespace undula::linking {

struct Document {
  std::vector<std::string> texts;  // title, abstract, ...
};

// How the words of a name are written, small words left aside.
enum class NameForm : uint8_t { kLower, kCapital, kUpper };
inline constexpr uint32_t kNameForms = 3;
inline constexpr uint32_t kNoName = 0xFFFFFFFFu;

// A name that occurs in a document in one form, any number of times.
struct NameInDocument {
  uint32_t name = 0;
  NameForm form = NameForm::kLower;
  uint8_t words = 0;
  bool in_first = false, in_rest = false;  // in the document's first text, in the others
  uint16_t times = 0;
  // Of these occurrences: within a longer name; across the border of one; with a capitalized word
  // before, after, without either ("John" in "John Doe"; never so in headlines, where all words are
  // capitalized); in headlines; at the beginning of a sentence; in the genitive; before a comma;
  // beside a hyphen; joined to a capitalized word before, after, in headlines too.
  uint16_t nested = 0, crossing = 0, capital_before = 0, capital_after = 0, alone = 0, headline = 0,
           begins = 0, genitive = 0, comma = 0, hyphen = 0, joined_before = 0, joined_after = 0;
  // Capitalized words that stand before and after it, where these are fewest.
  uint8_t run_before = 255, run_after = 255;
  uint32_t place = 0xFFFFFFFFu;    // the first one's word
  uint32_t cover = kNoName;        // a longer name around it
  uint64_t before = 0, after = 0;  // hashes of the words beside the first one; small: no word there
};

struct DocumentNames {
  std::vector<NameInDocument> names;  // by name, then form
  std::vector<uint64_t> words;        // hashes of all words, ascending, distinct
  uint32_t length = 0;                // words
  bool has_rest = false;              // a text after the first one
  // What the document is about, the coarsest first; not set by FindNames(). Ids below 2^31.
  std::vector<uint32_t> topics;
};

// Of names that overlap the longest one counts; names within it are marked as nested. Names that
// are mere parts of labels are looked for in capitals only, and where no other name stands but
// within them. One result
// for each document. Parallel in `arena`.
absl::StatusOr<std::vector<DocumentNames>> FindNames(const NameTable& names,
                                                     std::span<const Document> documents,
                                                     TaskArena& arena, Progress* progress);

// Neighbors of entities, in both directions, sorted: who is connected to whom.
class Neighbors {
 public:
  Neighbors(const EdgeCsr& out, const EdgeCsr& in);
  bool Connected(EntityId a, EntityId b) const;
  int64_t Count(EntityId e) const { return ptr_[Index(e) + 1] - ptr_[Index(e)]; }

 private:
  std::vector<int64_t> ptr_;
  std::vector<EntityId> entity_;
};

struct Mention {
  EntityId entity;
  uint32_t name;
  double confidence;
};

// Entities of names that are the label of one entity only: the baseline without any training.
std::vector<EntityId> ByLabel(const NameTable& names, const DocumentNames& found);

// The lowest confidence to link so that the mean confidence of all mentions above it is
// `precision`; never below `least`.
double MentionThreshold(std::span<const std::vector<Mention>> mentions, double precision,
                        double least);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_MENTIONS_H_
