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
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/triple_scan.h"
#include "queries/pattern/algebra.h"
#include "queries/pattern/expression.h"
#include "queries/pattern/row_store.h"
#include "queries/pattern/source.h"
#include "queries/pattern/tuple_set.h"
#include "queries/pattern/value_map.h"

namespace undula::queries::pattern {

struct Limits {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  uint64_t max_rows = 10'000'000;           // of a result, and of what ORDER BY holds
  uint64_t max_memory = uint64_t{1} << 30;  // bytes, about, of all that a run holds
  Progress* progress = nullptr;             // may cancel
};

// Refers to a function, for the time of a call; the function says whether it wants to be called
// again.
template <class... Args>
class CallRef {
 public:
  template <class F>
  CallRef(F& f)  // NOLINT: stands for the function
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, Args... args) { return (*static_cast<F*>(object))(args...); }) {}
  bool operator()(Args... args) const { return call_(object_, args...); }

 private:
  void* object_;
  bool (*call_)(void*, Args...);
};

// Called for each solution; false: no further ones are wanted.
using RowFn = CallRef<>;
// Called for many solutions of which only one slot is wanted, with its values.
using ColumnFn = CallRef<std::span<const Value>>;

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

  // From the next run on: solutions of the last steps of triple patterns that depend on one
  // variable are kept by its value, for later runs. To be called before the first run; pays where
  // many runs follow. Takes a quarter of the memory that a run may hold at most.
  void KeepTails() { keep_tails_ = true; }

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
  // A condition. Where it reads one slot and nothing else decides, what it says of a value is kept.
  struct Condition {
    explicit Condition(const Expr* e);
    const Expr* expr;
    bool pure;                    // depends on what it reads only, and on no pattern
    int slot = -1;                // the only one it reads, if it is pure
    std::vector<Value> verdicts;  // by hash of the value: 2 x value + verdict
    // Of [NOT] EXISTS around one triple whose one end no row changes: whether the slot at the other
    // end is in the run of that end.
    int member_slot = -1;
    Lookup member{};
    CachedRun members;
    Value bits_end = kUnbound;   // the end whose members are in `bits`
    std::vector<uint64_t> bits;  // by id; empty: they are spread too wide, or of several kinds
    ValueKind bits_kind = ValueKind::kUnbound;
  };
  struct Step {
    enum class Kind : uint8_t { kExtend, kScan, kCheck };
    Kind kind = Kind::kExtend;
    int slot = -1;                   // of kExtend
    std::vector<Lookup> lookups;     // of kExtend, none: `merged` is there; others have one
    std::vector<Condition> filters;  // that can be judged now
    bool tail_exists = false;        // from here on one solution is enough
    // Of kScan: all edges of a node bind these; relation_slot -1: nobody reads it.
    bool edges_only = false;
    int end_slot = -1, relation_slot = -1;
    double estimate = 0;
    uint64_t rows = 0;
    // Reused from row to row.
    std::vector<CachedRun> cached;
    std::vector<const SortedRun*> runs;
    SortedRun merged;
    std::vector<kgstore::Edge> edges;
    std::vector<ValueTriple> scanned;
    Value scan_key[3] = {kUnbound, kUnbound, kUnbound};
    Value scan_graph = kUnbound;
    bool has_scan = false;
  };
  // Solutions of the steps from `from` on by the value of the slot `key`.
  struct KeptTail {
    size_t from = 0;
    int key = -1;
    std::vector<int> slots;  // that someone outside of the steps reads
    struct Part {            // of `rows`
      uint32_t begin = 0, count = 0;
      bool known = false;
    };
    ValueMap<Part> parts;  // by the value of `key`
    RowStore rows{0};
    bool filling = false;
    const ColumnFn* column = nullptr;  // takes the values of the only slot, instead of rows
  };
  struct BgpPlan {
    SlotSet bound;
    std::vector<Step> steps;
    std::unique_ptr<KeptTail> kept;
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
    RowStore rows{0};
    TupleSet keys{0};
    std::vector<size_t> order, ends;  // rows, those of a key together; by key: behind its last one
  };
  struct NodeInfo {
    std::vector<std::unique_ptr<BgpPlan>> bgp;
    std::vector<std::unique_ptr<JoinPlan>> join;
    std::unique_ptr<Stored> stored;
    std::vector<const Expr*> pushed;  // of kBgp: conditions from filters around it
    std::vector<Condition> rest;      // of kFilter: those that stay
    std::vector<Condition> counted;   // of kGroup: those around it that read one count
    SlotSet all;                      // slots that stand anywhere within
    TupleSet groups{0};               // of kGroup, and their counts: emptied before each use
    std::vector<int64_t> counts;
    ValueMap<uint64_t> value_counts;  // of kGroup by one slot; 0 but for those of `group_keys`
    RowStore group_keys{1};
    std::vector<uint8_t> verdicts;  // of `counted` by count: 0 not known, 1 false, 2 true
    bool dedup = false;             // duplicates of its solutions do not matter
    SlotSet needed;                 // slots that someone outside reads
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
  bool FillStored(const Algebra& node, const SlotSet& bound, uint64_t epoch);
  bool Holds(Condition* condition);
  void FindMember(Condition* condition) const;
  static void SetBits(Condition* condition);
  bool Hold(std::vector<Condition>* conditions);
  bool Hold(const std::vector<Expr>& exprs);
  absl::StatusOr<bool> Exists(const Algebra& pattern, const Value* row);

  // execute_modifier.cc
  bool EvalGroup(const Algebra& node, RowFn fn);
  bool EvalCounts(const Algebra& node, RowFn fn);
  bool EvalDistinct(const Algebra& node, RowFn fn);
  bool EvalOrderBy(const Algebra& node, RowFn fn, uint64_t keep);
  bool EvalSlice(const Algebra& node, RowFn fn);
  bool EvalProject(const Algebra& node, RowFn fn);

  // plan.cc
  void Prepare(const Algebra& node, const SlotSet& needed, bool dedup);
  JoinPlan& PlanJoin(const Algebra& node);
  double Estimate(const Algebra& node, const SlotSet& bound);
  double EstimateRun(const Algebra& bgp, size_t triple, bool tails, CachedRun* run);
  void ExplainNode(const Algebra& node, int depth, std::string* out) const;
  void FindCartesian(const Algebra& node, std::vector<std::string>* out) const;
  std::string PlaceText(const Place& place) const;

  // plan_range.cc
  bool FindRange(const Algebra& node, const std::vector<const Expr*>& filters, const SlotSet& bound,
                 double rows, SlotSet* tried, Step* step);

  // plan_bgp.cc
  BgpPlan& PlanBgp(const Algebra& node);
  void AddFilters(const Algebra& node, const SlotSet& bound, std::vector<const Expr*>* open,
                  Step* step) const;
  void FindEdgeScan(const Algebra& node, const SlotSet& bound, Step* step);
  void FindTail(const Algebra& node, BgpPlan* plan);

  // execute_bgp.cc
  bool EvalBgp(const Algebra& node, RowFn fn);
  bool EvalStep(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn);
  bool AfterStep(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn);
  bool EvalScan(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn);
  bool EvalEdges(const Algebra& node, BgpPlan* plan, size_t at, RowFn fn);
  bool EvalKept(const Algebra& node, BgpPlan* plan, RowFn fn);
  bool FillKept(const Algebra& node, BgpPlan* plan, Value key, KeptTail::Part* part);
  bool EvalKeptRun(const Algebra& node, BgpPlan* plan, std::span<const Value> keys);
  bool EvalColumn(const Algebra& node, int slot, ColumnFn fn);
  bool VisitScanned(const Algebra& node, BgpPlan* plan, size_t at, const ValueTriple& triple,
                    RowFn fn);
  const SortedRun* ReadRun(const Algebra& node, const Lookup& lookup, CachedRun* cached);
  void Intersect(std::vector<const SortedRun*>* runs, SortedRun* out);

  // The parts of a path p|q|...: stored relations, which are read together, and all others.
  struct Alternatives {
    kgstore::RelationSet forward, backward;  // of p, of ^p
    std::vector<const PathTree*> others;
  };

  // execute_path.cc
  bool EvalPath(const Algebra& node, RowFn fn);
  bool EvalClosure(const Algebra& node, bool forward, Value from, RowFn fn);
  void Reach(const PathTree& tree, Value from, bool forward, const kgstore::GraphChoice& graph,
             std::vector<Value>* out);
  void Next(const PathTree& tree, Value from, bool forward, const kgstore::GraphChoice& graph,
            std::vector<Value>* out);
  const Alternatives* AlternativesOf(const PathTree& tree);
  bool SortDistinct(std::vector<Value>* values);
  bool IsNode(Value value, const kgstore::GraphChoice& graph);
  void AllNodes(const PathTree& tree, const kgstore::GraphChoice& graph, std::vector<Value>* out);

  Value At(const Place& place) const {
    return place.is_slot() ? row_[static_cast<size_t>(place.slot)] : place.value;
  }
  Value& Slot(int slot) { return row_[static_cast<size_t>(slot)]; }
  NodeInfo& Info(const Algebra& node) { return info_[static_cast<size_t>(node.number)]; }
  SlotSet BoundSlots() const;
  const kgstore::GraphChoice& GraphOf(const Algebra& node);
  // False, with the status set, where the run must end.
  bool Fail(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
    return false;
  }
  bool Check(const absl::Status& status) { return status.ok() || Fail(status); }
  bool Tick();
  absl::Status Pause(uint64_t bytes);
  bool Charge(uint64_t bytes);

  const Translated* query_;
  Source* source_;
  Evaluator evaluator_;
  Limits limits_;
  std::vector<Value> row_;
  SlotSet fixed_;  // parameters and graphs that leaves name: never hidden
  absl::Status status_;
  uint64_t ticks_ = 0, pauses_ = 0, memory_ = 0;
  uint64_t kept_memory_ = 0;  // of what stays from run to run
  bool keep_tails_ = false;
  uint64_t epoch_ = 0, next_epoch_ = 0;  // changes with what stored solutions depend on
  uint64_t run_epoch_ = 0;               // that of the run, outside of EXISTS and GRAPH ?g
  std::vector<NodeInfo> info_;           // by number of the node
  kgstore::GraphChoice default_graph_, named_graph_;
  std::vector<Value> graph_names_;
  std::map<Value, kgstore::GraphChoice> graphs_;
  std::vector<Value> path_run_;            // of Next
  std::vector<kgstore::Edge> path_edges_;  // of Next
  std::map<const PathTree*, Alternatives> alternatives_;
  bool prepared_ = false;
};

}  // namespace undula::queries::pattern

#endif  // UNDULA_QUERIES_PATTERN_EXECUTOR_H_
