// Optimizers: what the oracle files do not cover.
#include "propagation/optim/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "propagation/arena.h"
#include "propagation/ops/op_check.h"
#include "propagation/optim/adam_update.h"
#include "tests/propagation/op_run.h"

namespace undula::propagation {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;
using testing::Pointwise;

OptimizerOptions Options(const std::string& kind) {
  OptimizerOptions options;
  options.kind = kind;
  options.learning_rate = 0.05;
  return options;
}

// A table and a dense parameter with gradients drawn for each step.
struct World {
  ParameterSet set;
  Parameter* table;
  Parameter* dense;
  Arena arena;

  explicit World(DType type = DType::kF32) : set(type) {
    table = set.Add("table", {300, 5}, true, {Init::Kind::kUniform, 1}, 1);
    dense = set.Add("dense", {40, 70}, false, {Init::Kind::kUniform, 1}, 1);
  }

  static void Set(const Tensor& t, int64_t i, double value) {
    if (t.dtype == DType::kF64) {
      t.as<double>()[i] = value;
    } else {
      t.as<float>()[i] = static_cast<float>(value);
    }
  }

  Tensor New(int64_t rows, int64_t cols) {
    if (set.dtype() == DType::kF64) return View(arena.NewZero<double>(rows * cols), rows, cols);
    return View(arena.NewZero<float>(rows * cols), rows, cols);
  }

  // `parts` contributions of rows i, i + 3, ... of the table.
  void DrawGradients(uint32_t step, int parts) {
    set.ZeroGradients();
    arena.Reset();
    const Rng rng(5, RngStream::kTest, step);
    uint64_t draw = 0;
    for (int part = 0; part < parts; ++part) {
      std::vector<uint32_t> ids;
      for (uint32_t row = rng.Below(draw++, 5); row < 300; row += 1 + rng.Below(draw++, 9)) {
        ids.push_back(row);
      }
      uint32_t* rows = arena.New<uint32_t>(ids.size());
      std::copy(ids.begin(), ids.end(), rows);
      const auto n = static_cast<int64_t>(ids.size());
      const Tensor values = New(n, 5);
      for (int64_t i = 0; i < n * 5; ++i) Set(values, i, rng.Uniform(draw++) - 0.5);
      table->sparse.push_back({View(rows, n), values});
    }
    for (int64_t i = 0; i < dense->grad.size(); ++i) {
      Set(dense->grad, i, rng.Uniform(draw++) - 0.5);
    }
  }

  std::vector<std::vector<double>> Read() const {
    return {OpRun::Read(table->value), OpRun::Read(dense->value)};
  }
};

std::vector<OptimizerOptions> AllOptions() {
  std::vector<OptimizerOptions> all;
  for (const char* kind : {"sgd", "adagrad", "adam", "adamw", "lazy_adam"}) {
    all.push_back(Options(kind));
    all.push_back(Options(kind));
    all.back().weight_decay = 0.01;
  }
  all.push_back(Options("sgd"));
  all.back().momentum = 0.9;
  all.push_back(Options("lazy_adam"));
  all.back().per_row_steps = true;
  return all;
}

std::unique_ptr<Optimizer> Make(const OptimizerOptions& options, ParameterSet* set) {
  auto optimizer = Optimizer::Create(options, set);
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  return *std::move(optimizer);
}

TEST(Optimizer, SameBitsForAnyNumberOfThreads) {
  for (const OptimizerOptions& options : AllOptions()) {
    std::vector<std::vector<double>> results[2];
    for (int form = 0; form < 2; ++form) {
      TaskArena workers(4);
      World world;
      const auto optimizer = Make(options, &world.set);
      for (uint32_t step = 1; step <= 3; ++step) {
        world.DrawGradients(step, 2);
        ASSERT_TRUE(optimizer->Step(form == 0 ? nullptr : &workers).ok());
      }
      results[form] = world.Read();
    }
    EXPECT_EQ(results[0], results[1]) << options.kind;
  }
}

TEST(Optimizer, SavedStateContinuesBitForBit) {
  for (const OptimizerOptions& options : AllOptions()) {
    World straight, resumed;
    const auto a = Make(options, &straight.set);
    auto b = Make(options, &resumed.set);
    for (uint32_t step = 1; step <= 4; ++step) {
      straight.DrawGradients(step, 1);
      resumed.DrawGradients(step, 1);
      ASSERT_TRUE(a->Step(nullptr).ok());
      ASSERT_TRUE(b->Step(nullptr).ok());
      TensorMap map;
      b->Save("optimizer/", &map);
      b = Make(options, &resumed.set);
      ASSERT_TRUE(b->Load("optimizer/", map).ok());
      EXPECT_EQ(b->steps(), step);
    }
    EXPECT_EQ(straight.Read(), resumed.Read()) << options.kind;
  }
}

TEST(Optimizer, LoadNamesWhatIsWrongAndChangesNothing) {
  World world;
  const auto optimizer = Make(Options("adam"), &world.set);
  world.DrawGradients(1, 1);
  ASSERT_TRUE(optimizer->Step(nullptr).ok());
  TensorMap map;
  optimizer->Save("o/", &map);
  map.tensors["o/step"] = MakeTensor<int64_t>({1}, std::vector<int64_t>{77}.data());
  TensorMap missing = map;
  missing.tensors.erase("o/v/dense");
  const absl::Status not_found = optimizer->Load("o/", missing);
  EXPECT_EQ(not_found.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(not_found)), HasSubstr("'o/v/dense'"));
  EXPECT_EQ(optimizer->steps(), 1);
  TensorMap wrong = map;
  wrong.tensors["o/v/dense"].bytes.resize(8);
  const absl::Status shape = optimizer->Load("o/", wrong);
  EXPECT_EQ(shape.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(shape)), HasSubstr("'o/v/dense'"));
  EXPECT_EQ(optimizer->steps(), 1);
  ASSERT_TRUE(optimizer->Load("o/", map).ok());
  EXPECT_EQ(optimizer->steps(), 77);
}

// Several contributions of one step equal their sum given as one contribution.
TEST(Optimizer, ContributionsAreMergedBeforeTheUpdate) {
  for (const OptimizerOptions& options : AllOptions()) {
    World parts(DType::kF64), sum(DType::kF64);
    const auto a = Make(options, &parts.set), b = Make(options, &sum.set);
    for (uint32_t step = 1; step <= 3; ++step) {
      parts.DrawGradients(step, 3);
      sum.DrawGradients(step, 3);
      std::vector<bool> touched(300, false);
      std::vector<double> dense(300 * 5, 0.0);
      for (const SparseGradient& g : sum.table->sparse) {
        for (int64_t i = 0; i < g.rows.size(); ++i) {
          const uint32_t row = g.rows.as<uint32_t>()[i];
          touched[row] = true;
          for (int c = 0; c < 5; ++c) dense[row * 5 + c] += g.values.as<double>()[i * 5 + c];
        }
      }
      std::vector<uint32_t> rows;
      std::vector<double> values;
      for (uint32_t row = 0; row < 300; ++row) {
        if (!touched[row]) continue;
        rows.push_back(row);
        values.insert(values.end(), dense.begin() + row * 5, dense.begin() + row * 5 + 5);
      }
      const auto n = static_cast<int64_t>(rows.size());
      sum.table->sparse.assign(1, {View(rows.data(), n), View(values.data(), n, 5)});
      ASSERT_TRUE(a->Step(nullptr).ok());
      ASSERT_TRUE(b->Step(nullptr).ok());
    }
    EXPECT_EQ(parts.Read(), sum.Read()) << options.kind;
  }
}

// adam and adamw on a table are the dense update: every row moves.
TEST(Optimizer, DenseParityOfAdam) {
  for (const char* kind : {"adam", "adamw"}) {
    OptimizerOptions options = Options(kind);
    options.weight_decay = 0.1;
    ParameterSet sparse_set(DType::kF64), dense_set(DType::kF64);
    Parameter* sparse = sparse_set.Add("p", {6, 2}, true, {Init::Kind::kUniform, 1}, 3);
    Parameter* dense = dense_set.Add("p", {6, 2}, false, {Init::Kind::kUniform, 1}, 3);
    const auto a = Make(options, &sparse_set), b = Make(options, &dense_set);
    const std::vector<std::vector<uint32_t>> rows = {{1, 4}, {}, {0, 1, 5}};
    for (const std::vector<uint32_t>& ids : rows) {
      sparse_set.ZeroGradients();
      dense_set.ZeroGradients();
      const auto n = static_cast<int64_t>(ids.size());
      std::vector<double> values = RandomValues({n, 2}, 4).data;
      for (size_t i = 0; i < ids.size(); ++i) {
        for (int c = 0; c < 2; ++c) dense->grad.as<double>()[ids[i] * 2 + c] = values[i * 2 + c];
      }
      if (n > 0) sparse->sparse.push_back({View(ids.data(), n), View(values.data(), n, 2)});
      ASSERT_TRUE(a->Step(nullptr).ok());
      ASSERT_TRUE(b->Step(nullptr).ok());
      EXPECT_EQ(OpRun::Read(sparse->value), OpRun::Read(dense->value)) << kind;
    }
  }
}

TEST(Optimizer, RowsWithoutGradientStayExceptInDenseAdam) {
  for (const OptimizerOptions& options : AllOptions()) {
    World world;
    const auto optimizer = Make(options, &world.set);
    world.DrawGradients(1, 1);
    ASSERT_TRUE(optimizer->Step(nullptr).ok());
    const std::vector<double> before = OpRun::Read(world.table->value);
    world.set.ZeroGradients();
    ASSERT_TRUE(optimizer->Step(nullptr).ok());
    const bool dense = options.kind == "adam" || options.kind == "adamw";
    EXPECT_EQ(before != OpRun::Read(world.table->value), dense) << options.kind;
  }
}

// The tuned kernel on every instruction set against the row bodies, bit for bit: listed rows, dense
// tiles, rows without a gradient; columns that are no multiple of 16 too.
TEST(Optimizer, TunedAdamHasTheBitsOfTheRowBodies) {
  constexpr int64_t kRows = 300;
  for (const int64_t cols : {1, 7, 16, 37, 64}) {
    const int64_t n = kRows * cols;
    const Rng rng(3, RngStream::kTest, static_cast<uint32_t>(cols));
    uint64_t draw = 0;
    const auto fill = [&](double from, double to) {
      std::vector<float> x(static_cast<size_t>(n));
      for (float& f : x) f = static_cast<float>(from + (to - from) * rng.Uniform(draw++));
      return x;
    };
    const std::vector<float> grad = fill(-1, 1), value = fill(-2, 2), m = fill(-1, 1);
    const std::vector<float> v = fill(0, 1);
    const std::vector<uint32_t> listed = {3, 4, 11, 39, 0};
    std::vector<uint32_t> backwards(kRows);
    for (uint32_t i = 0; i < kRows; ++i) backwards[i] = kRows - 1 - i;
    std::vector<int32_t> slots(kRows, -1);
    slots[2] = 7;
    slots[38] = 0;
    const StepNumbers<float> step = {.learning_rate = 0.01f,
                                     .weight_decay = 0.03f,
                                     .momentum = 0,
                                     .epsilon = 1e-8f,
                                     .beta1 = 0.9f,
                                     .beta2 = 0.999f,
                                     .keep1 = 0.1f,
                                     .keep2 = 0.001f,
                                     .correction1 = 0.271f,
                                     .correction2 = 0.003f,
                                     .exact_beta1 = 0.9,
                                     .exact_beta2 = 0.999};
    struct Case {
      OptimizerKind kind;
      bool table;
      StepRows<float> rows;
      int64_t items;
      bool per_row_steps = false;
    };
    std::vector<uint32_t> steps_of_row(kRows);
    for (uint32_t row = 0; row < kRows; ++row) steps_of_row[row] = row * row * row;
    std::vector<LazyAdamCorrection<float>> corrections;  // of some of these rows
    for (uint32_t t = 0; t < 5000; ++t) corrections.push_back(CorrectionAfter(step, t));
    const StepRows<float> of_list = {grad.data(), listed.data(), nullptr, cols};
    const StepRows<float> of_many = {grad.data(), backwards.data(), nullptr, cols};
    const StepRows<float> of_all = {grad.data(), nullptr, slots.data(), cols};
    const StepRows<float> of_dense = {grad.data(), nullptr, nullptr, cols};
    for (const Case& c : {Case{OptimizerKind::kLazyAdam, true, of_list, 5},
                          Case{OptimizerKind::kLazyAdam, true, of_list, 5, true},
                          Case{OptimizerKind::kLazyAdam, true, of_many, kRows, true},
                          Case{OptimizerKind::kLazyAdam, false, of_dense, kRows},
                          Case{OptimizerKind::kAdam, true, of_all, kRows},
                          Case{OptimizerKind::kAdamW, false, of_dense, kRows}}) {
      std::vector<float> p0 = value, m0 = m, v0 = v;
      std::vector<uint32_t> steps0 = steps_of_row;
      if (c.kind == OptimizerKind::kLazyAdam && c.table) {
        ForRows(nullptr, c.items, 1,
                LazyAdamRow<float>{step, c.rows, p0.data(), m0.data(), v0.data(),
                                   c.per_row_steps ? steps0.data() : nullptr});
      } else {
        ForRows(nullptr, c.items, 1,
                AdamRow<float>{step, c.rows, p0.data(), m0.data(), v0.data(),
                               c.kind == OptimizerKind::kAdamW});
      }
      EXPECT_NE(p0, value);
      for (const auto target :
           {simd::Target::kScalar, simd::Target::kAvx2, simd::Target::kAvx512}) {
        std::vector<float> p1 = value, m1 = m, v1 = v;
        std::vector<uint32_t> steps1 = steps_of_row;
        UpdateAdam(c.kind, c.table, step, c.rows, p1.data(), m1.data(), v1.data(),
                   {c.per_row_steps ? steps1.data() : nullptr, corrections}, c.items, nullptr,
                   target);
        EXPECT_EQ(steps1, steps0);
        EXPECT_EQ(p1, p0) << cols << " " << simd::TargetName(target);
        EXPECT_EQ(m1, m0);
        EXPECT_EQ(v1, v0);
      }
    }
  }
}

TEST(Optimizer, LearningRateCanChange) {
  World world;
  const auto optimizer = Make(Options("sgd"), &world.set);
  world.DrawGradients(1, 1);
  const std::vector<double> before = OpRun::Read(world.dense->value);
  optimizer->set_learning_rate(0);
  ASSERT_TRUE(optimizer->Step(nullptr).ok());
  EXPECT_EQ(OpRun::Read(world.dense->value), before);
}

TEST(Optimizer, OptionsAreChecked) {
  ParameterSet set;
  const auto code_of = [&](const OptimizerOptions& options) {
    return Optimizer::Create(options, &set).status();
  };
  EXPECT_THAT(std::string(Message(code_of(Options("adamax")))), HasSubstr("kind"));
  OptimizerOptions options = Options("adam");
  options.beta2 = 1;
  EXPECT_THAT(std::string(Message(code_of(options))), HasSubstr("beta2"));
  options = Options("adam");
  options.momentum = 0.9;
  EXPECT_THAT(std::string(Message(code_of(options))), HasSubstr("momentum belongs to sgd"));
  options = Options("adam");
  options.per_row_steps = true;
  EXPECT_THAT(std::string(Message(code_of(options))), HasSubstr("per_row_steps"));
  options = Options("sgd");
  options.learning_rate = -1;
  EXPECT_EQ(code_of(options).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace undula::propagation
