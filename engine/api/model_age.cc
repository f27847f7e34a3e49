#include "api/model_age.h"

#include <charconv>

namespace undula::api {
namespace {

constexpr const char* kChange = "store_change";

struct Noted {
  const char* key;
  int64_t (*count)(const kgstore::Counts& counts);
  int64_t ModelAge::*difference;
};

constexpr Noted kNoted[] = {
    {"store_interactions",
     [](const kgstore::Counts& c) { return static_cast<int64_t>(c.interactions); },
     &ModelAge::interactions},
    {"store_triples", [](const kgstore::Counts& c) { return static_cast<int64_t>(c.triples); },
     &ModelAge::triples},
    {"store_users", [](const kgstore::Counts& c) { return int64_t{c.users}; }, &ModelAge::users},
    {"store_items", [](const kgstore::Counts& c) { return int64_t{c.items}; }, &ModelAge::items},
    {"store_entities", [](const kgstore::Counts& c) { return int64_t{c.entities}; },
     &ModelAge::entities},
};

bool Read(const std::map<std::string, std::string>& metadata, const char* key, int64_t* value) {
  const auto it = metadata.find(key);
  if (it == metadata.end()) return false;
  const char* end = it->second.data() + it->second.size();
  const auto [stopped, error] = std::from_chars(it->second.data(), end, *value);
  return error == std::errc() && stopped == end;
}

}  // namespace

void NoteStore(uint64_t change, const kgstore::Counts& counts,
               std::map<std::string, std::string>* metadata) {
  (*metadata)[kChange] = std::to_string(change);
  for (const Noted& noted : kNoted) (*metadata)[noted.key] = std::to_string(noted.count(counts));
}

ModelAge AgeOf(const std::map<std::string, std::string>& metadata, uint64_t change,
               const kgstore::Counts& counts) {
  ModelAge age;
  int64_t value = 0;
  if (!Read(metadata, kChange, &value)) return age;
  age.changes = static_cast<int64_t>(change) - value;
  for (const Noted& noted : kNoted) {
    if (!Read(metadata, noted.key, &value)) return ModelAge();
    age.*noted.difference = noted.count(counts) - value;
  }
  const auto trained = metadata.find("trained");
  if (trained != metadata.end()) age.trained = trained->second;
  age.known = true;
  return age;
}

}  // namespace undula::api
