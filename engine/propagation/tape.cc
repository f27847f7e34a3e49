#include "propagation/tape.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#include "propagation/cuda/vector.h"

namespace undula::propagation {
namespace {

template <class T>
void AddTo(T* out, const T* in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] += in[i];
}

}  // namespace

void Tape::Reset() {
  nodes_.clear();
  host_copies_.clear();
  status_ = absl::OkStatus();
}

Var Tape::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
  return Var{};
}

void Tape::Check(int code, std::string_view what) {
  if constexpr (kHasCuda) {
    if (code != 0) Fail(cuda::Check(code, what));
  }
}

void* Tape::Memory(size_t bytes) {
  if constexpr (kHasCuda) {
    if (exec_->on_gpu()) {
      void* const p = arena_->AllocateOn(exec_->device(), bytes);
      if (p == nullptr) {
        Fail(ResourceExhaustedError("out of GPU memory: a step needs more than ",
                                    arena_->device_high_water() + bytes,
                                    " bytes; use a smaller batch size or the cpu"));
      }
      return p;
    }
  }
  return arena_->Allocate(bytes);
}

void Tape::Upload(const void* from, const Tensor& to) {
  if constexpr (kHasCuda) {
    if (status_.ok()) {
      Check(exec_->device()->Upload(to.data, from, static_cast<size_t>(to.bytes())),
            "copy to the GPU");
    }
  }
}

Var Tape::Record(const Tensor& value, bool needs_grad, BackwardFn backward, void* context) {
  if (!status_.ok()) return Var{};
  if (exec_->on_gpu() && float_type_ != DType::kF32) {
    return Fail(UnimplementedError("a tape on a GPU works in float32; use the cpu for float64"));
  }
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
    const Tensor value = nodes_[v.id].value;
    Tensor zero = value;
    zero.data = Memory(static_cast<size_t>(value.bytes()));
    Zero(zero);
    grad = zero;
  }
  return grad;
}

void Tape::Zero(const Tensor& t) {
  if constexpr (kHasCuda) {
    if (exec_->on_gpu()) {
      if (!status_.ok()) return;
      Check(cuda::runtime::Zero(exec_->device()->queue(), t.data, static_cast<size_t>(t.bytes())),
            "fill on the GPU");
      return;
    }
  }
  std::memset(t.data, 0, static_cast<size_t>(t.bytes()));
}

double Tape::Scalar(Var v) {
  const Tensor& t = value(v);
  if (!status_.ok() || t.empty() || t.size() != 1) return 0;
  if constexpr (kHasCuda) {
    if (exec_->on_gpu()) {
      float host = 0;
      Check(cuda::runtime::CopyOut(exec_->device()->queue(), &host, t.data, sizeof(host)),
            "work on the GPU");
      return host;
    }
  }
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
  if (exec_->on_gpu()) {
    if constexpr (kHasCuda) {
      if (status_.ok()) {
        Check(
            cuda::AddConstant(exec_->device()->queue(), static_cast<float>(seed), g.as<float>(), 1),
            "backward");
      }
    }
  } else if (g.dtype == DType::kF64) {
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
  if (exec_->on_gpu()) {
    if constexpr (kHasCuda) {
      if (status_.ok()) {
        Check(cuda::AddTo(exec_->device()->queue(), g.as<float>(), out.as<float>(), g.size()),
              "Tape::AddGradient");
      }
    }
  } else if (out.dtype == DType::kF64) {
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
  t.data = Memory(static_cast<size_t>(t.bytes()));
  return t;
}

Tensor Tape::NewTensor(std::initializer_list<int64_t> shape) {
  return NewTensor(shape, float_type_);
}

Tensor Tape::NewZero(std::initializer_list<int64_t> shape) {
  const Tensor t = NewTensor(shape, float_type_);
  Zero(t);
  return t;
}

Tensor Tape::Indices(std::span<const uint32_t> values) {
  if (values.data() == nullptr) return NewTensor({0}, DType::kU32);
  if (exec_->on_gpu()) {
    const Tensor t = NewTensor({static_cast<int64_t>(values.size())}, DType::kU32);
    Upload(values.data(), t);
    return t;
  }
  return View(values.data(), static_cast<int64_t>(values.size()));
}

Tensor Tape::Offsets(std::span<const int64_t> values) {
  if (values.data() == nullptr) return NewTensor({0}, DType::kI64);
  if (exec_->on_gpu()) {
    const Tensor t = NewTensor({static_cast<int64_t>(values.size())}, DType::kI64);
    Upload(values.data(), t);
    int64_t* const host = arena_->New<int64_t>(values.size());
    std::copy(values.begin(), values.end(), host);
    host_copies_.push_back({t.as<int64_t>(), host, t.size()});
    return t;
  }
  return View(values.data(), static_cast<int64_t>(values.size()));
}

Tensor Tape::Floats(std::span<const float> values) {
  const auto n = static_cast<int64_t>(values.size());
  const Tensor t = NewTensor({n});
  if (exec_->on_gpu()) {
    Upload(values.data(), t);
    return t;
  }
  for (int64_t i = 0; i < n; ++i) {
    if (float_type_ == DType::kF64) {
      t.as<double>()[i] = values[i];
    } else {
      t.as<float>()[i] = values[i];
    }
  }
  return t;
}

const int64_t* Tape::HostOffsets(const Tensor& offsets) {
  const int64_t* const data = offsets.as<int64_t>();
  if (!exec_->on_gpu()) return data;
  for (const HostCopy& copy : host_copies_) {
    if (data >= copy.device && data + offsets.size() <= copy.device + copy.size) {
      return copy.host + (data - copy.device);
    }
  }
  int64_t* const host = arena_->New<int64_t>(static_cast<size_t>(offsets.size()));
  std::memset(host, 0, static_cast<size_t>(offsets.bytes()));
  if constexpr (kHasCuda) {
    if (status_.ok()) {
      Check(cuda::runtime::CopyOut(exec_->device()->queue(), host, data,
                                   static_cast<size_t>(offsets.bytes())),
            "work on the GPU");
    }
  }
  host_copies_.push_back({data, host, offsets.size()});
  return host;
}

}  // namespace undula::propagation
