#include "kgstore/labels.h"

#include <algorithm>
#include <array>

#include "kgstore/varint.h"

namespace undula::kgstore::internal {
namespace {

struct Known {
  std::string_view name;
  uint8_t rank;
};

constexpr std::array<Known, 6> kKnownNames = {{
    {"http://www.w3.org/2000/01/rdf-schema#label", 0},
    {"http://www.w3.org/2004/02/skos/core#prefLabel", 1},
    {"http://xmlns.com/foaf/0.1/name", 2},
    {"http://schema.org/name", 3},
    {"https://schema.org/name", 3},
    {"http://www.w3.org/2004/02/skos/core#altLabel", 9},
}};

constexpr std::array<Known, 5> kLocalNames = {{
    {"label", 4},
    {"preflabel", 5},
    {"name", 6},
    {"title", 7},
    {"altlabel", 10},
}};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<uint8_t> LabelRank(std::string_view relation) {
  for (const Known& known : kKnownNames) {
    if (relation == known.name) return known.rank;
  }
  const size_t cut = relation.find_last_of("#/:.");
  const std::string_view local =
      cut == std::string_view::npos ? relation : relation.substr(cut + 1);
  for (const Known& known : kLocalNames) {
    if (std::equal(local.begin(), local.end(), known.name.begin(), known.name.end(),
                   [](char a, char b) { return Lower(a) == b; })) {
      return known.rank;
    }
  }
  return std::nullopt;
}

std::string EncodeEntities(const std::vector<uint32_t>& entities) {
  std::string out;
  uint32_t last = 0;
  for (const uint32_t entity : entities) {
    PutVarint(&out, entity - last);
    last = entity;
  }
  return out;
}

bool DecodeEntities(std::string_view bytes, std::vector<EntityId>* entities) {
  FieldReader in(bytes);
  uint64_t entity = 0;
  while (!in.done()) {
    entity += in.Varint();
    if (!in.ok() || entity > kMaxIds) return false;
    entities->push_back(static_cast<EntityId>(entity));
  }
  return in.ok();
}

}  // namespace undula::kgstore::internal
