// Recommendations for somebody the model has never seen: a history given on the spot (fold-in),
// with the ripple paths behind the best item.
//
//   ad_hoc_history DATABASE ITEM [ITEM ...]        (the database holds a trained ripplenet)
#include <iostream>
#include <string>
#include <vector>

#include "undula/undula.h"

namespace {

absl::Status Run(const std::string& path, const std::vector<std::string>& history) {
  undula::DatabaseOptions open;
  open.create = false;
  open.read_only = true;
  auto db = undula::Database::Open(path, open);
  if (!db.ok()) return db.status();
  auto recommender = (*db)->LoadRecommender();
  if (!recommender.ok()) return recommender.status();
  db->reset();  // a recommender does not need its database any more

  auto list = (*recommender)->RecommendForHistory(history, {.k = 5});
  if (!list.ok()) return list.status();
  for (const undula::Recommendation& r : *list) std::cout << r.title << "  " << r.score << "\n";
  if (list->empty()) return absl::OkStatus();

  auto why = (*recommender)->ExplainForHistory(history, list->front().item, {.slots = 3});
  if (!why.ok()) return why.status();
  std::cout << "why " << why->title << ":\n";
  for (const auto& hop : why->hops) {
    for (const undula::Reason& reason : hop) {
      std::cout << "  hop " << reason.hop << "  " << reason.weight << "  " << reason.sentence
                << "\n";
    }
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: ad_hoc_history DATABASE ITEM [ITEM ...]\n";
    return 2;
  }
  const absl::Status status = Run(argv[1], std::vector<std::string>(argv + 2, argv + argc));
  if (!status.ok()) std::cerr << status.message() << "\n";
  return static_cast<int>(status.code());
}
