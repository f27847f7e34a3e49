#include "models/convolution/scorer.h"

#include <cmath>
#include <numeric>

#include "base/status.h"
#include "propagation/exec.h"
#include "propagation/tile_gemm.h"

namespace undula::models {

using propagation::Arena;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

namespace {

std::vector<float> ToFloat(const Tensor& t) {
  std::vector<float> out(static_cast<size_t>(t.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = t.dtype == DType::kF64 ? static_cast<float>(t.as<double>()[i]) : t.as<float>()[i];
  }
  return out;
}

std::vector<uint32_t> UpTo(uint32_t n) {
  std::vector<uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0u);
  return out;
}

}  // namespace

ConvScorer::ConvScorer(std::unique_ptr<ConvModel> model) : model_(std::move(model)) {}

absl::StatusOr<std::unique_ptr<Scorer>> ConvScorer::Create(std::unique_ptr<ConvModel> model,
                                                           TaskArena& workers) {
  std::unique_ptr<ConvScorer> scorer(new ConvScorer(std::move(model)));
  UNDULA_RETURN_IF_ERROR(scorer->Prepare(workers));
  return std::unique_ptr<Scorer>(std::move(scorer));
}

absl::Status ConvScorer::Prepare(TaskArena& workers) {
  model_->layers().Freeze();
  propagation::Exec exec(&workers);
  Arena arena;
  Tape tape(&exec, &arena, model_->parameters()->dtype());
  std::vector<std::vector<uint32_t>> wanted;
  for (const uint32_t n : state().nodes()) wanted.push_back(UpTo(n));
  ConvPlanner plan(state().nodes());
  std::vector<Var> trace;
  const std::vector<Var> outputs = model_->Outputs(tape, wanted, &plan, &trace);
  UNDULA_RETURN_IF_ERROR(tape.status());
  const Tensor items = tape.value(outputs[0]);
  dim_ = items.cols();
  items_ = ToFloat(items);
  transposed_.resize(items_.size());
  propagation::Transpose(items_.data(), items.rows(), dim_, transposed_.data());
  if (!state().sage) return absl::OkStatus();
  users_ = ToFloat(tape.value(outputs[1]));
  for (int64_t k = 0; k < state().options.layers; ++k) {
    below_.push_back(ToFloat(tape.value(trace[k])));
  }
  return absl::OkStatus();
}

const float* ConvScorer::MeanOf(std::span<const ItemId> history, Arena& scratch) const {
  float* out = scratch.NewZero<float>(static_cast<size_t>(dim_));
  for (const ItemId item : history) {
    const float* z = items_.data() + int64_t{Index(item)} * dim_;
    for (int64_t c = 0; c < dim_; ++c) out[c] += z[c];
  }
  float share = history.empty() ? 0 : 1.0f / static_cast<float>(history.size());
  if (state().options.normalize) {
    double square = 0;
    for (int64_t c = 0; c < dim_; ++c) square += double{out[c]} * out[c];
    share = square > 0 ? static_cast<float>(1 / std::sqrt(square)) : 0;
  }
  for (int64_t c = 0; c < dim_; ++c) out[c] *= share;
  return out;
}

// A user without an input embedding (zeros) whose neighbors are the history's items.
absl::StatusOr<const float*> ConvScorer::NewUser(std::span<const ItemId> history,
                                                 Arena& scratch) const {
  propagation::Exec exec(nullptr);
  Tape tape(&exec, &scratch);
  ConvLayer layer;
  layer.all_of_below = true;
  for (const ItemId item : history) layer.src.push_back(Index(item));
  layer.weight.assign(layer.src.size(), 1.0f / static_cast<float>(layer.src.size()));
  layer.ptr.push_back(static_cast<int64_t>(layer.src.size()));
  Var own = tape.Constant(tape.NewZero({1, state().options.dim}));
  std::vector<ConvScratch> memory(below_.size());
  for (size_t k = 0; k < below_.size(); ++k) {
    const auto rows = static_cast<int64_t>(n_items());
    const auto cols = rows == 0 ? 0 : static_cast<int64_t>(below_[k].size()) / rows;
    const Var below = tape.Constant(propagation::View(below_[k].data(), rows, cols));
    own = model_->layers().Layer(tape, static_cast<int>(k), 1, layer, own, below, &memory[k]);
  }
  UNDULA_RETURN_IF_ERROR(tape.status());
  return tape.value(own).as<float>();
}

absl::StatusOr<const float*> ConvScorer::VectorOf(const UserQuery& query, Arena& scratch) const {
  for (const ItemId item : query.history) {
    if (Index(item) < n_items()) continue;
    return NotFoundError("item ", Index(item), " of the history is not known to the model (",
                         n_items(), " items); train again or leave it out");
  }
  if (query.user == kNone<UserId>) {
    if (query.history.empty()) {
      return FailedPreconditionError("the history is empty; give at least one item");
    }
    if (state().sage) return NewUser(query.history, scratch);
    const auto most = static_cast<size_t>(state().options.recent);
    const bool all = most == 0 || query.history.size() <= most;
    return MeanOf(all ? query.history : query.history.last(most), scratch);
  }
  const uint32_t user = Index(query.user);
  if (user >= n_users()) {
    return NotFoundError("user ", user, " is not known to the model; give a history");
  }
  if (!KnowsUser(query.user)) {
    return FailedPreconditionError("user ", user,
                                   " has no positive in the training part; give a history");
  }
  if (state().sage) return users_.data() + int64_t{user} * dim_;
  const int64_t begin = state().history_ptr[user], end = state().history_ptr[user + 1];
  ItemId* history = scratch.New<ItemId>(static_cast<size_t>(end - begin));
  for (int64_t e = begin; e < end; ++e) history[e - begin] = ItemId{state().history[e]};
  return MeanOf({history, static_cast<size_t>(end - begin)}, scratch);
}

absl::Status ConvScorer::Score(const UserQuery& query, ItemRange range, std::span<float> out,
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

absl::Status ConvScorer::ScoreItems(const UserQuery& query, std::span<const ItemId> items,
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

std::span<const float> ConvScorer::ItemVector(ItemId item) const {
  if (Index(item) >= n_items()) return {};
  return {items_.data() + int64_t{Index(item)} * dim_, static_cast<size_t>(dim_)};
}

}  // namespace undula::models
