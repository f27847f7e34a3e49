// RippleNet's scores in block form (score_form.h). With G_k the keys, T_k the values and a_k the
// weights of hop k = 1..H, W the transform (or the identity) and S the hops in the user vector y:
//
//   logits of hop k     plus:    v_0 W^(k-1) G_k^T + sum_{j<k} a_j (T_j W^(k-j) G_k^T)
//                       replace: v_0 G_1^T, then a_{k-1} (T_{k-1} W G_k^T)
//   score "paper"       sum_{k in S} a_k . (v_0 T_k^T)
//   score "code", plus  sum_{k in S} a_k . (v_0 W^H T_k^T + sum_{j<=k} a_j (T_j B_jk T_k^T)),
//                       B_kk = W^(H-k+1), B_jk = W^(H-j+1) + [j in S] (W^(H-k+1))^T
//   score "code", replace  sum_{k in S} a_k . (a_H (T_H W T_k^T))
//
// Everything in brackets is made once per user. A row of the work is [L_1 .. L_H | X_k, k in S]:
// the hops' logits, which become the weights a_k, and what they are multiplied with in the end.
#ifndef UNDULA_MODELS_RIPPLENET_BLOCK_SCORES_H_
#define UNDULA_MODELS_RIPPLENET_BLOCK_SCORES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "models/ripplenet/options.h"
#include "propagation/arena.h"
#include "propagation/ops/group_attention_simd.h"

namespace undula::models {

// Immutable and thread-safe. The bits of a score depend on the item's vector and the user's memory
// only.
class BlockScores {
 public:
  // transform: W as [dim][PadTo16(dim)], or null. options must outlive this.
  BlockScores(const RippleNetOptions* options, int64_t dim, const float* transform);

  // One user's products; views of the arena.
  struct User {
    // Adds or writes x M to columns [begin, begin + cols) of a row, x being the weights of `hop`,
    // or the item's vector (-1).
    struct Product {
      int hop;
      const float* matrix;  // [inputs][cols]
      int64_t inputs, begin, cols;
      bool add;
    };
    std::span<const propagation::AttentionSlots> hops;
    std::span<int64_t> begin;  // first column of each hop's logits
    std::span<const Product> products;
    int64_t first_in_user = 0;      // column of the first weights that y holds
    int64_t values = 0, width = 0;  // first column of X; columns of a row
  };
  // hops: key_t, value and value_t are read.
  User Prepare(std::span<const propagation::AttentionSlots> hops, propagation::Arena& arena) const;

  // Scores rows of item vectors [rows][pad]. weights (may be null): per hop, [rows][slot_pad].
  void Score(const User& user, const float* items, int64_t rows, float* out, float* const* weights,
             propagation::Arena& scratch) const;

 private:
  using Matrix = std::vector<float>;  // [dim][pad]; empty: the identity
  class Builder;

  Matrix Times(const Matrix& a, const Matrix& b) const;
  Matrix PlusTransposed(const Matrix& a, const Matrix& b) const;

  const RippleNetOptions* options_;
  int64_t dim_, pad_;
  std::vector<Matrix> power_;  // W^0 .. W^H
  std::vector<Matrix> mixed_;  // B_jk at (j - 1) H + k - 1
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_RIPPLENET_BLOCK_SCORES_H_
