// Define-by-run reverse-mode gradients over a small set of operators (propagation/ops/*.h). Models
// write forward passes only; each operator brings its backward once.
//
// A training step uses one tape for Prepare (once per batch) and one per slice; see models/model.h.
#ifndef UNDULA_PROPAGATION_TAPE_H_
#define UNDULA_PROPAGATION_TAPE_H_

#include <cstdint>
#include <initializer_list>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "base/parallel.h"
#include "propagation/arena.h"
#include "propagation/exec.h"
#include "propagation/parameters.h"
#include "propagation/tensor.h"

namespace undula::propagation {

// A value on a tape.
struct Var {
  int32_t id = -1;
  bool valid() const { return id >= 0; }
};

class Tape;
// Adds to the gradients of an operator's inputs, given the gradient of its output. `context` is
// what the operator allocated with Tape::New.
using BackwardFn = void (*)(Tape& tape, Var output, void* context);

// Belongs to one thread at a time. The status is sticky: after an error every operator returns an
// invalid Var and Backward does nothing; check status() once at the end of the step.
class Tape {
 public:
  // exec and arena must outlive the tape's use; float_type is kF32 or kF64 (CPU only: on a GPU the
  // first operator fails).
  Tape(Exec* exec, Arena* arena, DType float_type = DType::kF32)
      : exec_(exec), arena_(arena), float_type_(float_type) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Forgets all nodes and the status. The arena is reset by its owner.
  void Reset();

  // -- values
  // An input whose gradient is wanted: grad(leaf) is valid after Backward.
  Var Leaf(const Tensor& value);
  Var Constant(const Tensor& value);
  // A dense parameter; its gradient is added to parameter->grad by Backward. That gradient belongs
  // to one tape at a time: use parameters on Prepare's tape, not on the tapes of parallel slices.
  Var Use(Parameter* parameter);

  // An invalid Var (after an error) has an empty value and no gradient.
  const Tensor& value(Var v) const { return v.valid() ? nodes_[v.id].value : nothing_; }
  // The gradient, allocated and zeroed at its first use.
  Tensor grad(Var v);
  bool has_grad(Var v) const { return v.valid() && !nodes_[v.id].grad.empty(); }
  bool needs_grad(Var v) const { return v.valid() && nodes_[v.id].needs_grad; }
  // The value of a scalar, read back to the host.
  double Scalar(Var v);

  // -- backward
  // From one scalar, whose gradient is `seed`.
  void Backward(Var loss, double seed = 1);
  // From gradients already set by AddGradient, over the whole tape (Prepare's tape).
  void BackwardAll();
  // grad(v) += g, elementwise.
  void AddGradient(Var v, const Tensor& g);

  // -- for operators
  Var Record(const Tensor& value, bool needs_grad, BackwardFn backward, void* context);
  // A context object; trivially destructible types only.
  template <class T>
  T* New() {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (arena_->Allocate(sizeof(T))) T();
  }
  // Uninitialised tensors in the tape's arena, where the operators run: device memory on a GPU
  // Exec.
  Tensor NewTensor(std::initializer_list<int64_t> shape);  // float_type
  Tensor NewTensor(std::initializer_list<int64_t> shape, DType dtype);
  Tensor NewZero(std::initializer_list<int64_t> shape);
  // Host indices as a tensor where the operators run; on the CPU a view, so the memory must live
  // until the tape is reset.
  Tensor Indices(std::span<const uint32_t> values);
  Tensor Offsets(std::span<const int64_t> values);
  Tensor Floats(std::span<const float> values);  // converted to float_type
  // Uninitialised memory for n values, where the operators run.
  template <class T>
  T* Scratch(int64_t n) {
    return static_cast<T*>(Memory(static_cast<size_t>(n) * sizeof(T)));
  }
  // The values of an i64 tensor on the host: the tensor itself on the CPU; on a GPU the copy that
  // Offsets kept, or else one that is read back, which waits for the stream.
  const int64_t* HostOffsets(const Tensor& offsets);

  // For scoring, where no gradients are wanted: on the CPU a row's bits do not depend on which rows
  // are worked together (products of matrices of any shape run on the tile kernels, never on BLAS).
  void OnlyScore() { only_scores_ = true; }
  bool only_scores() const { return only_scores_; }

  Exec& exec() { return *exec_; }
  Arena& arena() { return *arena_; }
  DType float_type() const { return float_type_; }
  const absl::Status& status() const { return status_; }
  // Keeps the first failure. Returns an invalid Var for `return tape.Fail(...)`.
  Var Fail(absl::Status status);
  // Fails unless the code of a launch or a copy (propagation/cuda) is 0.
  void Check(int code, std::string_view what);

 private:
  struct Node {
    Tensor value, grad;
    BackwardFn backward = nullptr;
    void* context = nullptr;
    bool needs_grad = false;
  };
  void* Memory(size_t bytes);
  void Upload(const void* from, const Tensor& to);
  void Zero(const Tensor& t);

  struct HostCopy {
    const int64_t* device;
    const int64_t* host;
    int64_t size;
  };

  Exec* exec_;
  Arena* arena_;
  DType float_type_;
  bool only_scores_ = false;
  std::vector<Node> nodes_;
  std::vector<HostCopy> host_copies_;  // of Offsets, on a GPU
  absl::Status status_;
  Tensor nothing_;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_TAPE_H_
