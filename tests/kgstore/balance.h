// Readers and a writer of one database that check whole transactions: every committed state has as
// many triples of relation "debit" as of "credit" and as many interactions as both together.
#ifndef UNDULA_TESTS_KGSTORE_BALANCE_H_
#define UNDULA_TESTS_KGSTORE_BALANCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/database.h"

namespace undula::kgstore {

// A fresh database of `accounts` accounts with balanced triples.
absl::Status MakeBalanced(const std::string& path, int accounts);

// One update transaction: new triples of both relations and their interactions come, as many old
// ones go; the counts stay. A writer's rounds are 0, 1, 2, ...
absl::Status ChangeBalanced(Database& database, int accounts, int round);

// A bulk import of new balanced triples and interactions, 10 of each.
absl::Status ImportBalanced(Database& database, int accounts, int round);

struct ReadLatency {
  uint64_t reads = 0;
  uint64_t states = 0;  // different ones seen
  std::vector<double> seconds;
};

// Takes views until `stop` says so, counts each one's triples and interactions and looks up one
// account. DataLoss where a view is not balanced or time runs backwards.
absl::Status ReadBalanced(const Database& database, int accounts, uint64_t seed,
                          const std::function<bool()>& stop, ReadLatency* latency);

}  // namespace undula::kgstore

#endif  // UNDULA_TESTS_KGSTORE_BALANCE_H_
