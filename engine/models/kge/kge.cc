#include "models/kge/kge.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "propagation/lane_group.h"
#include "propagation/ops/elementwise.h"
#include "propagation/ops/gather.h"
#include "propagation/ops/losses.h"
#include "propagation/ops/relation_gemv.h"
#include "propagation/ops/row_normalize.h"
#include "propagation/ops/row_normalize_row.h"
#include "propagation/ops/triple_score.h"

namespace undula::models {

using propagation::Init;
using propagation::LaneGroup;
using propagation::Tape;
using propagation::Tensor;
using propagation::TripleForm;
using propagation::Var;

namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(KgeOptions, form, kChoice, 0, 0, "transe|transh|transr|distmult",
                  "how a triple is scored"),
    UNDULA_OPTION(KgeOptions, dim, kInt, 1, 4096, "", "length of the entity vectors"),
    UNDULA_OPTION(KgeOptions, relation_dim, kInt, 0, 4096, "",
                  "length of the relation vectors of transr; 0: dim"),
    UNDULA_OPTION(KgeOptions, distance, kChoice, 0, 0, "l2|l1|squared_l2",
                  "of all forms but distmult"),
    UNDULA_OPTION(KgeOptions, loss, kChoice, 0, 0, "margin|logistic|bpr",
                  "of a triple and its corrupted one"),
    UNDULA_OPTION(KgeOptions, margin, kFloat, -1e6, 1e6, "", "of the margin and logistic losses"),
    UNDULA_OPTION(KgeOptions, normalize, kChoice, 0, 0, "unit|none|projected",
                  "what has length 1: entities, nothing, or what is compared"),
    UNDULA_OPTION(KgeOptions, l2_weight, kFloat, 0, 1e6, "", "weight of the squared norms"),
    UNDULA_OPTION(KgeOptions, init_scale, kFloat, 1e-9, 1e6, "",
                  "times the limit of the initial vectors"),
};
constexpr OptionTable kTable{"model", kFields};

absl::StatusOr<std::unique_ptr<Model>> MakeKge(const OptionMap& values, DType dtype) {
  KgeOptions options;
  UNDULA_RETURN_IF_ERROR(SetOptions(kTable, &options, values));
  UNDULA_RETURN_IF_ERROR(CheckKgeOptions(options));
  return std::unique_ptr<Model>(std::make_unique<Kge>(options, dtype));
}

TripleForm FormOf(const KgeOptions& o) {
  if (o.form == "distmult") return TripleForm::kProduct;
  if (o.distance == "l1") return TripleForm::kL1;
  return o.distance == "l2" ? TripleForm::kL2 : TripleForm::kSquaredL2;
}

std::vector<float> ToFloat(const Tensor& t) {
  std::vector<float> out(static_cast<size_t>(t.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = t.dtype == DType::kF64 ? static_cast<float>(t.as<double>()[i]) : t.as<float>()[i];
  }
  return out;
}

void Normalize(std::vector<float>* rows, int64_t cols) {
  const LaneGroup group;
  for (float* row = rows->data(); row != rows->data() + rows->size(); row += cols) {
    const float scale = propagation::InverseNorm<float>(group, row, cols);
    for (int64_t c = 0; c < cols; ++c) row[c] = scale == 0 ? row[c] : row[c] * scale;
  }
}

}  // namespace

const ModelSpec kKgeSpec = {
    .name = "kge",
    .title = "Knowledge-graph embeddings",
    .paper = "Bordes et al., Translating Embeddings for Modeling Multi-relational Data, NIPS 2013",
    .batch_kind = BatchKind::kTriples,
    .capabilities = {.uses_graph = true},
    .options = kTable,
    .make = &MakeKge,
};

const OptionTable& KgeOptionTable() { return kTable; }

absl::Status CheckKgeOptions(const KgeOptions& o) {
  if (o.relation_dim != 0 && o.form != "transr") {
    return InvalidArgumentError("model.relation_dim belongs to form transr, not ", o.form,
                                "; leave it out");
  }
  if (o.form == "distmult" && o.normalize == "projected") {
    return InvalidArgumentError("form distmult has no projection; use normalize none or unit");
  }
  return absl::OkStatus();
}

Kge::Kge(const KgeOptions& options, DType dtype) : options_(options), parameters_(dtype) {}

const ModelSpec& Kge::spec() const { return kKgeSpec; }

int64_t Kge::relation_dim() const {
  return options_.relation_dim > 0 ? options_.relation_dim : options_.dim;
}

absl::Status Kge::Build(const TrainingData& data, TaskArena& /*workers*/) {
  const int64_t entities = data.snapshot->n_entities, relations = data.snapshot->n_relations;
  if (entities == 0 || relations == 0) {
    return FailedPreconditionError("kge: the graph is empty; import triples first");
  }
  const int64_t d = options_.dim, k = relation_dim();
  // TransE's limit for vectors that are normalised afterwards; for a product of three, Glorot's.
  const double wide = options_.init_scale * 6 / std::sqrt(static_cast<double>(k));
  const double narrow = options_.init_scale * std::sqrt(6.0 / static_cast<double>(2 * d));
  const bool product = options_.form == "distmult";
  const Init init{Init::Kind::kUniform, product ? narrow : wide};
  entity_ = parameters_.Add("entity", {entities, d}, true, init, data.seed);
  relation_ = parameters_.Add("relation", {relations, k}, true, init, data.seed);
  if (options_.form == "transh") {
    normal_ = parameters_.Add("normal", {relations, d}, true, init, data.seed);
  }
  if (options_.form == "transr") {
    projection_ = parameters_.Add("projection", {relations, k, d}, false,
                                  Init{Init::Kind::kIdentity, 1}, data.seed);
  }
  // Relations have length 1 at the start (algorithm 1 of TransE).
  if (options_.normalize != "none") {
    propagation::Arena arena;
    propagation::Exec exec(nullptr);
    Tape tape(&exec, &arena, parameters_.dtype());
    std::vector<uint32_t> all(static_cast<size_t>(relations));
    for (uint32_t r = 0; r < all.size(); ++r) all[r] = r;
    propagation::NormalizeRows(tape, relation_, tape.Indices(all));
    UNDULA_RETURN_IF_ERROR(tape.status());
  }
  entity_set_.Resize(entities);
  relation_set_.Resize(relations);
  entity_at_.assign(static_cast<size_t>(entities), 0);
  relation_at_.assign(static_cast<size_t>(relations), 0);
  return absl::OkStatus();
}

void Kge::IndexBatch(const Batch& batch) {
  const auto n = static_cast<size_t>(batch.rows());
  for (size_t i = 0; i < n; ++i) {
    entity_set_.Insert(batch.heads[i]);
    entity_set_.Insert(batch.tails[i]);
    entity_set_.Insert(batch.corrupt[i]);
    relation_set_.Insert(batch.relations[i]);
  }
  const auto drain = [](BitSet& set, std::vector<uint32_t>* ids, std::vector<uint32_t>* at) {
    ids->clear();
    set.Drain([&](uint32_t id) {
      (*at)[id] = static_cast<uint32_t>(ids->size());
      ids->push_back(id);
    });
  };
  drain(entity_set_, &entity_ids_, &entity_at_);
  drain(relation_set_, &relation_ids_, &relation_at_);
  for (auto* rows : {&head_, &relation_row_, &tail_, &bad_head_, &bad_tail_}) rows->resize(n);
  for (size_t i = 0; i < n; ++i) relation_row_[i] = relation_at_[batch.relations[i]];
  const auto m = static_cast<uint32_t>(n);
  if (projects()) {
    projected_row_.resize(3 * n);
    projected_relation_.resize(3 * n);
    for (uint32_t i = 0; i < m; ++i) {
      const uint32_t rows[] = {batch.heads[i], batch.tails[i], batch.corrupt[i]};
      for (uint32_t part = 0; part < 3; ++part) {
        projected_row_[part * m + i] = entity_at_[rows[part]];
        // The projections of transr are dense: their rows go by relation, not by position.
        projected_relation_[part * m + i] =
            projection_ != nullptr ? batch.relations[i] : relation_row_[i];
      }
    }
  }
  for (uint32_t i = 0; i < m; ++i) {
    head_[i] = projects() ? i : entity_at_[batch.heads[i]];
    tail_[i] = projects() ? m + i : entity_at_[batch.tails[i]];
    const uint32_t other = projects() ? 2 * m + i : entity_at_[batch.corrupt[i]];
    const bool head = batch.corrupts_head[i] != 0;
    bad_head_[i] = head ? other : head_[i];
    bad_tail_[i] = head ? tail_[i] : other;
  }
}

Var Kge::Project(Tape& tape, Var entities) {
  const Tensor rows = tape.Indices(projected_row_);
  if (options_.form == "transh") {
    const Var normals = propagation::GatherRows(tape, normal_, tape.Indices(relation_ids_));
    return propagation::ProjectToHyperplane(
        tape, propagation::GatherRows(tape, entities, rows),
        propagation::GatherRows(tape, normals, tape.Indices(projected_relation_)));
  }
  return propagation::RelationGemv(tape, tape.Use(projection_), entities,
                                   tape.Indices(projected_relation_), rows, false);
}

Kge::Scores Kge::ScoreBatch(Tape& tape, const Batch& batch) {
  IndexBatch(batch);
  const Tensor ids = tape.Indices(entity_ids_), relation_ids = tape.Indices(relation_ids_);
  if (options_.normalize == "unit") propagation::NormalizeRows(tape, entity_, ids);
  if (normal_ != nullptr && options_.normalize != "none") {
    propagation::NormalizeRows(tape, normal_, relation_ids);
  }
  Scores out;
  out.entities = propagation::GatherRows(tape, entity_, ids);
  out.relations = propagation::GatherRows(tape, relation_, relation_ids);
  Var compared = projects() ? Project(tape, out.entities) : out.entities;
  Var relations = out.relations;
  if (options_.normalize == "projected") {
    compared = propagation::RowNormalize(tape, compared);
    relations = propagation::RowNormalize(tape, relations);
  }
  const TripleForm form = FormOf(options_);
  const Tensor relation = tape.Indices(relation_row_);
  out.good = propagation::TripleScore(tape, compared, relations, tape.Indices(head_), relation,
                                      tape.Indices(tail_), form);
  out.bad = propagation::TripleScore(tape, compared, relations, tape.Indices(bad_head_), relation,
                                     tape.Indices(bad_tail_), form);
  return out;
}

Var Kge::Prepare(Tape& tape, const Batch& batch, std::vector<Var>* /*shared*/) {
  const Scores scores = ScoreBatch(tape, batch);
  const auto n = static_cast<double>(batch.rows());
  const bool product = options_.form == "distmult";
  const Var better = product ? scores.bad : scores.good;  // the lower one
  const Var worse = product ? scores.good : scores.bad;
  Var loss;
  if (options_.loss == "margin") {
    loss = propagation::MarginLoss(tape, better, worse, options_.margin, n);
  } else if (options_.loss == "bpr") {
    loss = propagation::PairLoss(tape, worse, better, n);
  } else {
    // Logits x of good triples and x' of bad ones: softplus(-x) + softplus(x').
    ones_.assign(static_cast<size_t>(batch.rows()), 1.0f);
    const Tensor label1 = tape.Floats(ones_), label0 = tape.NewZero({batch.rows()});
    Var good = scores.good, bad = scores.bad;
    if (!product) {
      margins_.assign(ones_.size(), static_cast<float>(options_.margin));
      const Var margin = tape.Constant(tape.Floats(margins_));
      good = propagation::Sub(tape, margin, good);
      bad = propagation::Sub(tape, margin, bad);
    }
    loss = propagation::AddScaled(tape, propagation::BceLogits(tape, good, label1, n), 1,
                                  propagation::BceLogits(tape, bad, label0, n), 1);
  }
  if (options_.l2_weight == 0) return loss;
  const double weight = options_.l2_weight / n;
  const Var penalty = propagation::AddScaled(
      tape, propagation::WeightedSquaredNorm(tape, scores.entities, {}, weight), 1,
      propagation::WeightedSquaredNorm(tape, scores.relations, {}, weight), 1);
  return propagation::AddScaled(tape, loss, 1, penalty, 1);
}

Var Kge::Loss(Tape& /*tape*/, const Batch& /*batch*/, const Slice& /*slice*/,
              std::span<const Var> /*leaves*/) const {
  return {};
}

absl::StatusOr<std::unique_ptr<Scorer>> Kge::MakeScorer(TaskArena& /*workers*/) const {
  return UnimplementedError("kge scores triples, not items; evaluate it by link prediction");
}

void Kge::Save(TensorMap* out) const { parameters_.Save("param/", out); }

absl::Status Kge::Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) {
  TrainingData data;
  data.snapshot = std::move(snapshot);
  TaskArena one(1);
  if (entity_ == nullptr) UNDULA_RETURN_IF_ERROR(Build(data, one));
  return parameters_.Load("param/", in);
}

std::vector<float> Kge::EntityVectors() const {
  std::vector<float> out = ToFloat(entity_->value);
  if (options_.normalize == "unit") Normalize(&out, options_.dim);
  if (options_.normalize == "projected" && !projects()) Normalize(&out, options_.dim);
  return out;
}

std::vector<float> Kge::RelationVectors() const {
  std::vector<float> out = ToFloat(relation_->value);
  if (options_.normalize == "projected") Normalize(&out, relation_dim());
  return out;
}

std::vector<float> Kge::Projected(uint32_t relation, const std::vector<float>& vectors) const {
  if (!projects()) return vectors;
  const int64_t d = options_.dim, k = relation_dim(), n = entities();
  const LaneGroup group;
  std::vector<float> out(static_cast<size_t>(n * k));
  if (options_.form == "transh") {
    std::vector<float> normal = ToFloat(normal_->value);
    normal.erase(normal.begin(), normal.begin() + relation * d);
    normal.resize(static_cast<size_t>(d));
    if (options_.normalize != "none") Normalize(&normal, d);
    for (int64_t e = 0; e < n; ++e) {
      const float* x = vectors.data() + e * d;
      const float along = group.Sum(d, [&](int64_t c) { return x[c] * normal[c]; });
      for (int64_t c = 0; c < d; ++c) out[e * d + c] = x[c] - along * normal[c];
    }
  } else {
    const std::vector<float> all = ToFloat(projection_->value);
    const float* matrix = all.data() + relation * k * d;
    for (int64_t e = 0; e < n; ++e) {
      const float* x = vectors.data() + e * d;
      for (int64_t row = 0; row < k; ++row) {
        const float* m = matrix + row * d;
        out[e * k + row] = group.Sum(d, [&](int64_t c) { return m[c] * x[c]; });
      }
    }
  }
  if (options_.normalize == "projected") Normalize(&out, k);
  return out;
}

}  // namespace undula::models
