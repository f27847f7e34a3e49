#include "models/item_log_odds.h"

#include <cmath>

#include "base/status.h"
#include "models/item_scores.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(ItemLogOddsOptions, smoothing, kFloat, 1e-6, 1e6, "",
                  "added to an item's positives and negatives"),
};

class ItemLogOdds : public Model {
 public:
  explicit ItemLogOdds(ItemLogOddsOptions options) : options_(options) {}

  const ModelSpec& spec() const override { return kItemLogOddsSpec; }
  const void* options() const override { return &options_; }

  absl::Status Build(const TrainingData& data, TaskArena& /*workers*/) override {
    std::vector<double> positives(data.item_popularity.begin(), data.item_popularity.end());
    std::vector<double> negatives(data.n_items(), 0);
    from_rows_ = false;
    for (const LabeledPair& row : data.train) {
      if (row.label > 0) continue;
      negatives[Index(row.item)] += 1;
      from_rows_ = true;
    }
    if (!from_rows_) {
      double trained = 0;
      for (uint32_t u = 0; u < data.n_users(); ++u) {
        trained += data.positives.ptr[u + 1] > data.positives.ptr[u];
      }
      for (size_t i = 0; i < negatives.size(); ++i) negatives[i] = trained - positives[i];
    }
    scores_.n_users = data.n_users();
    scores_.score.clear();
    const double a = options_.smoothing;
    for (size_t i = 0; i < negatives.size(); ++i) {
      scores_.score.push_back(
          static_cast<float>(std::log((positives[i] + a) / (negatives[i] + a))));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& /*workers*/) const override {
    return scores_.MakeScorer();
  }
  void Save(TensorMap* out) const override { scores_.Save(out); }
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> /*snapshot*/) override {
    return scores_.Load(in);
  }
  std::string Describe() const override {
    return from_rows_ ? "" : "no negative rows: odds of having the item among the trained users";
  }

 private:
  ItemLogOddsOptions options_;
  ItemScores scores_;
  bool from_rows_ = true;
};

absl::StatusOr<std::unique_ptr<Model>> Make(const OptionMap& options, DType /*dtype*/) {
  ItemLogOddsOptions parsed;
  UNDULA_RETURN_IF_ERROR(SetOptions(kItemLogOddsSpec.options, &parsed, options));
  return std::make_unique<ItemLogOdds>(parsed);
}

}  // namespace

const ModelSpec kItemLogOddsSpec{
    .name = "item_log_odds",
    .title = "Item log-odds",
    .paper = "",
    .batch_kind = BatchKind::kNone,
    .capabilities = {.fold_in = true},
    .options = {"item_log_odds", kFields},
    .make = &Make,
};

}  // namespace undula::models
