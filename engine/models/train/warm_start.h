// Training that begins with the parameters of a stored model: its tables grown for what the
// database got since. One mechanism for all families: ModelSpec::parameter_rows says whose row each
// row of a table is, and ids are only ever appended.
#ifndef UNDULA_MODELS_TRAIN_WARM_START_H_
#define UNDULA_MODELS_TRAIN_WARM_START_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/snapshot.h"
#include "base/tensor_map.h"
#include "models/model.h"
#include "propagation/optim/optimizer.h"

namespace undula::models {

// Where a stored model keeps the state of its optimizer (TrainOptions::keep_optimizer).
inline constexpr char kOptimizerPrefix[] = "optim/";

struct WarmStartReport {
  int64_t rows_kept = 0;  // of the growing tables
  int64_t rows_new = 0;
  int64_t rows_fitted = 0;  // among the new ones
  // "kept", "new (none is stored)" or "new (the stored one is of other optimizer options)"
  std::string optimizer;

  // "1200 rows kept, 30 new; optimizer state kept"
  std::string Describe() const;
};

// `model` has just been built on `snapshot`, `optimizer` made for its parameters; `from` is what a
// model of the same family and options stored (Model::Save), in the same id space. Every row that
// `from` has takes its bits from there, moved to where its owner's row is now; the other rows stay
// as Build drew them or, with `positives` (training positives by user), begin where
// train/new_rows.h says. An item that had no link and has one now stands for its entity: that row
// is the entity's where it was there before, else the item's own. The moments of new rows are zero.
// `shrink`: what the values of `from` are multiplied with (TrainOptions::shrink).
//
// FailedPrecondition where `from` has more users, items, entities or relations than the snapshot,
// or a parameter of another shape; nothing is changed then. NotFound names a tensor that it lacks.
absl::StatusOr<WarmStartReport> WarmStart(const TensorMap& from, const Snapshot& snapshot,
                                          Model* model, propagation::Optimizer* optimizer,
                                          const InteractionCsr<ItemId>* positives = nullptr,
                                          double shrink = 1);

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_WARM_START_H_
