// One call of the linker: the catalogue, the entities and the candidates.
#ifndef UNDULA_API_LINK_SESSION_H_
#define UNDULA_API_LINK_SESSION_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "api/database_impl.h"
#include "base/snapshot.h"
#include "kgstore/read_view.h"
#include "linking/candidates.h"
#include "linking/decide.h"
#include "linking/evaluate.h"
#include "linking/link_model.h"
#include "linking/universe.h"

namespace undula::api {

// Load() reads everything that a decision needs from one state of the database. One thread.
class LinkSession {
 public:
  // An item as the linker sees it.
  struct Item {
    std::string name;
    std::vector<EntityId> by_id;       // entities that its identifiers name, ascending
    bool has_link = false;             // of any method
    bool has_given_link = false;       // of a file, an identifier or by hand
    bool rejected = false;             // a review said that it has no entity
    EntityId given = kNone<EntityId>;  // the best one of such a link
  };

  // InvalidArgument: the title column or a column of ids that no item has. NotFound: an unknown
  // relation. FailedPrecondition: no items, no entities.
  static absl::StatusOr<std::unique_ptr<LinkSession>> Load(const Database::Impl& database,
                                                           const LinkerOptions& options,
                                                           Progress* progress);

  const kgstore::ReadView& view() const { return view_; }
  const Snapshot& snapshot() const { return snapshot_; }
  const linking::Universe& universe() const { return universe_; }
  const std::vector<Item>& items() const { return items_; }
  const std::vector<linking::CatalogItem>& catalog() const { return catalog_; }
  const std::vector<linking::ItemCandidates>& candidates() const { return candidates_; }
  double index_seconds() const { return index_seconds_; }
  double candidate_seconds() const { return candidate_seconds_; }

  // Gold links of a file by item; unknown items are left out. InvalidArgument names the line.
  absl::StatusOr<std::vector<linking::Gold>> ReadGold(const std::string& file) const;
  // The links of files, by identifiers and by hand as gold links; rejected items have no entity.
  // FailedPrecondition: there is none.
  absl::StatusOr<std::vector<linking::Gold>> GivenLinks() const;
  // 1 for items that the file's first column names.
  absl::StatusOr<std::vector<uint8_t>> ReadSkip(const std::string& file) const;

 private:
  explicit LinkSession(kgstore::ReadView view) : view_(std::move(view)) {}
  absl::Status ReadItems(const LinkerOptions& options, Progress* progress);
  absl::Status ReadIds(const LinkerOptions& options,
                       const std::vector<std::pair<std::string, std::string>>& columns,
                       Item* item) const;

  kgstore::ReadView view_;
  Snapshot snapshot_;
  linking::Universe universe_;
  std::vector<Item> items_;
  std::vector<linking::CatalogItem> catalog_;
  std::vector<linking::ItemCandidates> candidates_;
  double index_seconds_ = 0, candidate_seconds_ = 0;
};

// The model of options.model_file, or the shipped one.
absl::StatusOr<linking::LinkModel> LoadLinkModel(const LinkerOptions& options);
linking::DecideOptions DecideOptionsOf(const LinkerOptions& options);

}  // namespace undula::api

#endif  // UNDULA_API_LINK_SESSION_H_
