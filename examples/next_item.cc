// A new event changes what is recommended next, without training: once in a sequence that is
// followed event by event, once by an update of the database that a reloaded recommender sees.
//
//   next_item DATABASE MODEL USER NEW_ITEM PATCH    (MODEL: a stored sequence model, e.g. sr_gnn;
//                                                    PATCH: a file that is written, the new event)
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "undula/undula.h"

namespace {

void Print(const std::string& title, const std::vector<undula::Recommendation>& list) {
  std::cout << title << ":";
  for (const undula::Recommendation& r : list) std::cout << "  " << r.item;
  std::cout << "\n";
}

absl::Status Run(const std::string& path, const std::string& model, const std::string& user,
                 const std::string& item, const std::string& patch) {
  undula::DatabaseOptions open;
  open.create = false;
  auto db = undula::Database::Open(path, open);
  if (!db.ok()) return db.status();
  auto recommender = (*db)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();

  auto before = (*recommender)->Recommend(user, {.k = 5});
  if (!before.ok()) return before.status();
  Print("before", *before);
  if (before->empty()) return absl::NotFoundError("there is nothing to recommend to " + user);

  // Somebody the database has never seen, event by event: what the user was offered first, then
  // `item`.
  auto sequence = (*recommender)->NewSequence();
  if (!sequence.ok()) return sequence.status();
  for (const std::string& event : {before->front().item, item}) {
    const absl::Status added = (*sequence)->Add(event);
    if (!added.ok()) return added;
    auto next = (*sequence)->Recommend({.k = 5});
    if (!next.ok()) return next.status();
    Print("after " + event, *next);
  }

  // The user's next event, at the end of the log.
  std::ofstream(patch) << "A\tinteraction\t" << user << "\t" << item << "\t1\t9000000000\n";
  auto updated = (*db)->Update(patch);
  if (!updated.ok()) return updated.status();
  recommender = (*db)->LoadRecommender(model);
  if (!recommender.ok()) return recommender.status();
  auto after = (*recommender)->Recommend(user, {.k = 5});
  if (!after.ok()) return after.status();
  Print("after the update", *after);
  bool changed = before->size() != after->size();
  for (size_t i = 0; !changed && i < before->size(); ++i) {
    changed = (*before)[i].item != (*after)[i].item || (*before)[i].score != (*after)[i].score;
  }
  std::cout << (changed ? "changed" : "unchanged") << "\n";
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: next_item DATABASE MODEL USER NEW_ITEM PATCH\n";
    return 2;
  }
  const absl::Status status = Run(argv[1], argv[2], argv[3], argv[4], argv[5]);
  if (!status.ok()) std::cerr << status.message() << "\n";
  return static_cast<int>(status.code());
}
