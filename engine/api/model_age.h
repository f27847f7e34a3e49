// What a model notes of the database it was trained on, and how far the database is from there.
#ifndef UNDULA_API_MODEL_AGE_H_
#define UNDULA_API_MODEL_AGE_H_

#include <cstdint>
#include <map>
#include <string>

#include "kgstore/counts.h"
#include "undula/recommender.h"

namespace undula::api {

// Metadata "store_change" (Snapshot::change) and "store_users" and so on.
void NoteStore(uint64_t change, const kgstore::Counts& counts,
               std::map<std::string, std::string>* metadata);

// `change` and `counts` are those of the database now.
ModelAge AgeOf(const std::map<std::string, std::string>& metadata, uint64_t change,
               const kgstore::Counts& counts);

}  // namespace undula::api

#endif  // UNDULA_API_MODEL_AGE_H_
