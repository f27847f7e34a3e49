#include "propagation/step_graphs.h"

#include <algorithm>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"

namespace undula::propagation {

StepGraphs::~StepGraphs() {
  if constexpr (kHasCuda) {
    for (const Program& p : programs_) cuda::runtime::FreeProgram(p.program);
  }
}

absl::Status StepGraphs::RunRecording(uint64_t bucket, void* recording) {
  if constexpr (kHasCuda) {
    const cuda::Queue& queue = exec_->device()->queue();
    auto found = std::find_if(programs_.begin(), programs_.end(),
                              [&](const Program& p) { return p.bucket == bucket; });
    bool fits = false;
    if (found != programs_.end()) {
      UNDULA_RETURN_IF_ERROR(cuda::Check(
          cuda::runtime::Exchange(queue, found->program, recording, &fits), "graph update"));
      if (!fits) {
        cuda::runtime::FreeProgram(found->program);
        programs_.erase(found);
      }
    }
    if (fits) {
      ++counts_.exchanged;
      programs_.splice(programs_.begin(), programs_, found);
    } else {
      ++counts_.made;
      void* program = nullptr;
      UNDULA_RETURN_IF_ERROR(
          cuda::Check(cuda::runtime::Prepare(queue, recording, &program), "graph"));
      programs_.push_front({bucket, program});
      if (programs_.size() > kPrograms) {
        cuda::runtime::FreeProgram(programs_.back().program);
        programs_.pop_back();
      }
    }
    return cuda::Check(cuda::runtime::RunProgram(queue, programs_.front().program), "graph launch");
  }
  return absl::OkStatus();
}

absl::Status StepGraphs::Run(uint64_t bucket, const std::function<absl::Status()>& enqueue) {
  if constexpr (kHasCuda) {
    cuda::Connection& connection = *exec_->device()->connection;
    const int64_t allocations = connection.allocations;
    absl::Status status;
    if (!steady_) {
      ++counts_.plain;
      status = enqueue();
    } else {
      UNDULA_RETURN_IF_ERROR(
          cuda::Check(connection.staging.BeforeRecording(connection.queue), "graph"));
      UNDULA_RETURN_IF_ERROR(cuda::Check(cuda::runtime::BeginRecording(connection.queue), "graph"));
      connection.queue.recording = true;
      status = enqueue();
      void* recording = nullptr;
      const int code = cuda::runtime::EndRecording(connection.queue, &recording);
      connection.queue.recording = false;
      if (status.ok()) status = cuda::Check(code, "graph");
      if (status.ok()) status = RunRecording(bucket, recording);
      if (recording != nullptr) cuda::runtime::FreeRecording(recording);
    }
    steady_ = status.ok() && connection.allocations == allocations;
    return status;
  }
  return enqueue();
}

}  // namespace undula::propagation
