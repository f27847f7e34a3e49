#include "propagation/cuda/device.h"

#include <cstdlib>
#include <utility>

#include "base/status.h"
#include "propagation/cuda/blas.h"

namespace undula::propagation::cuda {

Connection::~Connection() {
  CloseBlas(blas);
  static_cast<void>(runtime::Synchronize(queue));
  staging.Close(queue);
  runtime::DestroyStream(queue.ordinal, queue.side_stream);
  runtime::DestroyStream(queue.ordinal, queue.stream);
}

std::shared_ptr<std::byte> Device::Allocate(size_t bytes) const {
  void* memory = nullptr;
  ++connection->allocations;
  if (runtime::Allocate(queue(), bytes, &memory) != 0) return nullptr;
  return std::shared_ptr<std::byte>(
      static_cast<std::byte*>(memory),
      [owner = connection](std::byte* p) { runtime::Free(owner->queue, p); });
}

absl::Status Device::Synchronize() const {
  return Check(runtime::Synchronize(queue()), "work on the GPU");
}

absl::StatusOr<std::unique_ptr<Device>> OpenDevice(int ordinal) {
  const char* const tf32 = std::getenv("UNDULA_TF32");
  const std::string_view asked = tf32 == nullptr ? "" : tf32;
  if (!asked.empty() && asked != "0" && asked != "1") {
    return InvalidArgumentError("UNDULA_TF32 is '", asked, "'; use 0 or 1");
  }
  int count = 0;
  std::string why;
  if (runtime::CountDevices(&count, &why) != 0 || count == 0) {
    return UnavailableError(why.empty() ? "no GPU on this machine" : why);
  }
  if (ordinal >= count) {
    return UnavailableError("there is no GPU number ", ordinal, "; this machine has ", count,
                            " (0 to ", count - 1, ")");
  }
  auto device = std::make_unique<Device>();
  if (const int code = runtime::Describe(ordinal, &device->facts); code != 0) {
    return UnavailableError("GPU ", ordinal, ": ", runtime::ErrorName(code));
  }
  if (device->facts.major < 8) {
    return UnavailableError("GPU ", ordinal, " (", device->facts.name, ") has compute capability ",
                            device->facts.major, ".", device->facts.minor,
                            "; this build needs 8.0 or newer");
  }
  void* stream = nullptr;
  if (const int code = runtime::CreateStream(ordinal, &stream); code != 0) {
    return UnavailableError("GPU ", ordinal, ": ", runtime::ErrorName(code));
  }
  void* side_stream = nullptr;
  if (const int code = runtime::CreateStream(ordinal, &side_stream); code != 0) {
    runtime::DestroyStream(ordinal, stream);
    return UnavailableError("GPU ", ordinal, ": ", runtime::ErrorName(code));
  }
  device->connection = std::make_shared<Connection>();
  Queue& queue = device->connection->queue;
  queue.stream = stream;
  queue.side_stream = side_stream;
  queue.ordinal = ordinal;
  queue.tf32 = asked == "1";
  queue.max_blocks = int64_t{device->facts.multiprocessors} * 64;
  queue.max_shared_bytes = device->facts.shared_bytes;
  device->connection->blas = OpenBlas(queue, &device->blas_reason);
  device->use_blas(true);
  return device;
}

absl::Status Check(int code, std::string_view what) {
  if (code == 0) return absl::OkStatus();
  if (runtime::IsOutOfMemory(code)) {
    return ResourceExhaustedError(what, ": out of GPU memory; use smaller batches or the cpu");
  }
  return InternalError(what, ": ", runtime::ErrorName(code));
}

std::string DescribeDevices() {
  int count = 0;
  std::string why;
  if (runtime::CountDevices(&count, &why) != 0 || count == 0) {
    return Concat("no GPU: ", why.empty() ? "none on this machine" : why);
  }
  std::string text;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    DeviceFacts facts;
    if (ordinal > 0) text += "\n";
    if (const int code = runtime::Describe(ordinal, &facts); code != 0) {
      text += Concat("cuda:", ordinal, " ", runtime::ErrorName(code));
    } else {
      text += Concat("cuda:", ordinal, " ", facts.name, ", compute ", facts.major, ".", facts.minor,
                     ", ", facts.memory_bytes / 1'000'000'000, " GB");
    }
  }
  return text;
}

}  // namespace undula::propagation::cuda
