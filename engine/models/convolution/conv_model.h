// PinSAGE and GraphSAGE as recommenders: vectors of items (and users) by graph convolutions
// (layers.h) over neighborhoods of the interaction graph (neighborhoods.h), trained on pairs
// against negatives that a batch shares.
//   PinSAGE: Ying, He, Chen, Eksombatchai, Hamilton, Leskovec, "Graph Convolutional Neural Networks
//   for Web-Scale Recommender Systems", KDD 2018. docs/models/pinsage.md
//   GraphSAGE: Hamilton, Ying, Leskovec, "Inductive Representation Learning on Large Graphs", NIPS
//   2017. docs/models/graphsage.md
//
//   PinSAGE:   score(u, i) = p_u . z_i, p_u the mean of z over the user's latest items
//   GraphSAGE: score(u, i) = z_u . z_i
//   margin     (1 / B M) sum_b sum_n max(0, p_b . z_n - p_b . z_i + margin) [Ying, eq. 1]
//   bpr        the same with softplus(p_b . z_n - p_b . z_i)
//   softmax    sampled softmax over the positive and the shared negatives, logits / temperature
//   logistic   softplus(-p_b . z_i) + (1 / M) sum_n softplus(p_b . z_n)   [Hamilton, eq. 1]
//   + hard_weight times the mean of the same pair loss over the rows' hard negatives
//
// Deviations from the papers: items have trainable embeddings as inputs, and with entity_vectors a
// linear map of given ones beside them; a pair's query is the mean
// of the user's other items (query=item: one of them, the paper's pairs); hard negatives have a
// mean of their own beside that of the shared ones; shared negatives are those that the trainer
// drew for some rows of the batch; shared and hard negatives that the user knows do not count;
// GraphSAGE keeps the edges of a batch's pairs (remove_edges=true drops them).
#ifndef UNDULA_MODELS_CONVOLUTION_CONV_MODEL_H_
#define UNDULA_MODELS_CONVOLUTION_CONV_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/batch_plans.h"
#include "models/convolution/batch_plan.h"
#include "models/convolution/layers.h"
#include "models/convolution/neighborhoods.h"
#include "models/convolution/options.h"
#include "models/convolution/plan.h"
#include "models/device_sampling.h"
#include "models/model.h"

namespace undula::models {

extern const ModelSpec kPinSageSpec;
extern const ModelSpec kGraphSageSpec;

// What stays fixed after Build or Load; shared with the scorers.
struct ConvState {
  ConvOptions options;
  bool sage = false;
  uint32_t n_users = 0, n_items = 0;
  std::vector<NodeLists> lists;  // by type, those of draw 0: scores are made with them
  UserItems known;               // distinct training positives
  // The users' latest distinct items, newest last: at most `recent` (PinSAGE).
  std::vector<int64_t> history_ptr = {0};
  std::vector<uint32_t> history;

  // Vectors of the items' entities, [n_items, feature_dim], zeros without one; 0: none are used.
  int64_t feature_dim = 0;
  std::vector<float> features;

  int types() const { return sage ? 2 : 1; }
  std::vector<uint32_t> nodes() const {
    return sage ? std::vector<uint32_t>{n_items, n_users} : std::vector<uint32_t>{n_items};
  }
};

class ConvModel final : public Model, public BatchPlans, public DeviceSampling {
 public:
  // Options are taken as they are: make of the specs checks them.
  ConvModel(const ModelSpec* spec, const ConvOptions& options, DType dtype);

  const ModelSpec& spec() const override { return *spec_; }
  const void* options() const override { return &state_->options; }
  absl::Status Build(const TrainingData& data, TaskArena& workers) override;
  propagation::ParameterSet* parameters() override { return &parameters_; }
  absl::Status BeginEpoch(int64_t epoch) override;
  // PinSAGE's random walks, but those of redraw=batch, which threads beside the steps make.
  void SampleOn(propagation::Exec* exec) override { sampler_ = exec; }
  // Everything runs here, over the whole batch: its rows share nodes and negatives.
  propagation::Var Prepare(propagation::Tape& tape, const Batch& batch,
                           std::vector<propagation::Var>* shared) override;
  propagation::Var Loss(propagation::Tape&, const Batch&, const Slice&,
                        std::span<const propagation::Var>) const override {
    return {};
  }
  std::unique_ptr<Plan> NewPlan() const override;
  void Fill(const Batch& batch, Plan* plan) const override;
  void Use(const Plan* plan) override { given_ = static_cast<const ConvBatchPlan*>(plan); }
  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& workers) const override;
  void Save(TensorMap* out) const override;
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) override;
  std::string Describe() const override;

  // Outputs of all nodes wanted, over the lists of scoring and with no edge removed: one Var per
  // type, and in `trace` every layer's output of items. For scorers and tests; `plan` must stay
  // until the tape is reset.
  std::vector<propagation::Var> Outputs(propagation::Tape& tape,
                                        std::span<const std::vector<uint32_t>> wanted,
                                        ConvPlanner* plan,
                                        std::vector<propagation::Var>* trace = nullptr);
  // What the first layer reads of these items.
  propagation::Var ItemInputs(propagation::Tape& tape, std::span<const uint32_t> items);
  ConvLayers& layers() { return layers_; }
  const ConvState& state() const { return *state_; }

 private:
  void AddParameters(uint64_t seed);
  absl::Status TakeFeatures(const TrainingData& data);
  std::vector<propagation::Var> Run(propagation::Tape& tape, const ConvPlanner& plan,
                                    std::vector<propagation::Var>* trace);
  propagation::Var PairLosses(propagation::Tape& tape, const Batch& batch,
                              const ConvBatchPlan& plan, propagation::Var query,
                              propagation::Var items);
  propagation::Var HardLoss(propagation::Tape& tape, const Batch& batch, const ConvBatchPlan& plan,
                            propagation::Var query, propagation::Var items);
  propagation::Var Queries(propagation::Tape& tape, const ConvBatchPlan& plan,
                           const std::vector<propagation::Var>& outputs);
  std::vector<std::vector<const NodeLists*>> ListsOf(const std::vector<NodeLists>& lists) const;
  void DrawForBatch(const Batch& batch, ConvBatchPlan* plan,
                    std::vector<std::vector<const NodeLists*>>* lists) const;

  const ModelSpec* spec_;
  propagation::ParameterSet parameters_;
  std::shared_ptr<ConvState> state_;
  propagation::Parameter *item_ = nullptr, *user_ = nullptr, *feature_ = nullptr;
  ConvLayers layers_;
  uint64_t seed_ = 1;

  // Training.
  std::shared_ptr<const Neighborhoods> neighborhoods_;
  TaskArena* workers_ = nullptr;
  propagation::Exec* sampler_ = nullptr;  // see SampleOn
  propagation::HardPools pools_;
  std::vector<std::vector<NodeLists>> epoch_lists_;  // [layer][type]; empty: those of the state
  int64_t epoch_ = 0;
  std::vector<uint32_t> popularity_;  // training positives of the items, with in_batch
  double interactions_ = 0;           // their sum
  std::unique_ptr<ConvBatchPlan> own_plan_;
  const ConvBatchPlan* given_ = nullptr;  // see Use
  std::string description_;

  // Host memory of the step that the tape's tensors refer to.
  std::vector<std::vector<ConvScratch>> scratch_;
  std::vector<float> ones_, feature_rows_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_CONVOLUTION_CONV_MODEL_H_
