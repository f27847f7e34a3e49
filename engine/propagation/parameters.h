// Parameters of a model: named tensors with their gradients. A dense parameter has a gradient of
// its own shape; an embedding table (row_sparse) has, per step, a list of (rows, values)
// contributions.
#ifndef UNDULA_PROPAGATION_PARAMETERS_H_
#define UNDULA_PROPAGATION_PARAMETERS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/tensor_map.h"
#include "propagation/exec.h"
#include "propagation/memory.h"
#include "propagation/tensor.h"

namespace undula::propagation {

// Gradient of some rows of a table: rows ascending and distinct, values [rows, cols]. Both live in
// the step's arena. On a GPU the list may end in padding: row numbers 2^32 - 1 with zero values.
struct SparseGradient {
  Tensor rows;    // u32 [n]
  Tensor values;  // [n, cols]
};

struct Parameter {
  std::string name;
  bool row_sparse = false;
  Tensor value;
  Tensor grad;                         // dense parameters only; zeroed by ZeroGradients()
  std::vector<SparseGradient> sparse;  // row_sparse only; in the order the tape recorded them

  // The memory behind value and, from the next multiple of 256 bytes on, grad.
  Memory memory;
};

// How a parameter starts. Draws are Rng(seed, kInit, parameter number), so they do not depend on
// threads or on each other.
struct Init {
  enum class Kind : uint8_t { kZero, kUniform, kNormal, kIdentity };
  Kind kind = Kind::kZero;
  double scale = 0;  // uniform in [-scale, scale], or the standard deviation
};

// Not thread-safe for changes; values may be read from many threads between steps.
class ParameterSet {
 public:
  // dtype of all values: kF32, or kF64 for the reference path.
  explicit ParameterSet(DType dtype = DType::kF32) : dtype_(dtype) {}

  // Shapes of rank 1 to 3. The pointer stays valid for the life of the set.
  Parameter* Add(std::string name, std::vector<int64_t> shape, bool row_sparse, Init init,
                 uint64_t seed);
  Parameter* Find(std::string_view name);
  const Parameter* Find(std::string_view name) const;
  const std::vector<std::unique_ptr<Parameter>>& all() const { return all_; }
  DType dtype() const { return dtype_; }
  int64_t elements() const;

  void ZeroGradients();

  // Moves values and dense gradients to where `exec` runs its operators (null: host memory);
  // addresses change, sparse gradients are dropped. Training on a GPU moves the set there, and back
  // for whoever reads values on the host (scorers). exec must stay while the set is on its device.
  // ResourceExhausted if the GPU has no memory left; the set is then on the host.
  absl::Status MoveTo(const Exec* exec);
  cuda::Device* device() const { return device_; }  // null: the host
  // Values to and from named tensors "prefix" + name, wherever they are. Load: NotFound or
  // InvalidArgument names the tensor whose presence, type or shape is wrong.
  void Save(const std::string& prefix, TensorMap* out) const;
  absl::Status Load(const std::string& prefix, const TensorMap& in);

 private:
  DType dtype_;
  cuda::Device* device_ = nullptr;
  std::vector<std::unique_ptr<Parameter>> all_;
};

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_PARAMETERS_H_
