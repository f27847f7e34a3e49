// The running mean of a training's parameters over its epochs (Polyak and Juditsky, SIAM J. Control
// Optim. 1992; exponential and over epochs as in Izmailov et al., UAI 2018, "averaging weights"):
//   mean_e = (1 - b) / (1 - b^e) * sum_{i <= e} b^(e-i) p_i
// with b = TrainOptions::average. Equal values stay equal, bit for bit.
#ifndef UNDULA_MODELS_TRAIN_RUNNING_MEAN_H_
#define UNDULA_MODELS_TRAIN_RUNNING_MEAN_H_

#include <cstdint>

#include "base/tensor_map.h"

namespace undula::models {

// `mean`: that of epochs 1 to epoch - 1, of the same tensors as `values` (for epoch 1 it is not
// read); becomes that of 1 to epoch. Tensors are kF32 or kF64, share is in [0, 1).
void AddToMean(double share, int64_t epoch, const TensorMap& values, TensorMap* mean);

}  // namespace undula::models

#endif  // UNDULA_MODELS_TRAIN_RUNNING_MEAN_H_
