// Knowledge-graph embeddings: a vector for every entity and relation such that the graph's triples
// score better than others. One model, four forms:
//   transe    d(h, r, t) = |h + r - t|                        Bordes et al., NIPS 2013
//   transh    the same with e - (e . w_r) w_r for h and t     Wang et al., AAAI 2014
//   transr    the same with M_r e for h and t                 Lin et al., AAAI 2015
//   distmult  s(h, r, t) = sum_c h_c r_c t_c                  Yang et al., ICLR 2015
// Trained on batches of kTriples by the trainer (kge/link_training.h); docs/models/kge.md.
#ifndef UNDULA_MODELS_KGE_KGE_H_
#define UNDULA_MODELS_KGE_KGE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/options.h"
#include "models/data/bit_set.h"
#include "models/model.h"

namespace undula::models {

struct KgeOptions {
  std::string form = "transe";
  int64_t dim = 64;
  int64_t relation_dim = 0;  // of transr: the space of the relations; 0: dim
  // Of all but distmult: "l2", "l1", "squared_l2".
  std::string distance = "l2";
  // n pairs of a triple and its corrupted one: "margin", mean max(0, margin + d - d'); "logistic",
  // mean softplus(-x) + mean softplus(x') of the logits x = margin - d (distmult: s); "bpr", mean
  // softplus(d - d').
  std::string loss = "margin";
  double margin = 1;
  // Entities have length 1: "unit", set so at the beginning of each step that uses them (TransE's
  // algorithm); "none"; "projected", h, r and t are divided by their length after the projection
  // (CKE).
  std::string normalize = "unit";
  double l2_weight = 0;  // times the mean over the pairs of the rows' squared norms
  double init_scale = 1;
};

const OptionTable& KgeOptionTable();

// InvalidArgument for options that do not go together.
absl::Status CheckKgeOptions(const KgeOptions& options);

class Kge final : public Model {
 public:
  // options as checked.
  Kge(const KgeOptions& options, DType dtype);

  const ModelSpec& spec() const override;
  const void* options() const override { return &options_; }
  // Entities and relations of data.snapshot; parameters from data.seed.
  absl::Status Build(const TrainingData& data, TaskArena& workers) override;
  propagation::ParameterSet* parameters() override { return &parameters_; }
  propagation::Var Prepare(propagation::Tape& tape, const Batch& batch,
                           std::vector<propagation::Var>* shared) override;
  propagation::Var Loss(propagation::Tape& tape, const Batch& batch, const Slice& slice,
                        std::span<const propagation::Var> leaves) const override;
  // Unimplemented: it scores triples, not items.
  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& workers) const override;
  void Save(TensorMap* out) const override;
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) override;

  // Of the batch: scores (distances, or products) of its triples and of the corrupted ones, [n],
  // and the rows of the tables that they are made of.
  struct Scores {
    propagation::Var good, bad, entities, relations;
  };
  Scores ScoreBatch(propagation::Tape& tape, const Batch& batch);

  int64_t entities() const { return entity_->value.rows(); }
  int64_t relations() const { return relation_->value.rows(); }
  // Length of the vectors that are compared: relation_dim of transr, else dim.
  int64_t relation_dim() const;
  // What the scores use, in float32: entity vectors [entities, dim] (of length 1 with "unit") and
  // relation vectors [relations, relation_dim].
  std::vector<float> EntityVectors() const;
  std::vector<float> RelationVectors() const;
  // Entity vectors as triples of this relation see them, [entities, relation_dim]; `vectors` are
  // EntityVectors().
  std::vector<float> Projected(uint32_t relation, const std::vector<float>& vectors) const;

 private:
  void IndexBatch(const Batch& batch);
  propagation::Var Project(propagation::Tape& tape, propagation::Var entities);
  bool projects() const { return options_.form == "transh" || options_.form == "transr"; }

  KgeOptions options_;
  propagation::ParameterSet parameters_;
  propagation::Parameter* entity_ = nullptr;
  propagation::Parameter* relation_ = nullptr;
  propagation::Parameter* normal_ = nullptr;      // of transh: w_r
  propagation::Parameter* projection_ = nullptr;  // of transr: M_r

  // The batch: distinct entities and relations, and the positions of its rows among them.
  BitSet entity_set_, relation_set_;
  std::vector<uint32_t> entity_at_, relation_at_;  // positions, by id
  std::vector<uint32_t> entity_ids_, relation_ids_;
  std::vector<uint32_t> head_, relation_row_, tail_, bad_head_, bad_tail_;
  // Of the forms that project: rows are the n heads, n tails and n replacing entities.
  std::vector<uint32_t> projected_row_, projected_relation_;
  std::vector<float> ones_, margins_;  // of the logistic loss
};

extern const ModelSpec kKgeSpec;

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGE_KGE_H_
