// A database written anew with other entity and literal ids, and with its models brought along.
#ifndef UNDULA_KGSTORE_RENUMBER_H_
#define UNDULA_KGSTORE_RENUMBER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "base/tensor_map.h"
#include "kgstore/database.h"
#include "kgstore/read_view.h"

namespace undula::kgstore {

// What changes for a model. Users, items and relations keep their ids.
struct Renumbering {
  std::vector<uint32_t> entity;  // new id by old id; kNoIndex: the name is gone
  uint64_t id_space = 0;         // of the new file
};

// How the caller's models are brought along; the store knows none of them. Stateless.
class ModelRenumberer {
 public:
  virtual ~ModelRenumberer() = default;
  // The number of entities that the model was trained with, 0 where it knows none: ids below it
  // stay below it, and none of them is dropped. An error: the model cannot be brought along.
  virtual absl::StatusOr<uint32_t> Entities(const std::string& name,
                                            const TensorMap& model) const = 0;
  // Everything within *model that is an entity id or stands in the order of them, and the id space.
  virtual absl::Status Renumber(const std::string& name, const Renumbering& ids,
                                TensorMap* model) const = 0;
  // Models that cannot be brought along are left out of the copy, in place of an error.
  virtual bool drop_unknown() const = 0;
};

// Fills the new, empty database `to` with the contents, the models and the import history of
// `from`. Entities are ordered by descending degree (the number of triples that name them, ties by
// old id) within segments that end at the number of entities of each model. Entities beyond the
// last of these that no triple, attribute, link, graph or stored vector names are dropped, and so
// are literals that no attribute has; the other literals keep their order. Vectors of entities
// (kgstore/vectors.h) follow. The generation and change numbers of `from` are continued.
//
// Returns the names of the models that were left out. FailedPrecondition names the first model that
// cannot be brought along; DataLoss: `from` is damaged; ResourceExhausted: disk or memory;
// Cancelled. Needs memory for the triples (24 bytes each), for the names of one space, and for one
// model.
absl::StatusOr<std::vector<std::string>> WriteRenumbered(const ReadView& from,
                                                         bool compact_dictionary,
                                                         const ModelRenumberer& models,
                                                         Database& to, Progress* progress);

}  // namespace undula::kgstore

#endif  // UNDULA_KGSTORE_RENUMBER_H_
