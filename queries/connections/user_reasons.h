// Reasons that come from other users: those who liked an item of the history liked the recommended
// one too. They stand in where the graph connects nothing, as on small or scattered graphs.
#ifndef UNDULA_QUERIES_CONNECTIONS_USER_REASONS_H_
#define UNDULA_QUERIES_CONNECTIONS_USER_REASONS_H_

#include <vector>

#include "models/scorer.h"
#include "queries/connections/connection_reasons.h"
#include "queries/context.h"

namespace undula::queries {

// The `count` best, best first, at most one for each item of the history (of which the latest 50
// positives count). That c of the n users who liked an item of the history liked the other costs
//   log2((n + 10) / c) bits
// more than the start and the two steps: ten users more, so that a handful says little. At least
// two other users are needed, and no user is ever named. At most 20,000 likes are looked at, of the
// rarer items first; where more than these liked `item` there is no such reason.
std::vector<ConnectionReason> UserReasons(const Context& context, const models::UserQuery& query,
                                          ItemId item, int count);

// An item that users liked who liked one of the history.
struct LikedToo {
  uint32_t cost;  // eighths of a bit, as above
  uint32_t rank;  // of the item of the history
  ItemId from;    // that item
  ItemId item;
  int64_t users;
};
// The `most` cheapest, with links and neither of the history nor `item`; each once. The rarer items
// of the history come first, and at most 20,000 likes of those who liked them are looked at.
std::vector<LikedToo> ItemsLikedToo(const Context& context, const models::UserQuery& query,
                                    ItemId item, size_t most);

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_CONNECTIONS_USER_REASONS_H_
