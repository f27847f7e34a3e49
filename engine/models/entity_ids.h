// Entity ids within stored models: each family declares where they are, so that a database can be
// renumbered with its models.
#ifndef UNDULA_MODELS_ENTITY_IDS_H_
#define UNDULA_MODELS_ENTITY_IDS_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/tensor_map.h"

namespace undula::models {

struct ModelSpec;

// Rows and values from the number of entities on stand for items without a link: they stay.
enum class EntityUse : uint8_t {
  kRows,       // row i belongs to entity i; so it does in the optimizer's state of the parameter
  kValues,     // U32 values are entities
  kRowStarts,  // I64 [rows + 1]: where the slots of entity i begin; one tensor of a family
  kSlots,      // a value for each of those slots; the order within a row stays
  kSlotValues  // the same, and the U32 values are entities
};

struct EntityTensor {
  std::string_view name;
  EntityUse use;
};

// A family with such tensors also stores "state/sizes", I64, whose first value is the number of
// entities at training time, and "state/id_space_seed", I64, whose first value is the id space.
//
// The number of entities that the stored model knows, 0 where the family has no such tensors.
// InvalidArgument: the model lacks them.
absl::StatusOr<uint32_t> StoredEntities(const ModelSpec& spec, const TensorMap& model);

// Makes *model, a stored one, a model of the id space `id_space`, in which entity e has the id
// new_entity[e]; it scores bit for bit as before. new_entity maps the model's entities onto
// themselves. InvalidArgument where it does not, or where the model does not fit its declaration.
absl::Status RenumberEntities(const ModelSpec& spec, std::span<const uint32_t> new_entity,
                              uint64_t id_space, TensorMap* model);

}  // namespace undula::models

#endif  // UNDULA_MODELS_ENTITY_IDS_H_
