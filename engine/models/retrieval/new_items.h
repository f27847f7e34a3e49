// Items that a model has no vector for because they came after its training: placed among the
// others by what they share with them, the features of the graph and the users who acted on them.
#ifndef UNDULA_MODELS_RETRIEVAL_NEW_ITEMS_H_
#define UNDULA_MODELS_RETRIEVAL_NEW_ITEMS_H_

#include <memory>
#include <vector>

#include "base/snapshot.h"
#include "models/retrieval/item_index.h"

namespace undula::models {

// The items of the snapshot that `known` lacks and that share something with items that it has:
//   v = sum over x of log((1 + items) / items that share x) mean of their vectors, to length 1
// x: the neighbors of the item's best linked entity, in either direction, and the item's users.
// What is shared with more than 10,000 entities or items says nothing and is left out.
IndexVectors PlaceNewItems(const Snapshot& snapshot, const IndexVectors& known);

// `base` and further items, which are searched exactly. `more` has no item of base.
std::unique_ptr<ItemIndex> WithMoreItems(std::unique_ptr<ItemIndex> base, const IndexVectors& more);

}  // namespace undula::models

#endif  // UNDULA_MODELS_RETRIEVAL_NEW_ITEMS_H_
