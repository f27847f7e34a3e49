// PageRank of the entities: a prior that does not look at labels.
#ifndef UNDULA_LINKING_PAGE_RANK_H_
#define UNDULA_LINKING_PAGE_RANK_H_

#include <vector>

#include "base/csr.h"

namespace undula::linking {

// PageRank (Page, Brin, Motwani, Winograd, 1999) over the edges of `out`, damping .85, `iterations`
// rounds from the uniform start, computed by Boost.Graph. Values are multiples of the uniform 1/n;
// parallel edges count each. Deterministic.
std::vector<float> PageRank(const EdgeCsr& out, int iterations = 20);

}  // namespace undula::linking

#endif  // UNDULA_LINKING_PAGE_RANK_H_
