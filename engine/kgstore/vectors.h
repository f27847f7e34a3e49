// Pre-computed vectors in the database: rows of floats that belong to entities, items, users or
// relations. They are kept as a record of the model store (kgstore/model_store.h):
//   tensors   "ids": U32 [count], ascending; "vectors": F32 [count, dim], row i of ids[i]
//   metadata  kind = family = "vectors", space, count, dim, unknown, source, id_space
#ifndef UNDULA_KGSTORE_VECTORS_H_
#define UNDULA_KGSTORE_VECTORS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/model_sink.h"
#include "kgstore/database.h"
#include "kgstore/vector_file.h"

namespace undula::kgstore {

enum class VectorSpace : uint8_t { kEntities, kItems, kUsers, kRelations };

// "entities", "items", "users", "relations"; InvalidArgument lists them.
absl::StatusOr<VectorSpace> ParseVectorSpace(std::string_view name);
std::string_view SpaceName(VectorSpace space);

struct Vectors {
  VectorSpace space = VectorSpace::kEntities;
  int64_t dim = 0;
  std::vector<uint32_t> ids;  // of the space, ascending, distinct
  std::vector<float> values;  // row i of `dim` values belongs to ids[i]
  std::string source;         // where they came from
};

struct VectorReport {
  int64_t stored = 0;
  int64_t unknown = 0;                     // names that the database does not have
  std::vector<std::string> unknown_names;  // the first 10 of them
};

// Stores the rows of `table` whose names the database knows under `name`, replacing what was there,
// or nothing at all. NotFound where it knows none of them; FailedPrecondition where `name` is a
// trained model; errors of ModelSink::Put.
absl::StatusOr<VectorReport> StoreVectors(const Database& database, ModelSink& sink,
                                          std::string_view name, VectorSpace space,
                                          const VectorTable& table, std::string_view source);

// FailedPrecondition where `name` is a trained model: vectors cannot be stored under it.
absl::Status CheckVectorsName(const ModelSink& sink, std::string_view name);

// The same for rows that go by id: `vectors` with ids ascending and distinct.
absl::Status PutVectors(const Database& database, ModelSink& sink, std::string_view name,
                        const Vectors& vectors);

// NotFound: nothing of this name; InvalidArgument: a trained model; FailedPrecondition: of another
// id space (the file was renumbered); DataLoss.
absl::StatusOr<Vectors> ReadVectors(const Database& database, const ModelSink& sink,
                                    std::string_view name);

// For renumbering. Whether a stored record is one of vectors; the entities that its rows belong to
// (none where they are of another space); and the same record for new ids (by old id): `ids` stays
// ascending, rows go along. DataLoss where the record is damaged or names an unknown or dropped id.
bool IsVectors(const TensorMap& record);
std::vector<uint32_t> EntitiesOfVectors(const TensorMap& record);
absl::Status RenumberVectors(std::span<const uint32_t> new_entity, TensorMap* record);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_VECTORS_H_
