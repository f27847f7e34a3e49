#include <utility>
#include <vector>

#include "api/database_impl.h"
#include "api/link_history.h"
#include "base/status.h"
#include "kgstore/read_view.h"
#include "kgstore/write_links.h"
#include "linking/linker.h"
#include "linking/store_link_source.h"

namespace undula {
namespace {

std::vector<LinkReport::Case> Cases(std::vector<linking::LinkResult::Case>& in) {
  std::vector<LinkReport::Case> out;
  for (linking::LinkResult::Case& c : in) {
    out.push_back({std::move(c.item), std::move(c.text), std::move(c.candidates)});
  }
  return out;
}

}  // namespace

absl::StatusOr<LinkReport> Database::Link(const LinkOptions& options, Progress* progress) {
  const std::lock_guard writing(impl_->writing);
  UNDULA_ASSIGN_OR_RETURN(const api::RejectedItems rejected, api::ReadRejectedItems(*impl_->store));
  linking::LinkResult found;
  std::vector<kgstore::LinkRecord> records;
  {
    UNDULA_ASSIGN_OR_RETURN(const kgstore::ReadView view, impl_->store->Read());
    const linking::StoreLinkSource source(view);
    linking::LinkOptions find;
    find.method = options.method;
    find.column = options.column;
    find.relation = options.relation;
    find.require = options.require;
    find.replace = options.replace;
    UNDULA_ASSIGN_OR_RETURN(found, linking::FindLinks(source, find, progress));
    records.reserve(found.links.size());
    for (const linking::FoundLink& l : found.links) {
      if (!rejected.empty()) {
        UNDULA_ASSIGN_OR_RETURN(const std::string name, view.ItemName(l.item));
        if (rejected.contains(name)) {
          --found.linked;
          ++found.already;  // decided by hand
          continue;
        }
      }
      records.push_back({l.item, l.entity, l.confidence, l.method});
    }
  }
  if (!records.empty()) {
    UNDULA_RETURN_IF_ERROR(kgstore::WriteLinks(*impl_->store, records,
                                               options.replace ? kgstore::LinkPolicy::kReplaceItems
                                                               : kgstore::LinkPolicy::kMerge,
                                               progress)
                               .status());
  }
  LinkReport report;
  report.items = found.items;
  report.linked = found.linked;
  report.already = found.already;
  report.ambiguous = found.ambiguous;
  report.unlinked = found.unlinked;
  report.ambiguous_cases = Cases(found.ambiguous_cases);
  report.unlinked_cases = Cases(found.unlinked_cases);
  return report;
}

}  // namespace undula
