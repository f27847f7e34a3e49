#include "propagation/exec.h"

#include <charconv>
#include <utility>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"

namespace undula::propagation {
namespace {

constexpr std::string_view kNoCuda =
    "built without CUDA; build with the CUDA Toolkit (nvcc on PATH, -DUNDULA_CUDA=ON) or use the "
    "cpu";

bool IsCudaName(std::string_view device) {
  if (device == "cuda") return true;
  if (!device.starts_with("cuda:") || device.size() == 5 || device.size() > 9) return false;
  return device.substr(5).find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Exec::Exec(TaskArena* workers) : workers_(workers) {
  const int threads = workers == nullptr ? 1 : workers->threads();
  description_ = Concat("cpu (", threads, threads == 1 ? " thread)" : " threads)");
}

Exec::~Exec() = default;

void Exec::DeleteDevice::operator()(cuda::Device* device) const {
  if constexpr (kHasCuda) delete device;
}

absl::StatusOr<std::unique_ptr<Exec>> Exec::Create(std::string_view device, TaskArena* workers) {
  if (device != "auto" && device != "cpu" && !IsCudaName(device)) {
    return InvalidArgumentError("unknown device '", device, "'; use auto, cpu, cuda or cuda:N");
  }
  auto exec = std::make_unique<Exec>(workers);
  if (device == "cpu") return exec;
  std::string why(kNoCuda);
  if constexpr (kHasCuda) {
    int ordinal = 0;
    if (device.starts_with("cuda:")) {
      std::from_chars(device.data() + 5, device.data() + device.size(), ordinal);
    }
    absl::StatusOr<std::unique_ptr<cuda::Device>> opened = cuda::OpenDevice(ordinal);
    if (opened.ok()) {
      exec->device_.reset(std::move(*opened).release());
      exec->description_ = Concat("cuda:", ordinal, " ", exec->device_->facts.name,
                                  exec->device_->queue().tf32 ? ", TF32 products" : "");
      return exec;
    }
    if (opened.status().code() == absl::StatusCode::kInvalidArgument) return opened.status();
    why = Message(opened.status());
  }
  if (device == "auto") {
    exec->description_ += Concat("; no GPU: ", why);
    return exec;
  }
  return UnavailableError("device '", device, "': ", why);
}

std::string DescribeGpus() {
  if constexpr (kHasCuda) return cuda::DescribeDevices();
  return Concat("no GPU: ", kNoCuda);
}

}  // namespace undula::propagation
