// Single changes of a database: patch files, and forgetting a user.
#ifndef UNDULA_UPDATE_H_
#define UNDULA_UPDATE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace undula {

struct UpdateOptions {
  int64_t batch = 0;  // operations of one durable commit; 0: all of them, all or nothing
  int64_t after = 0;  // lines to pass over: those of an earlier, broken-off run with `batch`
};

// What is there already, or is not there to be deleted, is no error: it counts as unchanged.
struct UpdateReport {
  int64_t added = 0, removed = 0, replaced = 0, unchanged = 0;
  int64_t names_new = 0;
  int64_t commits = 0;
  int64_t last_line = 0;  // of the last commit
  double seconds = 0;
};

struct ForgetReport {
  int64_t interactions = 0, social = 0;  // erased
  std::vector<std::string> vectors;      // names of pre-computed vectors that lost the user's row
  // Stored models that were trained when the user existed: they keep what they learned.
  std::vector<std::string> models;
};

}  // namespace undula

#endif  // UNDULA_UPDATE_H_
