// Runs an algebra over a Source. One row of slots is filled and emptied in place: a node extends it
// and calls its consumer once for each of its solutions. Triple patterns bind one variable at a
// time by intersecting sorted runs (leapfrog; Hogan et al., ISWC 2019), in an order chosen from
// exact run lengths where the ends are known and from averages elsewhere (plan_bgp.cc).
#ifndef UNDULA_QUERIES_PATTERN_EXECUTOR_H_
#define UNDULA_QUERIES_PATTERN_EXECUTOR_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/triple_scan.h"
#include "queries/pattern/algebra.h"
#include "queries/pattern/expression.h"
#include "queries/pattern/source.h"

namespace undula::queries::pattern {

struct Limits {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  uint64_t max_rows = 10'000'000;           // of a result, and of what ORDER BY holds
  uint64_t max_memory = uint64_t{1} << 30;  // bytes, about, of all that a run holds
  Progress* progress = nullptr;             // may cancel
};

// Called for each solution; false: no further ones are wanted.
class RowFn {
 public:
  template <class F>
  RowFn(F& f)  // NOLINT: refers to the function, for the time of a call
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object) { return (*static_cast<F*>(object))(); }) {}
  bool operator()() const { return call_(object_); }

 private:
  void* object_;
  bool (*call_)(void*);
};

// One query over one Source; Run may be called again with other parameters, and keeps its plans and
// the runs it has read. One thread at a time.
class Executor {
 public:
  // All must outlive it.
  Executor(const Translated* query, Source* source, const EvaluatorOptions& options);

  // fn() for each solution, with row() holding it. `params[i]` is the value of query.params[i].
  // DeadlineExceeded, Cancelled, ResourceExhausted by the limits; errors of the source.
  absl::Status Run(std::span<const Value> params, const Limits& limits, RowFn fn);
  const Value* row() const { return row_.data(); }
  Evaluator& evaluator() { return evaluator_; }

  // The plan as text, with the rows that each part gave in the runs so far.
  std::string Explain() const;
  // Parts of the pattern that no variable connects: each row of one meets each row of the other.
  std::vector<std::string> CartesianProducts() const;

 private:
  using SortedRun = std::vector<Value>;

  // One step of a basic graph pattern.
  struct Lookup {  // a run of one pattern by its bound end
    int triple;
    bool tails;  // the tails of a bound head; else the heads of a bound tail
  };
  struct CachedRun {
    Value relation = kUnbound, end = kUnbound, graph = kUnbound;
    bool valid = false;
    SortedRun run;
  };
  struct Step {
    enum class Kind : uint8_t { kExtend, kScan, kCheck };
    Kind kind = Kind::kExtend;
    int slot = -1;                     // of kExtend
    std::vector<Lookup> lookups;       // of kExtend; of kScan and kCheck one
    std::vector<const Expr*> filters;  // that can be judged now
    bool tail_exists = false;          // from here on one solution is enough
    double estimate = 0;
    uint64_t rows = 0;
    // Reused from row to row.
    std::vector<CachedRun> cached;
    SortedRun merged;
    std::vector<ValueTriple> scanned;
    Value scan_key[3] = {kUnbound, kUnbound, kUnbound};
    Value scan_graph = kUnbound;
    bool has_scan = false;
  };
  struct BgpPlan {
    SlotSet bound;
    std::vector<Step> steps;
  };
  struct JoinPlan {
    SlotSet bound;
    std::vector<size_t> order;
    std::vector<bool> stored;  // by child: worked out once, then looked up
    bool cartesian = false;
  };
  // All solutions of a node, by the values of `key`.
  struct Stored {
    uint64_t epoch = 0;
    bool valid = false;
    std::vector<int> key, slots;
    size_t count = 0;
    std::vector<Value> values;  // count x slots
    std::unordered_multimap<uint64_t, size_t> index;
  };
  struct NodeInfo {
    std::vector<std::unique_ptr<BgpPlan>> bgp;
    std::vector<std::unique_ptr<JoinPlan>> join;
    std::unique_ptr<Stored> stored;
    std::vector<const Expr*> pushed;  // of kBgp: conditions from filters around it
    std::vector<const Expr*> rest;    // of kFilter: those that stay
    bool dedup = false;               // duplicates of its solutions do not matter
    SlotSet needed;                   // slots that someone outside reads
    uint64_t rows = 0;
  };

  // execute_node.cc
  bool Eval(const Algebra& node, RowFn fn);
  bool EvalMasked(const Algebra& node, RowFn fn);  // without the values it must not see
  bool EvalNode(const Algebra& node, RowFn fn);
  bool EvalJoin(const Algebra& node, const JoinPlan& plan, size_t at, RowFn fn);
  bool EvalValues(const Algebra& node, RowFn fn);
  bool EvalLeftJoin(const Algebra& node, RowFn fn);
  bool EvalMinus(const Algebra& node, RowFn fn);
  bool EvalFilter(const Algebra& node, RowFn fn);
  bool EvalExtend(const Algebra& node, RowFn fn);
  bool EvalGraph(const Algebra& node, RowFn fn);
  bool EvalStored(const Algebra& node, const SlotSet& bound, RowFn fn);
  bool Hold(const std::vector<const Expr*>& exprs);
  bool Hold(const std::vector<Expr>& exprs);
  absl::StatusOr<bool> Exists(const Algebra& pattern, const Value* row);

  // execute_modifier.cc
  bool EvalGroup(const Algebra& node, RowFn fn);
  bool EvalDistinct(const Algebra& node, RowFn fn);
  bool EvalOrderBy(const Algebra& node, RowFn fn, uint64_t keep);
  bool EvalSlice(const Algebra& node, RowFn fn);
  bool EvalProject(const Algebra& node, RowFn fn);

  // plan.cc
  void Prepare(const Algebra& node, const SlotSet& needed, bool dedup);
  JoinPlan& PlanJoin(const Algebra& node);
  double Estimate(const Algebra& node, const SlotSet& bound);
  double EstimateRun(const Algebra& bgp, size_t triple, const SlotSet& bound, bool tails);
  void ExplainNode(const Algebra& node, int depth, std::string* out) const;
  void FindCartesian(const Algebra& node, std::vector<std::string>* out) const;
  std::string PlaceText(const Place& place) const;

  // plan_bgp.cc
  BgpPlan& PlanBgp(const Algebra& node);
  void AddFilters(const Algebra& node, const SlotSet& bound, std::vector<const Expr*>* open,
                  Step* step) const;

  // execute_bgp.cc
  bool EvalBgp(const Algebra& node, RowFn fn);
  bool EvalStep(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn);
  bool AfterStep(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn);
  bool EvalScan(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn);
  bool VisitScanned(const Algebra& node, BgpPlan* plan, size_t at, const ValueTriple& triple,
                    RowFn fn);
  const SortedRun* ReadRun(const Algebra& node, const Lookup& lookup, CachedRun* cached);
  void Intersect(std::vector<const SortedRun*>* runs, SortedRun* out);

  // execute_path.cc
  bool EvalPath(const Algebra& node, RowFn fn);
  bool EvalClosure(const Algebra& node, bool forward, Value from, RowFn fn);
  void Reach(const PathTree& tree, Value from, bool forward, const kgstore::GraphChoice& graph,
             std::vector<Value>* out);
  void Next(const PathTree& tree, Value from, bool forward, const kgstore::GraphChoice& graph,
            std::vector<Value>* out);
  bool IsNode(Value value, const kgstore::GraphChoice& graph);
  void AllNodes(const PathTree& tree, const kgstore::GraphChoice& graph, std::vector<Value>* out);

  Value At(const Place& place) const {
    return place.is_slot() ? row_[static_cast<size_t>(place.slot)] : place.value;
  }
  Value& Slot(int slot) { return row_[static_cast<size_t>(slot)]; }
  NodeInfo& Info(const Algebra& node) { return info_[&node]; }
  SlotSet BoundSlots() const;
  const kgstore::GraphChoice& GraphOf(const Algebra& node);
  // False, with the status set, where the run must end.
  bool Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
    return false;
  }
  bool Check(const absl::Status& status) { return status.ok() || Fail(status); }
  bool Tick();
  bool Charge(uint64_t bytes);

  const Translated* query_;
  Source* source_;
  Evaluator evaluator_;
  Limits limits_;
  std::vector<Value> row_;
  SlotSet fixed_;  // parameters and graphs that leaves name: never hidden
  absl::Status status_;
  uint64_t ticks_ = 0, memory_ = 0;
  uint64_t epoch_ = 0, next_epoch_ = 0;  // changes with what stored solutions depend on
  uint64_t run_epoch_ = 0;               // that of the run, outside of EXISTS and GRAPH ?g
  std::unordered_map<const Algebra*, NodeInfo> info_;
  kgstore::GraphChoice default_graph_, named_graph_;
  std::vector<Value> graph_names_;
  std::map<Value, kgstore::GraphChoice> graphs_;
  bool prepared_ = false;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_EXECUTOR_H_
