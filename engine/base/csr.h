// Compressed sparse rows: row r holds entries [ptr[r], ptr[r+1]) of the arrays beside ptr.
#ifndef UNDULA_BASE_CSR_H_
#define UNDULA_BASE_CSR_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"

namespace undula {

// Edges of the knowledge graph in one direction: row = head (or tail), entries sorted by
// (relation, other), no duplicates.
struct EdgeCsr {
  std::vector<int64_t> ptr = {0};
  std::vector<RelationId> relation;
  std::vector<EntityId> entity;  // the other end

  int64_t rows() const { return static_cast<int64_t>(ptr.size()) - 1; }
  int64_t edges() const { return static_cast<int64_t>(entity.size()); }
  int64_t degree(EntityId e) const { return ptr[Index(e) + 1] - ptr[Index(e)]; }
};

// Interactions in one direction. Entries of a row are ordered by (time, other id).
template <class Other>
struct InteractionCsr {
  std::vector<int64_t> ptr = {0};
  std::vector<Other> other;
  std::vector<float> weight;
  std::vector<int64_t> time;  // seconds since 1970-01-01 UTC; 0 where the source has none

  int64_t rows() const { return static_cast<int64_t>(ptr.size()) - 1; }
  int64_t size() const { return static_cast<int64_t>(other.size()); }
  std::span<const Other> row(uint32_t r) const {
    return std::span<const Other>(other.data() + ptr[r], static_cast<size_t>(ptr[r + 1] - ptr[r]));
  }
};

// How a link between an item and an entity was found. Numbers are stored in files: append only.
enum class LinkMethod : uint8_t {
  kFile = 0,        // given as a pair in a file
  kExternalId = 1,  // item's IRI or external-id column equals an IRI or an id literal
  kLabel = 2,       // exact normalized label, unambiguous
  kManual = 3,
};

// Links of items to entities: row = item, best confidence first.
struct LinkCsr {
  std::vector<int64_t> ptr = {0};
  std::vector<EntityId> entity;
  std::vector<float> confidence;  // (0, 1]
  std::vector<LinkMethod> method;

  int64_t rows() const { return static_cast<int64_t>(ptr.size()) - 1; }
  // The item's best entity, or kNone<EntityId>.
  EntityId best(ItemId item) const {
    const uint32_t r = Index(item);
    return ptr[r] == ptr[r + 1] ? kNone<EntityId> : entity[ptr[r]];
  }
};

// Directed weighted edges between users.
struct SocialCsr {
  std::vector<int64_t> ptr = {0};
  std::vector<UserId> user;
  std::vector<float> weight;
};

}  // namespace undula

#endif  // UNDULA_BASE_CSR_H_
