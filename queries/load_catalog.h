// Fills a Catalog from one consistent state of a database.
#ifndef UNDULA_QUERIES_LOAD_CATALOG_H_
#define UNDULA_QUERIES_LOAD_CATALOG_H_

#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "base/snapshot.h"
#include "kgstore/read_view.h"
#include "queries/catalog.h"

namespace undula::queries {

// Names of all users, items, entities and relations as of `view`, whose counts are those of
// `snapshot`. Labels prefer the languages in order. Titles come from the item column
// `title_column`.
absl::StatusOr<std::unique_ptr<Catalog>> LoadCatalog(const kgstore::ReadView& view,
                                                     const Snapshot& snapshot,
                                                     std::span<const std::string> languages,
                                                     std::string_view title_column = "title");

}  // namespace undula::queries

#endif  // UNDULA_QUERIES_LOAD_CATALOG_H_
