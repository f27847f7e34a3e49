#include "models/entity_ids.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "models/model.h"

namespace undula::models {
namespace {

constexpr const char* kSizes = "state/sizes";
constexpr const char* kIdSpace = "state/id_space_seed";

absl::StatusOr<NamedTensor*> Need(const ModelSpec& spec, std::string_view name, TensorMap* model) {
  const auto it = model->tensors.find(std::string(name));
  if (it != model->tensors.end() && !it->second.shape.empty()) return &it->second;
  return InvalidArgumentError(spec.name, ": the stored model lacks the tensor ", name);
}

absl::Status WrongShape(const ModelSpec& spec, std::string_view name) {
  return InvalidArgumentError(spec.name, ": the tensor ", name, " has the wrong type or shape");
}

// Ids of the model's rows: the first ones are entities, the others stay.
class RowIds {
 public:
  RowIds(std::span<const uint32_t> new_entity, uint32_t n) : new_entity_(new_entity.first(n)) {}
  uint32_t operator()(uint32_t row) const {
    return row < new_entity_.size() ? new_entity_[row] : row;
  }
  bool IsPermutation() const {
    std::vector<bool> seen(new_entity_.size(), false);
    for (const uint32_t id : new_entity_) {
      if (id >= seen.size() || seen[id]) return false;
      seen[id] = true;
    }
    return true;
  }

 private:
  std::span<const uint32_t> new_entity_;
};

// The rows of a table at their new places.
void MoveRows(const RowIds& new_row, NamedTensor* tensor) {
  const int64_t rows = tensor->shape[0];
  if (rows == 0) return;
  const size_t bytes = tensor->bytes.size() / static_cast<size_t>(rows);
  std::vector<std::byte> moved(tensor->bytes.size());
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(moved.data() + new_row(static_cast<uint32_t>(row)) * bytes,
                tensor->bytes.data() + static_cast<size_t>(row) * bytes, bytes);
  }
  tensor->bytes = std::move(moved);
}

void MapValues(const RowIds& new_row, NamedTensor* tensor) {
  uint32_t* values = tensor->data<uint32_t>();
  for (int64_t i = 0; i < tensor->size(); ++i) values[i] = new_row(values[i]);
}

// Rows of slots: where they were and where they are now.
struct SlotRows {
  std::vector<int64_t> old_begin;  // by new row
  std::vector<int64_t> begin;      // [rows + 1]
};

bool IsRowStarts(const NamedTensor& tensor) {
  if (tensor.dtype != DType::kI64 || tensor.size() < 1) return false;
  const int64_t* p = tensor.data<int64_t>();
  return p[0] == 0 && std::is_sorted(p, p + tensor.size());
}

SlotRows MoveRowStarts(const RowIds& new_row, NamedTensor* tensor) {
  int64_t* p = tensor->data<int64_t>();
  const auto rows = static_cast<uint32_t>(tensor->size() - 1);
  SlotRows out;
  out.old_begin.resize(rows);
  out.begin.assign(rows + size_t{1}, 0);
  for (uint32_t row = 0; row < rows; ++row) {
    out.old_begin[new_row(row)] = p[row];
    out.begin[new_row(row) + 1] = p[row + 1] - p[row];
  }
  for (uint32_t row = 0; row < rows; ++row) out.begin[row + 1] += out.begin[row];
  std::copy(out.begin.begin(), out.begin.end(), p);
  return out;
}

void MoveSlots(const SlotRows& rows, NamedTensor* tensor) {
  const auto width = static_cast<size_t>(SizeOf(tensor->dtype));
  std::vector<std::byte> moved(tensor->bytes.size());
  for (size_t row = 0; row < rows.old_begin.size(); ++row) {
    const auto n = static_cast<size_t>(rows.begin[row + 1] - rows.begin[row]);
    if (n == 0) continue;
    std::memcpy(moved.data() + static_cast<size_t>(rows.begin[row]) * width,
                tensor->bytes.data() + static_cast<size_t>(rows.old_begin[row]) * width, n * width);
  }
  tensor->bytes = std::move(moved);
}

// The optimizer's state of a parameter (train/warm_start.h) stands in the order of its rows:
// "optim/m/entity" goes with "param/entity".
void MoveOptimizerRows(const RowIds& new_row, std::string_view parameter, TensorMap* model) {
  constexpr std::string_view kParam = "param";
  if (!parameter.starts_with(kParam)) return;
  const std::string_view ending = parameter.substr(kParam.size());  // "/entity"
  for (auto& [name, tensor] : model->tensors) {
    if (name.starts_with("optim/") && name.ends_with(ending)) MoveRows(new_row, &tensor);
  }
}

bool HasEntities(EntityUse use) {
  return use == EntityUse::kValues || use == EntityUse::kSlotValues;
}
bool HasSlots(EntityUse use) { return use == EntityUse::kSlots || use == EntityUse::kSlotValues; }

}  // namespace

absl::StatusOr<uint32_t> StoredEntities(const ModelSpec& spec, const TensorMap& model) {
  if (spec.entity_tensors.empty()) return 0;
  const NamedTensor* sizes = model.Find(kSizes);
  const NamedTensor* tags = model.Find(kIdSpace);
  for (const auto& [name, tensor] : {std::pair{kSizes, sizes}, {kIdSpace, tags}}) {
    if (tensor == nullptr || tensor->dtype != DType::kI64 || tensor->size() < 1) {
      return InvalidArgumentError(spec.name, ": the stored model lacks the tensor ", name);
    }
  }
  const int64_t n = sizes->data<int64_t>()[0];
  if (n < 0 || n > int64_t{kMaxIds}) return WrongShape(spec, kSizes);
  return static_cast<uint32_t>(n);
}

absl::Status RenumberEntities(const ModelSpec& spec, std::span<const uint32_t> new_entity,
                              uint64_t id_space, TensorMap* model) {
  if (spec.entity_tensors.empty()) return absl::OkStatus();
  UNDULA_ASSIGN_OR_RETURN(const uint32_t n, StoredEntities(spec, *model));
  if (n > new_entity.size() || !RowIds(new_entity, n).IsPermutation()) {
    return InvalidArgumentError(spec.name, ": its ", n, " entities would not keep the first ids");
  }
  const RowIds new_row(new_entity, n);
  SlotRows slots;
  for (const auto& [name, use] : spec.entity_tensors) {
    if (use != EntityUse::kRowStarts) continue;
    UNDULA_ASSIGN_OR_RETURN(NamedTensor * tensor, Need(spec, name, model));
    if (!IsRowStarts(*tensor) || tensor->size() - 1 < int64_t{n}) return WrongShape(spec, name);
    slots = MoveRowStarts(new_row, tensor);
  }
  for (const auto& [name, use] : spec.entity_tensors) {
    if (use == EntityUse::kRowStarts) continue;
    UNDULA_ASSIGN_OR_RETURN(NamedTensor * tensor, Need(spec, name, model));
    const bool fits =
        (!HasEntities(use) || tensor->dtype == DType::kU32) &&
        (use != EntityUse::kRows || tensor->shape[0] >= int64_t{n}) &&
        (!HasSlots(use) || (!slots.begin.empty() && tensor->size() == slots.begin.back()));
    if (!fits) return WrongShape(spec, name);
    if (use == EntityUse::kRows) {
      MoveRows(new_row, tensor);
      MoveOptimizerRows(new_row, name, model);
    }
    if (HasSlots(use)) MoveSlots(slots, tensor);
    if (HasEntities(use)) MapValues(new_row, tensor);
  }
  UNDULA_ASSIGN_OR_RETURN(NamedTensor * tags, Need(spec, kIdSpace, model));
  tags->data<int64_t>()[0] = static_cast<int64_t>(id_space);
  return absl::OkStatus();
}

}  // namespace undula::models
