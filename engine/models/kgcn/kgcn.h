// KGCN and KGNN-LS: an item's vector is made of its neighborhood in the graph, weighted by how much
// the user cares for each relation. Sources: Wang, Zhao, Xie, Li, Guo, "Knowledge Graph
// Convolutional Networks for Recommender Systems", WWW 2019 (KGCN); Wang, Zhang, Zhang, Leskovec,
// Zhao, Li, Wang, "Knowledge-aware Graph Neural Networks with Label Smoothness Regularization for
// Recommender Systems", KDD 2019 (KGNN-LS); the authors' programs hwwang55/KGCN, hwwang55/KGNN-LS.
//
//   p_{u,e,k} ~ exp(c u . rel_k) over the K sampled neighbors k of e (sample/neighbors.h)
//   h^0 = E;  n = g sum_k p_{u,e,k} h^{l-1}_{u,k}
//   h^l = act((h^{l-1} + n) W_l + b_l) | act([h^{l-1}, n] W_l + b_l) | act(n W_l + b_l)
//   act = ReLU, tanh in the last layer;  score = u . h^H_{u,item}
//   L = mean BCE + l2_weight/2 (|U|^2 + |E|^2 + |Rel|^2 + sum |W_l|^2) [+ ls_weight mean
//   BCE(labels)]
//
// Parameters: U "user" [n_users, d], E "entity" [n_entities + unlinked items, d], "relation"
// [n_relations, d], "weight_l" [d or 2d, d], "bias_l" [1, d] for l = 0 .. H-1.
//
// KGNN-LS is the same model with the label loss (label_tree.h). Where no known label can reach an
// item that loss is constant: it is left out, and Describe() says so.
//
// Deviations from the authors' programs: items stand for their best linked entity, an item without
// a link has a row of its own; an entity without neighbors is its own neighbor; the last batch of
// an epoch is not dropped; l2_mode "rows" (see options.h).
//
// What a step computes once per distinct entity of the batch: the products with W_1, of the entity
// and of the mean of its neighbors behind each relation. Per (user, entity) pair of the first layer
// only the attention over relations remains. Prepare does all of it, and returns the whole loss:
// its operators run over the rows in parallel.
#ifndef UNDULA_MODELS_KGCN_KGCN_H_
#define UNDULA_MODELS_KGCN_KGCN_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/kgcn/batch_index.h"
#include "models/kgcn/label_tree.h"
#include "models/kgcn/options.h"
#include "models/model.h"
#include "propagation/parameters.h"
#include "propagation/sample/neighbors.h"
#include "propagation/tape.h"

namespace undula::models {

extern const ModelSpec kKgcnSpec;
extern const ModelSpec kKgnnLsSpec;

// What stays fixed after Build or Load; shared with the scorers.
struct KgcnState {
  KgcnOptions options;
  std::string_view name;  // "kgcn" or "kgnn_ls"
  uint32_t n_entities = 0, n_relations = 0, n_users = 0, n_items = 0;
  uint64_t id_space = 0, seed = 0;
  std::vector<uint32_t> item_row;  // [n_items]; >= n_entities: the item has no link
  std::vector<uint8_t> known;      // [n_users]: has a training positive
  propagation::NeighborSlots sample;

  uint32_t relation_rows() const { return n_relations > 0 ? n_relations : 1; }
};

// Values of one forward pass in the order of KgcnBatchIndex::order, for tests.
struct KgcnTrace {
  propagation::Var item;    // h^H, [n, d]
  propagation::Var scores;  // [n]
  propagation::Var labels;  // predicted ones [n]; invalid without label smoothness
};

class Kgcn final : public Model {
 public:
  // Options are taken as they are: make of the specs checks them.
  Kgcn(const ModelSpec* spec, const KgcnOptions& options, DType dtype);

  const ModelSpec& spec() const override { return *spec_; }
  const void* options() const override { return &state_->options; }
  absl::Status Build(const TrainingData& data, TaskArena& workers) override;
  propagation::ParameterSet* parameters() override { return &parameters_; }
  absl::Status BeginEpoch(int64_t epoch) override;
  propagation::Var Prepare(propagation::Tape& tape, const Batch& batch,
                           std::vector<propagation::Var>* shared) override;
  // Nothing: see Prepare.
  propagation::Var Loss(propagation::Tape&, const Batch&, const Slice&,
                        std::span<const propagation::Var>) const override {
    return {};
  }
  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& workers) const override;
  void Save(TensorMap* out) const override;
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) override;
  std::string Describe() const override { return description_; }

  // Prepare with what it computed on the way.
  propagation::Var Forward(propagation::Tape& tape, const Batch& batch, KgcnTrace* trace);
  const KgcnBatchIndex& index() const { return index_; }  // of the last batch
  const LabelTree& labels() const { return tree_; }
  const propagation::NeighborSlots& sample() const { return state_->sample; }
  bool label_smoothness() const { return smooth_; }

  // Replaces the drawn neighbors (conformance with other programs): entity and relation [rows * k],
  // row by row. InvalidArgument where a number is out of range.
  absl::Status SetNeighbors(int64_t k, std::span<const uint32_t> entity,
                            std::span<const uint32_t> relation);

 private:
  void AddParameters(uint64_t seed);
  void UseSample(const propagation::NeighborSlots* sample);
  void CountVisits();
  void DescribeSample();
  propagation::Var FirstLayer(propagation::Tape& tape, propagation::Var users,
                              propagation::Var relations, propagation::Var entities,
                              propagation::Var* weights);
  propagation::Var LayerAbove(propagation::Tape& tape, int l, propagation::Var users,
                              propagation::Var relations, propagation::Var below,
                              propagation::Var* weights);
  propagation::Var Bias(propagation::Tape& tape, int l, int64_t rows);
  // Rows [half d, half d + d) of W of layer l (concat), or all of it.
  propagation::Var Weight(propagation::Tape& tape, int l, int half);
  propagation::Var L2(propagation::Tape& tape, propagation::Var users, propagation::Var relations,
                      propagation::Var entities);
  // The label loss; weights: of each layer's neighbors.
  propagation::Var Smoothness(propagation::Tape& tape, std::span<const propagation::Var> weights,
                              KgcnTrace* trace);

  const ModelSpec* spec_;
  std::shared_ptr<const KgcnState> state_;
  propagation::ParameterSet parameters_;
  propagation::Parameter* user_ = nullptr;
  propagation::Parameter* entity_ = nullptr;
  propagation::Parameter* relation_ = nullptr;
  std::vector<propagation::Parameter*> weight_, bias_;  // by layer

  // Of training; empty after Load.
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<LabeledPair> train_;
  KnownLabels known_labels_;
  propagation::NeighborSlots epoch_sample_;  // with resample
  // Expected rows of an epoch that visit the user (the entity): the weights of l2_mode "rows".
  std::vector<float> user_visits_, entity_visits_;

  bool smooth_ = false;  // the label loss is there and not constant
  KgcnBatchIndex index_;
  LabelTree tree_;
  std::vector<uint32_t> zeros_;  // row 0, as often as needed
  std::vector<double> constants_;
  std::vector<float> user_weight_, entity_weight_;
  // Of an entity, at remembered_batch_ rows a batch; 0: unset.
  std::vector<float> weight_of_visits_;
  size_t remembered_batch_ = 0;
  std::string description_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGCN_KGCN_H_
