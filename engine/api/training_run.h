// What every training that ends in the database has in common: its name, options and checkpoints.
#ifndef UNDULA_API_TRAINING_RUN_H_
#define UNDULA_API_TRAINING_RUN_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "api/database_impl.h"
#include "base/options.h"

namespace undula::api {

// InvalidArgument for a name that cannot be a stored model's.
absl::Status CheckModelName(const std::string& name);

// Adds "section.key" -> value.
void AddSection(std::string_view section, const OptionMap& options, OptionMap* out);

// "2026-11-30T08:05:00Z".
std::string UtcNow();

// Removes the checkpoints of a run that is over, and the folder where nothing else is in it. A
// failure is logged.
void RemoveCheckpoints(const Database::Impl& impl, const std::string& directory,
                       const std::string& run);

}  // namespace undula::api

#endif  // UNDULA_API_TRAINING_RUN_H_
