#include "models/ripplenet/options.h"

#include "base/status.h"

namespace undula::models {
namespace {

constexpr OptionField kFields[] = {
    UNDULA_OPTION(RippleNetOptions, dim, kInt, 1, 512, "", "length of entity vectors"),
    UNDULA_OPTION(RippleNetOptions, hops, kInt, 1, 8, "", "how far the interest spreads"),
    UNDULA_OPTION(RippleNetOptions, memory, kInt, 1, 4096, "", "triples kept per user and hop"),
    UNDULA_OPTION(RippleNetOptions, item_update, kChoice, 0, 0,
                  "replace|plus|replace_transform|plus_transform",
                  "what addresses the next hop: the answer, item + answer, or that times W"),
    UNDULA_OPTION(RippleNetOptions, using_all_hops, kBool, 0, 0, "",
                  "the user vector sums all hops' answers, not only the last"),
    UNDULA_OPTION(RippleNetOptions, scoring, kChoice, 0, 0, "paper|code",
                  "score the item's own vector (paper) or the updated one (authors' program)"),
    UNDULA_OPTION(RippleNetOptions, kge_weight, kFloat, 0, 1e6, "",
                  "reward of the memory's triples, sigmoid(h R t)"),
    UNDULA_OPTION(RippleNetOptions, kge_norm, kChoice, 0, 0, "mean|sum",
                  "kge_weight multiplies the mean over rows and slots, or the sum"),
    UNDULA_OPTION(RippleNetOptions, l2_weight, kFloat, 0, 1e6, "",
                  "times the sum of squares over the batch's slots"),
    UNDULA_OPTION(RippleNetOptions, init_scale, kFloat, 1e-6, 1e6, "",
                  "size of the initial entity vectors, relative to the authors'"),
    UNDULA_OPTION(RippleNetOptions, inverse_edges, kBool, 0, 0, "",
                  "walk edges against their direction too"),
    UNDULA_OPTION(RippleNetOptions, dedupe, kBool, 0, 0, "",
                  "merge equal triples of a hop (same result, faster)"),
};

}  // namespace

constexpr OptionTable kTable{"ripplenet", kFields};
const OptionTable kRippleNetOptions = kTable;

absl::Status CheckRippleNetOptions(const RippleNetOptions& o) {
  if (o.item_update == "replace" && !o.using_all_hops && !PaperScoring(o)) {
    return InvalidArgumentError(
        "ripplenet: item_update=replace with using_all_hops=false and scoring=code scores |o_H|^2, "
        "which is never negative; use scoring=paper, using_all_hops=true or another item_update");
  }
  return absl::OkStatus();
}

}  // namespace undula::models
