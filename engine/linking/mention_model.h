// Which of the names in a document stand for which entity: counts of annotated documents and what
// stands around a name, weighed by boosted trees.
#ifndef UNDULA_LINKING_MENTION_MODEL_H_
#define UNDULA_LINKING_MENTION_MODEL_H_

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "linking/boosted_trees.h"
#include "linking/mentions.h"

namespace undula::linking {

// Entities of each annotated document, ascending; documents without annotation: `annotated` 0.
struct MentionGold {
  std::vector<std::vector<EntityId>> entities;
  std::vector<uint8_t> annotated;
  // By document: which names of the table were given as surface forms of which entity, distinct.
  std::vector<std::vector<std::pair<uint32_t, EntityId>>> surfaces;
  // By document, as `entities`: how sure the annotation is, from 0 to 1; empty where that is
  // unknown.
  std::vector<std::vector<float>> confidence;
};

// The trees are trained on ten parts of the annotated documents, each with counts from the other
// nine: what they learn holds for documents that were never seen. (Counts without the document
// alone would tell of it: where it says yes, they hold one yes less.) Second trees weigh each
// candidate anew beside what the first ones think of the others in its document; they are trained
// on opinions of first trees that were trained on other documents. Thread-safe after Train().
class MentionModel {
 public:
  // `found` is FindNames() of the documents. FailedPrecondition where fewer than 20 names stand for
  // an annotated entity. `names` and `neighbors` must outlive the model.
  static absl::StatusOr<MentionModel> Train(const NameTable& names, const Neighbors& neighbors,
                                            std::span<const DocumentNames> found,
                                            const MentionGold& gold, uint32_t n_entities);

  // Entities of a document that the model has not been trained on, best first, an entity once; of
  // each name the best entity only.
  std::vector<Mention> Weigh(const DocumentNames& found) const;

  // The baseline: of each name the entity that it stood for most often, where that was in half of
  // its documents at least; of names never seen the entity, where there is one only. Without parts
  // of labels and names within longer ones.
  std::vector<EntityId> ByPrior(const DocumentNames& found) const;

 private:
  // Columns of the evidence: of the name, of the entity for the name, of both in the document.
  static constexpr size_t kNameWidth = 43, kPickWidth = 24, kTogetherWidth = 13;
  // Those that the first trees' opinions of all candidates of the document give, for the second.
  static constexpr size_t kAroundWidth = 15;
  static constexpr size_t kParts = 10, kGroups = 5;
  static constexpr uint32_t kAnyForm = 3;  // beside the values of NameForm
  static constexpr size_t kFirstWidth = kNameWidth + kPickWidth + kTogetherWidth;
  static constexpr size_t kWidth = kFirstWidth + kAroundWidth;
  using Row = std::array<float, kWidth>;

  // A key of in_topic_. `what` is counted there: an entry, all entities of a name, a kind of name.
  static constexpr uint64_t kOfEntry = 1, kOfName = 2, kOfKind = 3;
  static uint64_t TopicKey(uint64_t what, uint64_t of, uint64_t topic);

  struct Counts {
    uint32_t all = 0, yes = 0;
  };
  struct Pick {
    uint32_t entry;  // of the name table
    EntityId entity;
    NameKind kind;
    uint64_t pattern;           // kind and words that the name lacks of the label
    uint32_t lacks;             // how many words
    float lacking_in_document;  // share of these that the document has elsewhere
  };
  struct Candidate {
    uint32_t name;
    EntityId entity;
    Row row;           // the columns of kAroundWidth are 0 till LookAround()
    double logit = 0;  // of the first trees
  };

  MentionModel(const NameTable& names, const Neighbors& neighbors, uint32_t n_entities)
      : names_(&names), neighbors_(&neighbors), documents_(n_entities), possible_(n_entities) {}
  void CountUsage(std::span<const DocumentNames> found);
  // All annotated documents but each kParts-th from `but` on; kParts for all.
  void CountAnnotated(std::span<const DocumentNames> found, const MentionGold& gold, size_t but);
  void CountDocument(const DocumentNames& found, const std::vector<EntityId>& entities,
                     const std::vector<float>* confidence);
  void CountPatterns(const DocumentNames& found, const std::vector<EntityId>& entities);
  // Of a name's first word and of its last one, 0 where it has one only.
  static std::pair<uint64_t, uint64_t> WordKeys(std::string_view name, NameForm form);
  uint64_t ShapeKey(const NameInDocument& in, const Pick& pick) const;
  std::vector<Pick> Picks(const NameInDocument& in, const DocumentNames& found) const;
  std::vector<Candidate> Candidates(const DocumentNames& found) const;
  // Weighs candidates of a document by the first trees, drops hopeless ones, and fills the columns
  // that follow from the others.
  void LookAround(const BoostedTrees& first, std::vector<Candidate>* candidates) const;
  void WeighName(const NameInDocument& in, Row* row) const;
  void WeighPick(const NameInDocument& in, const Pick& pick, Row* row) const;
  float Context(EntityId entity, uint32_t name, const DocumentNames& found) const;
  // The same against the documents with `name`, whatever it stands for there.
  float Contrast(EntityId entity, uint32_t name, double share, const DocumentNames& found) const;
  // Share of yes where `rate` is the usual one, in the topics of the document.
  double InTopics(uint64_t yes_what, uint64_t yes_of, uint64_t all_what, uint64_t all_of,
                  double rate, const DocumentNames& found) const;
  uint32_t Meant(uint32_t entry, uint32_t form) const;
  Counts Seen(uint32_t name, uint32_t form) const;
  static Counts At(const std::unordered_map<uint64_t, Counts>& counts, uint64_t key);

  const NameTable* names_;
  const Neighbors* neighbors_;
  // Of a name in all documents, annotated or not.
  struct Usage {
    uint32_t documents = 0;
    std::array<uint32_t, kNameForms> forms = {};
    uint32_t beside = 0;  // documents where a capitalized word stands beside it
  };
  std::vector<Usage> usage_;  // by name
  // Of annotated documents, by name * 4 + form, form 3 for any: those with the name, and those
  // where one of its entities is annotated.
  std::unordered_map<uint64_t, Counts> counts_;
  std::unordered_map<uint64_t, uint32_t> meant_;  // by entry * 4 + form
  std::unordered_map<uint64_t, uint32_t> pairs_;  // by two names, in order: documents with both
  // Sums of the annotations' confidence, by entity and by entry.
  std::unordered_map<uint32_t, double> sure_entity_, sure_entry_;
  // By entry: annotated documents with it as a surface form, counted ones and all.
  std::unordered_map<uint32_t, Counts> surfaces_;
  std::vector<uint32_t> documents_;  // by entity: annotated documents with it
  std::vector<uint32_t> possible_;   // by entity: documents with one of its names that is no part
  std::map<std::pair<EntityId, uint32_t>, uint32_t> beside_;  // documents with entity and name
  std::unordered_map<uint64_t, Counts> before_, after_;       // by the word beside a name
  std::unordered_map<uint64_t, Counts> patterns_;
  std::unordered_map<uint64_t, Counts> in_topic_;  // by TopicKey()
  std::array<Counts, kNameKinds> kinds_ = {};
  // By how the label is written, name and kind; by the first and the last word of the name.
  std::unordered_map<uint64_t, Counts> shapes_, first_words_, last_words_;
  Counts words_;            // of all words beside names
  Counts picks_;            // of all candidates
  uint32_t annotated_ = 0;  // documents
  BoostedTrees first_, second_;
};

}  // namespace undula::linking

#endif  // UNDULA_LINKING_MENTION_MODEL_H_
