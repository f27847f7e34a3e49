// Models of the next item of a sequence: one class for SR-GNN (session graph), GRU4Rec (recurrent
// unit), KSR (recurrent unit and knowledge-base memory) and KGSR (session graph and memory). The
// state of a prefix is compared with item vectors by a dot product.
//   docs/models/srgnn.md, docs/models/ksr.md, docs/models/kgsr.md
#ifndef UNDULA_MODELS_SEQUENCE_SEQUENCE_MODEL_H_
#define UNDULA_MODELS_SEQUENCE_SEQUENCE_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/data/negatives.h"
#include "models/model.h"
#include "models/sequence/encoder.h"
#include "models/sequence/knowledge.h"
#include "models/sequence/memory.h"
#include "models/sequence/options.h"
#include "models/sequence/sequences.h"
#include "models/sequence/session_graph.h"

namespace undula::models {

class SequenceModel final : public Model {
 public:
  enum class Encoder : uint8_t { kGraph, kRecurrent };

  // options as resolved.
  SequenceModel(const ModelSpec& spec, Encoder encoder, bool memory, const SequenceOptions& options,
                DType dtype);

  const ModelSpec& spec() const override { return spec_; }
  const void* options() const override { return &options_; }
  absl::Status Build(const TrainingData& data, TaskArena& workers) override;
  propagation::ParameterSet* parameters() override { return &parameters_; }
  absl::Status BeginEpoch(int64_t epoch) override;
  // Everything runs here, over the whole batch: its rows share tables and nodes.
  propagation::Var Prepare(propagation::Tape& tape, const Batch& batch,
                           std::vector<propagation::Var>* shared) override;
  propagation::Var Loss(propagation::Tape& tape, const Batch& batch, const Slice& slice,
                        std::span<const propagation::Var> leaves) const override;
  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& workers) const override;
  void Save(TensorMap* out) const override;
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) override;
  std::string Describe() const override;

  // The rows' vectors of a batch, [B, dim], as the loss uses them; and what was read of a memory.
  struct Vectors {
    propagation::Var state;  // of the encoder
    propagation::Var rows;   // compared with items
  };
  Vectors RowVectors(propagation::Tape& tape, const Batch& batch);
  // What rows are compared with, of all items.
  propagation::Var ItemSide(propagation::Tape& tape);

  // -- for the scorer
  // Tables over all items, made once.
  struct Tables {
    GraphTables graph;
    propagation::Var recurrent;
    MemoryTables memory;
    propagation::Var items;  // [n, dim]
  };
  Tables MakeTables(propagation::Tape& tape);
  // The vectors [B, dim] of the histories of a plan (see SequencePlanner::PlanHistories), from
  // tables as constants of `tape`.
  propagation::Var HistoryVectors(propagation::Tape& tape, const Tables& tables,
                                  const SequencePlan& plan, SessionGraphCompiler* compiler,
                                  SessionGraph* graph) const;
  const SequenceOptions& sequence_options() const { return options_; }
  // The parts that the model has; null for the others.
  const GraphEncoder* graph() const {
    return encoder_ == Encoder::kGraph ? &graph_encoder_ : nullptr;
  }
  const RecurrentEncoder* recurrent() const {
    return encoder_ == Encoder::kRecurrent ? &recurrent_encoder_ : nullptr;
  }
  const KnowledgeMemory* memory() const { return memory_ ? &knowledge_ : nullptr; }
  // The rows' vectors from their states, of a model without a memory.
  propagation::Var Output(propagation::Tape& tape, propagation::Var state) const;
  uint32_t n_items() const { return n_items_; }
  uint32_t n_users() const { return static_cast<uint32_t>(history_ptr_.size() - 1); }
  std::span<const ItemId> HistoryOf(uint32_t user) const;

 private:
  void AddParameters(uint64_t seed);
  propagation::Var ItemRows(propagation::Tape& tape, std::span<const uint32_t> items);
  propagation::Var CrossEntropy(propagation::Tape& tape, const Batch& batch, propagation::Var rows);
  propagation::Var SampledCrossEntropy(propagation::Tape& tape, const Batch& batch,
                                       propagation::Var rows);
  propagation::Var Pairs(propagation::Tape& tape, const Batch& batch, propagation::Var rows);
  bool sparse() const { return options_.sampled > 0 || options_.loss == "bpr"; }
  // Whether the memory's sequences are other ones than the encoder's.
  bool own_memory_plan() const {
    return memory_ && options_.memory_scope == "user" && options_.session != "user";
  }

  const ModelSpec& spec_;
  Encoder encoder_;
  bool memory_;
  SequenceOptions options_;
  propagation::ParameterSet parameters_;
  propagation::Parameter *item_ = nullptr, *output_ = nullptr, *output_bias_ = nullptr;
  GraphEncoder graph_encoder_;
  RecurrentEncoder recurrent_encoder_;
  KnowledgeBase base_;
  KnowledgeMemory knowledge_;

  uint32_t n_items_ = 0;
  uint64_t seed_ = 0;
  int64_t epoch_ = 0;
  InteractionCsr<ItemId> log_;    // training positives
  std::vector<uint32_t> starts_;  // of sessions, by event; empty: the user's first event
  UserItems positives_;           // of users, for drawn negatives
  std::vector<uint32_t> popularity_;
  std::vector<int64_t> history_ptr_ = {0};  // the latest events of users, what the scorer sees
  std::vector<ItemId> history_;
  std::unique_ptr<ItemSampler> sampler_;

  // The batch.
  SequencePlanner planner_;
  SessionGraphCompiler compiler_;
  SequencePlan plan_, memory_plan_;
  SessionGraph graph_;
  std::vector<uint32_t> all_items_, candidates_, place_, target_row_, repeated_;
  std::vector<uint8_t> drawn_;
  std::vector<float> offset_, target_offset_;
};

extern const ModelSpec kSrGnnSpec, kGru4RecSpec, kKsrSpec, kKgsrSpec;

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_SEQUENCE_MODEL_H_
