// Training that begins with stored vectors (`undula embed`, or imported ones): one mechanism for
// all families, by whose row each row of a table is (ModelSpec::parameter_rows).
#ifndef UNDULA_MODELS_TRAIN_START_VECTORS_H_
#define UNDULA_MODELS_TRAIN_START_VECTORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/snapshot.h"
#include "models/data/training_data.h"
#include "models/model.h"
#include "propagation/parameters.h"

namespace undula::models {

class StartVectors {
 public:
  // Copies vectors into the tables of `model`, which has just been built on `snapshot` and whose
  // parameters are on the host: an entity's into its row; an item's own, or else that of its best
  // linked entity, into the item's row; a relation's into its. Tables with rows of another length
  // and rows without a vector stay as they are. InvalidArgument where no table has rows of the
  // vectors' length.
  static absl::StatusOr<StartVectors> Apply(const GraphVectors& vectors, const Snapshot& snapshot,
                                            Model* model);

  // Sets the gradients of those rows to 0, so that an optimizer without weight decay leaves them
  // where they are. For parameters on the host.
  void Freeze() const;

  // "40 of 48 rows of item from vectors 'kb'"
  const std::string& Describe() const { return description_; }

 private:
  struct Table {
    propagation::Parameter* parameter;
    std::vector<uint8_t> given;  // [rows]
  };
  std::vector<Table> tables_;
  std::string description_;
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_START_VECTORS_H_
