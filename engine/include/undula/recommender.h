// A trained model with all it needs to answer: parameters, id maps, names, the graph. It does not
// refer to the database it came from, which may be closed first.
#ifndef UNDULA_RECOMMENDER_H_
#define UNDULA_RECOMMENDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "undula/common.h"
#include "undula/progress.h"

namespace undula {

// Which items may be recommended. Items are named by the caller's own ids.
struct ItemFilter {
  std::vector<std::string> allow;  // if not empty, only these
  std::vector<std::string> deny;   // never these
  bool exclude_seen = true;        // not what the user interacted with
  // Only items that this query selects (docs/queries.md): SELECT with a column ?item, or ?entity
  // for the items that link to it; $user is the user of the request. The database must be open.
  std::string pattern;
  std::map<std::string, std::string> pattern_params;  // as QueryOptions::params, without user
};

// One edge of the graph, as stored.
struct PathEdge {
  std::string head, relation, tail;                    // names as imported
  std::string head_label, relation_label, tail_label;  // for display
};

// One of two kinds, which are never mixed. A model reason says what the model looked at: one slot
// of its memory, with the path that leads to it from something in the user's history. A connection
// says what of the graph leads from the history to the item, whatever the model made of it: the
// paths that say most, a vertex saying the less the more edges it has. Where connections are asked
// for and there is none, users stand in their place: how many of those who liked something of the
// history liked the item too (kUsers), or another item, from which a path leads on, else how many
// liked it at all (kPopularity).
struct Reason {
  enum class Kind { kModel, kConnection, kPopularity, kUsers };
  Kind kind = Kind::kModel;
  std::string seed_item;  // an item of the history the path starts at
  std::string seed_title;
  // Model: hop 1 to `hop`, the last edge being the attended triple. Connection: from the item of
  // the history to the recommended one, `hop` edges. Users: from what they liked too, if at all.
  std::vector<PathEdge> path;
  int hop = 0;          // 1-based
  double weight = 0;    // model: attention in its hop, as the forward pass used it; a hop sums to 1
  double bits = 0;      // connection, users: its price; less is more telling (queries/connections)
  bool shared = false;  // the item itself touches the path's last entity in the graph
  std::string sentence;  // "You watched Alien; directed by Ridley Scott, as is Blade Runner."
  std::vector<std::string> supports;  // connection: the items of the history it holds for
  // With ExplainOptions::effect, what the reason's edges are worth to the model: the score less the
  // score when it cannot look at them. 0 for a connection that the model did not use.
  std::optional<double> effect;
};

struct Recommendation {
  std::string item;
  std::string title;  // the catalogue's title, else the linked entity's label, else the item id
  double score = 0;   // logit; higher is better, comparable within one user
  std::vector<Reason> reasons;
};

struct RecommendOptions {
  int64_t k = 10;  // InvalidArgument below 1; a short list when fewer items are allowed
  ItemFilter filter;
  int reasons = 0;      // of the model, per item; 0 = none; Unimplemented where it has none to give
  int connections = 0;  // of the graph, per item, behind those of the model; for any model
};

struct ExplainOptions {
  int slots = 10;       // slots per hop, by weight; 0 = all
  int connections = 3;  // of the graph
  int steps = 4;        // of a connection at most, 1 to 6; above 4 it takes tens of ms
  bool effect = false;  // also Reason::effect, where the model can score without some edges
};

// All of what the model looked at for one (user, item), and what of the graph connects the two.
struct Explanation {
  std::string item, title;
  double score = 0;
  std::vector<Reason> connections;        // best first
  std::vector<std::vector<Reason>> hops;  // by descending weight
  std::vector<double> hop_weight_shown;   // per hop, the sum of the weights listed
};

// The paths of all its reasons as a directed graph in the DOT language, for GraphViz.
std::string GraphViz(const Explanation& explanation);

// What is around an entity, laid out for a picture.
struct Neighborhood {
  struct Vertex {
    std::string name, label;
    double x = 0, y = 0;  // within the unit square
  };
  struct Edge {
    int head = 0, tail = 0;  // places in `vertices`
    std::string relation;    // for display
  };
  std::vector<Vertex> vertices;  // the entity first
  std::vector<Edge> edges;
  int64_t left_out = 0;  // neighbors of the entity
};

// What of a history an item stands on.
struct CounterfactualOptions {
  int64_t top = 10;  // the list that the item is to leave
  int64_t most = 5;  // items of the history to take away, up to 10
};
struct Counterfactual {
  bool found = false;                      // false: more than `most` would have to go
  std::vector<std::string> items, titles;  // without all of these the item leaves the list
  int64_t before = 0, after = 0;  // its rank; after 0: the rest of the history says nothing
};

// How good the explanations of a model's recommendations are, measured over users and their top k.
struct ExplanationQualityOptions {
  int64_t users = 200;  // drawn from those the model knows; 0: all
  int64_t k = 10;
  int reasons = 3;    // of each kind for each item
  int steps = 4;      // of a connection, as in ExplainOptions
  uint64_t seed = 1;  // of the users drawn, the random triples and the intervals
  std::vector<const class Recommender*> others;  // the model trained with other seeds: `stability`
};
struct ExplanationQuality {
  // "model", "connection", "users", "users+graph" (their paths stand in where neither of the two
  // before is); with coverage only: "any" of the last three, "all" of them with the model's.
  std::string kind;
  int64_t users = 0, items = 0, reasons = 0;
  double coverage = 0;    // share of the items with a reason
  double touching = 0;    // share of the items with a reason that leads to the item itself
  double faithful = 0;    // share of the paths all of whose edges are in the graph: 1, or a fault
  double bits = 0;        // connections: mean price
  double recency = 0;     // LIR: how late in the history the paths start, 0 to 1
  double popularity = 0;  // SEP: how popular the last vertex between is among those of its relation
  double diversity = 0;   // distinct last relations among the reasons of an item / reasons
  // Over all paths of a user: distinct items where they start (LID), distinct last vertices between
  // (SED) and distinct sequences of relations (PPT) / paths; distinct last relations / the smaller
  // of paths and relations (PTD), and 1 - Simpson's index of these (PTC).
  double starts = 0, entities = 0, patterns = 0, types = 0, evenness = 0;
  double milliseconds = 0;  // CPU, an item
  // The first reason of each item is taken away from the model. Unknown (0 items) where it cannot
  // score without some of its triples. `random`: as many random triples that it looked at instead.
  int64_t deletions = 0;
  double drop = 0, random_drop = 0;                    // of the score
  double better = 0, better_low = 0, better_high = 0;  // drop - random_drop, 95 % over users
  double ranks_lost = 0, random_ranks_lost = 0;
  double without_effect = 0;  // share of first reasons that the model does not use
  // Mean scores of these items: as they are; seeing only the reasons' triples; seeing none.
  double score = 0, score_of_reasons = 0, score_of_none = 0;
  // Scores of histories of only the items where the reasons start / those of whole histories.
  int64_t histories = 0;  // 0: the model scores no histories
  double sufficiency = 0;
  int64_t pairs = 0;     // of two models' reasons for one item
  double stability = 0;  // mean Jaccard index of these
};

// A batch job: every user's top k to a file, in user order, in shards and parts so that it can be
// killed and resumed. Files are the same bytes for any number of threads and, concatenated, for any
// number of shards.
struct ScoreBatchOptions {
  std::string output;          // file; with shards > 1 give each shard its own
  std::string format = "tsv";  // "tsv" or "jsonl"
  int64_t k = 50;
  ItemFilter filter;
  int reasons = 0, connections = 0;  // per item, in "jsonl"
  int64_t shard = 1, shards = 1;     // this job scores shard `shard` of `shards` (1-based)
  int64_t part_users = 1024;         // users scored between two durable marks
  bool resume = true;                // go on after the last durable mark of an earlier, equal job
  // "cpu", "auto", "cuda" or "cuda:N". A GPU ranks RippleNet, and KGCN with one hop; its scores
  // agree with the CPU's to 1e-5 but not to the bit, so a job of one device does not resume the
  // other's.
  std::string device = "cpu";
};

struct ScoreBatchReport {
  int64_t users = 0, users_skipped = 0;  // skipped: the model cannot score them (no history)
  int64_t users_resumed = 0;             // of an earlier run of the job
  int64_t rows = 0;
  std::string device;  // where, and for "auto" on the CPU why
  double seconds = 0, cpu_seconds = 0;
};

// How far the database has moved since a model was trained. Differences of counts: what was removed
// counts against what was added.
struct ModelAge {
  bool known = false;   // false for models of programs that did not note it; all else is then 0
  std::string trained;  // "2026-11-23T21:35:00Z"
  int64_t changes = 0;  // commits of imports, links and updates
  int64_t interactions = 0, triples = 0, users = 0, items = 0, entities = 0;
};

// What one user does, event by event, for models of sequences: what an event costs does not grow
// with the number of events before it (docs/models). Belongs to one thread at a time; the
// recommender must outlive it.
class UserSequence {
 public:
  ~UserSequence();
  UserSequence(const UserSequence&) = delete;
  UserSequence& operator=(const UserSequence&) = delete;

  // NotFound: no such item (names the nearest), or one that the model does not know; nothing
  // changes then.
  absl::Status Add(std::string_view item);
  int64_t events() const;
  // What comes next. FailedPrecondition before the first event; Unimplemented with reasons.
  absl::StatusOr<std::vector<Recommendation>> Recommend(const RecommendOptions& options = {}) const;

  struct Impl;
  explicit UserSequence(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

// Thread-safe: every method may be called from many threads at once.
class Recommender {
 public:
  ~Recommender();
  Recommender(const Recommender&) = delete;
  Recommender& operator=(const Recommender&) = delete;

  // NotFound: no such user (names the nearest), or one that the model does not know. A user who
  // came after the training is folded in from the interactions in the database where the model can
  // (ModelFamily::fold_in); likewise in Explain and Score.
  absl::StatusOr<std::vector<Recommendation>> Recommend(std::string_view user,
                                                        const RecommendOptions& options = {}) const;
  // For a history never seen in training (fold-in). Unimplemented where the model has none.
  absl::StatusOr<std::vector<Recommendation>> RecommendForHistory(
      std::span<const std::string> items, const RecommendOptions& options = {}) const;

  // A sequence without events. Unimplemented for models that do not follow one.
  absl::StatusOr<std::unique_ptr<UserSequence>> NewSequence() const;

  // Items with the most similar vectors (cosine), best first. Unimplemented without vectors.
  absl::StatusOr<std::vector<Recommendation>> Similar(std::string_view item, int64_t k = 10,
                                                      const ItemFilter& filter = {}) const;
  // What is near to what the user did by item vectors alone, so for users after the training too;
  // with an empty user, to the history (latest last). Options: docs/retrieval.md.
  absl::StatusOr<std::vector<Recommendation>> Retrieve(std::string_view user,
                                                       std::span<const std::string> history,
                                                       int64_t k = 10,
                                                       const ItemFilter& filter = {},
                                                       const OptionMap& options = {}) const;

  // Where the model has no reasons to give there are connections only; Unimplemented where none of
  // these are asked for.
  absl::StatusOr<Explanation> Explain(std::string_view user, std::string_view item,
                                      const ExplainOptions& options = {}) const;
  absl::StatusOr<Explanation> ExplainForHistory(std::span<const std::string> history,
                                                std::string_view item,
                                                const ExplainOptions& options = {}) const;

  // A minimal part of the history, found greedily, without which the item is not in the list.
  // The user counts as its history (fold-in; Unimplemented without); FailedPrecondition where the
  // item is not in the list to begin with.
  absl::StatusOr<Counterfactual> FindCounterfactual(
      std::string_view user, std::string_view item,
      const CounterfactualOptions& options = {}) const;

  // The entity, or the one that the item links to, with the neighbors that have fewest edges, and
  // theirs where there is room: at most `most` (1 to 100) vertices. NotFound.
  absl::StatusOr<Neighborhood> Around(std::string_view item_or_entity, int most = 40) const;

  // Both kinds of reasons. FailedPrecondition: no user of the model has a history.
  absl::StatusOr<std::vector<ExplanationQuality>> MeasureExplanations(
      const ExplanationQualityOptions& options = {}, Progress* progress = nullptr) const;

  // One score per item, in the order given.
  absl::StatusOr<std::vector<double>> Score(std::string_view user,
                                            std::span<const std::string> items) const;

  // See ScoreBatchOptions. Cancelled or killed jobs resume. ResourceExhausted: the disk is full.
  absl::StatusOr<ScoreBatchReport> ScoreBatch(const ScoreBatchOptions& options,
                                              Progress* progress = nullptr) const;

  std::string_view model_name() const;    // as stored
  std::string_view model_family() const;  // "ripplenet"
  int64_t users() const;                  // known to the model
  int64_t items() const;
  // Against the database as it was when the recommender was loaded: what Recommend answers from.
  const ModelAge& age() const;

  struct Impl;
  explicit Recommender(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace undula

#endif  // UNDULA_RECOMMENDER_H_
