#include "models/ripplenet/block_scores.h"

#include <algorithm>
#include <cstring>

namespace undula::models {

using propagation::Arena;
using propagation::AttentionSlots;

namespace {

// Items worked at a time: a row's columns stay in the second cache.
constexpr int64_t kTileRows = 64;

}  // namespace

BlockScores::Matrix BlockScores::Times(const Matrix& a, const Matrix& b) const {
  if (a.empty()) return b;
  if (b.empty()) return a;
  Matrix out(a.size());
  propagation::GetAttentionKernels().multiply(a.data(), pad_, dim_, b.data(), dim_, pad_,
                                              out.data(), pad_);
  return out;
}

BlockScores::Matrix BlockScores::PlusTransposed(const Matrix& a, const Matrix& b) const {
  const auto at = [&](const Matrix& m, int64_t i, int64_t j) {
    return m.empty() ? (i == j ? 1.0f : 0.0f) : m[i * pad_ + j];
  };
  Matrix out(static_cast<size_t>(dim_ * pad_), 0.0f);
  for (int64_t i = 0; i < dim_; ++i) {
    for (int64_t j = 0; j < dim_; ++j) out[i * pad_ + j] = at(a, i, j) + at(b, j, i);
  }
  return out;
}

BlockScores::BlockScores(const RippleNetOptions* options, int64_t dim, const float* transform)
    : options_(options), dim_(dim), pad_(propagation::PadTo16(dim)) {
  const auto hops = static_cast<size_t>(options->hops);
  Matrix w;
  if (transform != nullptr) w.assign(transform, transform + dim_ * pad_);
  power_.resize(hops + 1);
  for (size_t p = 1; p <= hops; ++p) power_[p] = Times(power_[p - 1], w);
  if (PaperScoring(*options) || !AddsAddress(*options)) return;
  mixed_.resize(hops * hops);
  for (size_t k = 0; k < hops; ++k) {
    mixed_[k * hops + k] = power_[hops - k];
    for (size_t j = 0; j < k; ++j) {
      mixed_[j * hops + k] = options->using_all_hops
                                 ? PlusTransposed(power_[hops - j], power_[hops - k])
                                 : power_[hops - j];
    }
  }
}

// Collects one user's products.
class BlockScores::Builder {
 public:
  Builder(const BlockScores& scores, std::span<const AttentionSlots> hops, Arena* arena)
      : scores_(scores), o_(*scores.options_), hops_(hops), arena_(*arena) {
    const size_t n = hops.size();
    products_ = arena_.New<User::Product>(n * (n + 2) * 2);
    user_.hops = hops;
    user_.begin = {arena_.New<int64_t>(n), n};
    for (size_t k = 0; k < n; ++k) {
      user_.begin[k] = user_.values;
      user_.values += hops[k].slot_pad;
    }
    first_ = o_.using_all_hops ? 0 : n - 1;
    user_.first_in_user = user_.begin[first_];
    user_.width = 2 * user_.values - user_.first_in_user;
  }

  User Build() {
    const size_t n = hops_.size();
    FromItem();
    for (size_t j = 0; j < n; ++j) {
      const size_t last = AddsAddress(o_) ? n : std::min(n, j + 2);
      if (j + 1 < last) FromWeights(j, j + 1, last);
      if (PaperScoring(o_)) continue;
      if (AddsAddress(o_)) {
        ToScore(j, std::max(j, first_));
      } else if (j + 1 == n) {
        ToScore(j, first_);
      }
    }
    user_.products = {products_, count_};
    return user_;
  }

 private:
  float* Floats(int64_t n) const { return arena_.New<float>(static_cast<size_t>(n)); }
  int64_t end(size_t hop) const { return user_.begin[hop] + hops_[hop].slot_pad; }
  // First column of X of a hop of y.
  int64_t value(size_t hop) const { return user_.values + user_.begin[hop] - user_.first_in_user; }
  float* Add(int hop, int64_t inputs, int64_t begin, int64_t cols, bool add) {
    float* matrix = Floats(inputs * cols);
    products_[count_++] = {hop, matrix, inputs, begin, cols, add};
    return matrix;
  }
  // to = x M right, [rows][cols of the row]: right is [dim][cols], to one column range of a
  // product.
  void Write(const float* x, int64_t ldx, int64_t rows, const float* right, int64_t cols, float* to,
             int64_t ldo) const {
    propagation::GetAttentionKernels().multiply(x, ldx, rows, right, scores_.dim_, cols, to, ldo);
  }
  // The values of a hop times a matrix: [slots][pad].
  const float* Values(size_t hop, const Matrix& m) const {
    const AttentionSlots& s = hops_[hop];
    if (m.empty()) return s.value;
    float* out = Floats(s.slots * scores_.pad_);
    Write(s.value, s.value_pad, s.slots, m.data(), scores_.pad_, out, scores_.pad_);
    return out;
  }

  // Logits and X that are linear in the item's vector.
  void FromItem() {
    const size_t n = hops_.size(), logits = AddsAddress(o_) ? n : std::min<size_t>(n, 1);
    float* to = Add(-1, scores_.dim_, 0, end(logits - 1), false);
    for (size_t k = 0; k < logits; ++k) {
      Power(k, hops_[k].key_t, hops_[k].slot_pad, to + user_.begin[k], end(logits - 1));
    }
    if (!PaperScoring(o_) && !AddsAddress(o_)) return;
    const int64_t cols = user_.width - user_.values;
    to = Add(-1, scores_.dim_, user_.values, cols, false);
    for (size_t k = first_; k < n; ++k) {
      Power(PaperScoring(o_) ? 0 : n, hops_[k].value_t, hops_[k].slot_pad,
            to + value(k) - user_.values, cols);
    }
  }
  // to = W^p right.
  void Power(size_t p, const float* right, int64_t cols, float* to, int64_t ldo) const {
    const Matrix& w = scores_.power_[p];
    if (!w.empty()) {
      Write(w.data(), scores_.pad_, scores_.dim_, right, cols, to, ldo);
      return;
    }
    for (int64_t i = 0; i < scores_.dim_; ++i) {
      std::memcpy(to + i * ldo, right + i * cols, static_cast<size_t>(cols) * sizeof(float));
    }
  }
  // Logits of hops [first, last) from the weights of hop j.
  void FromWeights(size_t j, size_t first, size_t last) {
    const AttentionSlots& s = hops_[j];
    const int64_t begin = user_.begin[first], cols = end(last - 1) - begin;
    float* to = Add(static_cast<int>(j), s.slots, begin, cols, AddsAddress(o_));
    for (size_t k = first; k < last; ++k) {
      Write(Values(j, scores_.power_[AddsAddress(o_) ? k - j : 1]), scores_.pad_, s.slots,
            hops_[k].key_t, hops_[k].slot_pad, to + user_.begin[k] - begin, cols);
    }
  }
  // X of hops [first, H) from the weights of hop j.
  void ToScore(size_t j, size_t first) {
    const AttentionSlots& s = hops_[j];
    const int64_t begin = value(first), cols = user_.width - begin;
    float* to = Add(static_cast<int>(j), s.slots, begin, cols, AddsAddress(o_));
    for (size_t k = first; k < hops_.size(); ++k) {
      const Matrix& m = AddsAddress(o_) ? scores_.mixed_[j * hops_.size() + k] : scores_.power_[1];
      Write(Values(j, m), scores_.pad_, s.slots, hops_[k].value_t, hops_[k].slot_pad,
            to + value(k) - begin, cols);
    }
  }

  const BlockScores& scores_;
  const RippleNetOptions& o_;
  std::span<const AttentionSlots> hops_;
  Arena& arena_;
  User user_;
  User::Product* products_ = nullptr;
  size_t count_ = 0, first_ = 0;
};

BlockScores::User BlockScores::Prepare(std::span<const AttentionSlots> hops, Arena& arena) const {
  return Builder(*this, hops, &arena).Build();
}

void BlockScores::Score(const User& user, const float* items, int64_t rows, float* out,
                        float* const* weights, Arena& scratch) const {
  const auto& kernels = propagation::GetAttentionKernels();
  const int64_t width = user.width;
  float* work = scratch.New<float>(static_cast<size_t>(std::min(kTileRows, rows) * width));
  for (int64_t row = 0; row < rows; row += kTileRows) {
    const int64_t n = std::min(kTileRows, rows - row);
    const auto multiply = [&](int hop, const float* x, int64_t ldx) {
      for (const User::Product& p : user.products) {
        if (p.hop != hop) continue;
        (p.add ? kernels.multiply_add : kernels.multiply)(x, ldx, n, p.matrix, p.inputs, p.cols,
                                                          work + p.begin, width);
      }
    };
    multiply(-1, items + row * pad_, pad_);
    for (size_t k = 0; k < user.hops.size(); ++k) {
      const AttentionSlots& slots = user.hops[k];
      float* a = work + user.begin[k];
      kernels.softmax(slots, n, a, width);
      if (weights != nullptr) {
        for (int64_t i = 0; i < n; ++i) {
          std::memcpy(weights[k] + (row + i) * slots.slot_pad, a + i * width,
                      static_cast<size_t>(slots.slot_pad) * sizeof(float));
        }
      }
      multiply(static_cast<int>(k), a, width);
    }
    kernels.row_dot(work + user.first_in_user, width, work + user.values, width, n,
                    width - user.values, out + row);
  }
}

}  // namespace undula::models
