#include "models/ripplenet/score_form.h"

namespace undula::models {
namespace {

struct Cost {
  const RippleNetOptions& o;
  int64_t dim;
  std::span<const int64_t> slots;
  int hops = static_cast<int>(slots.size());
  // Whether the user vector y contains o_k; hops from 0.
  bool in_user(int k) const { return o.using_all_hops || k + 1 == hops; }
  // The updated address of hop k is used: by the next hop, or by the score.
  bool addressed(int k) const { return k + 1 < hops || !PaperScoring(o); }
};

int64_t Direct(const Cost& c) {
  int64_t sum = 0;
  for (int k = 0; k < c.hops; ++k) {
    sum += 2 * c.slots[k] * c.dim;
    if (c.addressed(k) && HasTransform(c.o)) sum += c.dim * c.dim;
  }
  return sum;
}

// o_k is read where y holds it, and where v_k is o_k or its sum. With W, the reads of T_j W^p are
// reads of their own.
int64_t Unrolled(const Cost& c) {
  if (!HasTransform(c.o)) return Direct(c);
  int64_t sum = 0;
  for (int k = 0; k < c.hops; ++k) {
    sum += c.slots[k] * c.dim;
    if (c.in_user(k)) sum += c.slots[k] * c.dim;
    if (!c.addressed(k)) continue;
    for (int j = AddsAddress(c.o) ? 0 : k; j <= k; ++j) sum += c.slots[j] * c.dim;
  }
  return sum;
}

int64_t Block(const Cost& c) {
  int64_t sum = 0;
  for (int k = 0; k < c.hops; ++k) {
    // Logits: from v_0, and from the weights of earlier hops.
    if (k == 0 || AddsAddress(c.o)) sum += c.slots[k] * c.dim;
    for (int j = AddsAddress(c.o) ? 0 : k - 1; j < k; ++j) {
      if (j >= 0) sum += c.slots[j] * c.slots[k];
    }
    // The score's terms a_k . (...): from v_0, and from weights.
    if (c.in_user(k) && (PaperScoring(c.o) || AddsAddress(c.o))) sum += c.slots[k] * c.dim;
    if (PaperScoring(c.o)) continue;
    if (AddsAddress(c.o)) {
      for (int j = 0; j <= k; ++j) {
        if (c.in_user(j) || c.in_user(k)) sum += c.slots[j] * c.slots[k];
      }
    } else if (c.in_user(k)) {
      sum += c.slots[c.hops - 1] * c.slots[k];
    }
  }
  return sum;
}

}  // namespace

int64_t PairCost(ScoreForm form, const RippleNetOptions& options, int64_t dim,
                 std::span<const int64_t> slots) {
  const Cost cost{options, dim, slots};
  switch (form) {
    case ScoreForm::kDirect:
      return Direct(cost);
    case ScoreForm::kUnrolled:
      return Unrolled(cost);
    case ScoreForm::kBlock:
      return Block(cost);
  }
  return 0;
}

ScoreForm ChooseForm(const RippleNetOptions& options, int64_t dim, std::span<const int64_t> slots) {
  return PairCost(ScoreForm::kBlock, options, dim, slots) <
                 PairCost(ScoreForm::kDirect, options, dim, slots)
             ? ScoreForm::kBlock
             : ScoreForm::kDirect;
}

}  // namespace undula::models
