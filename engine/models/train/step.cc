#include "models/train/step.h"

#include <algorithm>
#include <bit>

#include "base/status.h"

namespace undula::models {
namespace {

using propagation::Arena;
using propagation::Exec;
using propagation::Parameter;
using propagation::Tape;
using propagation::Tensor;
using propagation::Var;

DType FloatTypeOf(Model* model) {
  return model->parameters() == nullptr ? DType::kF32 : model->parameters()->dtype();
}

template <class T>
bool AllZero(const Tensor& t) {
  const T* p = t.as<T>();
  return std::all_of(p, p + t.size(), [](T x) { return x == 0; });
}

}  // namespace

struct TrainingStep::SliceState {
  SliceState(Exec* exec, DType dtype) : tape(exec, &arena, dtype) {}
  Arena arena;
  Tape tape;
  std::vector<Var> leaves;
  Var loss;
};

void CutSlices(const Batch& batch, std::span<Slice> out) {
  const auto slices = static_cast<int64_t>(out.size());
  const int64_t rows = batch.rows(), chunks = batch.chunks();
  int64_t chunk = 0;
  for (int64_t s = 0; s < slices; ++s) {
    Slice& slice = out[s];
    slice.index = static_cast<int32_t>(s);
    slice.chunk_begin = chunk;
    const int64_t until = rows * (s + 1) / slices;
    while (chunk < chunks && batch.chunk_ptr[chunk] < until) ++chunk;
    slice.chunk_end = chunk;
    slice.row_begin = batch.chunk_ptr[slice.chunk_begin];
    slice.row_end = batch.chunk_ptr[slice.chunk_end];
  }
}

TrainingStep::TrainingStep(Model* model, Exec* exec, int64_t slices)
    : model_(model),
      exec_(exec),
      slice_exec_(nullptr),
      tape_(exec, &arena_, FloatTypeOf(model)),
      losses_(exec) {
  if (exec->on_gpu()) slices = 1;
  cut_.resize(static_cast<size_t>(slices));
  for (int64_t s = 0; s < slices; ++s) {
    slices_.push_back(
        std::make_unique<SliceState>(exec->on_gpu() ? exec : &slice_exec_, tape_.float_type()));
  }
}

TrainingStep::~TrainingStep() = default;

absl::StatusOr<double> TrainingStep::Run(const Batch& batch) {
  UNDULA_RETURN_IF_ERROR(RunImpl(batch, true));
  UNDULA_ASSIGN_OR_RETURN(const std::span<const double> losses, TakeLosses());
  return losses.back();
}

absl::StatusOr<double> TrainingStep::Forward(const Batch& batch) {
  UNDULA_RETURN_IF_ERROR(RunImpl(batch, false));
  UNDULA_ASSIGN_OR_RETURN(const std::span<const double> losses, TakeLosses());
  return losses.back();
}

absl::Status TrainingStep::Enqueue(const Batch& batch) { return RunImpl(batch, true); }

absl::Status TrainingStep::EnqueueAsGraph(const Batch& batch,
                                          const std::function<absl::Status()>& update) {
  if (!exec_->on_gpu()) return FailedPreconditionError("steps are graphs on a GPU only");
  if (graphs_ == nullptr) graphs_ = std::make_unique<propagation::StepGraphs>(exec_);
  UNDULA_RETURN_IF_ERROR(losses_.MakeRoom(1 + static_cast<int64_t>(slices_.size())));
  // What arenas give back they give back before the recording.
  ResetArenas();
  const auto bits = [](int64_t n) { return std::bit_width(static_cast<uint64_t>(n)); };
  const uint64_t bucket = static_cast<uint64_t>(bits(batch.rows()) * 64 + bits(batch.chunks()));
  return graphs_->Run(bucket, [&]() -> absl::Status {
    UNDULA_RETURN_IF_ERROR(RunImpl(batch, true));
    return update();
  });
}

propagation::StepGraphs::Counts TrainingStep::graph_counts() const {
  return graphs_ == nullptr ? propagation::StepGraphs::Counts{} : graphs_->counts();
}

void TrainingStep::ResetArenas() {
  tape_.Reset();
  arena_.Reset();
  for (const auto& slice : slices_) {
    slice->tape.Reset();
    slice->arena.Reset();
  }
}

absl::StatusOr<std::span<const double>> TrainingStep::TakeLosses() {
  UNDULA_RETURN_IF_ERROR(losses_.Take(&loss_parts_));
  taken_.clear();
  size_t at = 0;
  for (const int64_t n : terms_) {
    double loss = 0;
    for (int64_t i = 0; i < n; ++i) loss += loss_parts_[at++];
    taken_.push_back(loss);
  }
  terms_.clear();
  return taken_;
}

void TrainingStep::RunSlice(const Batch& batch, const Slice& slice, bool backward,
                            SliceState* state) {
  state->loss = Var{};
  state->leaves.clear();
  if (slice.chunk_begin == slice.chunk_end) return;
  for (const Var v : shared_) {
    const Tensor& value = tape_.value(v);
    state->leaves.push_back(tape_.needs_grad(v) ? state->tape.Leaf(value)
                                                : state->tape.Constant(value));
  }
  state->loss = model_->Loss(state->tape, batch, slice, state->leaves);
  if (state->loss.valid() && backward) state->tape.Backward(state->loss);
}

void TrainingStep::SumLeafGradients() {
  for (size_t i = 0; i < shared_.size(); ++i) {
    if (!tape_.needs_grad(shared_[i])) continue;
    parts_.clear();
    for (const auto& slice : slices_) {
      if (i < slice->leaves.size() && slice->tape.has_grad(slice->leaves[i])) {
        parts_.push_back(slice->tape.grad(slice->leaves[i]));
      }
    }
    if (parts_.empty()) continue;
    if (exec_->on_gpu()) {
      for (const Tensor& part : parts_) tape_.AddGradient(shared_[i], part);
      continue;
    }
    // AddGradient of every part in slice order, parallel over elements.
    const Tensor out = tape_.grad(shared_[i]);
    const auto add = [&]<class T>(T* sum) {
      constexpr int64_t kGrain = 1 << 14;
      const auto range = [&](int64_t begin, int64_t end) {
        for (const Tensor& part : parts_) {
          const T* g = part.as<T>();
          for (int64_t j = begin; j < end; ++j) sum[j] += g[j];
        }
      };
      if (exec_->workers() == nullptr) {
        range(0, out.size());
      } else {
        exec_->workers()->For(out.size(), kGrain, range);
      }
    };
    if (out.dtype == DType::kF64) {
      add(out.as<double>());
    } else {
      add(out.as<float>());
    }
  }
}

absl::Status TrainingStep::CheckParametersUntouched() const {
  for (const auto& parameter : model_->parameters()->all()) {
    const Tensor& grad = parameter->grad;
    const bool zero =
        grad.empty() || (grad.dtype == DType::kF64 ? AllZero<double>(grad) : AllZero<float>(grad));
    if (!zero || !parameter->sparse.empty()) {
      return InternalError("model ", model_->spec().name, ": Loss uses parameter '",
                           parameter->name,
                           "' directly; parameters belong to Prepare, which hands out leaves");
    }
  }
  return absl::OkStatus();
}

absl::Status TrainingStep::RunImpl(const Batch& batch, bool backward) {
  ResetArenas();
  shared_.clear();
  const Var term = model_->Prepare(tape_, batch, &shared_);
  UNDULA_RETURN_IF_ERROR(tape_.status());

  CutSlices(batch, cut_);
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) RunSlice(batch, cut_[s], backward, slices_[s].get());
  };
  if (exec_->workers() == nullptr || exec_->on_gpu()) {
    run(0, static_cast<int64_t>(cut_.size()));
  } else {
    exec_->workers()->For(static_cast<int64_t>(cut_.size()), 1, run);
  }
  for (const auto& slice : slices_) UNDULA_RETURN_IF_ERROR(slice->tape.status());
  int64_t terms = 0;
  const auto keep = [&](Tape& tape, Var loss) {
    if (!loss.valid()) return;
    losses_.Add(tape, loss);
    terms += tape.status().ok() ? 1 : 0;
  };
  keep(tape_, term);
  for (const auto& slice : slices_) keep(slice->tape, slice->loss);
  terms_.push_back(terms);
  for (const auto& slice : slices_) UNDULA_RETURN_IF_ERROR(slice->tape.status());
  if (!backward) return tape_.status();
  if (!checked_ && !exec_->on_gpu()) {
    UNDULA_RETURN_IF_ERROR(CheckParametersUntouched());
    checked_ = true;
  }
  SumLeafGradients();
  if (term.valid()) {
    const float one = 1;
    Tensor seed = tape_.Floats(std::span(&one, 1));
    seed.rank = 0;
    tape_.AddGradient(term, seed);
  }
  tape_.BackwardAll();
  return tape_.status();
}

size_t TrainingStep::high_water() const {
  size_t bytes = arena_.high_water();
  for (const auto& slice : slices_) bytes += slice->arena.high_water();
  return bytes;
}

}  // namespace undula::models
