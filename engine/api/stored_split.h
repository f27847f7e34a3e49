// The split a model was trained and is evaluated with, kept with the model: later imports must not
// change what its test part is.
#ifndef UNDULA_API_STORED_SPLIT_H_
#define UNDULA_API_STORED_SPLIT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/options.h"
#include "base/snapshot.h"
#include "base/tensor_map.h"
#include "kgstore/read_view.h"
#include "models/data/split.h"

namespace undula::api {

// Tensors split/PART/{users,items,labels} and metadata "split_description".
void SaveSplit(const models::Split& split, TensorMap* out);
// DataLoss where they are missing or do not fit the snapshot's counts.
absl::StatusOr<models::Split> LoadSplit(const TensorMap& in, const Snapshot& snapshot);

// Published splits come as files: with the options train_file, valid_file and test_file (tables of
// `format`, a column map of data/schemas whose weight is the label), the split is what they hold.
struct SplitFiles {
  std::string train, valid, test, format = "auto";
  bool any() const { return !train.empty() || !valid.empty() || !test.empty(); }
};
// Takes those options out of `options`.
SplitFiles TakeSplitFiles(OptionMap* options);
// NotFound for a user or item that the database does not have; errors of the reader.
absl::StatusOr<models::Split> ReadSplitFiles(const SplitFiles& files, const Snapshot& snapshot,
                                             const kgstore::ReadView& view);

}  // namespace undula::api

#endif  // UNDULA_API_STORED_SPLIT_H_
