#include "propagation/scalar_log.h"

#include <utility>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"

namespace undula::propagation {

absl::Status ScalarLog::Read() {
  if (there_ == 0) return absl::OkStatus();
  float values[kOnDevice];
  UNDULA_RETURN_IF_ERROR(device_.Read(0, static_cast<size_t>(there_) * sizeof(float), values));
  values_.insert(values_.end(), values, values + there_);
  there_ = 0;
  return absl::OkStatus();
}

void ScalarLog::Add(Tape& tape, Var v) {
  if (!tape.status().ok()) return;
  const Tensor value = tape.value(v);
  if (value.empty() || value.size() != 1) {
    tape.Fail(InvalidArgumentError("ScalarLog: not a scalar of the tape"));
    return;
  }
  if constexpr (kHasCuda) {
    if (exec_->on_gpu()) {
      absl::Status status;
      if (device_.bytes() == 0) {
        Memory memory(kOnDevice * sizeof(float));
        status = memory.MoveTo(exec_->device());
        device_ = std::move(memory);
      } else if (there_ == kOnDevice) {
        status = Read();
      }
      if (!status.ok()) {
        tape.Fail(status);
        return;
      }
      tape.Check(cuda::runtime::CopyWithin(exec_->device()->queue(), device_.as<float>() + there_,
                                           value.data, sizeof(float)),
                 "copy of a loss");
      ++there_;
      return;
    }
  }
  values_.push_back(tape.Scalar(v));
}

absl::Status ScalarLog::MakeRoom(int64_t n) {
  return there_ + n > kOnDevice ? Read() : absl::OkStatus();
}

absl::Status ScalarLog::Take(std::vector<double>* out) {
  UNDULA_RETURN_IF_ERROR(Read());
  out->swap(values_);
  values_.clear();
  return absl::OkStatus();
}

}  // namespace undula::propagation
