// Lists of random walks made by a GPU; the kernel is in walk_kernel.cu.
#include <cstring>
#include <utility>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#include "propagation/memory.h"
#include "propagation/sample/random_walk.h"
#include "propagation/sample/walk_kernel.h"

namespace undula::propagation {
namespace {

// Host arrays copied into GPU memory, kept until the call ends.
class Copies {
 public:
  explicit Copies(cuda::Device* device) : device_(device) {}

  template <class T>
  absl::Status Add(const T* values, int64_t n, const T** out) {
    Memory memory(static_cast<size_t>(n) * sizeof(T));
    if (n > 0) std::memcpy(memory.data(), values, memory.bytes());
    UNDULA_RETURN_IF_ERROR(memory.MoveTo(device_));
    *out = memory.as<T>();
    kept_.push_back(std::move(memory));
    return absl::OkStatus();
  }
  absl::Status AddSide(const WalkSideView& from, int64_t rows, WalkSideView* out) {
    const int64_t edges = from.ptr[rows];
    UNDULA_RETURN_IF_ERROR(Add(from.ptr, rows + 1, &out->ptr));
    return from.alias != nullptr ? Add(from.alias, edges, &out->alias)
                                 : Add(from.to, edges, &out->to);
  }

 private:
  cuda::Device* device_;
  std::vector<Memory> kept_;
};

}  // namespace

absl::StatusOr<ImportanceLists> WalkListsOnDevice(Exec* exec, const WalkGraph& graph,
                                                  std::span<const uint32_t> seeds,
                                                  const WalkOptions& o, uint64_t seed,
                                                  uint32_t draw) {
  if (!exec->on_gpu()) return UnavailableError("walks on a GPU need one; walk on the cpu");
  if constexpr (kHasCuda) {
    cuda::Device* const device = exec->device();
    if (!cuda::WalksFit(device->queue(), o.walks, o.traversals)) {
      return UnimplementedError(o.walks, " walks of ", o.traversals,
                                " traversals do not fit into the shared memory of a block; lower "
                                "walks, or walk on the cpu");
    }
    const auto n = static_cast<int64_t>(seeds.size());
    const WalkView view = graph.view();
    Copies copies(device);
    cuda::WalkJob job;
    UNDULA_RETURN_IF_ERROR(copies.AddSide(view.items, graph.n_items(), &job.graph.items));
    UNDULA_RETURN_IF_ERROR(copies.AddSide(view.contexts, graph.n_contexts(), &job.graph.contexts));
    UNDULA_RETURN_IF_ERROR(copies.Add(seeds.data(), n, &job.seeds));
    Memory items(static_cast<size_t>(n * o.top) * sizeof(uint32_t));
    Memory weights(static_cast<size_t>(n * o.top) * sizeof(float));
    Memory counts(static_cast<size_t>(n) * sizeof(uint32_t));
    for (Memory* memory : {&items, &weights, &counts}) {
      UNDULA_RETURN_IF_ERROR(memory->MoveTo(device));
    }
    job.n = n;
    job.walks = static_cast<int32_t>(o.walks);
    job.traversals = static_cast<int32_t>(o.traversals);
    job.top = static_cast<int32_t>(o.top);
    job.stop = StopBelow(o.stop);
    job.keep_self = o.keep_self;
    job.seed = seed;
    job.draw = draw;
    job.items = items.as<uint32_t>();
    job.weights = weights.as<float>();
    job.counts = counts.as<uint32_t>();
    UNDULA_RETURN_IF_ERROR(cuda::Check(cuda::RunWalks(device->queue(), job), "random walks"));
    for (Memory* memory : {&items, &weights, &counts}) {
      UNDULA_RETURN_IF_ERROR(memory->MoveTo(nullptr));
    }
    return CompactLists(n, o.top, counts.as<uint32_t>(), items.as<uint32_t>(), weights.as<float>());
  }
  return UnavailableError("this program was built without CUDA; walk on the cpu");
}

}  // namespace undula::propagation
