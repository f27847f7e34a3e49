#include "propagation/optim/optimizer.h"

#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "base/status.h"
#include "propagation/arena.h"
#include "propagation/ops/op_check.h"
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
    group.AddRows(to, cols, ptr[s + 1] - begin, [](int64_t) { return T(1); },
                  [&](int64_t k) { return pieces[order[begin + k]]; });
  }
};

template <class T>
class CpuOptimizer final : public Optimizer {
 public:
  CpuOptimizer(OptimizerKind kind, const OptimizerOptions& options, ParameterSet* parameters)
      : kind_(kind), options_(options), parameters_(parameters) {
    if (options_.epsilon == 0) options_.epsilon = kind == OptimizerKind::kAdagrad ? 1e-10 : 1e-8;
    for (const auto& parameter : parameters->all()) {
      const size_t n = static_cast<size_t>(parameter->value.size());
      State state;
      if (UsesFirst()) state.first.assign(n, T(0));
      if (UsesSecond()) state.second.assign(n, T(0));
      if (UsesRowSteps(*parameter)) {
        state.row_steps.assign(static_cast<size_t>(parameter->value.rows()), 0);
      }
      if (EveryRow(*parameter)) {
        state.slot_of_row.assign(static_cast<size_t>(parameter->value.rows()), -1);
      }
      states_.push_back(std::move(state));
    }
  }

  absl::Status Step(TaskArena* workers) override;
  void set_learning_rate(double learning_rate) override {
    options_.learning_rate = learning_rate;
  }
  int64_t steps() const override { return steps_; }
  void Save(const std::string& prefix, TensorMap* out) const override;
  absl::Status Load(const std::string& prefix, const TensorMap& in) override;

 private:
  struct State {
    std::vector<T> first, second;       // of the parameter's shape
    std::vector<uint32_t> row_steps;    // [rows]
    std::vector<int32_t> slot_of_row;   // [rows], all -1 between steps
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
    return kind_ == OptimizerKind::kSgd ? "momentum/"
                                        : kind_ == OptimizerKind::kAdagrad ? "sum/" : "m/";
  }

  StepNumbers<T> Numbers() const;
  SparseGradient Merge(const Parameter& parameter, TaskArena* workers);
  void Update(Parameter& parameter, State& state, const StepNumbers<T>& step,
              const StepRows<T>& rows, int64_t offset, int64_t items, TaskArena* workers);
  absl::Status Visit(const std::string& prefix, const TensorMap& in, bool copy);

  OptimizerKind kind_;
  OptimizerOptions options_;
  ParameterSet* parameters_;
  std::vector<State> states_;
  int64_t steps_ = 0;
  Arena scratch_;
};

template <class T>
StepNumbers<T> CpuOptimizer<T>::Numbers() const {
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

// One contribution passes through; several are sorted by row, each row adding its contributions in
// tape order.
template <class T>
SparseGradient CpuOptimizer<T>::Merge(const Parameter& parameter, TaskArena* workers) {
  const std::vector<SparseGradient>& parts = parameter.sparse;
  if (parts.size() == 1) return parts[0];
  const int64_t cols = parameter.value.cols();
  int64_t n = 0;
  for (const SparseGradient& part : parts) n += part.rows.size();
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
  return {View(order.rows, order.distinct), View(values, order.distinct, cols)};
}

// `items` work items of rows.cols elements, from element `offset` of the parameter on.
template <class T>
void CpuOptimizer<T>::Update(Parameter& parameter, State& state, const StepNumbers<T>& step,
                             const StepRows<T>& rows, int64_t offset, int64_t items,
                             TaskArena* workers) {
  T* value = parameter.value.as<T>() + offset;
  T* first = state.first.empty() ? nullptr : state.first.data() + offset;
  T* second = state.second.empty() ? nullptr : state.second.data() + offset;
  const int64_t work = rows.cols * 16;
  switch (kind_) {
    case OptimizerKind::kSgd:
      ForRows(workers, items, work, SgdRow<T>{step, rows, value, first});
      break;
    case OptimizerKind::kAdagrad:
      ForRows(workers, items, work, AdagradRow<T>{step, rows, value, first});
      break;
    case OptimizerKind::kLazyAdam:
      if (parameter.row_sparse) {
        uint32_t* row_steps = state.row_steps.empty() ? nullptr : state.row_steps.data();
        ForRows(workers, items, work, LazyAdamRow<T>{step, rows, value, first, second, row_steps});
        break;
      }
      [[fallthrough]];
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
      ForRows(workers, items, work,
              AdamRow<T>{step, rows, value, first, second, kind_ == OptimizerKind::kAdamW});
      break;
  }
}

template <class T>
absl::Status CpuOptimizer<T>::Step(TaskArena* workers) {
  const auto& all = parameters_->all();
  if (all.size() != states_.size()) {
    return FailedPreconditionError("the parameter set has ", all.size(),
                                   " parameters, the optimizer was created for ", states_.size());
  }
  scratch_.Reset();
  ++steps_;
  const StepNumbers<T> step = Numbers();
  for (size_t i = 0; i < all.size(); ++i) {
    Parameter& parameter = *all[i];
    State& state = states_[i];
    const int64_t cols = parameter.value.cols();
    if (!parameter.row_sparse) {
      const int64_t n = parameter.value.size();
      const T* grad = parameter.grad.as<T>();
      const int64_t tiles = n / kDenseTile, rest = tiles * kDenseTile;
      Update(parameter, state, step, {grad, nullptr, nullptr, kDenseTile}, 0, tiles, workers);
      if (rest < n) {
        Update(parameter, state, step, {grad + rest, nullptr, nullptr, n - rest}, rest, 1, workers);
      }
      continue;
    }
    if (parameter.sparse.empty() && !EveryRow(parameter)) continue;
    const SparseGradient gradient = Merge(parameter, workers);
    const uint32_t* rows = gradient.rows.as<uint32_t>();
    const int64_t n = gradient.rows.size();
    if (!EveryRow(parameter)) {
      Update(parameter, state, step, {gradient.values.as<T>(), rows, nullptr, cols}, 0, n, workers);
      continue;
    }
    for (int64_t s = 0; s < n; ++s) state.slot_of_row[rows[s]] = static_cast<int32_t>(s);
    Update(parameter, state, step,
           {gradient.values.as<T>(), nullptr, state.slot_of_row.data(), cols}, 0,
           parameter.value.rows(), workers);
    for (int64_t s = 0; s < n; ++s) state.slot_of_row[rows[s]] = -1;
  }
  return absl::OkStatus();
}

template <class T>
void CpuOptimizer<T>::Save(const std::string& prefix, TensorMap* out) const {
  out->tensors[prefix + "step"] = MakeTensor<int64_t>({1}, &steps_);
  for (size_t i = 0; i < states_.size(); ++i) {
    const Parameter& p = *parameters_->all()[i];
    const std::vector<int64_t> shape(p.value.shape, p.value.shape + p.value.rank);
    const State& s = states_[i];
    if (UsesFirst()) {
      out->tensors[prefix + FirstName() + p.name] = MakeTensor<T>(shape, s.first.data());
    }
    if (UsesSecond()) out->tensors[prefix + "v/" + p.name] = MakeTensor<T>(shape, s.second.data());
    if (UsesRowSteps(p)) {
      out->tensors[prefix + "row_steps/" + p.name] =
          MakeTensor<uint32_t>({p.value.rows()}, s.row_steps.data());
    }
  }
}

// Checks one state tensor; with `copy` takes it over.
template <class U>
absl::Status Take(const TensorMap& in, const std::string& name, size_t n, bool copy, U* to) {
  const NamedTensor* t = in.Find(name);
  if (t == nullptr) return NotFoundError("the checkpoint has no tensor '", name, "'");
  if (t->dtype != kDTypeOf<U> || t->bytes.size() != n * sizeof(U)) {
    return InvalidArgumentError("tensor '", name, "' has ", t->bytes.size(), " bytes, expected ", n,
                                " elements of ", sizeof(U), " bytes");
  }
  if (copy && n > 0) std::memcpy(to, t->bytes.data(), t->bytes.size());
  return absl::OkStatus();
}

template <class T>
absl::Status CpuOptimizer<T>::Visit(const std::string& prefix, const TensorMap& in, bool copy) {
  UNDULA_RETURN_IF_ERROR(Take(in, prefix + "step", 1, copy, &steps_));
  for (size_t i = 0; i < states_.size(); ++i) {
    const std::string& name = parameters_->all()[i]->name;
    State& s = states_[i];
    if (UsesFirst()) {
      UNDULA_RETURN_IF_ERROR(
          Take(in, prefix + FirstName() + name, s.first.size(), copy, s.first.data()));
    }
    if (UsesSecond()) {
      UNDULA_RETURN_IF_ERROR(
          Take(in, prefix + "v/" + name, s.second.size(), copy, s.second.data()));
    }
    if (!s.row_steps.empty()) {
      UNDULA_RETURN_IF_ERROR(
          Take(in, prefix + "row_steps/" + name, s.row_steps.size(), copy, s.row_steps.data()));
    }
  }
  return absl::OkStatus();
}

template <class T>
absl::Status CpuOptimizer<T>::Load(const std::string& prefix, const TensorMap& in) {
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
    optimizer = std::make_unique<CpuOptimizer<double>>(kind, options, parameters);
  } else {
    optimizer = std::make_unique<CpuOptimizer<float>>(kind, options, parameters);
  }
  return optimizer;
}

}  // namespace undula::propagation
