// Lists of random walks made by a GPU; the kernel is in walk_kernel.cu.
#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#include "propagation/memory.h"
#include "propagation/sample/random_walk.h"
#include "propagation/sample/walk_kernel.h"
#include "propagation/uploads.h"

namespace undula::propagation {
namespace {

absl::Status AddSide(const WalkSideView& from, int64_t rows, Uploads* to, WalkSideView* out) {
  const auto edges = static_cast<size_t>(from.ptr[rows]);
  UNDULA_RETURN_IF_ERROR(to->Add(std::span(from.ptr, static_cast<size_t>(rows) + 1), &out->ptr));
  return from.alias != nullptr ? to->Add(std::span(from.alias, edges), &out->alias)
                               : to->Add(std::span(from.to, edges), &out->to);
}

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
    Uploads uploads(device);
    cuda::WalkJob job;
    UNDULA_RETURN_IF_ERROR(AddSide(view.items, graph.n_items(), &uploads, &job.graph.items));
    UNDULA_RETURN_IF_ERROR(
        AddSide(view.contexts, graph.n_contexts(), &uploads, &job.graph.contexts));
    UNDULA_RETURN_IF_ERROR(uploads.Add(seeds, &job.seeds));
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
