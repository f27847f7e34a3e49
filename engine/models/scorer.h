// Scores of a trained model: what the evaluator, the tile scorer, recommend and explain call. Made
// by Model::MakeScorer, immutable and thread-safe afterwards; it holds copies of all it needs, so
// the model may go on training.
#ifndef UNDULA_MODELS_SCORER_H_
#define UNDULA_MODELS_SCORER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "propagation/arena.h"

namespace undula::propagation {
class DeviceRanker;  // propagation/ops/rank.h
class Exec;
}  // namespace undula::propagation

namespace undula::models {

class ItemPanels;  // models/score/item_panels.h

struct ItemRange {
  uint32_t begin = 0, end = 0;  // items [begin, end)
  uint32_t size() const { return end - begin; }
};

// Whom to score for: a user known to the model, or (user none) an ad-hoc history. Models for which
// order counts read a history as one sequence, oldest first.
struct UserQuery {
  UserId user = kNone<UserId>;
  std::span<const ItemId> history;
  // The query's vector where the caller has it (QueryState), in place of what the history gives.
  std::span<const float> vector = {};
};

// One slot of the memory that the forward pass attended to. The triple is as the graph stores it.
struct AttentionSlot {
  EntityId head;
  RelationId relation;
  EntityId tail;
  float weight;          // as the forward pass used it; the slots of a hop sum to 1
  bool inverse = false;  // walked from tail to head
  // Where the walk came from, and the entity whose vector the slot holds.
  EntityId from() const { return inverse ? tail : head; }
  EntityId to() const { return inverse ? head : tail; }
};

struct Explanation {
  float score = 0;
  std::vector<std::vector<AttentionSlot>> hops;  // hop 1 first; equal slots are merged
  std::vector<ItemId> seeds;                     // the history the memory grew from
};

// A history that grows event by event (Scorer::NewState). Belongs to one thread at a time.
class QueryState {
 public:
  virtual ~QueryState() = default;
  // NotFound: an item that the model does not know; nothing changes then.
  virtual absl::Status Add(ItemId item) = 0;
  // For UserQuery::vector; valid until the next Add. FailedPrecondition before the first.
  virtual absl::StatusOr<std::span<const float>> Vector() = 0;
};

class Scorer {
 public:
  virtual ~Scorer() = default;

  // Scores (logits; higher is better) of items [range.begin, range.end). The bits of an item's
  // score do not depend on the range. NotFound: a user the model does not know (use a history);
  // FailedPrecondition: neither history nor user can be scored; Unimplemented: histories without
  // fold-in. `scratch` is reset by the caller.
  virtual absl::Status Score(const UserQuery& query, ItemRange range, std::span<float> out,
                             propagation::Arena& scratch) const = 0;
  // The same scores, bit for bit, for a list of items.
  virtual absl::Status ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                                  std::span<float> out, propagation::Arena& scratch) const = 0;
  // Models whose score is the product of a query's and an item's vector give the items' here, and
  // RankAll scores many queries at once; null for others.
  virtual const ItemPanels* item_panels() const { return nullptr; }
  // The vectors of queries, [n, item_panels()->dim()]; their products are the scores of Score, bit
  // for bit, whichever queries are together. status [n]: that of a query which has no vector (its
  // row is then undefined); what is returned fails them all. `scratch` as above.
  virtual absl::Status QueryVectors(std::span<const UserQuery> queries, std::span<float> vectors,
                                    std::span<absl::Status> status,
                                    propagation::Arena& scratch) const;
  // A history without events. It must not outlive the scorer. Unimplemented for models that do not
  // read events one by one.
  virtual absl::StatusOr<std::unique_ptr<QueryState>> NewState() const;
  // The attention the model used for (query, item). Unimplemented for models without one.
  virtual absl::StatusOr<Explanation> Explain(const UserQuery& query, ItemId item) const;
  // The score when the triples of the given slots are removed from what the model looks at in this
  // hop (1-based, as in Explain; 0: in every hop) and the rest of the hop's attention renormalises.
  // Says whether a reason is real. Unimplemented for models without attention.
  virtual absl::StatusOr<float> ScoreWithout(const UserQuery& query, ItemId item, int hop,
                                             std::span<const AttentionSlot> removed) const;
  // Ranks known users on a GPU, for TileOptions::ranker. Unimplemented where the model, or this
  // size of it, has no such kernels.
  virtual absl::StatusOr<std::unique_ptr<propagation::DeviceRanker>> MakeDeviceRanker(
      propagation::Exec* exec) const;
  // An item's vector for Similar: rows of equal length, or empty where the model has none.
  virtual std::span<const float> ItemVector(ItemId /*item*/) const { return {}; }

  // Users and items known to the model: ids below these.
  virtual uint32_t n_users() const = 0;
  virtual uint32_t n_items() const = 0;
  // True where Score answers for this user (e.g. has a training positive).
  virtual bool KnowsUser(UserId user) const = 0;
  // True for models that predict the next item of a sequence: what happened after training (e.g. a
  // validation item) is then given as a history.
  virtual bool sequential() const { return false; }
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SCORER_H_
