#include "models/item_knn.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "models/sequence/sequence_scores.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(ItemKnnOptions, neighbors, kInt, 1, 1e6, "", "similar items that count"),
    UNDULA_OPTION(ItemKnnOptions, shrink, kFloat, 0, 1e9, "",
                  "added to the divisor: less weight to what few users have"),
};

struct Similar {
  uint32_t item;
  float similarity;
};

// What the scorer reads: the users' histories, and of each item the most similar ones.
struct Neighbors {
  SequenceMemory memory;
  std::vector<int64_t> ptr;
  std::vector<Similar> similar;

  // From the distinct items of the memory's users.
  void Find(const ItemKnnOptions& options, TaskArena& workers) {
    const uint32_t n = memory.n_items();
    std::vector<std::vector<uint32_t>> users(n), items(memory.n_users());
    for (uint32_t u = 0; u < memory.n_users(); ++u) {
      for (const ItemId item : memory.of(u)) items[u].push_back(Index(item));
      std::sort(items[u].begin(), items[u].end());
      items[u].erase(std::unique(items[u].begin(), items[u].end()), items[u].end());
      for (const uint32_t item : items[u]) users[item].push_back(u);
    }
    std::vector<std::vector<Similar>> best(n);
    workers.For(n, 64, [&](int64_t begin, int64_t end) {
      std::vector<uint32_t> count(n), touched;
      for (int64_t i = begin; i < end; ++i) {
        touched.clear();
        for (const uint32_t u : users[i]) {
          for (const uint32_t j : items[u]) {
            if (count[j]++ == 0) touched.push_back(j);
          }
        }
        std::vector<Similar>& row = best[i];
        for (const uint32_t j : touched) {
          const double both = count[j];
          count[j] = 0;
          if (j == i) continue;
          const double norm = std::sqrt(static_cast<double>(users[i].size()) *
                                        static_cast<double>(users[j].size()));
          row.push_back({j, static_cast<float>(both / (norm + options.shrink))});
        }
        const auto kept = std::min(row.size(), static_cast<size_t>(options.neighbors));
        std::partial_sort(row.begin(), row.begin() + static_cast<int64_t>(kept), row.end(),
                          [](const Similar& a, const Similar& b) {
                            return a.similarity != b.similarity ? a.similarity > b.similarity
                                                                : a.item < b.item;
                          });
        row.resize(kept);
      }
    });
    ptr.assign(1, 0);
    for (const auto& row : best) {
      similar.insert(similar.end(), row.begin(), row.end());
      ptr.push_back(static_cast<int64_t>(similar.size()));
    }
  }
};

class ItemKnn final : public Model {
 public:
  explicit ItemKnn(const ItemKnnOptions& options) : options_(options) {}
  const ModelSpec& spec() const override { return kItemKnnSpec; }
  const void* options() const override { return &options_; }

  absl::Status Build(const TrainingData& data, TaskArena& /*workers*/) override {
    auto memory = std::make_shared<SequenceMemory>();
    memory->Take(data.positives, data.item_popularity);
    memory_ = std::move(memory);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<Scorer>> MakeScorer(TaskArena& workers) const override {
    if (memory_ == nullptr) {
      return FailedPreconditionError("item_knn is neither trained nor loaded");
    }
    const auto n = std::make_shared<Neighbors>();
    n->memory = *memory_;
    n->Find(options_, workers);
    return MakeSequenceScorer(std::shared_ptr<const SequenceMemory>(n, &n->memory),
                              [n](std::span<const ItemId> history, std::span<float> scores) {
                                std::vector<ItemId> items(history.begin(), history.end());
                                std::sort(items.begin(), items.end());
                                items.erase(std::unique(items.begin(), items.end()), items.end());
                                for (const ItemId item : items) {
                                  for (int64_t e = n->ptr[Index(item)];
                                       e < n->ptr[size_t{Index(item)} + 1]; ++e) {
                                    scores[n->similar[e].item] += n->similar[e].similarity;
                                  }
                                }
                              });
  }

  void Save(TensorMap* out) const override { memory_->Save(out); }
  absl::Status Load(const TensorMap& in, std::shared_ptr<const Snapshot> /*snapshot*/) override {
    auto memory = std::make_shared<SequenceMemory>();
    UNDULA_RETURN_IF_ERROR(memory->Load(in, kItemKnnSpec.name));
    memory_ = std::move(memory);
    return absl::OkStatus();
  }

 private:
  ItemKnnOptions options_;
  std::shared_ptr<const SequenceMemory> memory_;
};

absl::StatusOr<std::unique_ptr<Model>> Make(const OptionMap& options, DType /*dtype*/) {
  ItemKnnOptions parsed;
  UNDULA_RETURN_IF_ERROR(SetOptions(kItemKnnSpec.options, &parsed, options));
  return std::make_unique<ItemKnn>(parsed);
}

}  // namespace

const ModelSpec kItemKnnSpec{
    .name = "item_knn",
    .title = "Item kNN",
    .paper = "Sarwar, Karypis, Konstan, Riedl, WWW 2001",
    .batch_kind = BatchKind::kNone,
    .capabilities = {.fold_in = true, .sequential = true},
    .options = {"item_knn", kFields},
    .make = &Make,
};

}  // namespace undula::models
