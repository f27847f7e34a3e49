#include "kgstore/resolve_ids.h"

#include <algorithm>

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
  // By counting: most degrees are small. Those above the last bucket are sorted among themselves.
  constexpr uint32_t kBuckets = 1u << 16;
  const auto bucket = [](uint32_t d) { return kBuckets - 1 - std::min(d, kBuckets - 1); };
  std::vector<uint32_t> next(kBuckets + 1, 0);
  for (const uint32_t d : degree) ++next[bucket(d) + 1];
  for (uint32_t i = 0; i < kBuckets; ++i) next[i + 1] += next[i];
  const uint32_t great = next[1];
  std::vector<uint32_t> order(n);
  for (uint32_t i = 0; i < n; ++i) order[next[bucket(degree[i])]++] = i;
  std::stable_sort(order.begin(), order.begin() + great,
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
    if (known == 0) {
      resolved.fresh.texts.reserve(terms.size());
      resolved.fresh.hashes.reserve(terms.size());
    }
    for (uint32_t i = 0; i < terms.size(); ++i) {
      const uint32_t provisional = order.empty() ? i : order[i];
      if (known > 0) {
        UNDULA_ASSIGN_OR_RETURN(resolved.id[provisional], dictionary.Find(terms.text(provisional)));
        if (resolved.id[provisional] != kNoIndex) continue;
      }
      if (uint64_t{known} + resolved.fresh.texts.size() >= kMaxIds) {
        return ResourceExhaustedError(old.store().path(), ": more than ", kMaxIds, " ",
                                      SpaceName(space), " names; one database holds no more");
      }
      resolved.id[provisional] = known + static_cast<uint32_t>(resolved.fresh.texts.size());
      const TermTable::Record record = terms.record(provisional);
      resolved.fresh.texts.emplace_back(record.text, record.size);
      resolved.fresh.hashes.push_back(record.hash);
      if (i % 1024 == 0) {
        UNDULA_RETURN_IF_ERROR(Progress::Report(progress, i, terms.size(), "looking up names"));
      }
    }
  }
  return result;
}

}  // namespace undula::kgstore::internal
