// Dense typed ids. Each kind counts from 0; 2^32-2 of each is the limit (kMaxIds), the last value
// means "none". Ids are private to one database file and stable for its life (docs/file-format.md);
// users of the public API see only their own strings.
#ifndef UNDULA_BASE_IDS_H_
#define UNDULA_BASE_IDS_H_

#include <cstdint>

namespace undula {

enum class EntityId : uint32_t {};
enum class RelationId : uint32_t {};
enum class LiteralId : uint32_t {};
enum class UserId : uint32_t {};
enum class ItemId : uint32_t {};

inline constexpr uint32_t kNoIndex = 0xFFFFFFFFu;
inline constexpr uint32_t kMaxIds = 0xFFFFFFFEu;

// The row number behind an id.
template <class Id>
constexpr uint32_t Index(Id id) {
  return static_cast<uint32_t>(id);
}

// "No such id" of any kind: kNone<EntityId>.
template <class Id>
inline constexpr Id kNone = static_cast<Id>(kNoIndex);

}  // namespace undula

#endif  // UNDULA_BASE_IDS_H_
