// A nightly job: the best 20 items of every user to a file, with progress and a time limit. Run it
// again after a kill or a deadline and it goes on where it stopped.
//
//   nightly_scoring DATABASE OUTPUT.jsonl [SECONDS]
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "undula/undula.h"

namespace {

absl::Status Run(const std::string& path, const std::string& output, int seconds) {
  undula::DatabaseOptions open;
  open.create = false;
  open.read_only = true;
  auto db = undula::Database::Open(path, open);
  if (!db.ok()) return db.status();
  auto recommender = (*db)->LoadRecommender();
  if (!recommender.ok()) return recommender.status();

  undula::Progress progress([](int64_t done, int64_t total, std::string_view what) {
    std::cerr << what << ": " << done << " of " << total << "\n";
  });
  progress.SetDeadline(std::chrono::steady_clock::now() + std::chrono::seconds(seconds));

  undula::ScoreBatchOptions job;
  job.output = output;
  job.format = "jsonl";
  job.k = 20;
  auto report = (*recommender)->ScoreBatch(job, &progress);
  if (!report.ok()) return report.status();
  std::cout << report->users << " users, " << report->rows << " rows, " << report->users_skipped
            << " without anything to score from, " << report->users_resumed << " resumed\n";
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::cerr << "usage: nightly_scoring DATABASE OUTPUT.jsonl [SECONDS]\n";
    return 2;
  }
  const absl::Status status = Run(argv[1], argv[2], argc == 4 ? std::atoi(argv[3]) : 3600);
  if (!status.ok()) std::cerr << status.message() << "\n";
  return static_cast<int>(status.code());
}
