#include "propagation/ops/ward.h"

#include <algorithm>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#include "propagation/ops/ward_chain.h"

namespace undula::propagation {
namespace {

constexpr int64_t kScratchBytes = int64_t{1} << 30;  // distances of the blocks that run together

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceWard>> DeviceWard::Create(Exec* exec,
                                                               std::span<const float> rows,
                                                               int64_t dim) {
  if (!exec->on_gpu()) return UnavailableError("this needs a GPU; cluster on the cpu");
  std::unique_ptr<DeviceWard> ward(new DeviceWard(exec, dim));
  UNDULA_RETURN_IF_ERROR(ward->uploads_.Add(rows, &ward->rows_));
  return ward;
}

bool DeviceWard::Fits(int64_t points) const {
  if constexpr (kHasCuda) {
    return points <= kMostWardPoints && cuda::WardFits(exec_->device()->queue(), points);
  }
  return false;
}

absl::Status DeviceWard::Link(const WardSets& sets, std::vector<WardLink>* links) {
  const size_t points = sets.row.size();
  int64_t most = 0;
  for (size_t s = 0; s + 1 < sets.ptr.size(); ++s) {
    most = std::max(most, sets.ptr[s + 1] - sets.ptr[s]);
  }
  if (sets.ptr.empty() || sets.ptr.back() != static_cast<int64_t>(points) ||
      sets.count.size() != points || (most > 1 && !Fits(most))) {
    return InvalidArgumentError("clustering of ", points, " points in sets of up to ", most, ": ",
                                sets.count.size(), " counts and ", sets.ptr.size(),
                                " offsets do not fit, or a set is too large");
  }
  links->resize(points);
  if (most < 2) return absl::OkStatus();
  if constexpr (kHasCuda) {
    cuda::Device* const device = exec_->device();
    Uploads uploads(device);
    cuda::WardJob job;
    job.rows = rows_;
    job.dim = dim_;
    job.sets = static_cast<int64_t>(sets.ptr.size()) - 1;
    job.most = most;
    UNDULA_RETURN_IF_ERROR(uploads.Add(sets.ptr, &job.ptr));
    UNDULA_RETURN_IF_ERROR(uploads.Add(sets.row, &job.row));
    UNDULA_RETURN_IF_ERROR(uploads.Add(sets.count, &job.count));
    const int64_t bytes = most * most * int64_t{sizeof(float)};
    job.blocks = std::min(
        {job.sets, device->queue().max_blocks, std::max<int64_t>(1, kScratchBytes / bytes)});
    const size_t out_bytes = points * sizeof(WardLink);
    const auto scratch = device->Allocate(static_cast<size_t>(job.blocks * bytes));
    const auto out = device->Allocate(out_bytes);
    if (scratch == nullptr || out == nullptr) {
      return ResourceExhaustedError("out of GPU memory to cluster ", job.sets, " sets of up to ",
                                    most, " points; cluster on the cpu");
    }
    job.distances = reinterpret_cast<float*>(scratch.get());
    job.links = reinterpret_cast<WardLink*>(out.get());
    UNDULA_RETURN_IF_ERROR(cuda::Check(cuda::RunWard(device->queue(), job), "clustering"));
    return cuda::Check(cuda::runtime::CopyOut(device->queue(), links->data(), job.links, out_bytes),
                       "clustering");
  }
  return absl::OkStatus();
}

}  // namespace undula::propagation
