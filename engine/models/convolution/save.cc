// Save and Load of PinSAGE and GraphSAGE: parameters under "param/", and under "state/" what is
// fixed at Build (sizes, the users' items, the neighbor lists), so that a loaded model scores bit
// for bit as before even where the database has grown.
#include "base/status.h"
#include "models/convolution/conv_model.h"

namespace undula::models {
namespace {

template <class T>
NamedTensor Vector(const std::vector<T>& values) {
  return MakeTensor({static_cast<int64_t>(values.size())}, values.data());
}

NamedTensor Items(const std::vector<ItemId>& items) {
  std::vector<uint32_t> ids;
  for (const ItemId item : items) ids.push_back(Index(item));
  return Vector(ids);
}

class Reader {
 public:
  Reader(const TensorMap& in, std::string_view model) : in_(in), model_(model) {}

  template <class T>
  absl::StatusOr<std::vector<T>> Read(const std::string& name, int64_t n) const {
    const NamedTensor* t = in_.Find(name);
    if (t == nullptr) return NotFoundError(model_, ": the stored model lacks the tensor ", name);
    if (t->dtype != kDTypeOf<T> || t->shape.size() != 1 || (n >= 0 && t->size() != n)) {
      return InvalidArgumentError(model_, ": the tensor ", name, " has the wrong type or shape");
    }
    return std::vector<T>(t->data<T>(), t->data<T>() + t->size());
  }
  // Offsets of `rows` rows and the ids behind them, each below `limit`.
  absl::Status ReadRows(const std::string& name, int64_t rows, uint32_t limit,
                        std::vector<int64_t>* ptr, std::vector<uint32_t>* ids) const {
    UNDULA_ASSIGN_OR_RETURN(*ptr, Read<int64_t>(name + "_ptr", rows + 1));
    UNDULA_ASSIGN_OR_RETURN(*ids, Read<uint32_t>(name, -1));
    bool ok = ptr->front() == 0 && ptr->back() == static_cast<int64_t>(ids->size());
    for (int64_t r = 0; ok && r < rows; ++r) ok = (*ptr)[r] <= (*ptr)[r + 1];
    for (size_t i = 0; ok && i < ids->size(); ++i) ok = (*ids)[i] < limit;
    if (ok) return absl::OkStatus();
    return InvalidArgumentError(model_, ": the tensors ", name, " and ", name,
                                "_ptr do not fit each other or the model's sizes");
  }

 private:
  const TensorMap& in_;
  std::string_view model_;
};

std::string ListName(int type) { return type == 0 ? "state/neighbor" : "state/user_neighbor"; }

}  // namespace

void ConvModel::Save(TensorMap* out) const {
  const ConvState& s = *state_;
  parameters_.Save("param/", out);
  out->tensors["state/sizes"] = Vector(std::vector<int64_t>{s.n_users, s.n_items});
  out->tensors["state/known_ptr"] = Vector(s.known.ptr);
  out->tensors["state/known"] = Items(s.known.items);
  out->tensors["state/history_ptr"] = Vector(s.history_ptr);
  out->tensors["state/history"] = Vector(s.history);
  if (s.feature_dim > 0) {
    out->tensors["state/features"] =
        MakeTensor<float>({s.n_items, s.feature_dim}, s.features.data());
  }
  for (int t = 0; t < s.types(); ++t) {
    out->tensors[ListName(t) + "_ptr"] = Vector(s.lists[t].ptr);
    out->tensors[ListName(t)] = Vector(s.lists[t].item);
    out->tensors[ListName(t) + "_weight"] = Vector(s.lists[t].weight);
  }
}

absl::Status ConvModel::Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) {
  const Reader reader(in, spec_->name);
  UNDULA_ASSIGN_OR_RETURN(const auto sizes, reader.Read<int64_t>("state/sizes", 2));
  for (const int64_t n : sizes) {
    if (n < 0 || n > int64_t{kMaxIds}) {
      return InvalidArgumentError(spec_->name, ": the tensor state/sizes is out of range");
    }
  }
  auto state = std::make_shared<ConvState>();
  state->options = state_->options;
  state->sage = state_->sage;
  state->n_users = static_cast<uint32_t>(sizes[0]);
  state->n_items = static_cast<uint32_t>(sizes[1]);
  if (snapshot != nullptr &&
      (state->n_items > snapshot->n_items || state->n_users > snapshot->n_users)) {
    return FailedPreconditionError(spec_->name, ": the stored model has ", state->n_users,
                                   " users and ", state->n_items, " items, the database ",
                                   snapshot->n_users, " and ", snapshot->n_items);
  }
  std::vector<uint32_t> known;
  UNDULA_RETURN_IF_ERROR(
      reader.ReadRows("state/known", state->n_users, state->n_items, &state->known.ptr, &known));
  for (const uint32_t item : known) state->known.items.push_back(ItemId{item});
  UNDULA_RETURN_IF_ERROR(reader.ReadRows("state/history", state->n_users, state->n_items,
                                         &state->history_ptr, &state->history));
  const std::vector<uint32_t> nodes = state->nodes();
  for (int t = 0; t < state->types(); ++t) {
    NodeLists lists;
    const std::string name = ListName(t);
    UNDULA_RETURN_IF_ERROR(reader.ReadRows(name, nodes[t],
                                           nodes[static_cast<size_t>(state->types() - 1 - t)],
                                           &lists.ptr, &lists.item));
    UNDULA_ASSIGN_OR_RETURN(
        lists.weight,
        reader.Read<float>(name + "_weight", static_cast<int64_t>(lists.item.size())));
    state->lists.push_back(std::move(lists));
  }
  if (!state->options.entity_vectors.empty()) {
    const NamedTensor* features = in.Find("state/features");
    if (features == nullptr || features->dtype != DType::kF32 || features->shape.size() != 2 ||
        features->shape[0] != state->n_items || features->shape[1] < 1) {
      return InvalidArgumentError(spec_->name,
                                  ": the stored model lacks the tensor state/features, or it is "
                                  "not float32 [",
                                  state->n_items, ", length of the vectors]");
    }
    state->feature_dim = features->shape[1];
    state->features.assign(features->data<float>(), features->data<float>() + features->size());
  }
  // Checked before anything of that size is allocated.
  for (int t = 0; t < state->types(); ++t) {
    const char* tensor = t == 0 ? "param/item" : "param/user";
    const NamedTensor* found = in.Find(tensor);
    if (found == nullptr || found->shape != std::vector<int64_t>{nodes[t], state->options.dim}) {
      return InvalidArgumentError(spec_->name, ": the stored model lacks the tensor ", tensor,
                                  ", or it is not [", nodes[t], ", ", state->options.dim, "]");
    }
  }
  state_ = std::move(state);
  if (item_ == nullptr) AddParameters(0);
  description_ = "as stored";
  return parameters_.Load("param/", in);
}

}  // namespace undula::models
