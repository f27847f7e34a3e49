// A universe in memory: films, their directors, a novel and a city, filled by a test.
#ifndef UNDULA_TESTS_LINKING_SMALL_UNIVERSE_H_
#define UNDULA_TESTS_LINKING_SMALL_UNIVERSE_H_

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "linking/page_rank.h"
#include "linking/universe.h"

namespace undula::linking {

class SmallUniverse {
 public:
  EntityId Add(const std::string& label, uint16_t year = 0) {
    const EntityId entity{static_cast<uint32_t>(labels_.size())};
    labels_.push_back(label);
    years_.push_back(year);
    return entity;
  }
  void Connect(EntityId head, uint32_t relation, EntityId tail) {
    edges_.emplace_back(head, RelationId{relation}, tail);
  }
  // Once, after all entities and edges.
  const Universe& Build() {
    Fill(edges_, &out_);
    for (auto& [head, relation, tail] : edges_) std::swap(head, tail);
    Fill(edges_, &in_);
    universe_.out = &out_;
    universe_.in = &in_;
    universe_.year = years_;
    for (uint32_t e = 0; e < labels_.size(); ++e) {
      EXPECT_TRUE(universe_.labels.Add(EntityId{e}, labels_[e], LabelSource::kLabel).ok());
      universe_.name_hash.push_back(NameHash(labels_[e]));
    }
    universe_.labels.Build();
    universe_.page_rank = PageRank(out_);
    return universe_;
  }

 private:
  using Edge = std::tuple<EntityId, RelationId, EntityId>;

  void Fill(std::vector<Edge> edges, EdgeCsr* csr) const {
    std::sort(edges.begin(), edges.end());
    csr->ptr.assign(labels_.size() + 1, 0);
    for (const auto& [head, relation, tail] : edges) {
      ++csr->ptr[Index(head) + 1];
      csr->relation.push_back(relation);
      csr->entity.push_back(tail);
    }
    for (size_t e = 0; e < labels_.size(); ++e) csr->ptr[e + 1] += csr->ptr[e];
  }

  std::vector<std::string> labels_;
  std::vector<uint16_t> years_;
  std::vector<Edge> edges_;
  EdgeCsr out_, in_;
  Universe universe_;
};

}  // namespace undula::linking

#endif  // UNDULA_TESTS_LINKING_SMALL_UNIVERSE_H_
