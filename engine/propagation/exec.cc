#include "propagation/exec.h"

#include "base/status.h"

namespace undula::propagation {
namespace {

constexpr std::string_view kNoCuda =
    "built without CUDA; build with the CUDA Toolkit (nvcc on PATH, -DUNDULA_CUDA=ON) or use the cpu";

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

// Without CUDA there is never a device.
void Exec::DeleteDevice::operator()(cuda::Device*) const {}

absl::StatusOr<std::unique_ptr<Exec>> Exec::Create(std::string_view device, TaskArena* workers) {
  if (device != "auto" && device != "cpu" && !IsCudaName(device)) {
    return InvalidArgumentError("unknown device '", device, "'; use auto, cpu, cuda or cuda:N");
  }
  auto exec = std::make_unique<Exec>(workers);
  if (device == "cpu") return exec;
  if (device == "auto") {
    exec->description_ += Concat("; no GPU: ", kNoCuda);
    return exec;
  }
  return UnavailableError("device '", device, "': ", kNoCuda);
}

std::string DescribeGpus() { return Concat("no GPU: ", kNoCuda); }

}  // namespace undula::propagation
