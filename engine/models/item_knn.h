// Item kNN: an item's score is the sum of its similarities to the items of the history. Sarwar,
// Karypis, Konstan, Riedl, "Item-Based Collaborative Filtering Recommendation Algorithms", WWW
// 2001; Deshpande, Karypis, "Item-Based Top-N Recommendation Algorithms", ACM TOIS 22(1), 2004.
//
//   sim(i, j) = c_ij / (sqrt(n_i n_j) + shrink),  c_ij: users who have both
//
// of each item only its `neighbors` most similar ones count (ties: the smaller id). Each item of a
// history counts once.
#ifndef UNDULA_MODELS_ITEM_KNN_H_
#define UNDULA_MODELS_ITEM_KNN_H_

#include "models/model.h"

namespace undula::models {

struct ItemKnnOptions {
  int64_t neighbors = 100;
  double shrink = 0;
};

extern const ModelSpec kItemKnnSpec;

}  // namespace undula::models

#endif  // UNDULA_MODELS_ITEM_KNN_H_
