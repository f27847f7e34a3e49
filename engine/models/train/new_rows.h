// Where the rows of new users and items begin in a training that starts from a stored model: not
// where Build drew them, but where the model's own rows say that users and items of their
// interactions stand (train/warm_start.h calls it).
#ifndef UNDULA_MODELS_TRAIN_NEW_ROWS_H_
#define UNDULA_MODELS_TRAIN_NEW_ROWS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/snapshot.h"
#include "base/tensor_map.h"
#include "models/model.h"

namespace undula::models {

// The rows of a growing parameter that were taken over from the stored model, by its name.
using KeptRows = std::map<std::string, std::vector<uint8_t>>;

// A user's row x is predicted from m, the mean of the rows of the user's training positives, and n,
// their number, by the linear map x = A (m, log n, 1) that does it best for the users whose rows
// were kept: least squares with a penalty of kRidge times the mean square of the inputs. The rows
// of new users with a positive among the kept items are set so; then, with the roles exchanged,
// those of new items (and of their entities, where items stand for entities) that a user with a row
// has met; then the users that are left. Rows of others stay.
//
// `item_row`: the entity row of each item. `values`: "param/" + name of every parameter. Families
// without rows of users are left alone. The fit looks at kMostRows rows at most, evenly spaced, and
// is the same for any number of threads. Returns the number of rows set.
inline constexpr double kRidge = 1e-2;
inline constexpr int64_t kMostRows = 1 << 16;
int64_t FitNewRows(const ModelSpec& spec, const std::vector<uint32_t>& item_row,
                   const InteractionCsr<ItemId>& positives, KeptRows kept, TensorMap* values);

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_NEW_ROWS_H_
