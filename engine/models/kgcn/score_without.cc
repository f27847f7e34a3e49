// One pair worked by the plain recursion over the item's tree, so that triples can be left out.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "models/kgcn/scorer.h"

namespace undula::models {
namespace {

using Vector = std::vector<float>;

// out += x w; w: [d][pad].
void AddProduct(const Vector& x, const std::vector<float>& w, int64_t pad, Vector* out) {
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t j = 0; j < out->size(); ++j)
      (*out)[j] += x[i] * w[i * static_cast<size_t>(pad) + j];
  }
}

}  // namespace

// h^l of the entity `distance` steps from the item.
class KgcnScorer::PlainTree {
 public:
  PlainTree(const KgcnScorer& scorer, const float* x, int hop,
            std::span<const AttentionSlot> removed)
      : scorer_(scorer), x_(x), hop_(hop), removed_(removed) {}

  const Vector& Layer(int layer, uint32_t entity) {
    const auto [at, fresh] = known_.try_emplace({layer, entity});
    if (!fresh) return at->second;
    Vector value = Work(layer, entity);  // may add to known_, whose entries stay where they are
    return at->second = std::move(value);
  }

 private:
  Vector Work(int layer, uint32_t entity) {
    const auto dim = static_cast<size_t>(scorer_.dim_);
    const KgcnOptions& o = scorer_.state_->options;
    if (layer == 0) {
      const float* row = scorer_.entity_.data() + entity * dim;
      return Vector(row, row + dim);
    }
    const auto l = static_cast<size_t>(layer - 1);
    Vector out(scorer_.bias_[l].begin(), scorer_.bias_[l].begin() + scorer_.dim_);
    if (o.aggregator != "neighbor")
      AddProduct(Layer(layer - 1, entity), scorer_.own_[l], scorer_.pad_, &out);
    if (o.kg) AddProduct(Message(layer, entity), scorer_.message_[l], scorer_.pad_, &out);
    const bool last = layer == o.hops;
    for (float& value : out) value = last ? std::tanh(value) : std::max(value, 0.0f);
    return out;
  }

  Vector Message(int layer, uint32_t entity) {
    const auto& sample = scorer_.state_->sample;
    // An entity of layer l stands H - l steps from the item; its edges are of the next hop.
    const int distance = static_cast<int>(scorer_.state_->options.hops) - layer + 1;
    Vector sum(static_cast<size_t>(scorer_.dim_), 0.0f);
    float weights = 0;
    for (int64_t s = sample.ptr[entity]; s < sample.ptr[entity + 1]; ++s) {
      const uint32_t other = sample.entity[s];
      if ((hop_ == 0 || hop_ == distance) &&
          Removed(entity, sample.relation[s], other, sample.inverse[s] != 0)) {
        continue;
      }
      const float weight = x_[sample.relation[s]] * sample.count[s];
      const Vector& below = Layer(layer - 1, other);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += weight * below[i];
      weights += weight;
    }
    for (float& value : sum) value = weights > 0 ? scorer_.gain_ * value / weights : 0.0f;
    return sum;
  }

  bool Removed(uint32_t entity, uint32_t relation, uint32_t other, bool inverse) const {
    if (inverse) std::swap(entity, other);
    return std::any_of(removed_.begin(), removed_.end(), [&](const AttentionSlot& r) {
      return Index(r.head) == entity && Index(r.relation) == relation && Index(r.tail) == other;
    });
  }

  const KgcnScorer& scorer_;
  const float* x_;
  const int hop_;
  const std::span<const AttentionSlot> removed_;
  std::map<std::pair<int, uint32_t>, Vector> known_;
};

absl::StatusOr<float> KgcnScorer::ScoreWithout(const UserQuery& query, ItemId item, int hop,
                                               std::span<const AttentionSlot> removed) const {
  UNDULA_RETURN_IF_ERROR(CheckUser(query));
  const int hops = static_cast<int>(state_->options.hops);
  if (Index(item) >= n_items()) {
    return NotFoundError(state_->name, ": item ", Index(item), " is unknown to this model");
  }
  if (hop < 0 || hop > hops) {
    return InvalidArgumentError(state_->name, ": hop ", hop, " is not in 0..", hops);
  }
  propagation::Arena scratch;
  float *x = nullptr, *vector = nullptr;
  LoadUser(Index(query.user), scratch, &x, &vector);
  PlainTree tree(*this, x, hop, removed);
  const Vector& h = tree.Layer(hops, state_->item_row[Index(item)]);
  float score = 0;
  for (size_t i = 0; i < h.size(); ++i) score += h[i] * vector[i];
  return score;
}

}  // namespace undula::models
