// Options of KGCN and KGNN-LS.
#ifndef UNDULA_MODELS_KGCN_OPTIONS_H_
#define UNDULA_MODELS_KGCN_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/options.h"

namespace undula::models {

struct KgcnOptions {
  int64_t dim = 16;  // d: length of user, entity and relation vectors
  int64_t hops = 1;  // H: layers
  // K: neighbors drawn per entity, once; 0: the whole neighborhood (one hop only).
  int64_t neighbors = 8;
  bool resample = false;  // draw anew before every epoch; scores use the first sample
  // What a layer makes of an entity's own vector h and its message n:
  // act((h + n) W + b), act([h, n] W + b) or act(n W + b).
  std::string aggregator = "sum";
  // "code": the scales of the authors' programs, scores / dim and messages / K; "paper": neither.
  // score_scale and message_scale choose each on its own.
  std::string preset = "code";
  std::string score_scale = "preset";
  std::string message_scale = "preset";
  std::string attention = "user";  // "uniform": all neighbors weigh the same (control)
  bool kg = true;                  // false: no messages at all (control)
  // Times half the sum of squares of all vectors and weight matrices (not of biases).
  double l2_weight = 1e-4;
  // "tables": every row at every step, as the authors' programs; the tables have dense gradients,
  // and every step costs their size. "rows": the rows of the batch only, each with the expected
  // number of steps between its visits, so that an epoch regularises every row as often.
  std::string l2_mode = "rows";
  double init_scale = 1;  // times the Glorot limits of the initial vectors
  // KGNN-LS only: times the loss of the labels that propagate to the item from its neighbors.
  double ls_weight = 0.1;
  // Take a propagated label as the probability that it is; false: as a logit, as the authors'
  // program.
  bool ls_prob = false;
};

extern const OptionTable kKgcnOptions;    // without ls_*
extern const OptionTable kKgnnLsOptions;  // all

// c in the scores c u . r: 1, 1 / dim or, for uniform attention, 0.
double ScoreScale(const KgcnOptions& options);
// g in the messages g sum p h: 1 or 1 / neighbors (1 for the whole neighborhood).
double MessageScale(const KgcnOptions& options);

inline bool TablesL2(const KgcnOptions& o) { return o.l2_mode == "tables"; }

// InvalidArgument for combinations that cannot work. `name` is the model's.
absl::Status CheckKgcnOptions(std::string_view name, const KgcnOptions& options);

}  // namespace undula::models

#endif  // UNDULA_MODELS_KGCN_OPTIONS_H_
