// Options of RippleNet.
#ifndef UNDULA_MODELS_RIPPLENET_OPTIONS_H_
#define UNDULA_MODELS_RIPPLENET_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/options.h"

namespace undula::models {

struct RippleNetOptions {
  int64_t dim = 16;     // d: length of entity vectors; relations are [d, d] matrices
  int64_t hops = 2;     // H
  int64_t memory = 32;  // M: triples per hop
  // What addresses the next hop after hop k read o_k from address v: o_k ("replace"), v + o_k
  // ("plus"), or one of them times W ("*_transform").
  std::string item_update = "replace";
  // The user vector y is the sum of all o_k, or the last one only.
  bool using_all_hops = true;
  // "paper": score v_0 . y, the item's own vector (CIKM 2018, eq. 7). "code": v_H . y, the updated
  // one, as the authors' program and RecBole.
  std::string scoring = "paper";
  // The reward of the graph's own triples, sum of sigmoid(h^T R t) over the slots: "mean" divides
  // by batch rows * memory as the authors' program, "sum" does not, and needs a weight that is
  // smaller by that factor.
  double kge_weight = 0.01;
  std::string kge_norm = "mean";
  // Times the sum of |h|^2 + |t|^2 + |R|^2 over the slots of the batch (not a mean).
  double l2_weight = 1e-7;
  // Times the authors' Glorot limits of the initial entity vectors.
  double init_scale = 1;
  // Walk edges against their direction too, as relations of their own.
  bool inverse_edges = false;
  // Merge equal triples of a hop into one slot with a count: the same result, less work.
  bool dedupe = true;
};

extern const OptionTable kRippleNetOptions;

inline bool HasTransform(const RippleNetOptions& o) {
  return o.item_update == "replace_transform" || o.item_update == "plus_transform";
}
inline bool AddsAddress(const RippleNetOptions& o) {
  return o.item_update == "plus" || o.item_update == "plus_transform";
}
inline bool PaperScoring(const RippleNetOptions& o) { return o.scoring == "paper"; }

// InvalidArgument for the combination that cannot work: replace + last hop + code scoring scores
// |o_H|^2, which is never negative, so no probability falls below 0.5.
absl::Status CheckRippleNetOptions(const RippleNetOptions& options);

}  // namespace undula::models

#endif  // UNDULA_MODELS_RIPPLENET_OPTIONS_H_
