// What sort of entity the items of a catalogue are, learned from its clear links: no list of types
// or words is built in.
#ifndef UNDULA_LINKING_TYPE_EVIDENCE_H_
#define UNDULA_LINKING_TYPE_EVIDENCE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/csr.h"
#include "base/ids.h"
#include "linking/universe.h"

namespace undula::linking {

// Two naive Bayes scores (log-odds, 0 = says nothing, within -kMost..kMost): which relations an
// entity has, in which direction; and which words stand in the bracket of its label. Thread-safe.
class TypeEvidence {
 public:
  static constexpr double kMost = 6;

  // A clear link: an entity and the qualifier of the label that it was found by.
  struct Seed {
    EntityId entity;
    uint16_t qualifier;
  };
  // Without seeds both scores are 0.
  TypeEvidence(const Universe& universe, std::span<const Seed> seeds);

  // 0 for an entity without edges.
  double OfRelations(EntityId entity) const;
  // 0 for no qualifier and for words never seen.
  double OfQualifier(uint16_t qualifier) const { return qualifier_[qualifier]; }

 private:
  template <class F>
  void ForEachRelation(EntityId entity, F&& f) const;

  const Universe& universe_;
  size_t relations_ = 0;
  std::vector<double> relation_;  // by relation, outgoing then incoming: what having it adds
  double none_ = 0;               // of an entity that has none of them
  std::vector<double> qualifier_;
};

}  // namespace undula::linking

#endif  // UNDULA_LINKING_TYPE_EVIDENCE_H_
