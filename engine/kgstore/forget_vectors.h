// Taking a user's rows out of pre-computed vectors (kgstore/vectors.h).
#ifndef UNDULA_KGSTORE_FORGET_VECTORS_H_
#define UNDULA_KGSTORE_FORGET_VECTORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kgstore/lmdb_env.h"
#include "kgstore/model_record.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

// A record of vectors without one user's row, ready to be written over the stored one.
struct VectorsWithout {
  ModelRecord record;  // no tensors where the row was the only one
  ModelRecord stored;
  std::vector<NamedTensor> tensors;  // in the order of record.tensors

  // Bytes that writing adds to a transaction, at most.
  uint64_t bytes() const;
};

// Of every record of vectors of users that has a row of `user`: the record without it. DataLoss.
absl::StatusOr<std::vector<VectorsWithout>> FindVectorsOf(const ViewState& view, uint32_t user);

// Replaces the record in the transaction: the same chunks under the same serial, those that are
// left over deleted. A record without rows is deleted whole.
absl::Status WriteVectorsWithout(const VectorsWithout& vectors, const Store& store, WriteTxn* txn);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_FORGET_VECTORS_H_
