// RippleNet: a user is the set of items they liked; their interest ripples outward over the graph.
// Source: Wang, Zhang, Wang, Zhao, Li, Xie, Guo, "RippleNet: Propagating User Preferences on the
// Knowledge Graph for Recommender Systems", CIKM 2018; the authors' program hwwang55/RippleNet.
//
//   per user and hop k = 1..H: M triples (h, r, t) (propagation/sample/ripple_set.h)
//   v_0 = E[item];  a_k = softmax_i(v_{k-1} . R_{r_i} h_i);  o_k = sum_i a_{k,i} t_i
//   v_k = o_k | v_{k-1} + o_k | o_k W | (v_{k-1} + o_k) W          (item_update)
//   y = sum_k o_k, or o_H (using_all_hops);  score = v_0 . y ("paper") or v_H . y ("code")
//   L = mean BCE - kge_weight sum sigmoid(h^T R t) + l2_weight sum (|h|^2 + |t|^2 + |R|^2)
//
// Parameters: E "entity" [n_entities + unlinked items, d] (row sparse), R "relation" [n_relations,
// d, d] (twice as many with inverse_edges), W "transform" [d, d] for *_transform modes.
//
// Deviations from the paper, all as the authors' program: the KGE and L2 terms above in place of
// eq.
// 13. From the authors' program: the default scoring is the paper's, with "replace" (better on
// every data set tried, and cheaper); items stand for their best linked entity, and an item without
// a link has a row of its own after the entities, so it can be scored but starts no ripple.
//
// What a step computes once: keys R h per distinct (relation, head) pair of the batch, KGE and L2
// per distinct triple and row with counts; per sample only the attention. So the cost falls with
// the rows per user chunk, and chunk size 1 runs the same code.
#ifndef UNDULA_MODELS_RIPPLENET_RIPPLENET_H_
#define UNDULA_MODELS_RIPPLENET_RIPPLENET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"
#include "models/ripplenet/batch_index.h"
#include "models/ripplenet/memory.h"
#include "models/ripplenet/options.h"
#include "models/ripplenet/score_form.h"
#include "propagation/parameters.h"
#include "propagation/tape.h"

namespace undula::models {

extern const ModelSpec kRippleNetSpec;

inline SlotOrder OrderOf(const RippleNetOptions& options) {
  return options.dedupe ? SlotOrder::kMerged : SlotOrder::kSorted;
}

// What stays fixed after Build or Load; shared with the scorers.
struct RippleNetState {
  RippleNetOptions options;
  uint32_t n_entities = 0, n_relations = 0;  // relations without the inverse ones
  uint32_t n_users = 0, n_items = 0;
  uint64_t id_space = 0, seed = 0;
  std::vector<uint32_t> item_row;          // [n_items]; >= n_entities: the item has no link
  std::vector<int64_t> history_ptr = {0};  // distinct training positives per user
  std::vector<ItemId> history;
  RippleMemory memory;
  std::shared_ptr<const EdgeCsr> graph;  // for histories; null: no fold-in

  uint32_t entity_rows() const;  // n_entities + items without a link
  uint32_t relation_rows() const { return options.inverse_edges ? 2 * n_relations : n_relations; }
};

// The attention of one forward pass, for tests: per hop, the weights of each row's slots, and o_k.
struct RippleNetTrace {
  std::vector<propagation::Tensor> weights;
  std::vector<propagation::Var> outputs;
};

class RippleNet final : public Model {
 public:
  // Options are taken as they are: kRippleNetSpec.make checks them.
  RippleNet(const RippleNetOptions& options, DType dtype);

  const ModelSpec& spec() const override { return kRippleNetSpec; }
  const void* options() const override { return &state_->options; }
  absl::Status Build(const TrainingData& data, TaskArena& workers) override;
  propagation::ParameterSet* parameters() override { return &parameters_; }
  propagation::Var Prepare(propagation::Tape& tape, const Batch& batch,
                           std::vector<propagation::Var>* shared) override;
  propagation::Var Loss(propagation::Tape& tape, const Batch& batch, const Slice& slice,
                        std::span<const propagation::Var> leaves) const override;
  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& workers) const override;
  void Save(TensorMap* out) const override;
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) override;
  std::string Describe() const override { return description_; }

  // The logits of the slice's rows; what Loss compares with the labels. trace may be null.
  propagation::Var Logits(propagation::Tape& tape, const Slice& slice, const Batch& batch,
                          std::span<const propagation::Var> leaves, RippleNetTrace* trace) const;

  // Replaces the sampled ripple sets by given ones (conformance with other programs): slot_ptr
  // [n_users * hops + 1]. InvalidArgument where a number is out of range.
  absl::Status SetRippleSets(std::span<const int64_t> slot_ptr,
                             std::span<const RippleTriple> slots);
  const RippleMemory& memory() const { return state_->memory; }
  // A scorer that works every user in one form (kDirect or kBlock), for comparisons.
  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorerOf(std::optional<ScoreForm> form) const;

 private:
  absl::Status SampleMemory(const TrainingData& data, TaskArena& workers);
  void AddParameters(uint64_t seed);
  void SetState(std::shared_ptr<const RippleNetState> state);

  std::shared_ptr<const RippleNetState> state_;
  propagation::ParameterSet parameters_;
  propagation::Parameter* entity_ = nullptr;
  propagation::Parameter* relation_ = nullptr;
  propagation::Parameter* transform_ = nullptr;  // null without a transform
  BatchIndex index_;                             // of the batch that Prepare saw last
  std::string description_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RIPPLENET_RIPPLENET_H_
