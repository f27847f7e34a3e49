// Runs of the ranker, reviews of its decisions, and the way back.
#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "api/database_impl.h"
#include "api/link_history.h"
#include "api/link_review.h"
#include "api/link_session.h"
#include "base/status.h"
#include "kgstore/write_links.h"

namespace undula {
namespace {

using linking::Decision;
using linking::Outcome;

// The decisions of a run as links, and what became of each item.
class Run {
 public:
  Run(const api::LinkSession& session, const linking::Decisions& decisions, bool replace)
      : session_(session), decisions_(decisions), replace_(replace) {}

  LinkerReport Count() {
    std::map<std::string, int64_t> outcomes;
    for (size_t i = 0; i < decisions_.items.size(); ++i) ++outcomes[Decide(i)];
    report_.items = static_cast<int64_t>(decisions_.items.size());
    report_.threshold = decisions_.threshold;
    report_.labels = session_.universe().labels.labels();
    report_.index_bytes = session_.universe().labels.bytes();
    report_.index_seconds = session_.index_seconds();
    report_.candidate_seconds = session_.candidate_seconds();
    report_.by_outcome.assign(outcomes.begin(), outcomes.end());
    return std::move(report_);
  }
  const std::vector<kgstore::LinkRecord>& records() const { return records_; }

 private:
  std::string Decide(size_t i) {
    const api::LinkSession::Item& item = session_.items()[i];
    const ItemId id{static_cast<uint32_t>(i)};
    if (item.has_given_link || (item.has_link && !replace_ && !item.rejected)) {
      ++report_.already;
      return "linked before";
    }
    if (item.rejected) {
      ++report_.unlinked;
      return "rejected by a review";
    }
    if (item.by_id.size() > 1) {
      ++report_.conflicts;
      return "identifiers name several entities";
    }
    if (item.by_id.size() == 1) {
      ++report_.by_id;
      ++report_.linked;
      records_.push_back({id, item.by_id[0], 1, LinkMethod::kExternalId});
      return "linked: identifier";
    }
    const Decision& decision = decisions_.items[i];
    if (decision.outcome == Outcome::kLinked) {
      const linking::Ranked& chosen = decision.ranked[decision.chosen];
      ++report_.linked;
      // Below 1: links by identifiers and by hand describe an item better.
      const auto confidence = static_cast<float>(std::clamp(chosen.confidence, 1e-6, 0.999));
      records_.push_back({id, chosen.entity, confidence, LinkMethod::kLabel});
      return Concat("linked: ", linking::FoundByName(linking::HowFound(chosen.evidence)));
    }
    ++(decision.outcome == Outcome::kAmbiguous ? report_.ambiguous : report_.unlinked);
    return std::string(linking::OutcomeText(decision.outcome));
  }

  const api::LinkSession& session_;
  const linking::Decisions& decisions_;
  const bool replace_;
  LinkerReport report_;
  std::vector<kgstore::LinkRecord> records_;
};

// The stored links but those that a run with `replace` decides anew.
absl::StatusOr<std::vector<kgstore::LinkRecord>> KeptLinks(const kgstore::ReadView& view,
                                                           bool replace) {
  std::vector<kgstore::LinkRecord> kept;
  const auto items = static_cast<uint32_t>(view.counts().items);
  for (uint32_t i = 0; i < items; ++i) {
    UNDULA_ASSIGN_OR_RETURN(const std::vector<kgstore::Link> links, view.Links(ItemId{i}));
    const bool given = std::any_of(links.begin(), links.end(), [](const kgstore::Link& l) {
      return l.method != LinkMethod::kLabel;
    });
    if (replace && !given) continue;
    for (const kgstore::Link& l : links) {
      kept.push_back({ItemId{i}, l.entity, l.confidence, l.method});
    }
  }
  return kept;
}

absl::Status StoreLinks(Database::Impl* database, const std::vector<kgstore::LinkRecord>& records,
                        Progress* progress) {
  UNDULA_RETURN_IF_ERROR(api::SaveLinkState(*database->store));
  return kgstore::WriteLinks(*database->store, records, kgstore::LinkPolicy::kReplaceAll, progress)
      .status();
}

}  // namespace

absl::StatusOr<LinkerReport> Database::RunLinker(const LinkerOptions& options, Progress* progress) {
  const std::lock_guard writing(impl_->writing);
  UNDULA_ASSIGN_OR_RETURN(const linking::LinkModel model, api::LoadLinkModel(options));
  std::vector<kgstore::LinkRecord> links;
  LinkerReport report;
  {
    UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<api::LinkSession> session,
                            api::LinkSession::Load(*impl_, options, progress));
    const linking::Decisions decisions =
        linking::Decide(model, session->candidates(), api::DecideOptionsOf(options));
    Run run(*session, decisions, options.replace);
    report = run.Count();
    if (!options.review_file.empty()) {
      UNDULA_RETURN_IF_ERROR(api::WriteReview(*session, decisions, options.review_file));
    }
    if (options.dry_run) return report;
    UNDULA_ASSIGN_OR_RETURN(links, KeptLinks(session->view(), options.replace));
    links.insert(links.end(), run.records().begin(), run.records().end());
  }
  UNDULA_RETURN_IF_ERROR(StoreLinks(impl_.get(), links, progress));
  return report;
}

absl::StatusOr<int64_t> Database::ImportReview(const std::string& file, Progress* progress) {
  const std::lock_guard writing(impl_->writing);
  std::vector<kgstore::LinkRecord> links;
  UNDULA_ASSIGN_OR_RETURN(api::RejectedItems rejected, api::ReadRejectedItems(*impl_->store));
  int64_t applied = 0;
  {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
    UNDULA_ASSIGN_OR_RETURN(const std::vector<api::ReviewedLink> reviewed,
                            api::ReadReview(view, file));
    applied = static_cast<int64_t>(reviewed.size());
    if (applied == 0) return applied;
    UNDULA_ASSIGN_OR_RETURN(const std::vector<kgstore::LinkRecord> kept, KeptLinks(view, false));
    const auto is_reviewed = [&](ItemId item) {
      const auto at =
          std::lower_bound(reviewed.begin(), reviewed.end(), item,
                           [](const api::ReviewedLink& a, ItemId b) { return a.item < b; });
      return at != reviewed.end() && at->item == item;
    };
    for (const kgstore::LinkRecord& link : kept) {
      if (!is_reviewed(link.item)) links.push_back(link);
    }
    for (const api::ReviewedLink& link : reviewed) {
      UNDULA_ASSIGN_OR_RETURN(std::string name, view.ItemName(link.item));
      if (link.entity == kNone<EntityId>) {
        rejected.insert(std::move(name));
      } else {
        rejected.erase(name);
        links.push_back({link.item, link.entity, 1, LinkMethod::kManual});
      }
    }
  }
  UNDULA_RETURN_IF_ERROR(StoreLinks(impl_.get(), links, progress));
  UNDULA_RETURN_IF_ERROR(api::WriteRejectedItems(*impl_->store, rejected));
  return applied;
}

absl::StatusOr<int64_t> Database::UndoLinks(Progress* progress) {
  const std::lock_guard writing(impl_->writing);
  return api::RestoreLinkState(*impl_->store, progress);
}

}  // namespace undula
