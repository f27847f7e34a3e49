#include "models/model.h"

#include "base/status.h"
#include "propagation/ops/rank.h"

namespace undula::models {

propagation::Var Model::Prepare(propagation::Tape& /*tape*/, const Batch& /*batch*/,
                                std::vector<propagation::Var>* shared) {
  shared->clear();
  return {};
}

propagation::Var Model::Loss(propagation::Tape& tape, const Batch& /*batch*/,
                             const Slice& /*slice*/,
                             std::span<const propagation::Var> /*leaves*/) const {
  return tape.Fail(UnimplementedError("model ", spec().name, " is not trained by gradients"));
}

absl::StatusOr<Explanation> Scorer::Explain(const UserQuery& /*query*/, ItemId /*item*/) const {
  return UnimplementedError("this model has no attention to explain its scores with");
}

absl::StatusOr<std::unique_ptr<propagation::DeviceRanker>> Scorer::MakeDeviceRanker(
    propagation::Exec* /*exec*/) const {
  return UnimplementedError("this model has no ranking on a GPU; use the cpu");
}

absl::Status Scorer::QueryVectors(std::span<const UserQuery> /*queries*/,
                                  std::span<float> /*vectors*/, std::span<absl::Status> /*status*/,
                                  propagation::Arena& /*scratch*/) const {
  return UnimplementedError("this model's queries have no vectors");
}

absl::StatusOr<std::unique_ptr<QueryState>> Scorer::NewState() const {
  return UnimplementedError("this model does not follow a sequence event by event");
}

absl::StatusOr<float> Scorer::ScoreWithout(const UserQuery& /*query*/, ItemId /*item*/, int /*hop*/,
                                           std::span<const AttentionSlot> /*removed*/) const {
  return UnimplementedError("this model has no memory to remove slots from");
}

}  // namespace undula::models
