#include "api/link_review.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>

#include "api/tab_rows.h"
#include "base/file.h"
#include "base/status.h"

namespace undula::api {
namespace {

constexpr std::string_view kHeader =
    "item\ttitle\tdecision\tentity\tconfidence\tfound\toutcome\tothers\n";
constexpr size_t kColumns = 8;

// A cell without tabs and ends of lines.
std::string Cell(std::string_view text) {
  std::string cell(text.substr(0, 1000));
  std::replace_if(
      cell.begin(), cell.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return cell;
}

std::string Number(double value) {
  char text[16];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

}  // namespace

absl::Status WriteReview(const LinkSession& session, const linking::Decisions& decisions,
                         const std::string& file) {
  std::string text(kHeader);
  for (size_t i = 0; i < decisions.items.size(); ++i) {
    const linking::Decision& decision = decisions.items[i];
    if (session.items()[i].has_given_link || !session.items()[i].by_id.empty()) continue;
    std::string entity, confidence, found, others;
    for (size_t r = 0; r < decision.ranked.size(); ++r) {
      const linking::Ranked& ranked = decision.ranked[r];
      UNDULA_ASSIGN_OR_RETURN(const std::string name, session.view().EntityName(ranked.entity));
      if (r == decision.chosen) {
        entity = name;
        confidence = Number(ranked.confidence);
        found = linking::FoundByName(linking::HowFound(ranked.evidence));
      } else {
        others += Concat(others.empty() ? "" : "; ", name, " (", Number(ranked.confidence), ")");
      }
    }
    text += Concat(session.items()[i].name, "\t", Cell(session.catalog()[i].title), "\t",
                   session.items()[i].rejected ? "no" : "", "\t", entity, "\t", confidence, "\t",
                   found, "\t", linking::OutcomeText(decision.outcome), "\t", others, "\n");
  }
  return WriteFileAtomically(file, {text});
}

absl::StatusOr<std::vector<ReviewedLink>> ReadReview(const kgstore::ReadView& view,
                                                     const std::string& file) {
  std::map<ItemId, EntityId> reviewed;
  const auto read = [&](int64_t line, const std::vector<std::string_view>& cells) -> absl::Status {
    if (line == 1) {
      if (cells == SplitTabs(kHeader.substr(0, kHeader.size() - 1))) return absl::OkStatus();
      return InvalidArgumentError(file, ":1: not a review file; undula link review writes them");
    }
    if (cells.size() < 4 || cells.size() > kColumns) {
      return InvalidArgumentError(file, ":", line, ": expected ", kColumns, " columns, found ",
                                  cells.size());
    }
    const std::string decision = Lower(cells[2]);
    if (decision.empty()) return absl::OkStatus();
    if (decision != "yes" && decision != "no") {
      return InvalidArgumentError(file, ":", line, ": the decision is '", cells[2],
                                  "'; it must be yes, no or empty");
    }
    UNDULA_ASSIGN_OR_RETURN(const ItemId item, view.FindItem(cells[0]));
    if (item == kNone<ItemId>) {
      return NotFoundError(file, ":", line, ": the database has no item '", cells[0], "'");
    }
    EntityId entity = kNone<EntityId>;
    if (decision == "yes") {
      if (cells[3].empty()) {
        return InvalidArgumentError(file, ":", line,
                                    ": the decision is yes, but no entity is given");
      }
      UNDULA_ASSIGN_OR_RETURN(entity, view.FindEntity(cells[3]));
      if (entity == kNone<EntityId>) {
        return NotFoundError(file, ":", line, ": the graph has no entity '", cells[3], "'");
      }
    }
    reviewed[item] = entity;
    return absl::OkStatus();
  };
  UNDULA_RETURN_IF_ERROR(ForEachTabRow(file, read));
  std::vector<ReviewedLink> out;
  for (const auto& [item, entity] : reviewed) out.push_back({item, entity});
  return out;
}

}  // namespace undula::api
