#include "models/kge/triples.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/rng.h"
#include "base/status.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(TripleOptions, valid_share, kFloat, 0, 1, "",
                  "share of the triples that choose the epoch"),
    UNDULA_OPTION(TripleOptions, test_share, kFloat, 0, 1, "",
                  "share of the triples that the result is measured on"),
    UNDULA_OPTION(TripleOptions, corruption, kChoice, 0, 0, "bernoulli|uniform",
                  "which end of a triple is replaced: by the relation's fan-out, or either"),
    UNDULA_OPTION(TripleOptions, filter_negatives, kBool, 0, 0, "",
                  "never train on a negative that is a training triple"),
    UNDULA_OPTION(TripleOptions, seed, kInt, 0, 9e18, "", "of the cut"),
};
constexpr OptionTable kTable{"triples", kFields};

// A random order of 0 .. n-1: Fisher and Yates, drawn from `rng`.
std::vector<uint32_t> RandomOrder(int64_t n, const Rng& rng) {
  std::vector<uint32_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0u);
  for (int64_t i = n; i > 1; --i) {
    std::swap(order[i - 1], order[rng.Below(i, static_cast<uint32_t>(i))]);
  }
  return order;
}

std::vector<uint32_t> HeadsOf(const EdgeCsr& graph) {
  std::vector<uint32_t> head(static_cast<size_t>(graph.edges()));
  for (int64_t e = 0; e < graph.rows(); ++e) {
    std::fill(head.begin() + graph.ptr[e], head.begin() + graph.ptr[e + 1],
              static_cast<uint32_t>(e));
  }
  return head;
}

}  // namespace

const OptionTable& TripleOptionTable() { return kTable; }

absl::StatusOr<TripleSplit> MakeTripleSplit(const EdgeCsr& graph, uint32_t n_relations,
                                            double valid_share, double test_share, uint64_t seed) {
  if (!(valid_share >= 0) || !(test_share >= 0) || !(valid_share + test_share < 1)) {
    return InvalidArgumentError("shares of validation (", valid_share, ") and test (", test_share,
                                ") must be at least 0 and leave something to train on");
  }
  const int64_t n = graph.edges();
  if (n == 0) return FailedPreconditionError("the graph has no triples between entities");
  const std::vector<uint32_t> head = HeadsOf(graph);
  // Training triples that are left of each.
  std::vector<int64_t> of_entity(static_cast<size_t>(graph.rows()), 0);
  std::vector<int64_t> of_relation(n_relations, 0);
  for (int64_t i = 0; i < n; ++i) {
    ++of_entity[head[i]];
    ++of_entity[Index(graph.entity[i])];
    ++of_relation[Index(graph.relation[i])];
  }
  const auto wanted_valid = static_cast<size_t>(valid_share * static_cast<double>(n));
  const auto wanted_test = static_cast<size_t>(test_share * static_cast<double>(n));
  TripleSplit split;
  std::vector<uint8_t> held_out(static_cast<size_t>(n), 0);
  for (const uint32_t i : RandomOrder(n, Rng(seed, RngStream::kSplit))) {
    auto& part = split.test.size() < wanted_test ? split.test : split.valid;
    if (&part == &split.valid && split.valid.size() >= wanted_valid) break;
    const uint32_t h = head[i], t = Index(graph.entity[i]), r = Index(graph.relation[i]);
    const int64_t own = h == t ? 2 : 1;  // of a loop both ends count
    if (of_entity[h] <= own || of_entity[t] <= own || of_relation[r] <= 1) continue;
    --of_entity[h];
    --of_entity[t];
    --of_relation[r];
    held_out[i] = 1;
    part.push_back({EntityId{h}, RelationId{r}, EntityId{t}});
  }
  split.train.ptr.assign(1, 0);
  for (int64_t e = 0; e < graph.rows(); ++e) {
    for (int64_t i = graph.ptr[e]; i < graph.ptr[e + 1]; ++i) {
      if (held_out[i] != 0) continue;
      split.train.relation.push_back(graph.relation[i]);
      split.train.entity.push_back(graph.entity[i]);
    }
    split.train.ptr.push_back(static_cast<int64_t>(split.train.entity.size()));
  }
  split.description =
      Concat("triples at random, seed ", seed, ": ", split.train.edges(), " training, ",
             split.valid.size(), " validation, ", split.test.size(), " test");
  return split;
}

bool HasEdge(const EdgeCsr& graph, EntityId head, RelationId relation, EntityId tail) {
  int64_t low = graph.ptr[Index(head)], high = graph.ptr[Index(head) + 1];
  const std::pair wanted(relation, tail);
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const std::pair there(graph.relation[middle], graph.entity[middle]);
    if (there == wanted) return true;
    if (there < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

namespace {

uint64_t HashOf(EntityId head, RelationId relation, EntityId tail) {
  uint64_t x = (uint64_t{Index(head)} << 32 | Index(tail)) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 32) ^ Index(relation)) * 0xD6E8FEB86659FD93u;
  return (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
}

uint64_t BitsOf(uint64_t hash) {
  return uint64_t{1} << (hash & 63) | uint64_t{1} << (hash >> 6 & 63) |
         uint64_t{1} << (hash >> 12 & 63);
}

}  // namespace

TripleFilter::TripleFilter(const EdgeCsr& graph) {
  int64_t words = 1;
  for (; words * 4 < graph.edges(); words *= 2) --shift_;
  words_.assign(static_cast<size_t>(words), 0);
  for (int64_t e = 0; e < graph.rows(); ++e) {
    for (int64_t i = graph.ptr[e]; i < graph.ptr[e + 1]; ++i) {
      const uint64_t hash =
          HashOf(EntityId{static_cast<uint32_t>(e)}, graph.relation[i], graph.entity[i]);
      words_[shift_ == 64 ? 0 : hash >> shift_] |= BitsOf(hash);
    }
  }
}

bool TripleFilter::MayHave(EntityId head, RelationId relation, EntityId tail) const {
  const uint64_t hash = HashOf(head, relation, tail), bits = BitsOf(hash);
  return (words_[shift_ == 64 ? 0 : hash >> shift_] & bits) == bits;
}

TripleBatcher::TripleBatcher(const EdgeCsr& graph, uint32_t n_relations,
                             const TripleBatchOptions& options)
    : graph_(&graph), filter_(graph), options_(options), head_(HeadsOf(graph)) {
  replaces_head_.assign(n_relations, 0.5f);
  if (options_.corruption != "bernoulli") return;
  // Triples, distinct heads and distinct tails of each relation.
  std::vector<int64_t> triples(n_relations, 0), heads(n_relations, 0), tails(n_relations, 0);
  std::vector<std::pair<uint32_t, uint32_t>> by_tail(head_.size());
  for (int64_t i = 0; i < graph.edges(); ++i) {
    const uint32_t r = Index(graph.relation[i]);
    ++triples[r];
    const bool first = i == graph.ptr[head_[i]] || graph.relation[i - 1] != graph.relation[i];
    heads[r] += first ? 1 : 0;
    by_tail[i] = {Index(graph.entity[i]), r};
  }
  std::sort(by_tail.begin(), by_tail.end());
  for (size_t i = 0; i < by_tail.size(); ++i) {
    tails[by_tail[i].second] += i == 0 || by_tail[i] != by_tail[i - 1] ? 1 : 0;
  }
  for (uint32_t r = 0; r < n_relations; ++r) {
    // tph / (tph + hpt) with tph = triples / heads and hpt = triples / tails.
    if (triples[r] > 0) {
      replaces_head_[r] = static_cast<float>(tails[r]) / static_cast<float>(tails[r] + heads[r]);
    }
  }
}

int64_t TripleBatcher::StartEpoch(int64_t epoch) {
  epoch_ = epoch;
  order_ =
      RandomOrder(rows(), Rng(options_.seed, RngStream::kShuffle, static_cast<uint32_t>(epoch)));
  return (rows() + options_.batch_size - 1) / options_.batch_size;
}

Batch TripleBatcher::Get(int64_t step) {
  const int64_t begin = step * options_.batch_size;
  const auto n = static_cast<size_t>(std::min(options_.batch_size, rows() - begin));
  for (auto* values : {&heads_, &relations_, &tails_, &corrupt_}) values->resize(n);
  corrupts_head_.resize(n);
  while (chunk_ptr_.size() < n + 1) chunk_ptr_.push_back(static_cast<int64_t>(chunk_ptr_.size()));
  const Rng rng(options_.seed, RngStream::kNegative, static_cast<uint32_t>(epoch_));
  const auto entities = static_cast<uint32_t>(graph_->rows());
  for (size_t i = 0; i < n; ++i) {
    const uint32_t edge = order_[begin + static_cast<int64_t>(i)];
    const EntityId head{head_[edge]}, tail = graph_->entity[edge];
    const RelationId relation = graph_->relation[edge];
    heads_[i] = Index(head);
    relations_[i] = Index(relation);
    tails_[i] = Index(tail);
    const uint64_t first = uint64_t{edge} * (kDraws + 1);
    const bool replaces_head = rng.Uniform(first) < replaces_head_[Index(relation)];
    corrupts_head_[i] = replaces_head ? 1 : 0;
    for (int draw = 1; draw <= kDraws; ++draw) {
      const EntityId other{rng.Below(first + static_cast<uint64_t>(draw), entities)};
      corrupt_[i] = Index(other);
      const EntityId h = replaces_head ? other : head, t = replaces_head ? tail : other;
      if (!options_.filter_negatives || !filter_.MayHave(h, relation, t) ||
          !HasEdge(*graph_, h, relation, t))
        break;
    }
  }
  Batch batch;
  batch.heads = heads_;
  batch.relations = relations_;
  batch.tails = tails_;
  batch.corrupt = corrupt_;
  batch.corrupts_head = corrupts_head_;
  batch.chunk_ptr = std::span(chunk_ptr_).first(n + 1);
  return batch;
}

}  // namespace undula::models
