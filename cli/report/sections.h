// The sections of a report, each made from the facts alone. A section without input says what would
// fill it.
#ifndef UNDULA_CLI_REPORT_SECTIONS_H_
#define UNDULA_CLI_REPORT_SECTIONS_H_

#include <string>

#include "cli/report/document.h"
#include "cli/report/facts.h"

namespace undula::cli::report {

// The metric that verdicts and comparisons are made by: NDCG at the longest list, else AUC; empty
// without an evaluation.
std::string MainMetric(const Facts& facts);
const Metric* FindMetric(const EvaluationRow& row, const std::string& name);

// One sentence each: the first model against MostPopular; whether the graph is of use.
std::string Verdict(const Facts& facts);
std::string GraphVerdict(const Facts& facts);

Section MetricsSection(const Facts& facts);
Section ComparisonSection(const Facts& facts);
Section RecommendedSection(const Facts& facts);
Section CurvesSection(const Facts& facts);
Section GraphSection(const Facts& facts);
Section DataSection(const Facts& facts);
Section ExplanationsSection(const Facts& facts);
Section TuningSection(const Facts& facts);
Section ProvenanceSection(const Facts& facts);

// All of them, in the order of a report.
Document BuildReport(const Facts& facts);

}  // namespace undula::cli::report

#endif  // UNDULA_CLI_REPORT_SECTIONS_H_
