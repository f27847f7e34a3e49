// One run of an operator in a test: a tape in float32 or float64 with all the memory that its
// inputs need, fed and read in float64.
#ifndef UNDULA_TESTS_PROPAGATION_OP_RUN_H_
#define UNDULA_TESTS_PROPAGATION_OP_RUN_H_

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "propagation/tape.h"

namespace undula::propagation {

struct Values {
  std::vector<int64_t> shape;
  std::vector<double> data;
};

// Uniform in [-1, 1), from Rng(seed, kTest).
Values RandomValues(std::vector<int64_t> shape, uint32_t seed);

class OpRun {
 public:
  explicit OpRun(DType type, TaskArena* workers = nullptr)
      : exec_(workers), tape_(&exec_, &arena_, type) {}

  Tape& tape() { return tape_; }
  Arena& arena() { return arena_; }

  Var Leaf(const Values& values) { return tape_.Leaf(Floats(values)); }
  Var Constant(const Values& values) { return tape_.Constant(Floats(values)); }
  Tensor Floats(const Values& values);
  Tensor Floats(const std::vector<double>& values) {
    return Floats(Values{{static_cast<int64_t>(values.size())}, values});
  }
  Tensor Ids(std::vector<uint32_t> ids);
  Tensor Offsets(std::vector<int64_t> offsets);

  std::vector<double> Value(Var v) { return Read(tape_.value(v)); }
  std::vector<double> Grad(Var v) { return Read(tape_.grad(v)); }
  static std::vector<double> Read(const Tensor& t);

  // sum(upstream * v), upstream of v's size; Backward from it gives the products with upstream.
  Var Weighted(Var v, const std::vector<double>& upstream);

 private:
  Exec exec_;
  Arena arena_;
  Tape tape_;
  std::deque<std::vector<double>> f64_;
  std::deque<std::vector<float>> f32_;
  std::deque<std::vector<uint32_t>> ids_;
  std::deque<std::vector<int64_t>> offsets_;
};

}  // namespace undula::propagation

#endif  // UNDULA_TESTS_PROPAGATION_OP_RUN_H_
