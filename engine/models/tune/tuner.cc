#include "models/tune/tuner.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <mutex>
#include <system_error>

#include "base/file.h"
#include "base/status.h"
#include "models/train/checkpoint.h"
#include "models/train/trainer.h"

namespace undula::models {
namespace {

constexpr int64_t kResultBytes = 64 << 10;

// CPU time of the calling thread, which does all of a trial's work.
double ThreadSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::string Exact(double value) {
  char text[40];
  const auto written = std::to_chars(text, text + sizeof text, value);
  return {text, written.ptr};
}

// Values of a rung's result file: "epochs best_epoch value cpu metric", then the error.
std::string ResultText(const TuneTrial& t) {
  return Concat(t.epochs, " ", t.best_epoch, " ", Exact(t.value), " ", Exact(t.cpu_seconds), " ",
                t.metric, "\n", t.error, "\n");
}

template <class T>
bool Take(std::string_view* text, char until, T* value) {
  const size_t end = text->find(until);
  if (end == std::string_view::npos) return false;
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(end + 1);
  if constexpr (std::is_same_v<T, std::string>) {
    *value = word;
    return true;
  } else {
    const auto [stopped, error] = std::from_chars(word.data(), word.data() + word.size(), *value);
    return error == std::errc() && stopped == word.data() + word.size();
  }
}

bool ReadResult(std::string_view text, TuneTrial* t) {
  return Take(&text, ' ', &t->epochs) && Take(&text, ' ', &t->best_epoch) &&
         Take(&text, ' ', &t->value) && Take(&text, ' ', &t->cpu_seconds) &&
         Take(&text, '\n', &t->metric) && Take(&text, '\n', &t->error);
}

// Higher is better; what failed comes last.
double Rank(const TuneTrial& t) {
  if (std::isnan(t.value)) return -std::numeric_limits<double>::infinity();
  return t.metric == "logloss" ? -t.value : t.value;
}

bool Before(const TuneTrial& a, const TuneTrial& b) {
  if (a.epochs != b.epochs) return a.epochs > b.epochs;
  if (Rank(a) != Rank(b)) return Rank(a) > Rank(b);
  return a.trial < b.trial;
}

class Tuner {
 public:
  Tuner(const TuneSpace& space, const TrainingData& data, const Split& split,
        const TuneContext& context)
      : space_(space), data_(data), split_(split), context_(context) {}

  absl::StatusOr<std::vector<TuneTrial>> Run() {
    UNDULA_RETURN_IF_ERROR(OpenDirectory());
    std::vector<TuneTrial> all;
    for (const TuneFamily& family : space_.families) {
      std::vector<TuneTrial> trials;
      for (int64_t i = 0; i < space_.budget.trials; ++i) {
        trials.push_back({.family = std::string(family.spec->name),
                          .trial = i,
                          .setting = DrawSetting(space_, family, i)});
      }
      for (const auto& [n, epochs] : TuneRungs(space_.budget)) {
        UNDULA_RETURN_IF_ERROR(RunRung(*family.spec, epochs, std::span(trials).first(n)));
        // Only those that just went on can have come further than the others.
        std::sort(trials.begin(), trials.end(), Before);
      }
      if (!trials.front().error.empty()) {
        return FailedPreconditionError("all settings of ", family.spec->name,
                                       " failed; the first: ", trials.front().error);
      }
      UNDULA_RETURN_IF_ERROR(RemoveCheckpoints(trials));
      all.insert(all.end(), trials.begin(), trials.end());
    }
    return all;
  }

 private:
  std::string RunName(const TuneTrial& t) const { return Concat(t.family, ".", t.trial); }
  std::string ResultPath(const TuneTrial& t, int64_t epochs) const {
    return Concat(context_.directory, "/", RunName(t), ".", epochs, ".result");
  }
  std::string Checkpoints() const { return context_.directory + "/checkpoints"; }

  absl::Status OpenDirectory() const {
    std::error_code error;
    std::filesystem::create_directories(context_.directory, error);
    if (error) return ErrnoError(error.value(), Concat("directory ", context_.directory));
    const std::string path = context_.directory + "/search";
    const auto found = ReadWholeFile(path, 64 << 20);
    if (found.ok() && *found != context_.identity) {
      return FailedPreconditionError(context_.directory,
                                     " holds the trials of another search (other ranges, options "
                                     "or data); name another directory or remove it");
    }
    if (found.ok() || !absl::IsNotFound(found.status())) return found.status();
    return WriteFileAtomically(path, {context_.identity});
  }

  absl::Status RunRung(const ModelSpec& spec, int64_t epochs, std::span<TuneTrial> trials) {
    std::vector<absl::Status> status(trials.size());
    const auto n = static_cast<int64_t>(trials.size());
    context_.workers->For(n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) status[i] = RunTrial(spec, epochs, &trials[i]);
    });
    for (const absl::Status& s : status) UNDULA_RETURN_IF_ERROR(s);
    return Progress::Report(context_.progress, n, n,
                            Concat(spec.name, ": ", n, " settings, ", epochs, " epochs"));
  }

  // An error is one of the search; a setting that cannot be trained keeps its error.
  absl::Status RunTrial(const ModelSpec& spec, int64_t epochs, TuneTrial* trial) {
    const std::string path = ResultPath(*trial, epochs);
    const auto found = ReadWholeFile(path, kResultBytes);
    if (found.ok() && ReadResult(*found, trial)) return absl::OkStatus();
    if (trial->error.empty()) {
      const absl::Status trained = Train(spec, epochs, trial);
      if (absl::IsCancelled(trained) || absl::IsDeadlineExceeded(trained)) return trained;
      const bool of_setting =
          absl::IsInvalidArgument(trained) || absl::IsFailedPrecondition(trained);
      if (!trained.ok() && !of_setting) return trained;
      if (!trained.ok()) {
        trial->error = Message(trained);
        std::replace(trial->error.begin(), trial->error.end(), '\n', ' ');
        trial->value = std::numeric_limits<double>::quiet_NaN();
      }
    }
    trial->epochs = epochs;
    UNDULA_RETURN_IF_ERROR(WriteFileAtomically(path, {ResultText(*trial)}));
    const std::lock_guard lock(reporting_);
    if (context_.on_trial) context_.on_trial(*trial);
    return absl::OkStatus();
  }

  absl::Status Train(const ModelSpec& spec, int64_t epochs, TuneTrial* trial) const {
    TrainOptions options;
    UNDULA_RETURN_IF_ERROR(SetOptions(TrainOptionTable(), &options, trial->setting.train));
    options.epochs = epochs;
    UNDULA_ASSIGN_OR_RETURN(const auto model, spec.make(trial->setting.model, DType::kF32));
    TaskArena one(1);
    // The caller's Progress belongs to its thread; cancelling it stops every trial.
    Progress* own = nullptr;
    Progress progress([&](int64_t, int64_t, std::string_view) {
      if (context_.progress != nullptr && context_.progress->cancelled()) own->Cancel();
    });
    own = &progress;
    TrainContext context;
    context.workers = &one;
    context.progress = &progress;
    context.checkpoint_directory = Checkpoints();
    context.run = RunName(*trial);
    context.resume = true;
    const double before = ThreadSeconds();
    UNDULA_ASSIGN_OR_RETURN(const TrainReport report,
                            models::Train(model.get(), data_, split_, options, context));
    if (report.metric == "none") {
      return FailedPreconditionError(
          "tuning needs a metric on the validation part; give split.valid_share a share, and "
          "train.metric another value than none");
    }
    trial->best_epoch = report.best_epoch;
    trial->metric = report.metric;
    trial->value = report.best_value;
    trial->cpu_seconds += ThreadSeconds() - before;
    return absl::OkStatus();
  }

  absl::Status RemoveCheckpoints(const std::vector<TuneTrial>& trials) const {
    for (const TuneTrial& trial : trials) {
      UNDULA_ASSIGN_OR_RETURN(CheckpointStore store,
                              CheckpointStore::Open(Checkpoints(), RunName(trial)));
      UNDULA_RETURN_IF_ERROR(store.RemoveAll());
    }
    return absl::OkStatus();
  }

  const TuneSpace& space_;
  const TrainingData& data_;
  const Split& split_;
  const TuneContext& context_;
  std::mutex reporting_;
};

}  // namespace

absl::StatusOr<std::vector<TuneTrial>> Tune(const TuneSpace& space, const TrainingData& data,
                                            const Split& split, const TuneContext& context) {
  if (context.workers == nullptr) return InvalidArgumentError("TuneContext.workers is null");
  if (!split.test.empty()) return InvalidArgumentError("tuning takes no test part");
  return Tuner(space, data, split, context).Run();
}

}  // namespace undula::models
