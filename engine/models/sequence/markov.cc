#include "models/sequence/markov.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "models/sequence/sequence_scores.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(MarkovOptions, history, kInt, 1, 1e6, "", "latest events that count"),
    UNDULA_OPTION(MarkovOptions, decay, kFloat, 0, 1, "", "weight of an event by its successor's"),
    UNDULA_OPTION(MarkovOptions, smoothing, kFloat, 0, 1e9, "",
                  "added to what followed an item, so that rare items say less"),
};

// Counts of transitions: row i has the items that followed i, ascending.
struct Transitions {
  SequenceMemory memory;
  std::vector<int64_t> ptr;
  std::vector<uint32_t> to;
  std::vector<float> share;

  void Count(double smoothing) {
    std::vector<std::pair<uint32_t, uint32_t>> pairs;
    for (uint32_t u = 0; u < memory.n_users(); ++u) {
      const auto row = memory.of(u);
      for (size_t i = 1; i < row.size(); ++i) pairs.emplace_back(Index(row[i - 1]), Index(row[i]));
    }
    std::sort(pairs.begin(), pairs.end());
    ptr.assign(size_t{memory.n_items()} + 1, 0);
    to.clear();
    share.clear();
    for (const auto& [from, item] : pairs) ++ptr[from + 1];
    for (uint32_t i = 0; i < memory.n_items(); ++i) ptr[i + 1] += ptr[i];
    std::vector<int64_t> distinct(ptr.size(), 0);
    for (size_t i = 0; i < pairs.size();) {
      size_t end = i;
      while (end < pairs.size() && pairs[end] == pairs[i]) ++end;
      const uint32_t from = pairs[i].first;
      to.push_back(pairs[i].second);
      share.push_back(
          static_cast<float>(static_cast<double>(end - i) /
                             (static_cast<double>(ptr[from + 1] - ptr[from]) + smoothing)));
      distinct[from + 1] = static_cast<int64_t>(to.size());
      i = end;
    }
    for (size_t i = 1; i < distinct.size(); ++i)
      distinct[i] = std::max(distinct[i], distinct[i - 1]);
    ptr = std::move(distinct);
  }
};

class Markov final : public Model {
 public:
  explicit Markov(const MarkovOptions& options) : options_(options) {}
  const ModelSpec& spec() const override { return kMarkovSpec; }
  const void* options() const override { return &options_; }

  absl::Status Build(const TrainingData& data, TaskArena& /*workers*/) override {
    auto transitions = std::make_shared<Transitions>();
    transitions->memory.Take(data.positives, data.item_popularity);
    transitions->Count(options_.smoothing);
    transitions_ = std::move(transitions);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& /*workers*/) const override {
    if (transitions_ == nullptr) {
      return FailedPreconditionError("markov is neither trained nor loaded");
    }
    const std::shared_ptr<const Transitions> t = transitions_;
    return MakeSequenceScorer(
        std::shared_ptr<const SequenceMemory>(t, &t->memory),
        [t, options = options_](std::span<const ItemId> history, std::span<float> scores) {
          double weight = 1;
          const size_t n = std::min(history.size(), static_cast<size_t>(options.history));
          for (size_t age = 0; age < n; ++age, weight *= options.decay) {
            const uint32_t from = Index(history[history.size() - 1 - age]);
            for (int64_t i = t->ptr[from]; i < t->ptr[from + 1]; ++i) {
              scores[t->to[i]] += static_cast<float>(weight) * t->share[i];
            }
          }
        });
  }

  void Save(TensorMap* out) const override { transitions_->memory.Save(out); }
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> /*snapshot*/) override {
    auto transitions = std::make_shared<Transitions>();
    UNDULA_RETURN_IF_ERROR(transitions->memory.Load(in, kMarkovSpec.name));
    transitions->Count(options_.smoothing);
    transitions_ = std::move(transitions);
    return absl::OkStatus();
  }

 private:
  MarkovOptions options_;
  std::shared_ptr<const Transitions> transitions_;
};

absl::StatusOr<std::unique_ptr<Model>> Make(const OptionMap& options, DType /*dtype*/) {
  MarkovOptions parsed;
  UNDULA_RETURN_IF_ERROR(SetOptions(kMarkovSpec.options, &parsed, options));
  return std::make_unique<Markov>(parsed);
}

}  // namespace

const ModelSpec kMarkovSpec{
    .name = "markov",
    .title = "Item-to-item transitions",
    .paper = "",
    .batch_kind = BatchKind::kNone,
    .capabilities = {.fold_in = true, .sequential = true},
    .options = {"markov", kFields},
    .make = &Make,
};

}  // namespace undula::models
