#include "propagation/parameters.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/rng.h"
#include "base/status.h"

namespace undula::propagation {
namespace {

template <class T>
void Fill(const Init& init, const Rng& rng, const Tensor& t) {
  T* p = t.as<T>();
  const int64_t n = t.size();
  switch (init.kind) {
    case Init::Kind::kZero:
      break;
    case Init::Kind::kUniform:
      for (int64_t i = 0; i < n; ++i) {
        p[i] = static_cast<T>(init.scale * (2.0 * rng.Uniform(i) - 1.0));
      }
      break;
    case Init::Kind::kNormal:
      // Box-Muller; draws 2i and 2i+1 give element i. 1 - u is in (0, 1].
      for (int64_t i = 0; i < n; ++i) {
        const double u = 1.0 - rng.Uniform(2 * i);
        const double angle = 2 * std::numbers::pi * rng.Uniform(2 * i + 1);
        p[i] = static_cast<T>(init.scale * std::sqrt(-2 * std::log(u)) * std::cos(angle));
      }
      break;
    case Init::Kind::kIdentity: {
      // Of the last two axes; rank 3: one identity per first index.
      const int64_t cols = t.rank >= 2 ? t.shape[t.rank - 1] : 1;
      const int64_t rows = t.rank >= 2 ? t.shape[t.rank - 2] : n;
      for (int64_t i = 0; i < n; ++i) p[i] = i / cols % rows == i % cols ? T(1) : T(0);
      break;
    }
  }
}

size_t ValueBytes(const Tensor& value) { return static_cast<size_t>(value.bytes()); }
size_t GradOffset(const Tensor& value) { return (ValueBytes(value) + 255) / 256 * 256; }

void SetAddresses(Parameter* parameter) {
  parameter->value.data = parameter->memory.data();
  if (parameter->row_sparse) return;
  parameter->grad = parameter->value;
  parameter->grad.data = parameter->memory.as<std::byte>() + GradOffset(parameter->value);
}

std::vector<int64_t> ShapeOf(const Tensor& t) {
  return std::vector<int64_t>(t.shape, t.shape + t.rank);
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += Concat(i == 0 ? "" : ", ", shape[i]);
  return text + "]";
}

}  // namespace

std::string_view TypeName(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float32";
    case DType::kF64:
      return "float64";
    case DType::kU32:
      return "uint32";
    case DType::kI64:
      return "int64";
    case DType::kU8:
      return "uint8";
  }
  return "unknown";
}

Parameter* ParameterSet::Add(std::string name, std::vector<int64_t> shape, bool row_sparse,
                             Init init, uint64_t seed) {
  auto parameter = std::make_unique<Parameter>();
  parameter->name = std::move(name);
  parameter->row_sparse = row_sparse;
  Tensor& value = parameter->value;
  value.dtype = dtype_;
  value.rank = static_cast<int>(std::min<size_t>(shape.size(), 3));
  for (int axis = 0; axis < value.rank; ++axis) value.shape[axis] = shape[axis];
  parameter->memory = Memory((row_sparse ? 0 : GradOffset(value)) + ValueBytes(value));
  SetAddresses(parameter.get());
  const Rng rng(seed, RngStream::kInit, static_cast<uint32_t>(all_.size()));
  if (dtype_ == DType::kF64) {
    Fill<double>(init, rng, value);
  } else {
    Fill<float>(init, rng, value);
  }
  all_.push_back(std::move(parameter));
  return all_.back().get();
}

Parameter* ParameterSet::Find(std::string_view name) {
  return const_cast<Parameter*>(std::as_const(*this).Find(name));
}

const Parameter* ParameterSet::Find(std::string_view name) const {
  for (const auto& parameter : all_) {
    if (parameter->name == name) return parameter.get();
  }
  return nullptr;
}

int64_t ParameterSet::elements() const {
  int64_t n = 0;
  for (const auto& parameter : all_) n += parameter->value.size();
  return n;
}

void ParameterSet::ZeroGradients() {
  for (const auto& parameter : all_) {
    parameter->sparse.clear();
    if (!parameter->grad.empty()) {
      // On a GPU a failed fill is a failed device, which the next step reports.
      parameter->memory.Zero(GradOffset(parameter->value), ValueBytes(parameter->value))
          .IgnoreError();
    }
  }
}

absl::Status ParameterSet::MoveTo(const Exec* exec) {
  cuda::Device* const device = exec == nullptr ? nullptr : exec->device();
  if (device != nullptr && dtype_ != DType::kF32) {
    return UnimplementedError("a GPU works in float32; use the cpu for float64 parameters");
  }
  for (const auto& parameter : all_) {
    parameter->sparse.clear();
    const absl::Status moved = parameter->memory.MoveTo(device);
    SetAddresses(parameter.get());
    if (moved.ok()) continue;
    for (const auto& other : all_) {
      other->memory.MoveTo(nullptr).IgnoreError();  // the first failure is the one to report
      SetAddresses(other.get());
    }
    device_ = nullptr;
    return moved;
  }
  device_ = device;
  return absl::OkStatus();
}

void ParameterSet::Save(const std::string& prefix, TensorMap* out) const {
  for (const auto& parameter : all_) {
    const Tensor& value = parameter->value;
    NamedTensor t{value.dtype, ShapeOf(value), {}};
    t.bytes.resize(ValueBytes(value));
    parameter->memory.Read(0, t.bytes.size(), t.bytes.data()).IgnoreError();  // as above
    out->tensors[prefix + parameter->name] = std::move(t);
  }
}

absl::Status ParameterSet::Load(const std::string& prefix, const TensorMap& in) {
  // Everything is checked before anything changes.
  for (const auto& parameter : all_) {
    const std::string name = prefix + parameter->name;
    const NamedTensor* t = in.Find(name);
    if (t == nullptr) return NotFoundError("the model has no tensor '", name, "'");
    const std::vector<int64_t> shape = ShapeOf(parameter->value);
    if (t->dtype != dtype_) {
      return InvalidArgumentError("tensor '", name, "' is ", TypeName(t->dtype), ", expected ",
                                  TypeName(dtype_));
    }
    if (t->shape != shape || t->bytes.size() != static_cast<size_t>(parameter->value.bytes())) {
      return InvalidArgumentError("tensor '", name, "' has shape ", ShapeText(t->shape),
                                  ", expected ", ShapeText(shape));
    }
  }
  for (const auto& parameter : all_) {
    const NamedTensor* t = in.Find(prefix + parameter->name);
    UNDULA_RETURN_IF_ERROR(parameter->memory.Write(0, t->bytes.size(), t->bytes.data()));
  }
  return absl::OkStatus();
}

}  // namespace undula::propagation
