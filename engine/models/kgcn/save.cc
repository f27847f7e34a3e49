// Save and Load of KGCN and KGNN-LS: parameters under "param/", and under "state/" what is fixed at
// Build (ids, item rows, the first neighbor sample), so that a loaded model scores bit for bit as
// before even where the database has grown.
#include <algorithm>

#include "base/status.h"
#include "models/data/item_rows.h"
#include "models/kgcn/kgcn.h"

namespace undula::models {
namespace {

template <class T>
absl::StatusOr<std::vector<T>> Read(const TensorMap& in, std::string_view model,
                                    const std::string& name, int64_t n) {
  const NamedTensor* t = in.Find(name);
  if (t == nullptr) return NotFoundError(model, ": the stored model lacks the tensor ", name);
  if (t->dtype != kDTypeOf<T> || t->shape.size() != 1 || (n >= 0 && t->size() != n)) {
    return InvalidArgumentError(model, ": the tensor ", name, " has the wrong type or shape");
  }
  return std::vector<T>(t->data<T>(), t->data<T>() + t->size());
}

template <class T>
NamedTensor Vector(const std::vector<T>& values) {
  return MakeTensor({static_cast<int64_t>(values.size())}, values.data());
}

absl::Status CheckSample(std::string_view model, const KgcnState& s) {
  const auto& sample = s.sample;
  bool ok = sample.ptr.size() >= size_t{1} && sample.ptr.front() == 0 &&
            sample.ptr.back() == static_cast<int64_t>(sample.entity.size());
  for (size_t e = 0; ok && e + 1 < sample.ptr.size(); ++e) {
    ok = sample.ptr[e] < sample.ptr[e + 1];
  }
  for (size_t i = 0; ok && i < sample.entity.size(); ++i) {
    ok = sample.entity[i] < sample.rows() && sample.relation[i] < s.relation_rows() &&
         sample.count[i] > 0;
  }
  if (ok) return absl::OkStatus();
  return InvalidArgumentError(model, ": the stored neighbor sample is out of range");
}

}  // namespace

void Kgcn::Save(TensorMap* out) const {
  const KgcnState& s = *state_;
  parameters_.Save("param/", out);
  const std::vector<int64_t> sizes = {s.n_entities, s.n_relations, s.n_users, s.n_items};
  const std::vector<int64_t> tags = {static_cast<int64_t>(s.id_space),
                                     static_cast<int64_t>(s.seed)};
  out->tensors["state/sizes"] = Vector(sizes);
  out->tensors["state/id_space_seed"] = Vector(tags);
  out->tensors["state/item_row"] = Vector(s.item_row);
  out->tensors["state/known_user"] = Vector(s.known);
  out->tensors["state/neighbor_ptr"] = Vector(s.sample.ptr);
  out->tensors["state/neighbor_relation"] = Vector(s.sample.relation);
  out->tensors["state/neighbor_entity"] = Vector(s.sample.entity);
  out->tensors["state/neighbor_count"] = Vector(s.sample.count);
  out->tensors["state/neighbor_inverse"] = Vector(s.sample.inverse);
}

absl::Status Kgcn::Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) {
  auto state = std::make_shared<KgcnState>(*state_);
  const std::string_view name = state->name;
  UNDULA_ASSIGN_OR_RETURN(const auto sizes, Read<int64_t>(in, name, "state/sizes", 4));
  UNDULA_ASSIGN_OR_RETURN(const auto tags, Read<int64_t>(in, name, "state/id_space_seed", 2));
  for (const int64_t n : sizes) {
    if (n < 0 || n > int64_t{kMaxIds}) {
      return InvalidArgumentError(name, ": the tensor state/sizes is out of range");
    }
  }
  state->n_entities = static_cast<uint32_t>(sizes[0]);
  state->n_relations = static_cast<uint32_t>(sizes[1]);
  state->n_users = static_cast<uint32_t>(sizes[2]);
  state->n_items = static_cast<uint32_t>(sizes[3]);
  state->id_space = static_cast<uint64_t>(tags[0]);
  state->seed = static_cast<uint64_t>(tags[1]);
  if (snapshot != nullptr && snapshot->id_space != state->id_space) {
    return FailedPreconditionError(
        name,
        ": the model was trained in another id space (another database, or before a "
        "renumbering); train it again here");
  }
  UNDULA_ASSIGN_OR_RETURN(state->item_row,
                          Read<uint32_t>(in, name, "state/item_row", state->n_items));
  for (const uint32_t row : state->item_row) {
    if (row >= int64_t{state->n_entities} + state->n_items) {
      return InvalidArgumentError(name, ": the tensor state/item_row is out of range");
    }
  }
  UNDULA_ASSIGN_OR_RETURN(state->known,
                          Read<uint8_t>(in, name, "state/known_user", state->n_users));
  auto& sample = state->sample;
  const int64_t rows = EntityRows(state->n_entities, state->item_row);
  UNDULA_ASSIGN_OR_RETURN(sample.ptr, Read<int64_t>(in, name, "state/neighbor_ptr", rows + 1));
  UNDULA_ASSIGN_OR_RETURN(sample.entity, Read<uint32_t>(in, name, "state/neighbor_entity", -1));
  const auto slots = static_cast<int64_t>(sample.entity.size());
  UNDULA_ASSIGN_OR_RETURN(sample.relation,
                          Read<uint32_t>(in, name, "state/neighbor_relation", slots));
  UNDULA_ASSIGN_OR_RETURN(sample.count, Read<float>(in, name, "state/neighbor_count", slots));
  UNDULA_ASSIGN_OR_RETURN(sample.inverse, Read<uint8_t>(in, name, "state/neighbor_inverse", slots));
  UNDULA_RETURN_IF_ERROR(CheckSample(name, *state));
  // Checked before anything of that size is allocated.
  const int64_t d = state->options.dim;
  const std::pair<const char*, int64_t> tables[] = {{"param/entity", rows},
                                                    {"param/user", state->n_users}};
  for (const auto& [tensor, n] : tables) {
    const NamedTensor* t = in.Find(tensor);
    if (t == nullptr || t->shape != std::vector<int64_t>{n, d}) {
      return InvalidArgumentError(name, ": the stored model lacks the tensor ", tensor,
                                  ", or it is not [", n, ", ", d, "]");
    }
  }
  state_ = std::move(state);
  if (entity_ == nullptr) AddParameters(state_->seed);
  UNDULA_RETURN_IF_ERROR(parameters_.Load("param/", in));
  CountVisits();
  UseSample(&state_->sample);
  DescribeSample();
  return absl::OkStatus();
}

}  // namespace undula::models
