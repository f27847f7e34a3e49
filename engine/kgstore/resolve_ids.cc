#include "kgstore/resolve_ids.h"

#include <algorithm>
#include <numeric>

#include "base/ids.h"
#include "base/status.h"
#include "kgstore/dictionary.h"

namespace undula::kgstore::internal {
namespace {

// Provisional entity ids, the most connected first.
std::vector<uint32_t> ByDegree(const ImportData& data) {
  const uint32_t n = data.space(Space::kEntity).size();
  std::vector<uint32_t> degree(n, 0);
  const auto count = [&](const Triple& t) {
    for (const uint32_t e : {t.a, t.c}) {
      if (degree[e] != ~uint32_t{0}) ++degree[e];
    }
  };
  for (const Triple& t : data.triples) count(t);
  for (const Quad& quad : data.quads) {
    if (quad.kind == TailKind::kEntity) count(quad.triple);
  }
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t x, uint32_t y) { return degree[x] > degree[y]; });
  return order;
}

}  // namespace

absl::StatusOr<ResolvedIds> ResolveIds(const ViewState& old, const ImportData& data,
                                       Progress* progress) {
  ResolvedIds result;
  for (int s = 0; s < kSpaces; ++s) {
    const auto space = static_cast<Space>(s);
    const TermTable& terms = data.space(space);
    ResolvedSpace& resolved = result[static_cast<size_t>(s)];
    const DictionaryReader dictionary(old, space);
    const uint32_t known = dictionary.size();
    resolved.id.assign(terms.size(), kNoIndex);
    std::vector<uint32_t> order;
    if (space == Space::kEntity && known == 0) order = ByDegree(data);
    for (uint32_t i = 0; i < terms.size(); ++i) {
      const uint32_t provisional = order.empty() ? i : order[i];
      if (known > 0) {
        UNDULA_ASSIGN_OR_RETURN(resolved.id[provisional], dictionary.Find(terms.text(provisional)));
        if (resolved.id[provisional] != kNoIndex) continue;
      }
      if (uint64_t{known} + resolved.fresh.size() >= kMaxIds) {
        return ResourceExhaustedError(old.store().path(), ": more than ", kMaxIds, " ",
                                      SpaceName(space), " names; one database holds no more");
      }
      resolved.id[provisional] = known + static_cast<uint32_t>(resolved.fresh.size());
      resolved.fresh.push_back(terms.text(provisional));
      if (i % 1024 == 0) {
        UNDULA_RETURN_IF_ERROR(Progress::Report(progress, i, terms.size(), "looking up names"));
      }
    }
  }
  return result;
}

}  // namespace undula::kgstore::internal
