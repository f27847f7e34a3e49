// Sums over the explanations of many items, of one kind of reasons: what MeasureExplanations fills.
#ifndef UNDULA_QUERIES_EXPLANATION_TALLY_H_
#define UNDULA_QUERIES_EXPLANATION_TALLY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/scorer.h"
#include "queries/catalog.h"
#include "queries/context.h"
#include "queries/path_metrics.h"
#include "undula/recommender.h"

namespace undula::queries {

// The reasons of one kind for one item.
struct ItemReasons {
  std::vector<Reason> reasons;
  std::vector<std::vector<models::AttentionSlot>> triples;  // of each reason: what is deleted
  std::vector<models::AttentionSlot> last;  // of each reason, the last edge of its path

  // The vertex that the reason's path shares with the item: where a model's attention leads to, the
  // last one before the item of a connection.
  EntityId Shared(size_t reason) const;
  // The paths, or the users' items, as text: of equal reasons the same.
  std::set<std::string> Names() const;
  // Triples of all reasons together.
  std::vector<models::AttentionSlot> AllTriples() const;
};

// Where names lead to, and how recent and popular things are.
class Ground {
 public:
  explicit Ground(const Context& context);

  bool Has(const PathEdge& edge) const;
  // By item of the user's history, the latest time counting.
  using Times = std::map<std::string, double, std::less<>>;
  Times Recency(UserId user) const;
  // Of the entity at this end of edges of the relation, among all entities there.
  double Popularity(EntityId entity, RelationId relation, bool is_tail);
  size_t relations() const { return context_.snapshot->n_relations; }
  std::string_view Name(EntityId entity) const { return context_.catalog->entities[Index(entity)]; }

 private:
  using ByEntity = std::map<uint32_t, double>;
  ByEntity PopularityOf(RelationId relation, bool is_tail) const;

  const Context& context_;
  NameIndex entities_, relations_;
  std::map<std::pair<uint32_t, bool>, ByEntity> popularity_;
};

// What taking reasons away from a model does to one item's score.
struct Deletion {
  double drop = 0, random_drop = 0;
  double ranks = 0, random_ranks = 0;
};

class Tally {
 public:
  Tally(std::string kind, Ground* ground) : ground_(ground) { out_.kind = std::move(kind); }

  void AddItem(const ItemReasons& item, const Ground::Times& recency, double seconds);
  void AddCovered(bool covered);  // of an item about which nothing else is known
  void AddDeletion(const Deletion& deletion);
  void AddScores(double whole, double of_reasons, double of_none);
  void AddHistory(double of_reasons, double whole);
  void AddPair(double jaccard);
  void EndUser();
  ExplanationQuality Finish(uint64_t seed);

 private:
  Ground* ground_;
  ExplanationQuality out_;
  double diverse_ = 0, whole_histories_ = 0, histories_of_reasons_ = 0;
  int64_t with_reasons_ = 0, with_start_ = 0, with_path_ = 0, users_with_paths_ = 0, scored_ = 0;
  std::vector<ShownPath> paths_;       // of the user
  std::vector<double> user_, better_;  // differences: of the user's items; means by user
};

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_EXPLANATION_TALLY_H_
