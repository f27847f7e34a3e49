// Small KGCN and KGNN-LS models for the tests.
#ifndef UNDULA_TESTS_MODELS_KGCN_FIXTURE_H_
#define UNDULA_TESTS_MODELS_KGCN_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "models/kgcn/kgcn.h"
#include "tests/models/ripplenet_fixture.h"

namespace undula::models {

inline std::unique_ptr<Kgcn> BuiltKgcn(const ModelSpec& spec, const KgcnOptions& options,
                                       std::shared_ptr<const Snapshot> snapshot,
                                       const std::vector<LabeledPair>& rows,
                                       DType dtype = DType::kF64, uint64_t seed = 3) {
  auto model = std::make_unique<Kgcn>(&spec, options, dtype);
  TaskArena workers(1);
  const absl::Status status =
      model->Build(MakeTrainingData(std::move(snapshot), rows, seed), workers);
  EXPECT_TRUE(status.ok()) << status;
  return model;
}

struct KgcnForward {
  double loss = 0;
  std::vector<double> scores, items, labels;  // in the order of the batch
};

inline KgcnForward RunForward(Kgcn* model, const Batch& batch) {
  propagation::Exec exec(nullptr);
  propagation::Arena arena;
  propagation::Tape tape(&exec, &arena, model->parameters()->dtype());
  KgcnTrace trace;
  const propagation::Var loss = model->Forward(tape, batch, &trace);
  EXPECT_TRUE(tape.status().ok()) << tape.status();
  KgcnForward out;
  out.loss = tape.Scalar(loss);
  const auto& order = model->index().order;
  const auto by_row = [&](propagation::Var v) {
    if (!v.valid()) return std::vector<double>();
    const std::vector<double> values = Values(tape.value(v));
    const size_t width = values.size() / order.size();
    std::vector<double> rows(values.size());
    for (size_t i = 0; i < order.size(); ++i) {
      std::copy_n(values.begin() + static_cast<int64_t>(i * width), width,
                  rows.begin() + static_cast<int64_t>(order[i] * width));
    }
    return rows;
  };
  out.scores = by_row(trace.scores);
  out.items = by_row(trace.item);
  out.labels = by_row(trace.labels);
  return out;
}

inline void SetParameter(Kgcn* model, const char* name, const std::vector<double>& values) {
  SetValues(values, model->parameters()->Find(name));
}

}  // namespace undula::models

#endif  // UNDULA_TESTS_MODELS_KGCN_FIXTURE_H_
