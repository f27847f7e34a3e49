// Mentions of entities in documents: names found by longest match, weighed by how often the name
// stood for the entity in annotated documents, by its form, and by the other entities around.
#ifndef UNDULA_LINKING_MENTIONS_H_
#define UNDULA_LINKING_MENTIONS_H_

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

// A name that occurs in a document, any number of times. Names within longer names do not count.
struct NameInDocument {
  uint32_t name;
  uint16_t times;
  uint8_t words;
  bool all_upper;  // an acronym
  bool in_first;   // in the document's first text
  // Occurrences in text that is not capitalized throughout, and not at a text's beginning: with all
  // words capitalized, with some not, and beside another capitalized word ("John" in "John Doe").
  uint16_t capital, lower, beside;
};

// One list for each document, by name. Parallel in `arena`.
absl::StatusOr<std::vector<std::vector<NameInDocument>>> FindNames(
    const NameTable& names, std::span<const Document> documents, TaskArena& arena,
    Progress* progress);

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

enum MentionEvidence : uint8_t {
  kMentionBias,
  kSeen,      // the name occurs in annotated documents
  kSeenOdds,  // of these: log-odds that it stands for the entity
  kSeenLog,   // log of 1 + their number
  kUnseenUpper,
  kUnseenWords,  // log of the number of words
  kUnseenLength,
  kUnseenLabel,   // the name is a label, not a part of one
  kUnseenLast,    // the name is the last word of one
  kUnseenRivals,  // log of the number of entities with this name
  kUnseenCommon,  // log of 1 + documents with the name
  kEntityLog,     // log of 1 + annotated documents that mention the entity
  kConnected,     // log of 1 + other candidates of the document that the graph connects to it
  kContext,       // how usual the document's other names are where the entity is mentioned
  kPopular,       // log of 1 + neighbors of the entity in the graph
  kOtherNames,    // another name of the document may stand for the entity too
  kContained,     // a longer name of the document has this one in it and may not
  kTimes,         // log of how often the name occurs in the document
  kInFirst,
  kCapital,       // log-odds that the name is capitalized, in this document
  kUsualCapital,  // the same in all documents
  kBeside,        // log-odds that another capitalized word stands beside it
  kUsualBeside,
  kMentionEvidenceCount
};

struct Mention {
  EntityId entity;
  uint32_t name;
  double confidence;
};

// Entities of each annotated document, ascending; documents without annotation: `annotated` 0.
struct MentionGold {
  std::vector<std::vector<EntityId>> entities;
  std::vector<uint8_t> annotated;
};

// Counts and weights from the annotated documents of one name table. Thread-safe after Train().
class MentionModel {
 public:
  // `found` is FindNames() of the documents. FailedPrecondition where fewer than 20 names stand for
  // an annotated entity.
  static absl::StatusOr<MentionModel> Train(const NameTable& names, const Neighbors& neighbors,
                                            std::span<const std::vector<NameInDocument>> found,
                                            const MentionGold& gold, uint32_t n_entities);

  // Entities of a document that the model has not been trained on, best first, an entity once; of
  // each name the best entity only.
  std::vector<Mention> Weigh(const std::vector<NameInDocument>& found) const;

  // The baseline: of each name the entity that it stood for most often, where that was in half of
  // its documents at least; of names never seen the entity, where there is one only.
  std::vector<EntityId> ByPrior(const std::vector<NameInDocument>& found) const;

 private:
  struct Candidate {
    uint32_t name;
    uint32_t entry;  // of the name table
    EntityId entity;
    std::array<float, kMentionEvidenceCount> evidence;
  };
  MentionModel(const NameTable& names, const Neighbors& neighbors)
      : names_(&names), neighbors_(&neighbors) {}
  void CountUsage(std::span<const std::vector<NameInDocument>> found);
  // Mean log-ratio of how often the document's other names stand beside the entity to how often
  // they would by chance; 0 where the entity is in no other annotated document.
  float Context(EntityId entity, uint32_t name, const std::vector<NameInDocument>& found,
                bool own) const;
  // `own`: the document's own annotation, taken out of the counts (training); null else.
  std::vector<Candidate> Candidates(const std::vector<NameInDocument>& found,
                                    const std::vector<EntityId>* own) const;

  const NameTable* names_;
  const Neighbors* neighbors_;
  // Of a name in all documents, annotated or not.
  struct Usage {
    float capital = 0, beside = 0;  // log-odds
    uint32_t documents = 0;
  };
  std::vector<Usage> usage_;           // by name
  std::vector<uint32_t> occurrences_;  // by name: annotated documents with it
  std::vector<uint32_t> meant_;        // by entry: of these, where it stood for the entity
  std::vector<uint32_t> documents_;    // by entity: annotated documents with it
  std::map<std::pair<EntityId, uint32_t>, uint32_t> beside_;  // documents with entity and name
  uint32_t annotated_ = 0;                                    // documents
  std::vector<double> weights_;
};

// Entities of names that are the label of one entity only: the baseline without any training.
std::vector<EntityId> ByLabel(const NameTable& names, const std::vector<NameInDocument>& found);

// The lowest confidence to link so that the mean confidence of all mentions above it is
// `precision`; never below `least`.
double MentionThreshold(std::span<const std::vector<Mention>> mentions, double precision,
                        double least);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_MENTIONS_H_
