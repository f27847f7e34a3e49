// Which arrangement of RippleNet's forward pass scores items for one user with the fewest
// multiply-adds. All are exact; docs/models/ripplenet.md has the equations and the measurements.
//
//   direct    hop by hop, as training: a_k = softmax(v_{k-1} G_k^T), o_k = a_k T_k, v_k by W
//   unrolled  v_k = v_0 W^k + sum_j a_j (T_j W^(k-j+1)), with the products in brackets once per
//   user block     v_k is never formed: hop k's logits are linear in v_0 and the earlier a_j, the
//   score is
//             bilinear in v_0 and the a_j (block_scores.h)
#ifndef UNDULA_MODELS_RIPPLENET_SCORE_FORM_H_
#define UNDULA_MODELS_RIPPLENET_SCORE_FORM_H_

#include <cstdint>
#include <span>

#include "models/ripplenet/options.h"

namespace undula::models {

enum class ScoreForm : uint8_t { kDirect, kUnrolled, kBlock };

// Multiply-adds of one (user, item) pair, softmax left out. slots: M_k of each hop; dim and slots
// as the kernels pad them (to 16), since padding is worked like the rest.
int64_t PairCost(ScoreForm form, const RippleNetOptions& options, int64_t dim,
                 std::span<const int64_t> slots);

// Direct or block, whichever costs less; direct where they are level. Unrolled was not built: it
// needs the fewest only with a transform and the last hop alone in the user vector, by less than a
// sixth (a test walks the options).
ScoreForm ChooseForm(const RippleNetOptions& options, int64_t dim, std::span<const int64_t> slots);

}  // namespace undula::models

#endif  // UNDULA_MODELS_RIPPLENET_SCORE_FORM_H_
