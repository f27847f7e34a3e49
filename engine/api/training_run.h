// What every training that ends in the database has in common: its name, options and checkpoints.
#ifndef UNDULA_API_TRAINING_RUN_H_
#define UNDULA_API_TRAINING_RUN_H_

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/database_impl.h"
#include "base/options.h"
#include "base/status.h"
#include "models/train/trainer.h"
#include "propagation/exec.h"

namespace undula::api {

// InvalidArgument for a name that cannot be a stored model's.
absl::Status CheckModelName(const std::string& name);

// The options of a training by section, from an options file (a path, or empty) with the caller's
// over them.
using Sections = std::map<std::string, OptionMap>;
absl::StatusOr<Sections> MergeSections(
    const std::string& file,
    std::initializer_list<std::pair<std::string_view, const OptionMap*>> given);

// What every training of a database shares: its device and threads, and the checkpoints of the run
// NAME-`content`, content being a hash of data and options. Options: TrainOptions or EmbedOptions.
struct Run {
  std::unique_ptr<propagation::Exec> exec;
  models::TrainContext context;
};
template <class Options>
absl::StatusOr<Run> MakeRun(const Database::Impl& impl, const std::string& name,
                            const std::string& content, const Options& options,
                            Progress* progress) {
  Run run;
  UNDULA_ASSIGN_OR_RETURN(run.exec, propagation::Exec::Create(options.device, &impl.arena()));
  run.context.workers = &impl.arena();
  run.context.exec = run.exec.get();
  run.context.progress = progress;
  run.context.checkpoint_directory = impl.path + ".ckpt";
  run.context.run = Concat(name, "-", content);
  run.context.resume = options.resume;
  run.context.on_epoch = options.on_epoch;
  return run;
}

// Report: TrainReport or EmbedReport.
template <class Report>
void FillReport(const models::TrainReport& trained, const Run& run, Report* report) {
  report->device = run.exec->description();
  report->epochs = trained.epochs;
  report->best_epoch = trained.best_epoch;
  report->samples = trained.samples;
  report->seconds = trained.seconds;
  report->cpu_seconds = trained.cpu_seconds;
  report->best_metric = trained.metric == "none"
                            ? "none"
                            : Concat("valid ", trained.metric, " = ", trained.best_value);
}

// Adds "section.key" -> value.
void AddSection(std::string_view section, const OptionMap& options, OptionMap* out);

// "2026-11-30T08:05:00Z".
std::string UtcNow();

// Removes the checkpoints of a run that is over, and the folder where nothing else is in it. A
// failure is logged.
void RemoveCheckpoints(const Database::Impl& impl, const Run& run);

}  // namespace undula::api

#endif  // UNDULA_API_TRAINING_RUN_H_
