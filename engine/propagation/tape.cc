#include "propagation/tape.h"

#include <cstring>
#include <utility>

#include "base/status.h"

namespace undula::propagation {
namespace {

template <class T>
void AddTo(T* out, const T* in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] += in[i];
}

}  // namespace

void Tape::Reset() {
  nodes_.clear();
  status_ = absl::OkStatus();
}

Var Tape::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
  return Var{};
}

Var Tape::Record(const Tensor& value, bool needs_grad, BackwardFn backward, void* context) {
  if (!status_.ok()) return Var{};
  nodes_.push_back(Node{value, Tensor{}, needs_grad ? backward : nullptr, context, needs_grad});
  return Var{static_cast<int32_t>(nodes_.size()) - 1};
}

Var Tape::Leaf(const Tensor& value) {
  if (value.dtype != float_type_) {
    return Fail(InvalidArgumentError("Tape::Leaf: the value is not of the tape's float type"));
  }
  return Record(value, true, nullptr, nullptr);
}

Var Tape::Constant(const Tensor& value) { return Record(value, false, nullptr, nullptr); }

Var Tape::Use(Parameter* parameter) {
  if (parameter == nullptr) return Fail(InvalidArgumentError("Tape::Use: no parameter given"));
  if (parameter->row_sparse) {
    return Fail(InvalidArgumentError("Tape::Use: parameter '", parameter->name,
                                     "' is an embedding table; read it with GatherRows"));
  }
  if (parameter->value.dtype != float_type_) {
    return Fail(InvalidArgumentError("Tape::Use: parameter '", parameter->name,
                                     "' is not of the tape's float type"));
  }
  const Var v = Record(parameter->value, true, nullptr, nullptr);
  if (v.valid()) nodes_[v.id].grad = parameter->grad;
  return v;
}

Tensor Tape::grad(Var v) {
  if (!v.valid()) return nothing_;
  Tensor& grad = nodes_[v.id].grad;
  if (grad.empty()) {
    grad = nodes_[v.id].value;
    grad.data = arena_->Allocate(grad.bytes());
    std::memset(grad.data, 0, grad.bytes());
  }
  return grad;
}

double Tape::Scalar(Var v) const {
  const Tensor& t = value(v);
  if (t.empty() || t.size() != 1) return 0;
  return t.dtype == DType::kF64 ? *t.as<double>() : static_cast<double>(*t.as<float>());
}

void Tape::Backward(Var loss, double seed) {
  if (!status_.ok()) return;
  if (!loss.valid() || value(loss).size() != 1 || value(loss).dtype != float_type_) {
    Fail(InvalidArgumentError("Tape::Backward: the loss is not a scalar of this tape"));
    return;
  }
  if (!needs_grad(loss)) return;
  const Tensor g = grad(loss);
  if (g.dtype == DType::kF64) {
    *g.as<double>() += seed;
  } else {
    *g.as<float>() += static_cast<float>(seed);
  }
  BackwardAll();
}

void Tape::BackwardAll() {
  // A backward function may fail but does not record; nodes_ keeps its size.
  for (int32_t i = static_cast<int32_t>(nodes_.size()) - 1; i >= 0 && status_.ok(); --i) {
    const Node& node = nodes_[i];
    if (node.backward != nullptr && !node.grad.empty()) {
      node.backward(*this, Var{i}, node.context);
    }
  }
}

void Tape::AddGradient(Var v, const Tensor& g) {
  if (!status_.ok()) return;
  const Tensor& x = value(v);
  if (!v.valid() || g.dtype != x.dtype || g.size() != x.size()) {
    Fail(InvalidArgumentError("Tape::AddGradient: the gradient has ", g.size(),
                              " elements, the value has ", x.size(), " (or another type)"));
    return;
  }
  if (!needs_grad(v)) return;
  const Tensor out = grad(v);
  if (out.dtype == DType::kF64) {
    AddTo(out.as<double>(), g.as<double>(), g.size());
  } else {
    AddTo(out.as<float>(), g.as<float>(), g.size());
  }
}

Tensor Tape::NewTensor(std::initializer_list<int64_t> shape, DType dtype) {
  Tensor t;
  t.dtype = dtype;
  t.rank = static_cast<int>(shape.size());
  int axis = 0;
  for (const int64_t extent : shape) t.shape[axis++] = extent;
  t.data = arena_->Allocate(t.bytes());
  return t;
}

Tensor Tape::NewTensor(std::initializer_list<int64_t> shape) {
  return NewTensor(shape, float_type_);
}

Tensor Tape::NewZero(std::initializer_list<int64_t> shape) {
  const Tensor t = NewTensor(shape, float_type_);
  std::memset(t.data, 0, t.bytes());
  return t;
}

Tensor Tape::Indices(std::span<const uint32_t> values) {
  if (values.data() == nullptr) return NewTensor({0}, DType::kU32);
  return View(values.data(), static_cast<int64_t>(values.size()));
}

Tensor Tape::Offsets(std::span<const int64_t> values) {
  if (values.data() == nullptr) return NewTensor({0}, DType::kI64);
  return View(values.data(), static_cast<int64_t>(values.size()));
}

Tensor Tape::Floats(std::span<const float> values) {
  const auto n = static_cast<int64_t>(values.size());
  const Tensor t = NewTensor({n});
  for (int64_t i = 0; i < n; ++i) {
    if (float_type_ == DType::kF64) {
      t.as<double>()[i] = values[i];
    } else {
      t.as<float>()[i] = values[i];
    }
  }
  return t;
}

}  // namespace undula::propagation
