#include "models/most_popular.h"

#include "base/status.h"
#include "models/item_scores.h"

namespace undula::models {
namespace {

class MostPopular : public Model {
 public:
  explicit MostPopular(MostPopularOptions options) : options_(options) {}

  const ModelSpec& spec() const override { return kMostPopularSpec; }
  const void* options() const override { return &options_; }

  absl::Status Build(const TrainingData& data, TaskArena& /*workers*/) override {
    scores_.n_users = data.n_users();
    scores_.score.assign(data.item_popularity.begin(), data.item_popularity.end());
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& /*workers*/) const override {
    return scores_.MakeScorer();
  }
  void Save(TensorMap* out) const override { scores_.Save(out); }
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> /*snapshot*/) override {
    return scores_.Load(in);
  }

 private:
  MostPopularOptions options_;
  ItemScores scores_;
};

absl::StatusOr<std::unique_ptr<Model>> Make(const OptionMap& options, DType /*dtype*/) {
  MostPopularOptions parsed;
  UNDULA_RETURN_IF_ERROR(SetOptions(kMostPopularSpec.options, &parsed, options));
  return std::make_unique<MostPopular>(parsed);
}

}  // namespace

const ModelSpec kMostPopularSpec{
    .name = "most_popular",
    .title = "MostPopular",
    .paper = "",
    .batch_kind = BatchKind::kNone,
    .capabilities = {.fold_in = true},
    .options = {"most_popular", {}},
    .make = &Make,
};

}  // namespace undula::models
