// Undula: an embedded knowledge-graph recommendation engine.
//
//   auto db = undula::Database::Open("films.undula");
//   (*db)->Import("films.ttl");                      // the knowledge graph
//   (*db)->Import("catalogue.csv");  ...             // items, interactions
//   (*db)->Link();                                   // items to entities
//   (*db)->Train();
//   auto recommender = (*db)->LoadRecommender();
//   auto list = (*recommender)->Recommend("user-1", {.k = 10, .reasons = 1});
//
// Errors are absl::Status values; nothing throws, prints or aborts. Ids and names are the caller's
// own strings everywhere.
#ifndef UNDULA_UNDULA_H_
#define UNDULA_UNDULA_H_

#include "undula/common.h"       // IWYU pragma: export
#include "undula/database.h"     // IWYU pragma: export
#include "undula/maintenance.h"  // IWYU pragma: export
#include "undula/progress.h"     // IWYU pragma: export
#include "undula/query.h"        // IWYU pragma: export
#include "undula/recommender.h"  // IWYU pragma: export
#include "undula/training.h"     // IWYU pragma: export

#endif  // UNDULA_UNDULA_H_
