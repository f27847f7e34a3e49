#include "propagation/ops/rank.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "propagation/cuda/device.h"
#include "propagation/cuda/has_cuda.h"
#include "propagation/ops/rank_dot.h"
#include "propagation/ops/rank_mix.h"
#include "propagation/ops/rank_ripple.h"
#include "propagation/uploads.h"

namespace undula::propagation {
namespace {

// The arrays of a ranker.
class RankUploads : public Uploads {
 public:
  using Uploads::Uploads;

  // Rows padded to `pad` columns.
  absl::Status AddRows(const RankRows& rows, int64_t dim, int64_t pad, const float** out) {
    Memory memory(static_cast<size_t>(rows.rows * pad) * sizeof(float));
    for (int64_t r = 0; r < rows.rows; ++r) {
      std::copy_n(rows.data + r * rows.stride, dim, memory.as<float>() + r * pad);
    }
    return Keep(std::move(memory), out);
  }
  // The same, column by column.
  absl::Status AddColumns(const RankRows& rows, int64_t dim, int64_t pad, const float** out) {
    Memory memory(static_cast<size_t>(rows.rows * pad) * sizeof(float));
    for (int64_t r = 0; r < rows.rows; ++r) {
      for (int64_t c = 0; c < dim; ++c) {
        memory.as<float>()[c * rows.rows + r] = rows.data[r * rows.stride + c];
      }
    }
    return Keep(std::move(memory), out);
  }
};

absl::Status CheckExec(const Exec* exec) {
  if (exec->on_gpu()) return absl::OkStatus();
  return UnimplementedError("a ranker needs a GPU; rank on the cpu");
}

absl::Status CheckPadded(const Exec* exec, int64_t dim) {
  UNDULA_RETURN_IF_ERROR(CheckExec(exec));
  if (cuda::RankPad(dim) == 0) {
    return UnimplementedError("vectors of ", dim,
                              " columns are ranked on the cpu; the GPU's limit is 64");
  }
  return absl::OkStatus();
}

class RippleRanker final : public DeviceRanker {
 public:
  RippleRanker(Exec* exec, uint32_t items) : DeviceRanker(exec, items), uploads_(exec->device()) {}

  absl::Status Init(const RippleRankModel& from) {
    model_.pad = cuda::RankPad(from.dim);
    model_.hops = static_cast<int32_t>(from.hops);
    model_.add_address = from.add_address;
    model_.all_hops = from.all_hops;
    model_.paper = from.paper;
    for (size_t i = 0; i + 1 < from.slot_ptr.size(); i += static_cast<size_t>(from.hops)) {
      const int64_t slots = from.slot_ptr[i + static_cast<size_t>(from.hops)] - from.slot_ptr[i];
      model_.most_slots = std::max(model_.most_slots, static_cast<int32_t>(slots));
    }
    UNDULA_RETURN_IF_ERROR(
        uploads_.AddColumns(from.items, from.dim, model_.pad, &model_.item_columns));
    UNDULA_RETURN_IF_ERROR(uploads_.AddRows(from.keys, from.dim, model_.pad, &model_.keys));
    UNDULA_RETURN_IF_ERROR(uploads_.AddRows(from.values, from.dim, model_.pad, &model_.values));
    if (from.transform.rows > 0) {
      // Rows past dim are zero, so that the padding of an address adds nothing.
      std::vector<float> square(static_cast<size_t>(model_.pad * model_.pad), 0);
      for (int64_t r = 0; r < from.dim; ++r) {
        std::copy_n(from.transform.data + r * from.transform.stride, from.dim,
                    square.begin() + r * model_.pad);
      }
      UNDULA_RETURN_IF_ERROR(uploads_.Add(std::span<const float>(square), &model_.transform));
    }
    UNDULA_RETURN_IF_ERROR(uploads_.Add(from.slot_ptr, &model_.slot_ptr));
    UNDULA_RETURN_IF_ERROR(uploads_.Add(from.key_row, &model_.key_row));
    UNDULA_RETURN_IF_ERROR(uploads_.Add(from.value_row, &model_.value_row));
    UNDULA_RETURN_IF_ERROR(uploads_.Add(from.count, &model_.count));
    if (Fits(1)) return absl::OkStatus();
    return UnimplementedError("a memory of ", model_.most_slots, " slots of ", from.dim,
                              " columns is ranked on the cpu: it does not fit into a GPU's block");
  }

  bool Fits(int64_t k) const override {
    if constexpr (kHasCuda) return cuda::RippleRankFits(exec_->device()->queue(), model_, k);
    return false;
  }

 private:
  int Launch(const cuda::Queue& queue, const cuda::RankJob& job) override {
    if constexpr (kHasCuda) return cuda::RankRipple(queue, model_, job);
    return 0;
  }

  RankUploads uploads_;
  cuda::RippleRank model_;
};

class MixRanker final : public DeviceRanker {
 public:
  MixRanker(Exec* exec, uint32_t items) : DeviceRanker(exec, items), uploads_(exec->device()) {}

  absl::Status Init(const MixRankModel& from) {
    model_.pad = cuda::RankPad(from.dim);
    model_.n_relations = static_cast<int32_t>(from.relations.rows);
    model_.scale = from.scale;
    model_.gain = from.gain;
    UNDULA_RETURN_IF_ERROR(uploads_.AddRows(from.users, from.dim, model_.pad, &model_.users));
    UNDULA_RETURN_IF_ERROR(
        uploads_.AddRows(from.relations, from.dim, model_.pad, &model_.relations));
    UNDULA_RETURN_IF_ERROR(uploads_.AddRows(from.base, from.dim, model_.pad, &model_.base));
    UNDULA_RETURN_IF_ERROR(
        uploads_.AddRows(from.slot_value, from.dim, model_.pad, &model_.slot_value));
    UNDULA_RETURN_IF_ERROR(uploads_.Add(from.slot_ptr, &model_.slot_ptr));
    UNDULA_RETURN_IF_ERROR(uploads_.Add(from.slot_relation, &model_.slot_relation));
    UNDULA_RETURN_IF_ERROR(uploads_.Add(from.slot_count, &model_.slot_count));
    if (Fits(1)) return absl::OkStatus();
    return UnimplementedError(model_.n_relations,
                              " relations are ranked on the cpu: their weights do not fit into a "
                              "GPU's block");
  }

  bool Fits(int64_t k) const override {
    if constexpr (kHasCuda) return cuda::MixRankFits(exec_->device()->queue(), model_, k);
    return false;
  }

 private:
  int Launch(const cuda::Queue& queue, const cuda::RankJob& job) override {
    if constexpr (kHasCuda) return cuda::RankMix(queue, model_, job);
    return 0;
  }

  RankUploads uploads_;
  cuda::MixRank model_;
};

class DotRanker final : public DeviceRanker {
 public:
  DotRanker(Exec* exec, uint32_t items, int64_t dim)
      : DeviceRanker(exec, items, dim), uploads_(exec->device()) {}

  absl::Status Init(const DotRankModel& from) {
    model_.dim = from.dim;
    UNDULA_RETURN_IF_ERROR(uploads_.AddColumns(from.items, from.dim, from.dim, &model_.columns));
    if (Fits(1)) return absl::OkStatus();
    return UnimplementedError("vectors of ", from.dim,
                              " columns are ranked on the cpu: they do not fit into a GPU's block");
  }

  bool Fits(int64_t k) const override {
    if constexpr (kHasCuda) return cuda::DotRankFits(exec_->device()->queue(), model_, k);
    return false;
  }

 private:
  int Launch(const cuda::Queue& queue, const cuda::RankJob& job) override {
    if constexpr (kHasCuda) {
      int64_t parts = cuda::DotRankParts(queue, model_, job);
      void* partial = nullptr;
      if (parts > 1) {
        partial_.Reset();
        const auto places = static_cast<size_t>(parts * job.users * job.k);
        partial = partial_.AllocateOn(exec_->device(), places * sizeof(RankedItem));
        if (partial == nullptr) parts = 1;
      }
      return cuda::RankDot(queue, model_, job, parts, static_cast<RankedItem*>(partial));
    }
    return 0;
  }

  RankUploads uploads_;
  Arena partial_;
  cuda::DotRank model_;
};

template <class Ranker, class Model>
absl::StatusOr<std::unique_ptr<DeviceRanker>> Make(Exec* exec, uint32_t items, const Model& model) {
  UNDULA_RETURN_IF_ERROR(CheckPadded(exec, model.dim));
  auto ranker = std::make_unique<Ranker>(exec, items);
  UNDULA_RETURN_IF_ERROR(ranker->Init(model));
  return ranker;
}

}  // namespace

absl::Status DeviceRanker::Rank(const RankQuery& query, std::vector<RankedItem>* best) {
  const size_t users = query.excluded_ptr.empty() ? 0 : query.excluded_ptr.size() - 1;
  if (query.k < 1 || query.excluded_ptr.empty() || query.users.size() != (dim_ == 0 ? users : 0) ||
      query.vectors.size() != users * static_cast<size_t>(dim_) ||
      query.excluded_ptr.back() > static_cast<int64_t>(query.excluded.size()) || !Fits(query.k)) {
    return InvalidArgumentError("ranking of ", users, " users with lists of ", query.k, ": ",
                                query.excluded_ptr.size(), " offsets and ", query.excluded.size(),
                                " excluded items do not fit, or k is too large");
  }
  best->resize(users * static_cast<size_t>(query.k));
  if (best->empty()) return absl::OkStatus();
  if constexpr (kHasCuda) {
    arena_.Reset();
    cuda::Device* const device = exec_->device();
    const cuda::Queue& queue = device->queue();
    absl::Status status;
    const auto upload = [&]<class T>(std::span<const T> values) -> const T* {
      void* const to = arena_.AllocateOn(device, values.size_bytes());
      if (to == nullptr) {
        status = ResourceExhaustedError("out of GPU memory to rank ", users, " users");
      } else if (status.ok() && !values.empty()) {
        status = cuda::Check(device->Upload(to, values.data(), values.size_bytes()), "copy");
      }
      return static_cast<const T*>(to);
    };
    cuda::RankJob job;
    job.users = static_cast<int64_t>(users);
    if (dim_ == 0) job.user = upload(query.users);
    if (dim_ > 0) job.vectors = upload(query.vectors);
    job.items = items_;
    job.excluded_ptr = upload(query.excluded_ptr);
    job.excluded = upload(query.excluded);
    job.allowed = query.allowed.empty() ? nullptr : upload(query.allowed);
    job.k = static_cast<int32_t>(query.k);
    const size_t bytes = best->size() * sizeof(RankedItem);
    job.best = static_cast<RankedItem*>(arena_.AllocateOn(device, bytes));
    if (job.best == nullptr) {
      status = ResourceExhaustedError("out of GPU memory for the lists of ", users, " users");
    }
    UNDULA_RETURN_IF_ERROR(status);
    UNDULA_RETURN_IF_ERROR(cuda::Check(Launch(queue, job), "ranking"));
    return cuda::Check(cuda::runtime::CopyOut(queue, best->data(), job.best, bytes), "ranking");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DeviceRanker>> MakeRanker(Exec* exec, const RippleRankModel& model) {
  return Make<RippleRanker>(exec, static_cast<uint32_t>(model.items.rows), model);
}

absl::StatusOr<std::unique_ptr<DeviceRanker>> MakeRanker(Exec* exec, const MixRankModel& model) {
  return Make<MixRanker>(exec, static_cast<uint32_t>(model.base.rows), model);
}

absl::StatusOr<std::unique_ptr<DeviceRanker>> MakeRanker(Exec* exec, const DotRankModel& model) {
  UNDULA_RETURN_IF_ERROR(CheckExec(exec));
  auto ranker =
      std::make_unique<DotRanker>(exec, static_cast<uint32_t>(model.items.rows), model.dim);
  UNDULA_RETURN_IF_ERROR(ranker->Init(model));
  return ranker;
}

}  // namespace undula::propagation
