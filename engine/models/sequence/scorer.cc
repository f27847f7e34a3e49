#include "models/sequence/scorer.h"

#include <algorithm>

#include "base/status.h"
#include "models/sequence/sequence_state.h"

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

// Row `row` of a matrix as floats.
void CopyRow(const Tensor& t, int64_t row, std::span<float> out) {
  for (int64_t c = 0, at = row * t.cols(); c < t.cols(); ++c, ++at) {
    out[c] = t.dtype == DType::kF64 ? static_cast<float>(t.as<double>()[at]) : t.as<float>()[at];
  }
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
  items_.resize(static_cast<size_t>(items.size()));
  for (int64_t i = 0; i < items.rows(); ++i) CopyRow(items, i, std::span(items_).subspan(i * dim_));
  panels_ = ItemPanels(items_, dim_);
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

SequenceModel::Tables SequenceScorer::Bind(Tape& tape) const {
  SequenceModel::Tables tables;
  Var* members[kTables];
  Members(&tables, members);
  for (size_t i = 0; i < kTables; ++i) {
    if (!tables_[i].empty()) *members[i] = tape.Constant(tables_[i]);
  }
  return tables;
}

absl::StatusOr<std::unique_ptr<QueryState>> SequenceScorer::NewState() const {
  if (model_->parameters()->dtype() != DType::kF32) {
    return UnimplementedError("states follow models of float32 only");
  }
  return std::make_unique<SequenceState>(model_.get(), [this](Tape& tape) { return Bind(tape); });
}

absl::StatusOr<Tensor> SequenceScorer::Encode(Workspace* workspace, Arena& scratch) const {
  SequencePlanner::PlanHistories(workspace->histories, n_items(),
                                 model_->sequence_options().max_length, &workspace->plan);
  Tape tape(&exec_, &scratch, model_->parameters()->dtype());
  tape.OnlyScore();
  const Var rows = model_->HistoryVectors(tape, Bind(tape), workspace->plan, &workspace->compiler,
                                          &workspace->graph);
  UNDULA_RETURN_IF_ERROR(tape.status());
  return tape.value(rows);
}

absl::Status SequenceScorer::QueryVectors(std::span<const UserQuery> queries,
                                          std::span<float> vectors, std::span<absl::Status> status,
                                          Arena& scratch) const {
  std::unique_ptr<Workspace> workspace = workspaces_.Take();
  workspace->histories.clear();
  for (size_t i = 0; i < queries.size(); ++i) {
    status[i] = absl::OkStatus();
    if (!queries[i].vector.empty()) {
      if (static_cast<int64_t>(queries[i].vector.size()) == dim_) continue;
      status[i] = InvalidArgumentError("the query's vector has ", queries[i].vector.size(),
                                       " values; the model's have ", dim_);
      continue;
    }
    const auto history = HistoryOf(queries[i]);
    status[i] = history.status();
    if (history.ok()) workspace->histories.push_back(*history);
  }
  Tensor rows;
  if (!workspace->histories.empty()) {
    UNDULA_ASSIGN_OR_RETURN(rows, Encode(workspace.get(), scratch));
  }
  int64_t row = 0;
  for (size_t i = 0; i < queries.size(); ++i) {
    if (!status[i].ok()) continue;
    const std::span<float> to = vectors.subspan(i * static_cast<size_t>(dim_));
    if (queries[i].vector.empty()) {
      CopyRow(rows, row++, to);
    } else {
      std::copy(queries[i].vector.begin(), queries[i].vector.end(), to.begin());
    }
  }
  workspaces_.Give(std::move(workspace));
  return absl::OkStatus();
}

absl::Status SequenceScorer::VectorOf(const UserQuery& query, Arena& scratch,
                                      std::vector<float>* vector) const {
  absl::Status status;
  vector->resize(static_cast<size_t>(dim_));
  UNDULA_RETURN_IF_ERROR(QueryVectors({&query, 1}, *vector, {&status, 1}, scratch));
  return status;
}

absl::Status SequenceScorer::Score(const UserQuery& query, ItemRange range, std::span<float> out,
                                   Arena& scratch) const {
  if (range.begin > range.end || range.end > n_items() || out.size() != range.size()) {
    return InvalidArgumentError("items ", range.begin, " to ", range.end, " of ", n_items());
  }
  std::vector<float> vector;
  UNDULA_RETURN_IF_ERROR(VectorOf(query, scratch, &vector));
  float* const to = out.data();
  panels_.Scores(vector.data(), 1, range, &to);
  return absl::OkStatus();
}

absl::Status SequenceScorer::ScoreItems(const UserQuery& query, std::span<const ItemId> items,
                                        std::span<float> out, Arena& scratch) const {
  for (const ItemId item : items) {
    if (Index(item) < n_items()) continue;
    return NotFoundError("item ", Index(item), " is not known to the model (", n_items(),
                         " items); train again");
  }
  std::vector<float> vector;
  UNDULA_RETURN_IF_ERROR(VectorOf(query, scratch, &vector));
  for (size_t i = 0; i < items.size(); ++i) out[i] = panels_.Score(vector.data(), items[i]);
  return absl::OkStatus();
}

std::span<const float> SequenceScorer::ItemVector(ItemId item) const {
  if (Index(item) >= n_items()) return {};
  return {items_.data() + int64_t{Index(item)} * dim_, static_cast<size_t>(dim_)};
}

}  // namespace undula::models
