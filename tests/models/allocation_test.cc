// The steady state allocates nothing: after a warm-up on the same batches and users, training steps
// and the scoring of tiles never call the allocator. malloc and its family are replaced in this
// program, so operator new and C libraries are counted too.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "models/data/batcher.h"
#include "models/registry.h"
#include "models/score/tile_scorer.h"
#include "models/train/step.h"
#include "propagation/optim/optimizer.h"
#include "tests/models/world.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define UNDULA_COUNTS_ALLOCATIONS 0
#else
#define UNDULA_COUNTS_ALLOCATIONS 1
#endif

namespace {

std::atomic<bool> counting{false};
std::atomic<int64_t> allocations{0};

}  // namespace

#if UNDULA_COUNTS_ALLOCATIONS

namespace {

void Count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1);
}

}  // namespace

extern "C" {

void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t n, size_t bytes);
void* __libc_realloc(void* p, size_t bytes);
void* __libc_memalign(size_t align, size_t bytes);

void* malloc(size_t bytes) noexcept {
  Count();
  return __libc_malloc(bytes);
}
void* calloc(size_t n, size_t bytes) noexcept {
  Count();
  return __libc_calloc(n, bytes);
}
void* realloc(void* p, size_t bytes) noexcept {
  Count();
  return __libc_realloc(p, bytes);
}
void* memalign(size_t align, size_t bytes) noexcept {
  Count();
  return __libc_memalign(align, bytes);
}
void* aligned_alloc(size_t align, size_t bytes) noexcept {
  Count();
  return __libc_memalign(align, bytes);
}
int posix_memalign(void** p, size_t align, size_t bytes) noexcept {
  Count();
  *p = __libc_memalign(align, bytes);
  return *p == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif  // UNDULA_COUNTS_ALLOCATIONS

namespace undula::models {
namespace {

template <class Work>
int64_t AllocationsOf(const Work& work) {
  allocations = 0;
  counting = true;
  work();
  counting = false;
  return allocations;
}

struct Case {
  std::string name, model;
  OptionMap options;
};

class SteadyState : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
#if !UNDULA_COUNTS_ALLOCATIONS
    GTEST_SKIP() << "a sanitizer or another C library owns the allocator";
#endif
    auto model = MakeModel(GetParam().model, GetParam().options);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    const absl::Status built = model_->Build(data_, workers_);
    ASSERT_TRUE(built.ok()) << built;
    ASSERT_TRUE(model_->BeginEpoch(1).ok());
  }

  PlantedWorld world_ = MakePlantedWorld(6, 20, 30);
  TrainingData data_ = MakeTrainingData(world_.snapshot, world_.split.train, 5);
  TaskArena workers_{1};
  std::unique_ptr<Model> model_;
};

TEST_P(SteadyState, TheCounterCounts) {
  std::vector<int> grows;
  EXPECT_GE(AllocationsOf([&] { grows.resize(1000); }), 1);
  EXPECT_EQ(AllocationsOf([&] { grows.assign(1000, 7); }), 0);
}

TEST_P(SteadyState, TrainingStepsAllocateNothing) {
  for (const int64_t chunk : {1, 8}) {
    for (const char* kind : {"lazy_adam", "adam", "sgd"}) {
      auto optimizer = *propagation::Optimizer::Create({.kind = kind}, model_->parameters());
      Batcher batcher =
          *Batcher::Create(model_->spec().batch_kind, data_, {.batch_size = 128, .chunk = chunk});
      const int64_t steps = batcher.StartEpoch(1);
      ASSERT_GE(steps, 3);
      propagation::Exec exec(&workers_);
      TrainingStep step(model_.get(), &exec, 4);
      absl::Status failed;
      const auto epoch = [&] {
        for (int64_t i = 0; i < steps; ++i) {
          const auto loss = step.Run(batcher.Get(i));
          if (!loss.ok()) failed = loss.status();
          if (absl::Status s = optimizer->Step(&workers_); !s.ok()) failed = s;
          model_->parameters()->ZeroGradients();
        }
      };
      epoch();
      epoch();
      EXPECT_EQ(AllocationsOf(epoch), 0) << chunk << " " << kind;
      EXPECT_TRUE(failed.ok()) << failed;
    }
  }
}

TEST_P(SteadyState, ScoringTilesAllocatesNothing) {
  const auto scorer = *model_->MakeScorer(workers_);
  ItemSet deny(scorer->n_items());
  deny.Add(ItemId{3});
  const std::vector<ItemId> seen = {ItemId{0}, ItemId{17}, ItemId{40}};
  const ItemMask mask{.excluded = seen, .deny = &deny};
  RankScratch scratch;
  std::vector<ScoredItem> list;
  std::vector<float> some(seen.size());
  absl::Status failed;
  const auto users = [&] {
    for (uint32_t u = 0; u < scorer->n_users(); ++u) {
      const UserQuery query{UserId{u}, {}};
      absl::Status s = RankOne(*scorer, query, mask, {.k = 10, .item_tile = 64}, &scratch, &list);
      if (!s.ok()) failed = s;
      scratch.arena.Reset();
      s = scorer->ScoreItems(query, seen, some, scratch.arena);
      if (!s.ok()) failed = s;
    }
  };
  users();
  users();
  EXPECT_EQ(AllocationsOf(users), 0);
  EXPECT_TRUE(failed.ok()) << failed;
  EXPECT_EQ(list.size(), 10u);
}

const std::vector<Case>& Cases() {
  static const std::vector<Case> kCases = {
      {"ripplenet", "ripplenet", {}},
      {"ripplenet_code", "ripplenet", {{"scoring", "code"}, {"item_update", "plus_transform"}}},
      {"ripplenet_block", "ripplenet", {{"dim", "64"}, {"memory", "16"}}},
      {"kgcn", "kgcn", {}},
      {"kgcn_concat", "kgcn", {{"hops", "2"}, {"aggregator", "concat"}, {"preset", "paper"}}},
      {"kgnn_ls", "kgnn_ls", {{"hops", "2"}, {"ls_weight", "0.5"}}},
      {"bpr_mf", "bpr_mf", {}},
  };
  return kCases;
}

INSTANTIATE_TEST_SUITE_P(, SteadyState, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace undula::models
