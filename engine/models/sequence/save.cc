// Save and Load of the sequence models: parameters under "param/"; under "state/" the latest events
// of users and, of a memory, the knowledge base as it was given.
#include <algorithm>

#include "base/status.h"
#include "models/sequence/sequence_model.h"

namespace undula::models {
namespace {

template <class T>
absl::StatusOr<const NamedTensor*> Get(const TensorMap& in, std::string_view model,
                                       const std::string& name, size_t rank) {
  const NamedTensor* t = in.Find(name);
  if (t == nullptr) return NotFoundError(model, ": the stored model lacks the tensor ", name);
  if (t->dtype != kDTypeOf<T> || t->shape.size() != rank) {
    return InvalidArgumentError(model, ": the tensor ", name, " has the wrong type or shape");
  }
  return t;
}

absl::Status Bad(std::string_view model, std::string_view what) {
  return InvalidArgumentError(model, ": the stored ", what, " does not fit the rest of the model");
}

absl::StatusOr<KnowledgeBase> LoadBase(const TensorMap& in, std::string_view model,
                                       uint32_t n_items) {
  UNDULA_ASSIGN_OR_RETURN(const auto* entity, Get<float>(in, model, "state/kb_entity", 2));
  UNDULA_ASSIGN_OR_RETURN(const auto* relation, Get<float>(in, model, "state/kb_relation", 2));
  UNDULA_ASSIGN_OR_RETURN(const auto* linked, Get<uint8_t>(in, model, "state/kb_linked", 1));
  if (entity->shape[0] != n_items || linked->size() != n_items || entity->shape[1] < 1 ||
      relation->shape[1] != entity->shape[1] || relation->shape[0] < 1) {
    return Bad(model, "knowledge base");
  }
  KnowledgeBase base;
  base.dim = entity->shape[1];
  base.entity.assign(entity->data<float>(), entity->data<float>() + entity->size());
  base.relation.assign(relation->data<float>(), relation->data<float>() + relation->size());
  base.linked.assign(linked->data<uint8_t>(), linked->data<uint8_t>() + linked->size());
  base.description = "as stored";
  return base;
}

}  // namespace

void SequenceModel::Save(TensorMap* out) const {
  parameters_.Save("param/", out);
  out->tensors["state/history_ptr"] =
      MakeTensor<int64_t>({static_cast<int64_t>(history_ptr_.size())}, history_ptr_.data());
  std::vector<uint32_t> items;
  for (const ItemId item : history_) items.push_back(Index(item));
  out->tensors["state/history"] =
      MakeTensor<uint32_t>({static_cast<int64_t>(items.size())}, items.data());
  if (!memory_) return;
  const int64_t n = n_items_;
  out->tensors["state/kb_entity"] = MakeTensor<float>({n, base_.dim}, base_.entity.data());
  out->tensors["state/kb_linked"] = MakeTensor<uint8_t>({n}, base_.linked.data());
  out->tensors["state/kb_relation"] =
      MakeTensor<float>({base_.relations(), base_.dim}, base_.relation.data());
}

absl::Status SequenceModel::Load(const TensorMap& in, std::shared_ptr<const Snapshot> snapshot) {
  const std::string_view name = spec_.name;
  const NamedTensor* item = in.Find("param/item");
  if (item == nullptr) return NotFoundError(name, ": the stored model lacks the tensor param/item");
  if (item->shape.size() != 2 || item->shape[1] != options_.dim || item->shape[0] > kMaxIds) {
    return InvalidArgumentError(name, ": the tensor param/item is not [items, ", options_.dim, "]");
  }
  const auto n_items = static_cast<uint32_t>(item->shape[0]);
  if (snapshot != nullptr && n_items > snapshot->n_items) {
    return FailedPreconditionError(name, ": the stored model has ", n_items,
                                   " items, the database ", snapshot->n_items);
  }
  UNDULA_ASSIGN_OR_RETURN(const auto* ptr, Get<int64_t>(in, name, "state/history_ptr", 1));
  UNDULA_ASSIGN_OR_RETURN(const auto* history, Get<uint32_t>(in, name, "state/history", 1));
  const int64_t* p = ptr->data<int64_t>();
  bool ok = ptr->size() >= 1 && p[0] == 0 && p[ptr->size() - 1] == history->size();
  for (int64_t u = 0; ok && u + 1 < ptr->size(); ++u) ok = p[u] <= p[u + 1];
  for (int64_t e = 0; ok && e < history->size(); ++e) ok = history->data<uint32_t>()[e] < n_items;
  if (!ok) return Bad(name, "history");
  KnowledgeBase base;
  if (memory_) {
    UNDULA_ASSIGN_OR_RETURN(base, LoadBase(in, name, n_items));
  }
  n_items_ = n_items;
  history_ptr_.assign(p, p + ptr->size());
  history_.clear();
  for (int64_t e = 0; e < history->size(); ++e) {
    history_.push_back(ItemId{history->data<uint32_t>()[e]});
  }
  base_ = std::move(base);
  if (item_ == nullptr) AddParameters(0);
  return parameters_.Load("param/", in);
}

}  // namespace undula::models
