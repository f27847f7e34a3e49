// BPR-MF: matrix factorisation with an item bias, trained on pairs.
// Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from Implicit
// Feedback", UAI 2009.
//
//   s(u, i) = p_u . q_i + b_i
//   L = (1 / B) sum over rows (u, i, j) of softplus(-(s(u, i) - s(u, j)))
//       + (l2 / B) sum over rows of |p_u|^2 + |q_i|^2 + |q_j|^2 + b_i^2 + b_j^2
//
// Deviations: mini-batches (mean over a batch) instead of single stochastic steps; one l2 for all
// parameters; negatives as the trainer draws them. A user without a training positive cannot be
// scored, and there is no fold-in.
#ifndef UNDULA_MODELS_BPR_MF_H_
#define UNDULA_MODELS_BPR_MF_H_

#include "models/model.h"

namespace undula::models {

struct BprMfOptions {
  int64_t dim = 32;
  double l2 = 1e-2;
  double init_scale = 0.01;  // embeddings start normal with this standard deviation
};

extern const ModelSpec kBprMfSpec;

}  // namespace undula::models

#endif  // UNDULA_MODELS_BPR_MF_H_
