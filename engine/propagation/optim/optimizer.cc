#include "propagation/optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/status.h"
#include "propagation/arena.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#include "propagation/cuda/kernels.h"
#include "propagation/cuda/sort_rows.h"
#include "propagation/memory.h"
#include "propagation/ops/op_check.h"
#include "propagation/optim/adam_update.h"
#include "propagation/optim/optimizer_row.h"
#include "propagation/row_order.h"

namespace undula::propagation {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(OptimizerOptions, kind, kChoice, 0, 0, "sgd|adagrad|adam|adamw|lazy_adam",
                  "update rule; lazy_adam moves only the embedding rows of the batch"),
    UNDULA_OPTION(OptimizerOptions, learning_rate, kFloat, 0, 1e6, "", "step size"),
    UNDULA_OPTION(OptimizerOptions, weight_decay, kFloat, 0, 1e6, "",
                  "weight decay: added to the gradient, decoupled in adamw"),
    UNDULA_OPTION(OptimizerOptions, momentum, kFloat, 0, 1, "", "momentum of sgd"),
    UNDULA_OPTION(OptimizerOptions, beta1, kFloat, 0, 0.999999, "", "Adam: decay of the mean"),
    UNDULA_OPTION(OptimizerOptions, beta2, kFloat, 0, 0.99999999, "",
                  "Adam: decay of the mean square"),
    UNDULA_OPTION(OptimizerOptions, epsilon, kFloat, 0, 1, "",
                  "added to the root; 0: 1e-8 for Adam, 1e-10 for adagrad"),
    UNDULA_OPTION(OptimizerOptions, per_row_steps, kBool, 0, 0, "",
                  "lazy_adam: bias correction by each row's own steps"),
};

struct NamedKind {
  std::string_view name;
  OptimizerKind kind;
};
constexpr NamedKind kKinds[] = {{"sgd", OptimizerKind::kSgd},
                                {"adagrad", OptimizerKind::kAdagrad},
                                {"adam", OptimizerKind::kAdam},
                                {"adamw", OptimizerKind::kAdamW},
                                {"lazy_adam", OptimizerKind::kLazyAdam}};

// Elements of a dense parameter per work item: a constant, so that items do not depend on threads.
constexpr int64_t kDenseTile = 1024;

// Steps of a row beyond which their corrections are computed anew: 512 KiB of them.
constexpr size_t kMostCorrections = 1 << 16;

// out[s] = sum of the rows pieces[order[k]] of distinct row s.
template <class T>
struct MergeRow {
  const T* const* pieces;
  const int64_t* ptr;
  const uint32_t* order;
  T* out;
  int64_t cols;

  template <class Group>
  UNDULA_HD void operator()(const Group& group, int64_t s) const {
    const int64_t begin = ptr[s];
    T* to = out + s * cols;
    group.ForEach(cols, [&](int64_t c) { to[c] = T(0); });
    group.AddRows(
        to, cols, ptr[s + 1] - begin, [](int64_t) { return T(1); },
        [&](int64_t k) { return pieces[order[begin + k]]; });
  }
};

template <class T>
class RowOptimizer final : public Optimizer {
 public:
  RowOptimizer(OptimizerKind kind, const OptimizerOptions& options, ParameterSet* parameters)
      : kind_(kind), options_(options), parameters_(parameters) {
    if (options_.epsilon == 0) options_.epsilon = kind == OptimizerKind::kAdagrad ? 1e-10 : 1e-8;
    if (options_.per_row_steps) corrections_.reserve(kMostCorrections);
    for (const auto& parameter : parameters->all()) {
      const size_t n = static_cast<size_t>(parameter->value.size());
      const size_t rows = static_cast<size_t>(parameter->value.rows());
      State state;
      if (UsesFirst()) state.first = Memory(n * sizeof(T));
      if (UsesSecond()) state.second = Memory(n * sizeof(T));
      if (UsesRowSteps(*parameter)) state.row_steps = Memory(rows * sizeof(uint32_t));
      if (EveryRow(*parameter)) {
        state.slot_of_row = Memory(rows * sizeof(int32_t));
        std::fill_n(state.slot_of_row.template as<int32_t>(), rows, -1);
      }
      states_.push_back(std::move(state));
    }
  }

  absl::Status Step(TaskArena* workers) override;
  void set_learning_rate(double learning_rate) override { options_.learning_rate = learning_rate; }
  int64_t steps() const override { return steps_; }
  void Save(const std::string& prefix, TensorMap* out) const override;
  absl::Status Load(const std::string& prefix, const TensorMap& in) override;

 private:
  struct State {
    Memory first, second;  // T, of the parameter's shape
    Memory row_steps;      // uint32 [rows]
    Memory slot_of_row;    // int32 [rows], all -1 between steps
  };

  bool IsAdam() const {
    return kind_ == OptimizerKind::kAdam || kind_ == OptimizerKind::kAdamW ||
           kind_ == OptimizerKind::kLazyAdam;
  }
  bool UsesFirst() const { return kind_ != OptimizerKind::kSgd || options_.momentum != 0; }
  bool UsesSecond() const { return IsAdam(); }
  bool UsesRowSteps(const Parameter& p) const { return options_.per_row_steps && p.row_sparse; }
  // Embedding tables of which every row moves at every step.
  bool EveryRow(const Parameter& p) const {
    return p.row_sparse && (kind_ == OptimizerKind::kAdam || kind_ == OptimizerKind::kAdamW);
  }
  const char* FirstName() const {
    return kind_ == OptimizerKind::kSgd       ? "momentum/"
           : kind_ == OptimizerKind::kAdagrad ? "sum/"
                                              : "m/";
  }

  StepNumbers<T> Numbers() const;
  absl::Status FollowParameters();
  template <class Body>
  absl::Status Run(TaskArena* workers, int64_t items, int64_t work, const Body& body);
  absl::StatusOr<SparseGradient> Merge(const Parameter& parameter, TaskArena* workers);
  absl::StatusOr<SparseGradient> MergeOnGpu(const Parameter& parameter, int64_t n);
  absl::Status Update(Parameter& parameter, State& state, const StepNumbers<T>& step,
                      const StepRows<T>& rows, int64_t offset, int64_t items, TaskArena* workers);
  absl::Status Visit(const std::string& prefix, const TensorMap& in, bool copy);

  OptimizerKind kind_;
  OptimizerOptions options_;
  ParameterSet* parameters_;
  std::vector<State> states_;
  // With per_row_steps, after 0, 1, ... steps: as many as the run has made, kMostCorrections at
  // most.
  std::vector<LazyAdamCorrection<T>> corrections_;
  int64_t steps_ = 0;
  cuda::Device* device_ = nullptr;  // where the state is; null: the host
  Arena scratch_;
};

template <class T>
StepNumbers<T> RowOptimizer<T>::Numbers() const {
  const double t = static_cast<double>(steps_);
  StepNumbers<T> step;
  step.learning_rate = static_cast<T>(options_.learning_rate);
  step.weight_decay = static_cast<T>(options_.weight_decay);
  step.momentum = static_cast<T>(options_.momentum);
  step.epsilon = static_cast<T>(options_.epsilon);
  step.beta1 = static_cast<T>(options_.beta1);
  step.beta2 = static_cast<T>(options_.beta2);
  step.keep1 = static_cast<T>(1 - options_.beta1);
  step.keep2 = static_cast<T>(1 - options_.beta2);
  step.correction1 = static_cast<T>(1 - std::pow(options_.beta1, t));
  step.correction2 = static_cast<T>(1 - std::pow(options_.beta2, t));
  step.exact_beta1 = options_.beta1;
  step.exact_beta2 = options_.beta2;
  return step;
}

// The state is where the parameters are.
template <class T>
absl::Status RowOptimizer<T>::FollowParameters() {
  if (parameters_->device() == device_) return absl::OkStatus();
  for (State& state : states_) {
    for (Memory* memory : {&state.first, &state.second, &state.row_steps, &state.slot_of_row}) {
      if (memory->bytes() == 0) continue;
      UNDULA_RETURN_IF_ERROR(memory->MoveTo(parameters_->device()));
    }
  }
  device_ = parameters_->device();
  return absl::OkStatus();
}

template <class T>
template <class Body>
absl::Status RowOptimizer<T>::Run(TaskArena* workers, int64_t items, int64_t work,
                                  const Body& body) {
  if constexpr (kHasCuda && cuda::kHasKernel<Body>) {
    if (device_ != nullptr) {
      if (items == 0) return absl::OkStatus();
      return cuda::Check(cuda::RunRows(device_->queue(), items, body), "optimizer");
    }
  }
  ForRows(workers, items, work, body);
  return absl::OkStatus();
}

// The n rows of all contributions one after the other, then sort by row and segment sum.
template <class T>
absl::StatusOr<SparseGradient> RowOptimizer<T>::MergeOnGpu(const Parameter& parameter, int64_t n) {
  SparseGradient merged;
  if constexpr (kHasCuda && std::is_same_v<T, float>) {
    const cuda::Queue& queue = device_->queue();
    const int64_t cols = parameter.value.cols();
    auto* ids = static_cast<uint32_t*>(scratch_.AllocateOn(device_, n * sizeof(uint32_t)));
    auto* all = static_cast<T*>(scratch_.AllocateOn(device_, n * cols * sizeof(T)));
    auto* values = static_cast<T*>(scratch_.AllocateOn(device_, n * cols * sizeof(T)));
    if (ids == nullptr || all == nullptr || values == nullptr) {
      return ResourceExhaustedError("out of GPU memory to merge the gradients of '", parameter.name,
                                    "'");
    }
    int64_t at = 0;
    for (const SparseGradient& part : parameter.sparse) {
      if (part.rows.size() == 0) continue;
      UNDULA_RETURN_IF_ERROR(cuda::Check(
          cuda::runtime::CopyWithin(queue, ids + at, part.rows.data, part.rows.bytes()), "copy"));
      UNDULA_RETURN_IF_ERROR(cuda::Check(
          cuda::runtime::CopyWithin(queue, all + at * cols, part.values.data, part.values.bytes()),
          "copy"));
      at += part.rows.size();
    }
    UNDULA_RETURN_IF_ERROR(
        cuda::Check(cuda::runtime::Zero(queue, values, n * cols * sizeof(T)), "fill"));
    RowOrder order;
    UNDULA_RETURN_IF_ERROR(
        cuda::SortRowsOn(device_, scratch_, ids, n, parameter.value.rows(), &order));
    UNDULA_RETURN_IF_ERROR(
        Run(nullptr, order.distinct, cols,
            ScatterAddRow<T>{all, nullptr, order.ptr, order.order, values, cols}));
    merged = {View(order.rows, order.distinct), View(values, order.distinct, cols)};
  }
  return merged;
}

// One contribution passes through; several are sorted by row, each row adding its contributions in
// tape order.
template <class T>
absl::StatusOr<SparseGradient> RowOptimizer<T>::Merge(const Parameter& parameter,
                                                      TaskArena* workers) {
  const std::vector<SparseGradient>& parts = parameter.sparse;
  if (parts.size() == 1) return parts[0];
  const int64_t cols = parameter.value.cols();
  int64_t n = 0;
  for (const SparseGradient& part : parts) n += part.rows.size();
  if (device_ != nullptr) return MergeOnGpu(parameter, n);
  uint32_t* ids = scratch_.New<uint32_t>(n);
  const T** pieces = scratch_.New<const T*>(n);
  int64_t at = 0;
  for (const SparseGradient& part : parts) {
    for (int64_t i = 0; i < part.rows.size(); ++i, ++at) {
      ids[at] = part.rows.as<uint32_t>()[i];
      pieces[at] = part.values.as<T>() + i * cols;
    }
  }
  const RowOrder order = SortByRow(ids, n, parameter.value.rows(), scratch_);
  T* values = scratch_.New<T>(order.distinct * cols);
  ForRows(workers, order.distinct, cols * 4,
          MergeRow<T>{pieces, order.ptr, order.order, values, cols});
  return SparseGradient{View(order.rows, order.distinct), View(values, order.distinct, cols)};
}

// `items` work items of rows.cols elements, from element `offset` of the parameter on.
template <class T>
absl::Status RowOptimizer<T>::Update(Parameter& parameter, State& state, const StepNumbers<T>& step,
                                     const StepRows<T>& rows, int64_t offset, int64_t items,
                                     TaskArena* workers) {
  T* value = parameter.value.as<T>() + offset;
  T* first = state.first.bytes() == 0 ? nullptr : state.first.template as<T>() + offset;
  T* second = state.second.bytes() == 0 ? nullptr : state.second.template as<T>() + offset;
  const int64_t work = rows.cols * 16;
  if constexpr (std::is_same_v<T, float>) {
    if (IsAdam() && device_ == nullptr) {
      UpdateAdam(kind_, parameter.row_sparse, step, rows, value, first, second,
                 {state.row_steps.template as<uint32_t>(), corrections_}, items, workers);
      return absl::OkStatus();
    }
  }
  switch (kind_) {
    case OptimizerKind::kSgd:
      return Run(workers, items, work, SgdRow<T>{step, rows, value, first});
    case OptimizerKind::kAdagrad:
      return Run(workers, items, work, AdagradRow<T>{step, rows, value, first});
    case OptimizerKind::kLazyAdam:
      if (parameter.row_sparse) {
        return Run(workers, items, work,
                   LazyAdamRow<T>{step, rows, value, first, second,
                                  state.row_steps.template as<uint32_t>()});
      }
      [[fallthrough]];
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
      return Run(workers, items, work,
                 AdamRow<T>{step, rows, value, first, second, kind_ == OptimizerKind::kAdamW});
  }
  return InternalError("unknown optimizer kind");
}

template <class T>
absl::Status RowOptimizer<T>::Step(TaskArena* workers) {
  const auto& all = parameters_->all();
  if (all.size() != states_.size()) {
    return FailedPreconditionError("the parameter set has ", all.size(),
                                   " parameters, the optimizer was created for ", states_.size());
  }
  UNDULA_RETURN_IF_ERROR(FollowParameters());
  scratch_.Reset();
  ++steps_;
  const StepNumbers<T> step = Numbers();
  const size_t known = std::min(kMostCorrections, static_cast<size_t>(steps_) + 1);
  while (options_.per_row_steps && corrections_.size() < known) {
    corrections_.push_back(CorrectionAfter(step, static_cast<uint32_t>(corrections_.size())));
  }
  for (size_t i = 0; i < all.size(); ++i) {
    Parameter& parameter = *all[i];
    State& state = states_[i];
    const int64_t cols = parameter.value.cols();
    if (!parameter.row_sparse) {
      const int64_t n = parameter.value.size();
      const T* grad = parameter.grad.as<T>();
      const int64_t tiles = n / kDenseTile, rest = tiles * kDenseTile;
      UNDULA_RETURN_IF_ERROR(
          Update(parameter, state, step, {grad, nullptr, nullptr, kDenseTile}, 0, tiles, workers));
      if (rest < n) {
        UNDULA_RETURN_IF_ERROR(Update(parameter, state, step,
                                      {grad + rest, nullptr, nullptr, n - rest}, rest, 1, workers));
      }
      continue;
    }
    if (parameter.sparse.empty() && !EveryRow(parameter)) continue;
    UNDULA_ASSIGN_OR_RETURN(const SparseGradient gradient, Merge(parameter, workers));
    const uint32_t* rows = gradient.rows.as<uint32_t>();
    const int64_t n = gradient.rows.size();
    if (!EveryRow(parameter)) {
      UNDULA_RETURN_IF_ERROR(Update(parameter, state, step,
                                    {gradient.values.as<T>(), rows, nullptr, cols}, 0, n, workers));
      continue;
    }
    int32_t* slot_of_row = state.slot_of_row.template as<int32_t>();
    const int64_t tiles = (n + kMarkTile - 1) / kMarkTile;
    UNDULA_RETURN_IF_ERROR(
        Run(workers, tiles, kMarkTile, MarkSlotsTile{rows, slot_of_row, n, false}));
    UNDULA_RETURN_IF_ERROR(Update(parameter, state, step,
                                  {gradient.values.as<T>(), nullptr, slot_of_row, cols}, 0,
                                  parameter.value.rows(), workers));
    UNDULA_RETURN_IF_ERROR(
        Run(workers, tiles, kMarkTile, MarkSlotsTile{rows, slot_of_row, n, true}));
  }
  return absl::OkStatus();
}

template <class T>
NamedTensor Copy(std::vector<int64_t> shape, const Memory& memory) {
  NamedTensor t{kDTypeOf<T>, std::move(shape), std::vector<std::byte>(memory.bytes())};
  // On a GPU a failed copy is a failed device, which the next step reports.
  memory.Read(0, memory.bytes(), t.bytes.data()).IgnoreError();
  return t;
}

template <class T>
void RowOptimizer<T>::Save(const std::string& prefix, TensorMap* out) const {
  out->tensors[prefix + "step"] = MakeTensor<int64_t>({1}, &steps_);
  for (size_t i = 0; i < states_.size(); ++i) {
    const Parameter& p = *parameters_->all()[i];
    const std::vector<int64_t> shape(p.value.shape, p.value.shape + p.value.rank);
    const State& s = states_[i];
    if (UsesFirst()) {
      out->tensors[prefix + FirstName() + p.name] = Copy<T>(shape, s.first);
    }
    if (UsesSecond()) out->tensors[prefix + "v/" + p.name] = Copy<T>(shape, s.second);
    if (UsesRowSteps(p)) {
      out->tensors[prefix + "row_steps/" + p.name] = Copy<uint32_t>({p.value.rows()}, s.row_steps);
    }
  }
}

// Checks one state tensor; with `copy` takes it over.
template <class U>
absl::Status Take(const TensorMap& in, const std::string& name, bool copy, Memory* to) {
  const NamedTensor* t = in.Find(name);
  if (t == nullptr) return NotFoundError("the checkpoint has no tensor '", name, "'");
  if (t->dtype != kDTypeOf<U> || t->bytes.size() != to->bytes()) {
    return InvalidArgumentError("tensor '", name, "' has ", t->bytes.size(), " bytes, expected ",
                                to->bytes() / sizeof(U), " elements of ", sizeof(U), " bytes");
  }
  return copy ? to->Write(0, t->bytes.size(), t->bytes.data()) : absl::OkStatus();
}

template <class T>
absl::Status RowOptimizer<T>::Visit(const std::string& prefix, const TensorMap& in, bool copy) {
  Memory steps(sizeof(steps_));
  UNDULA_RETURN_IF_ERROR(Take<int64_t>(in, prefix + "step", true, &steps));
  if (copy) steps_ = *steps.as<int64_t>();
  for (size_t i = 0; i < states_.size(); ++i) {
    const std::string& name = parameters_->all()[i]->name;
    State& s = states_[i];
    if (UsesFirst()) {
      UNDULA_RETURN_IF_ERROR(Take<T>(in, prefix + FirstName() + name, copy, &s.first));
    }
    if (UsesSecond()) UNDULA_RETURN_IF_ERROR(Take<T>(in, prefix + "v/" + name, copy, &s.second));
    if (s.row_steps.bytes() > 0) {
      UNDULA_RETURN_IF_ERROR(Take<uint32_t>(in, prefix + "row_steps/" + name, copy, &s.row_steps));
    }
  }
  return absl::OkStatus();
}

template <class T>
absl::Status RowOptimizer<T>::Load(const std::string& prefix, const TensorMap& in) {
  UNDULA_RETURN_IF_ERROR(Visit(prefix, in, false));
  return Visit(prefix, in, true);
}

absl::Status CheckOptions(const OptimizerOptions& options) {
  for (const auto& [key, value] : GetOptions(kOptimizerOptions, &options)) {
    UNDULA_RETURN_IF_ERROR(CheckOption(kOptimizerOptions, key, value));
  }
  if (options.momentum != 0 && options.kind != "sgd") {
    return InvalidArgumentError("optimizer option momentum belongs to sgd, not to ", options.kind);
  }
  if (options.per_row_steps && options.kind != "lazy_adam") {
    return InvalidArgumentError("optimizer option per_row_steps belongs to lazy_adam, not to ",
                                options.kind);
  }
  return absl::OkStatus();
}

}  // namespace

constinit const OptionTable kOptimizerOptions{"optimizer", kFields};

absl::StatusOr<std::unique_ptr<Optimizer>> Optimizer::Create(const OptimizerOptions& options,
                                                             ParameterSet* parameters) {
  UNDULA_RETURN_IF_ERROR(CheckOptions(options));
  OptimizerKind kind = OptimizerKind::kSgd;
  for (const NamedKind& named : kKinds) {
    if (named.name == options.kind) kind = named.kind;
  }
  std::unique_ptr<Optimizer> optimizer;
  if (parameters->dtype() == DType::kF64) {
    optimizer = std::make_unique<RowOptimizer<double>>(kind, options, parameters);
  } else {
    optimizer = std::make_unique<RowOptimizer<float>>(kind, options, parameters);
  }
  return optimizer;
}

}  // namespace undula::propagation
