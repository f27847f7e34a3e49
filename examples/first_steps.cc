// Six calls from files to recommendations: open, import, link, train, load, recommend.
//
//   first_steps DATABASE GRAPH.ttl CATALOGUE.csv INTERACTIONS.tsv
#include <iostream>
#include <string>

#include "undula/undula.h"

namespace {

absl::Status Run(const std::string& path, const std::string& graph, const std::string& catalogue,
                 const std::string& interactions) {
  absl::StatusOr<std::unique_ptr<undula::Database>> db = undula::Database::Open(path);
  if (!db.ok()) return db.status();

  for (const std::string& file : {graph, catalogue, interactions}) {
    absl::StatusOr<undula::ImportReport> report = (*db)->Import(file);
    if (!report.ok()) return report.status();
    std::cout << file << ": " << report->records << " records as " << report->format << "\n";
  }

  absl::StatusOr<undula::LinkReport> links = (*db)->Link();
  if (!links.ok()) return links.status();
  std::cout << links->linked << " of " << links->items << " items linked, " << links->ambiguous
            << " ambiguous\n";

  undula::TrainOptions options;
  options.model = "ripplenet";
  options.train_options = {{"epochs", "3"}};
  absl::StatusOr<undula::TrainReport> trained = (*db)->Train(options);
  if (!trained.ok()) return trained.status();
  std::cout << "trained on " << trained->device << ": " << trained->best_metric << "\n";

  absl::StatusOr<std::unique_ptr<undula::Recommender>> recommender = (*db)->LoadRecommender();
  if (!recommender.ok()) return recommender.status();

  undula::RecommendOptions wanted;
  wanted.k = 5;
  wanted.reasons = 1;
  auto list = (*recommender)->Recommend("user-1", wanted);
  if (!list.ok()) return list.status();
  for (const undula::Recommendation& r : *list) {
    std::cout << r.title << "  " << r.score;
    if (!r.reasons.empty()) std::cout << "  " << r.reasons[0].sentence;
    std::cout << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: first_steps DATABASE GRAPH CATALOGUE INTERACTIONS\n";
    return 2;
  }
  const absl::Status status = Run(argv[1], argv[2], argv[3], argv[4]);
  if (!status.ok()) std::cerr << status.message() << "\n";
  return static_cast<int>(status.code());
}
