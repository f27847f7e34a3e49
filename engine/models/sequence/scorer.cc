#include "models/sequence/scorer.h"

#include "base/status.h"
#include "propagation/tile_gemm.h"

namespace undula::models {

using propagation::Arena;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

constexpr size_t kTables = 9;

void Members(SequenceModel::Tables* t, Var* (&out)[kTables]) {
  Var* all[kTables] = {&t->graph.in,      &t->graph.out,       &t->graph.hidden,
                       &t->graph.state,   &t->graph.bias,      &t->recurrent,
                       &t->memory.events, &t->memory.products, &t->memory.keys};
  for (size_t i = 0; i < kTables; ++i) out[i] = all[i];
}

std::vector<float> ToFloat(const Tensor& t) {
  std::vector<float> out(static_cast<size_t>(t.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = t.dtype == DType::kF64 ? static_cast<float>(t.as<double>()[i]) : t.as<float>()[i];
  }
  return out;
}

}  // namespace

SequenceScorer::SequenceScorer(std::unique_ptr<SequenceModel> model)
    : model_(std::move(model)), exec_(nullptr) {}

absl::StatusOr<std::unique_ptr<Scorer>> SequenceScorer::Create(
    std::unique_ptr<SequenceModel> model) {
  std::unique_ptr<SequenceScorer> scorer(new SequenceScorer(std::move(model)));
  UNDULA_RETURN_IF_ERROR(scorer->Prepare());
  return scorer;
}

absl::Status SequenceScorer::Prepare() {
  Tape tape(&exec_, &arena_, model_->parameters()->dtype());
  SequenceModel::Tables tables = model_->MakeTables(tape);
  UNDULA_RETURN_IF_ERROR(tape.status());
  Var* members[kTables];
  Members(&tables, members);
  for (Var* v : members) tables_.push_back(tape.value(*v));
  const Tensor items = tape.value(tables.items);
  dim_ = items.cols();
  items_ = ToFloat(items);
  transposed_.resize(items_.size());
  propagation::Transpose(items_.data(), items.rows(), dim_, transposed_.data());
  return absl::OkStatus();
}

absl::StatusOr<std::span<const ItemId>> SequenceScorer::HistoryOf(const UserQuery& query) const {
  if (!query.history.empty()) {
    for (const ItemId item : query.history) {
      if (Index(item) >= n_items()) {
        return NotFoundError("item ", Index(item), " of the history is not known to the model (",
                             n_items(), " items); train again or leave it out");
      }
    }
    return query.history;
  }
  if (query.user == kNone<UserId>) {
    return FailedPreconditionError("the history is empty; give at least one item");
  }
  if (Index(query.user) >= n_users()) {
    return NotFoundError("user ", Index(query.user), " is not known to the model; give a history");
  }
  if (!KnowsUser(query.user)) {
    return FailedPreconditionError("user ", Index(query.user),
                                   " has no positive in the training part; give a history");
  }
  return model_->HistoryOf(Index(query.user));
}

absl::StatusOr<const float*> SequenceScorer::VectorOf(const UserQuery& query,
                                                      Arena& scratch) const {
  UNDULA_ASSIGN_OR_RETURN(const std::span<const ItemId> history, HistoryOf(query));
  propagation::Exec exec(nullptr);
  Tape tape(&exec, &scratch, model_->parameters()->dtype());
  SequenceModel::Tables tables;
  Var* members[kTables];
  Members(&tables, members);
  for (size_t i = 0; i < kTables; ++i) {
    if (!tables_[i].empty()) *members[i] = tape.Constant(tables_[i]);
  }
  const Tensor row = tape.value(model_->HistoryVector(tape, tables, history));
  UNDULA_RETURN_IF_ERROR(tape.status());
  if (row.dtype == DType::kF32) return row.as<float>();
  float* out = scratch.New<float>(static_cast<size_t>(dim_));
  for (int64_t c = 0; c < dim_; ++c) out[c] = static_cast<float>(row.as<double>()[c]);
  return out;
}

absl::Status SequenceScorer::Score(const UserQuery& query, ItemRange range, std::span<float> out,
                                   Arena& scratch) const {
  if (range.begin > range.end || range.end > n_items() || out.size() != range.size()) {
    return InvalidArgumentError("items ", range.begin, " to ", range.end, " of ", n_items());
  }
  UNDULA_ASSIGN_OR_RETURN(const float* row, VectorOf(query, scratch));
  float* to = out.data();
  // Sums in ascending order of the dimension, whatever the range.
  propagation::TileGemm<float>(&row, 1, dim_, transposed_.data() + range.begin, n_items(), &to,
                               range.size(), false);
  return absl::OkStatus();
}

absl::Status SequenceScorer::ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                                        std::span<float> out, Arena& scratch) const {
  for (const ItemId item : items) {
    if (Index(item) < n_items()) continue;
    return NotFoundError("item ", Index(item), " is not known to the model (", n_items(),
                         " items); train again");
  }
  UNDULA_ASSIGN_OR_RETURN(const float* row, VectorOf(query, scratch));
  for (size_t i = 0; i < items.size(); ++i) {
    float* to = &out[i];
    propagation::TileGemm<float>(&row, 1, dim_, transposed_.data() + Index(items[i]), n_items(),
                                 &to, 1, false);
  }
  return absl::OkStatus();
}

std::span<const float> SequenceScorer::ItemVector(ItemId item) const {
  if (Index(item) >= n_items()) return {};
  return {items_.data() + int64_t{Index(item)} * dim_, static_cast<size_t>(dim_)};
}

}  // namespace undula::models
