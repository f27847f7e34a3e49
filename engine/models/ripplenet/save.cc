// Save and Load of RippleNet: parameters under "param/", and under "state/" everything that is
// fixed at Build, so that a loaded model scores bit for bit as before even where the database has
// grown.
#include "base/status.h"
#include "models/ripplenet/ripplenet.h"
#include "propagation/sample/ripple_set.h"

namespace undula::models {
namespace {

absl::StatusOr<const NamedTensor*> Need(const TensorMap& in, const std::string& name, DType dtype,
                                        int64_t n) {
  const NamedTensor* t = in.Find(name);
  if (t == nullptr) return NotFoundError("ripplenet: the stored model lacks the tensor ", name);
  if (t->dtype != dtype || t->shape.size() != 1 || (n >= 0 && t->size() != n)) {
    return InvalidArgumentError("ripplenet: the tensor ", name, " has the wrong type or shape");
  }
  return t;
}

}  // namespace

void RippleNet::Save(TensorMap* out) const {
  const RippleNetState& s = *state_;
  parameters_.Save("param/", out);
  SaveRippleMemory(s.memory, out);
  const int64_t sizes[] = {s.n_entities, s.n_relations, s.n_users, s.n_items};
  const int64_t tags[] = {static_cast<int64_t>(s.id_space), static_cast<int64_t>(s.seed)};
  out->tensors["state/sizes"] = MakeTensor({4}, sizes);
  out->tensors["state/id_space_seed"] = MakeTensor({2}, tags);
  out->tensors["state/item_row"] =
      MakeTensor({static_cast<int64_t>(s.item_row.size())}, s.item_row.data());
  out->tensors["state/history_ptr"] =
      MakeTensor({static_cast<int64_t>(s.history_ptr.size())}, s.history_ptr.data());
  std::vector<uint32_t> history;
  for (const ItemId item : s.history) history.push_back(Index(item));
  out->tensors["state/history"] =
      MakeTensor({static_cast<int64_t>(history.size())}, history.data());
}

absl::Status RippleNet::Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) {
  auto state = std::make_shared<RippleNetState>(*state_);
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor* sizes, Need(in, "state/sizes", DType::kI64, 4));
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor* tags, Need(in, "state/id_space_seed", DType::kI64, 2));
  for (int i = 0; i < 4; ++i) {
    const int64_t n = sizes->data<int64_t>()[i];
    if (n < 0 || n > int64_t{kMaxIds}) {
      return InvalidArgumentError("ripplenet: the tensor state/sizes is out of range");
    }
  }
  state->n_entities = static_cast<uint32_t>(sizes->data<int64_t>()[0]);
  state->n_relations = static_cast<uint32_t>(sizes->data<int64_t>()[1]);
  state->n_users = static_cast<uint32_t>(sizes->data<int64_t>()[2]);
  state->n_items = static_cast<uint32_t>(sizes->data<int64_t>()[3]);
  state->id_space = static_cast<uint64_t>(tags->data<int64_t>()[0]);
  state->seed = static_cast<uint64_t>(tags->data<int64_t>()[1]);
  if (snapshot != nullptr) {
    if (snapshot->id_space != state->id_space) {
      return FailedPreconditionError(
          "ripplenet: the model was trained in another id space (another database, or before a "
          "renumbering); train it again here");
    }
    if (snapshot->n_entities < state->n_entities || snapshot->n_relations < state->n_relations) {
      return FailedPreconditionError("ripplenet: the graph has fewer entities or relations (",
                                     snapshot->n_entities, ", ", snapshot->n_relations,
                                     ") than the model was trained with (", state->n_entities, ", ",
                                     state->n_relations, ")");
    }
    state->graph = propagation::WalkableEdges(snapshot, state->n_entities, state->n_relations,
                                              state->options.inverse_edges);
  }

  UNDULA_ASSIGN_OR_RETURN(const NamedTensor* rows,
                          Need(in, "state/item_row", DType::kU32, state->n_items));
  state->item_row.assign(rows->data<uint32_t>(), rows->data<uint32_t>() + rows->size());
  for (const uint32_t row : state->item_row) {
    if (row >= int64_t{state->n_entities} + state->n_items) {
      return InvalidArgumentError("ripplenet: the tensor state/item_row is out of range");
    }
  }
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor* ptr,
                          Need(in, "state/history_ptr", DType::kI64, int64_t{state->n_users} + 1));
  UNDULA_ASSIGN_OR_RETURN(const NamedTensor* history, Need(in, "state/history", DType::kU32, -1));
  state->history_ptr.assign(ptr->data<int64_t>(), ptr->data<int64_t>() + ptr->size());
  bool fits = state->history_ptr.front() == 0 && state->history_ptr.back() == history->size();
  for (int64_t u = 0; fits && u + 1 < ptr->size(); ++u) {
    fits = state->history_ptr[u] <= state->history_ptr[u + 1];
  }
  if (!fits) return InvalidArgumentError("ripplenet: state/history_ptr does not fit its items");
  state->history.clear();
  for (int64_t i = 0; i < history->size(); ++i) {
    state->history.push_back(ItemId{history->data<uint32_t>()[i]});
  }
  UNDULA_ASSIGN_OR_RETURN(
      state->memory, LoadRippleMemory(in, static_cast<int>(state->options.hops), state->n_users,
                                      state->n_entities, state->relation_rows()));
  // Checked before anything of that size is allocated.
  const NamedTensor* entity = in.Find("param/entity");
  if (entity == nullptr || entity->shape.empty() || entity->shape[0] != state->entity_rows()) {
    return InvalidArgumentError(
        "ripplenet: the stored model lacks the tensor param/entity, or it "
        "does not have ",
        state->entity_rows(), " rows");
  }
  SetState(std::move(state));
  if (entity_ == nullptr) AddParameters(state_->seed);
  UNDULA_RETURN_IF_ERROR(parameters_.Load("param/", in));
  description_ = Concat("ripple sets of ", state_->n_users, " users as stored, ",
                        state_->memory.slots(), " slots");
  return absl::OkStatus();
}

}  // namespace undula::models
