// What the ranker thinks of an item, how good it is against gold links, and its training.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "api/database_impl.h"
#include "api/link_session.h"
#include "base/file.h"
#include "base/status.h"

namespace undula {
namespace {

using Row = LinkEvaluationReport::Row;

Row MakeRow(std::string group, const linking::LinkCounts& counts) {
  return {std::move(group),   counts.items,    counts.present, counts.linked,    counts.right,
          counts.precision(), counts.recall(), counts.f1(),    counts.coverage()};
}

LinkExplanation::Candidate Explain(const linking::LinkModel& model, const linking::Ranked& ranked,
                                   std::string entity) {
  LinkExplanation::Candidate out;
  out.entity = std::move(entity);
  out.found_by = linking::FoundByName(linking::HowFound(ranked.evidence));
  out.confidence = ranked.confidence;
  for (int e = 0; e < linking::kEvidenceCount; ++e) {
    const auto evidence = static_cast<linking::Evidence>(e);
    const auto value = static_cast<double>(ranked.evidence[evidence]);
    if (value == 0) continue;
    out.reasons.push_back(
        {std::string(linking::EvidenceName(evidence)), value, model.weights[evidence]});
  }
  std::stable_sort(out.reasons.begin(), out.reasons.end(), [](const auto& a, const auto& b) {
    return std::abs(a.value * a.weight) > std::abs(b.value * b.weight);
  });
  return out;
}

}  // namespace

absl::StatusOr<LinkExplanation> Database::ExplainLink(std::string_view item,
                                                      const LinkerOptions& options,
                                                      Progress* progress) const {
  UNDULA_ASSIGN_OR_RETURN(const linking::LinkModel model, api::LoadLinkModel(options));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<api::LinkSession> session,
                          api::LinkSession::Load(*impl_, options, progress));
  UNDULA_ASSIGN_OR_RETURN(const ItemId id, session->view().FindItem(item));
  if (id == kNone<ItemId>) return NotFoundError("the database has no item '", item, "'");
  // All items are decided: the threshold and one-to-one links depend on the others.
  const linking::Decisions decisions =
      linking::Decide(model, session->candidates(), api::DecideOptionsOf(options));
  const linking::Decision& decision = decisions.items[Index(id)];
  LinkExplanation out;
  out.item = std::string(item);
  out.title = session->catalog()[Index(id)].title;
  out.threshold = decisions.threshold;
  const api::LinkSession::Item& known = session->items()[Index(id)];
  out.outcome = known.has_given_link      ? "linked before"
                : known.by_id.size() == 1 ? "linked: identifier"
                : known.by_id.size() > 1  ? "identifiers name several entities"
                                          : linking::OutcomeText(decision.outcome);
  for (const linking::Ranked& ranked : decision.ranked) {
    UNDULA_ASSIGN_OR_RETURN(std::string name, session->view().EntityName(ranked.entity));
    out.candidates.push_back(Explain(model, ranked, std::move(name)));
  }
  return out;
}

absl::StatusOr<int64_t> Database::TrainLinker(const std::string& gold_file,
                                              const std::string& model_file,
                                              const LinkerOptions& options,
                                              Progress* progress) const {
  UNDULA_ASSIGN_OR_RETURN(const linking::LinkModel prior, api::LoadLinkModel(options));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<api::LinkSession> session,
                          api::LinkSession::Load(*impl_, options, progress));
  UNDULA_ASSIGN_OR_RETURN(const std::vector<linking::Gold> gold,
                          gold_file.empty() ? session->GivenLinks() : session->ReadGold(gold_file));
  UNDULA_ASSIGN_OR_RETURN(const linking::LinkModel model,
                          linking::TrainLinkModel(session->candidates(), gold,
                                                  options.model_file.empty() ? nullptr : &prior));
  UNDULA_RETURN_IF_ERROR(WriteFileAtomically(model_file, {linking::FormatModel(model)}));
  return std::count_if(gold.begin(), gold.end(),
                       [](const linking::Gold& g) { return g.has_value(); });
}

absl::StatusOr<LinkEvaluationReport> Database::EvaluateLinker(
    const LinkEvaluationOptions& evaluation, const LinkerOptions& options,
    Progress* progress) const {
  UNDULA_ASSIGN_OR_RETURN(const linking::LinkModel model, api::LoadLinkModel(options));
  UNDULA_ASSIGN_OR_RETURN(const std::unique_ptr<api::LinkSession> session,
                          api::LinkSession::Load(*impl_, options, progress));
  UNDULA_ASSIGN_OR_RETURN(const std::vector<linking::Gold> gold,
                          session->ReadGold(evaluation.gold_file));
  std::vector<uint8_t> skip;
  if (!evaluation.skip_file.empty()) {
    UNDULA_ASSIGN_OR_RETURN(skip, session->ReadSkip(evaluation.skip_file));
  }
  linking::Decisions decisions;
  if (evaluation.folds == 0) {
    decisions = linking::Decide(model, session->candidates(), api::DecideOptionsOf(options));
  } else {
    UNDULA_ASSIGN_OR_RETURN(decisions, linking::CrossDecide(session->candidates(), gold,
                                                            static_cast<int>(evaluation.folds),
                                                            static_cast<uint64_t>(evaluation.seed),
                                                            api::DecideOptionsOf(options)));
  }
  const linking::LinkEvaluation found =
      linking::EvaluateDecisions(session->universe(), decisions, gold, skip);

  LinkEvaluationReport report;
  report.threshold = decisions.threshold;
  report.rows.push_back(MakeRow("all", found.all));
  constexpr std::array<const char*, 4> kBands = {"edges 0", "edges 1-9", "edges 10-29",
                                                 "edges 30-"};
  for (size_t b = 0; b < kBands.size(); ++b) {
    report.rows.push_back(MakeRow(kBands[b], found.by_degree[b]));
  }
  for (size_t m = 0; m < found.by_method.size(); ++m) {
    report.rows.push_back(MakeRow(
        std::string(linking::FoundByName(static_cast<linking::FoundBy>(m))), found.by_method[m]));
  }
  for (size_t b = 0; b < found.reliability.size(); ++b) {
    const linking::LinkEvaluation::Bin& bin = found.reliability[b];
    const double n = std::max<double>(static_cast<double>(bin.items), 1);
    report.reliability.push_back({static_cast<double>(b) / linking::kReliabilityBins,
                                  bin.confidence / n, static_cast<double>(bin.right) / n,
                                  bin.items});
  }
  for (size_t e = 0; e < found.errors.size(); ++e) {
    report.errors.emplace_back(linking::LinkErrorText(static_cast<linking::LinkError>(e)),
                               found.errors[e]);
  }
  const auto name = [&](EntityId entity) -> absl::StatusOr<std::string> {
    if (entity == kNone<EntityId>) return std::string();
    return session->view().EntityName(entity);
  };
  for (const linking::LinkEvaluation::Case& c : found.cases) {
    LinkEvaluationReport::Case out;
    out.item = session->items()[c.item].name;
    out.title = session->catalog()[c.item].title;
    UNDULA_ASSIGN_OR_RETURN(out.gold, name(*gold[c.item]));
    UNDULA_ASSIGN_OR_RETURN(out.chosen, name(c.chosen));
    out.error = linking::LinkErrorText(c.error);
    report.cases.push_back(std::move(out));
  }
  return report;
}

}  // namespace undula
