// Pair losses of a batch against negatives that all its rows share: the scores of B rows and M
// negatives are formed in tiles (a product of matrices) and never stored. Ying et al., "PinSAGE",
// KDD 2018, section 3.3 (eq. 1, and "500 negative items shared by all training examples").
#ifndef UNDULA_PROPAGATION_OPS_SHARED_NEGATIVES_H_
#define UNDULA_PROPAGATION_OPS_SHARED_NEGATIVES_H_

#include "propagation/tape.h"

namespace undula::propagation {

enum class PairForm : uint8_t {
  kMargin,    // max(0, q.n - positive + margin); the gradient at the kink is 0
  kBpr,       // softplus(q.n - positive)
  kLogistic,  // softplus(q.n): the negative half of a binary cross-entropy
};

// Negatives that do not count for a row (its own positives): columns[ptr[b] .. ptr[b + 1]),
// ascending. Empty tensors: all count.
struct ExcludedNegatives {
  Tensor ptr;      // i64 [B + 1]
  Tensor columns;  // u32, each < M
};

// q: [B, d]; positive: [B], the scores of the rows' positives (kLogistic: not used, may be
// invalid); negatives: [M, d]. Output: a scalar,
// sum over b and the j that count of f(q_b . negative_j, positive_b) / divisor, in float64 over
// rows.
Var SharedNegativeLoss(Tape& tape, Var q, Var positive, Var negatives,
                       const ExcludedNegatives& excluded, PairForm form, double margin,
                       double divisor);

}  // namespace undula::propagation

#endif  // UNDULA_PROPAGATION_OPS_SHARED_NEGATIVES_H_
