// Small graphs and RippleNet steps for the tests.
#ifndef UNDULA_TESTS_MODELS_RIPPLENET_FIXTURE_H_
#define UNDULA_TESTS_MODELS_RIPPLENET_FIXTURE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/snapshot.h"
#include "models/data/training_data.h"
#include "models/ripplenet/ripplenet.h"
#include "models/train/step.h"
#include "propagation/exec.h"
#include "propagation/tape.h"

namespace undula::models {

struct TinyTriple {
  uint32_t head, relation, tail;
};

inline EdgeCsr EdgesFrom(uint32_t n, std::vector<TinyTriple> triples, bool by_tail) {
  if (by_tail) {
    for (TinyTriple& t : triples) std::swap(t.head, t.tail);
  }
  std::sort(triples.begin(), triples.end(), [](const TinyTriple& a, const TinyTriple& b) {
    return std::tie(a.head, a.relation, a.tail) < std::tie(b.head, b.relation, b.tail);
  });
  EdgeCsr csr;
  csr.ptr.assign(size_t{n} + 1, 0);
  for (const TinyTriple& t : triples) {
    ++csr.ptr[t.head + 1];
    csr.relation.push_back(RelationId{t.relation});
    csr.entity.push_back(EntityId{t.tail});
  }
  std::partial_sum(csr.ptr.begin(), csr.ptr.end(), csr.ptr.begin());
  return csr;
}

// links[i]: the entity of item i, or -1.
inline std::shared_ptr<Snapshot> TinySnapshot(uint32_t n_entities, uint32_t n_relations,
                                              uint32_t n_users,
                                              const std::vector<TinyTriple>& triples,
                                              const std::vector<int>& links) {
  auto s = std::make_shared<Snapshot>();
  s->n_entities = n_entities;
  s->n_relations = n_relations;
  s->n_users = n_users;
  s->n_items = static_cast<uint32_t>(links.size());
  s->out = EdgesFrom(n_entities, triples, false);
  s->in = EdgesFrom(n_entities, triples, true);
  s->by_user.ptr.assign(size_t{n_users} + 1, 0);
  s->by_item.ptr.assign(links.size() + 1, 0);
  for (const int link : links) {
    if (link >= 0) {
      s->links.entity.push_back(EntityId{static_cast<uint32_t>(link)});
      s->links.confidence.push_back(1);
      s->links.method.push_back(LinkMethod::kFile);
    }
    s->links.ptr.push_back(static_cast<int64_t>(s->links.entity.size()));
  }
  s->id_space = 7;
  return s;
}

// A random graph in which every item (entity i for item i) has at least one edge.
inline std::shared_ptr<Snapshot> RandomSnapshot(uint32_t n_entities, uint32_t n_relations,
                                                uint32_t n_users, uint32_t n_items, int n_edges,
                                                uint64_t seed) {
  const Rng rng(seed, RngStream::kTest);
  std::vector<TinyTriple> triples;
  uint64_t draw = 0;
  for (int e = 0; e < n_edges; ++e) {
    const uint32_t head = static_cast<uint32_t>(e) < n_items ? static_cast<uint32_t>(e)
                                                             : rng.Below(draw++, n_entities);
    triples.push_back({head, rng.Below(draw++, n_relations), rng.Below(draw++, n_entities)});
  }
  std::vector<int> links(n_items);
  std::iota(links.begin(), links.end(), 0);
  return TinySnapshot(n_entities, n_relations, n_users, triples, links);
}

inline std::vector<LabeledPair> RandomRows(const Snapshot& s, int per_user, uint64_t seed) {
  const Rng rng(seed, RngStream::kTest, 1);
  std::vector<LabeledPair> rows;
  uint64_t draw = 0;
  for (uint32_t u = 0; u < s.n_users; ++u) {
    const uint32_t first = rng.Below(draw++, s.n_items);
    for (int i = 0; i < per_user; ++i) {
      rows.push_back({UserId{u}, ItemId{(first + static_cast<uint32_t>(i)) % s.n_items},
                      i % 2 == 0 ? 1.0f : 0.0f});
    }
  }
  return rows;
}

// The rows of a batch, with chunks of at most `chunk` consecutive rows of one user.
struct TinyBatch {
  std::vector<uint32_t> users, items;
  std::vector<float> labels;
  std::vector<int64_t> chunk_ptr;
  Batch batch;

  TinyBatch(const std::vector<LabeledPair>& rows, int chunk) {
    for (const LabeledPair& row : rows) {
      if (users.empty() || users.back() != Index(row.user) ||
          static_cast<int64_t>(users.size()) - chunk_ptr.back() >= chunk) {
        chunk_ptr.push_back(static_cast<int64_t>(users.size()));
      }
      users.push_back(Index(row.user));
      items.push_back(Index(row.item));
      labels.push_back(row.label);
    }
    chunk_ptr.push_back(static_cast<int64_t>(users.size()));
    batch.users = users;
    batch.items = items;
    batch.labels = labels;
    batch.chunk_ptr = chunk_ptr;
  }
};

// Values or the gradient of a parameter as doubles, dense.
inline std::vector<double> Values(const propagation::Tensor& t) {
  std::vector<double> out(static_cast<size_t>(t.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = t.dtype == DType::kF64 ? t.as<double>()[i] : t.as<float>()[i];
  }
  return out;
}
inline std::vector<double> Gradient(const propagation::Parameter& p) {
  if (!p.row_sparse) return Values(p.grad);
  std::vector<double> out(static_cast<size_t>(p.value.size()), 0);
  const int64_t cols = p.value.cols();
  for (const propagation::SparseGradient& g : p.sparse) {
    const std::vector<double> values = Values(g.values);
    for (int64_t r = 0; r < g.rows.size(); ++r) {
      for (int64_t c = 0; c < cols; ++c) {
        out[g.rows.as<uint32_t>()[r] * cols + c] += values[r * cols + c];
      }
    }
  }
  return out;
}
inline void SetValues(const std::vector<double>& values, propagation::Parameter* p) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (p->value.dtype == DType::kF64) {
      p->value.as<double>()[i] = values[i];
    } else {
      p->value.as<float>()[i] = static_cast<float>(values[i]);
    }
  }
}
// Random values of scale 1 instead of the small initial ones.
inline void Randomize(Model* model, double scale, uint64_t seed) {
  uint32_t number = 0;
  for (const auto& p : model->parameters()->all()) {
    const Rng rng(seed, RngStream::kTest, 100 + number++);
    std::vector<double> values(static_cast<size_t>(p->value.size()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = scale * (2.0 * rng.Uniform(i) - 1.0);
    SetValues(values, p.get());
  }
}

struct StepResult {
  double loss = 0;
  std::vector<std::vector<double>> gradients;  // in the order of the parameters
};

inline StepResult RunStep(Model* model, const Batch& batch, int slices = 2,
                          TaskArena* workers = nullptr) {
  propagation::Exec exec(workers);
  TrainingStep step(model, &exec, slices);
  model->parameters()->ZeroGradients();
  const auto loss = step.Run(batch);
  StepResult out;
  out.loss = loss.ok() ? *loss : std::nan("");
  for (const auto& p : model->parameters()->all()) out.gradients.push_back(Gradient(*p));
  return out;
}

// The logits of the batch by the training forward pass.
inline std::vector<double> ForwardLogits(RippleNet* model, const Batch& batch) {
  propagation::Exec exec(nullptr);
  propagation::Arena arena;
  propagation::Tape tape(&exec, &arena, model->parameters()->dtype());
  std::vector<propagation::Var> shared;
  model->Prepare(tape, batch, &shared);
  const Slice all{0, 0, batch.chunks(), 0, batch.rows()};
  const propagation::Var logits = model->Logits(tape, all, batch, shared, nullptr);
  return tape.status().ok() ? Values(tape.value(logits)) : std::vector<double>();
}

inline double MaxDifference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}
inline double MaxAbs(const std::vector<double>& a) {
  double worst = 0;
  for (const double x : a) worst = std::max(worst, std::fabs(x));
  return worst;
}

}  // namespace undula::models

#endif  // UNDULA_TESTS_MODELS_RIPPLENET_FIXTURE_H_
