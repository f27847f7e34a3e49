// An immutable copy of what propagation needs, as plain arrays: the only view of a database that
// samplers, models and GPUs see. Built from one read transaction (kgstore/take_snapshot.h); it
// refers to no storage and may be shared between threads.
#ifndef UNDULA_BASE_SNAPSHOT_H_
#define UNDULA_BASE_SNAPSHOT_H_

#include <cstdint>

#include "base/csr.h"

namespace undula {

struct Snapshot {
  uint32_t n_entities = 0;
  uint32_t n_relations = 0;
  uint32_t n_users = 0;
  uint32_t n_items = 0;

  EdgeCsr out;                     // head -> (relation, tail), n_entities rows
  EdgeCsr in;                      // tail -> (relation, head), n_entities rows
  InteractionCsr<ItemId> by_user;  // n_users rows
  InteractionCsr<UserId> by_item;  // n_items rows
  LinkCsr links;                   // n_items rows
  SocialCsr social;                // n_users rows, or none

  // Names the id space: a model trained on one tag cannot be used with another. Ids only ever get
  // appended under one tag.
  uint64_t id_space = 0;
  uint64_t transaction = 0;  // the read transaction it was taken from
  uint64_t change = 0;       // the commit of the tables that it shows (kgstore/refresh_snapshot.h)
};

}  // namespace undula

#endif  // UNDULA_BASE_SNAPSHOT_H_
