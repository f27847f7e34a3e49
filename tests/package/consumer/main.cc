// The README's first example: import, link, train, recommend with reasons.
#include <cstdio>
#include <string>

#include "undula/undula.h"

namespace {

absl::Status Run(const std::string& samples, const std::string& path) {
  absl::StatusOr<std::unique_ptr<undula::Database>> db = undula::Database::Open(path);
  if (!db.ok()) return db.status();
  for (const char* file : {"/films.ttl", "/catalogue.csv", "/interactions.synthetic.tsv"}) {
    if (auto report = (*db)->Import(samples + file); !report.ok()) return report.status();
  }
  if (auto report = (*db)->Link(); !report.ok()) return report.status();
  undula::TrainOptions training;
  training.train_options = {{"epochs", "2"}};
  if (auto report = (*db)->Train(training); !report.ok()) return report.status();

  auto recommender = (*db)->LoadRecommender();
  if (!recommender.ok()) return recommender.status();
  undula::RecommendOptions wanted;
  wanted.k = 10;
  wanted.reasons = 1;
  auto list = (*recommender)->Recommend("user0001", wanted);
  if (!list.ok()) return list.status();
  for (const undula::Recommendation& item : *list) {
    std::printf("%-40s %7.3f  %s\n", item.title.c_str(), item.score,
                item.reasons.empty() ? "" : item.reasons[0].sentence.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: first SAMPLES_DIR FILE.undula\n");
    return 2;
  }
  const absl::Status status = Run(argv[1], argv[2]);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return static_cast<int>(status.code());
}
