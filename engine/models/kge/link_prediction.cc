#include "models/kge/link_prediction.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/status.h"
#include "propagation/lane_group.h"

namespace undula::models {

using propagation::LaneGroup;

namespace {

// Distances of `query` to rows, or minus their dot products: lower is better.
class Compare {
 public:
  Compare(const KgeOptions& options, int64_t dim)
      : product_(options.form == "distmult"), l1_(options.distance == "l1"), dim_(dim) {}

  float operator()(const float* query, const float* row) const {
    const LaneGroup group;
    if (product_) {
      return -group.Sum(dim_, [&](int64_t c) { return query[c] * row[c]; });
    }
    if (l1_) {
      return group.Sum(dim_, [&](int64_t c) { return std::fabs(query[c] - row[c]); });
    }
    return group.Sum(dim_, [&](int64_t c) {  // the square orders as the root does
      const float v = query[c] - row[c];
      return v * v;
    });
  }
  bool product() const { return product_; }

 private:
  bool product_, l1_;
  int64_t dim_;
};

// The entities at the other end of `row`'s edges of one relation.
std::span<const EntityId> Answers(const EdgeCsr& graph, EntityId row, RelationId relation) {
  const auto begin = graph.relation.begin() + graph.ptr[Index(row)];
  const auto end = graph.relation.begin() + graph.ptr[Index(row) + 1];
  const auto [first, last] = std::equal_range(begin, end, relation);
  return {graph.entity.data() + (first - graph.relation.begin()),
          static_cast<size_t>(last - first)};
}

}  // namespace

absl::StatusOr<LinkMetrics> EvaluateLinks(const Kge& model, std::span<const Triple> triples,
                                          const EdgeCsr& known, const EdgeCsr& known_in,
                                          TaskArena& workers, Progress* progress) {
  for (const Triple& t : triples) {
    if (Index(t.head) >= model.entities() || Index(t.tail) >= model.entities() ||
        Index(t.relation) >= model.relations()) {
      return InvalidArgumentError("triple (", Index(t.head), ", ", Index(t.relation), ", ",
                                  Index(t.tail), ") is unknown to the model (", model.entities(),
                                  " entities, ", model.relations(), " relations)");
    }
  }
  const auto& options = *static_cast<const KgeOptions*>(model.options());
  const int64_t dim = model.relation_dim(), n = model.entities();
  const Compare compare(options, dim);
  const std::vector<float> vectors = model.EntityVectors();
  const std::vector<float> relations = model.RelationVectors();
  std::vector<uint32_t> order(triples.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return triples[a].relation < triples[b].relation;
  });

  std::vector<double> rank(2 * triples.size());
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    const RelationId relation = triples[order[begin]].relation;
    while (end < order.size() && triples[order[end]].relation == relation) ++end;
    const std::vector<float> rows = model.Projected(Index(relation), vectors);
    const float* r = relations.data() + int64_t{Index(relation)} * dim;
    UNDULA_RETURN_IF_ERROR(Progress::Report(progress, static_cast<int64_t>(begin),
                                            static_cast<int64_t>(order.size()), "link prediction"));
    const auto queries = static_cast<int64_t>(2 * (end - begin));
    workers.For(queries, 4, [&](int64_t first, int64_t last) {
      std::vector<float> query(static_cast<size_t>(dim)), score(static_cast<size_t>(n));
      for (int64_t q = first; q < last; ++q) {
        const uint32_t at = order[begin + static_cast<size_t>(q / 2)];
        const Triple& t = triples[at];
        const bool of_tail = q % 2 == 0;
        const float* given = rows.data() + int64_t{Index(of_tail ? t.head : t.tail)} * dim;
        for (int64_t c = 0; c < dim; ++c) {
          query[c] = compare.product() ? given[c] * r[c]
                     : of_tail         ? given[c] + r[c]
                                       : given[c] - r[c];
        }
        for (int64_t e = 0; e < n; ++e) score[e] = compare(query.data(), rows.data() + e * dim);
        const EntityId truth = of_tail ? t.tail : t.head;
        const float bound = score[Index(truth)];
        int64_t before = 0, equal = 0;
        const auto count = [&](float s, int64_t by) {
          before += s < bound ? by : 0;
          equal += s == bound ? by : 0;
        };
        for (int64_t e = 0; e < n; ++e) count(score[e], 1);
        const auto answers =
            of_tail ? Answers(known, t.head, relation) : Answers(known_in, t.tail, relation);
        count(bound, -1);  // the truth itself
        for (const EntityId e : answers) {
          if (e != truth) count(score[Index(e)], -1);
        }
        rank[2 * at + (of_tail ? 0 : 1)] =
            1 + static_cast<double>(before) + static_cast<double>(equal) / 2;
      }
    });
  }

  LinkMetrics out;
  out.queries = static_cast<int64_t>(rank.size());
  if (rank.empty()) return out;
  for (const double place : rank) {
    out.mrr += 1 / place;
    out.mean_rank += place;
    out.hits1 += place <= 1 ? 1 : 0;
    out.hits3 += place <= 3 ? 1 : 0;
    out.hits10 += place <= 10 ? 1 : 0;
  }
  for (double* value : {&out.mrr, &out.mean_rank, &out.hits1, &out.hits3, &out.hits10}) {
    *value /= static_cast<double>(rank.size());
  }
  return out;
}

}  // namespace undula::models
