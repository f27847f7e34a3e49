#include "models/sequence/session_knn.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "models/sequence/sequence_scores.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(SessionKnnOptions, neighbors, kInt, 1, 1e9, "", "sequences that vote"),
    UNDULA_OPTION(SessionKnnOptions, history, kInt, 1, 1e6, "", "latest events that count"),
    UNDULA_OPTION(SessionKnnOptions, decay, kFloat, 0, 1, "",
                  "weight of an event by its successor's"),
};

// The sequences, and by item the users who have it.
struct Sequences {
  SequenceMemory memory;
  std::vector<int64_t> ptr;
  std::vector<uint32_t> user;

  void Invert() {
    std::vector<std::pair<uint32_t, uint32_t>> pairs;
    for (uint32_t u = 0; u < memory.n_users(); ++u) {
      for (const ItemId item : memory.of(u)) pairs.emplace_back(Index(item), u);
    }
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    ptr.assign(size_t{memory.n_items()} + 1, 0);
    user.clear();
    for (const auto& [item, u] : pairs) {
      ++ptr[item + 1];
      user.push_back(u);
    }
    for (uint32_t i = 0; i < memory.n_items(); ++i) ptr[i + 1] += ptr[i];
  }
};

void Vote(const Sequences& s, const SessionKnnOptions& options, std::span<const ItemId> history,
          std::span<float> scores) {
  std::vector<float> alike(s.memory.n_users(), 0.0f);
  std::vector<uint32_t> touched;
  double weight = 1;
  const size_t n = std::min(history.size(), static_cast<size_t>(options.history));
  for (size_t age = 0; age < n; ++age, weight *= options.decay) {
    const uint32_t item = Index(history[history.size() - 1 - age]);
    for (int64_t i = s.ptr[item]; i < s.ptr[item + 1]; ++i) {
      if (alike[s.user[i]] == 0) touched.push_back(s.user[i]);
      alike[s.user[i]] += static_cast<float>(weight);
    }
  }
  for (const uint32_t u : touched) {
    alike[u] /= std::sqrt(static_cast<float>(s.memory.of(u).size()));
  }
  const size_t k = std::min(touched.size(), static_cast<size_t>(options.neighbors));
  std::partial_sort(
      touched.begin(), touched.begin() + static_cast<int64_t>(k), touched.end(),
      [&](uint32_t a, uint32_t b) { return alike[a] != alike[b] ? alike[a] > alike[b] : a < b; });
  for (size_t i = 0; i < k; ++i) {
    for (const ItemId item : s.memory.of(touched[i])) scores[Index(item)] += alike[touched[i]];
  }
}

class SessionKnn final : public Model {
 public:
  explicit SessionKnn(const SessionKnnOptions& options) : options_(options) {}
  const ModelSpec& spec() const override { return kSessionKnnSpec; }
  const void* options() const override { return &options_; }

  absl::Status Build(const TrainingData& data, TaskArena& /*workers*/) override {
    auto sequences = std::make_shared<Sequences>();
    sequences->memory.Take(data.positives, data.item_popularity);
    sequences->Invert();
    sequences_ = std::move(sequences);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& /*workers*/) const override {
    if (sequences_ == nullptr) {
      return FailedPreconditionError("session_knn is neither trained nor loaded");
    }
    const std::shared_ptr<const Sequences> s = sequences_;
    return MakeSequenceScorer(
        std::shared_ptr<const SequenceMemory>(s, &s->memory),
        [s, options = options_](std::span<const ItemId> history, std::span<float> scores) {
          Vote(*s, options, history, scores);
        });
  }

  void Save(TensorMap* out) const override { sequences_->memory.Save(out); }
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> /*snapshot*/) override {
    auto sequences = std::make_shared<Sequences>();
    UNDULA_RETURN_IF_ERROR(sequences->memory.Load(in, kSessionKnnSpec.name));
    sequences->Invert();
    sequences_ = std::move(sequences);
    return absl::OkStatus();
  }

 private:
  SessionKnnOptions options_;
  std::shared_ptr<const Sequences> sequences_;
};

absl::StatusOr<std::unique_ptr<Model>> Make(const OptionMap& options, DType /*dtype*/) {
  SessionKnnOptions parsed;
  UNDULA_RETURN_IF_ERROR(SetOptions(kSessionKnnSpec.options, &parsed, options));
  return std::make_unique<SessionKnn>(parsed);
}

}  // namespace

const ModelSpec kSessionKnnSpec{
    .name = "session_knn",
    .title = "Session kNN",
    .paper = "Jannach, Ludewig, RecSys 2017",
    .batch_kind = BatchKind::kNone,
    .capabilities = {.fold_in = true, .sequential = true},
    .options = {"session_knn", kFields},
    .make = &Make,
};

}  // namespace undula::models
