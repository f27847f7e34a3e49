#include "propagation/sample/walk_graph.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/status.h"

namespace undula::propagation {
namespace {

// The alias table of one row, in place: edges whose `to` is set. Small and large entries are taken
// in ascending order, so the table is a function of the weights.
void MakeAliasRow(std::span<AliasEdge> row, std::span<const float> weight,
                  std::vector<double>* share, std::vector<uint32_t>* small,
                  std::vector<uint32_t>* large) {
  const size_t n = row.size();
  double sum = 0;
  for (const float w : weight) sum += static_cast<double>(w);
  share->resize(n);
  small->clear();
  large->clear();
  for (size_t k = 0; k < n; ++k) {
    (*share)[k] = static_cast<double>(weight[k]) / sum * static_cast<double>(n);
    ((*share)[k] < 1 ? small : large)->push_back(static_cast<uint32_t>(k));
  }
  const auto set = [&](uint32_t k, uint32_t other) {
    const double threshold = (*share)[k] * 0x1.0p32;
    row[k].threshold = threshold >= 0x1.0p32 ? UINT32_MAX : static_cast<uint32_t>(threshold);
    row[k].other = row[other].to;
  };
  size_t next_large = 0;
  for (size_t next_small = 0; next_small < small->size() && next_large < large->size();
       ++next_small) {
    const uint32_t s = (*small)[next_small], l = (*large)[next_large];
    set(s, l);
    (*share)[l] -= 1 - (*share)[s];
    (*share)[s] = -1;  // done
    if ((*share)[l] < 1) {
      small->push_back(l);
      ++next_large;
    }
  }
  // What is left has a share of 1, up to rounding.
  for (uint32_t k = 0; k < n; ++k) {
    if ((*share)[k] < 0) continue;
    row[k].threshold = UINT32_MAX;
    row[k].other = row[k].to;
  }
}

void MakeAliasTable(std::span<const int64_t> ptr, std::span<const uint32_t> to,
                    std::span<const float> weight, HugeArray<AliasEdge>* out) {
  *out = HugeArray<AliasEdge>(static_cast<int64_t>(to.size()));
  std::vector<double> share;
  std::vector<uint32_t> small, large;
  for (size_t r = 0; r + 1 < ptr.size(); ++r) {
    const auto begin = static_cast<size_t>(ptr[r]), n = static_cast<size_t>(ptr[r + 1]) - begin;
    const std::span<AliasEdge> row(out->data() + begin, n);
    for (size_t k = 0; k < n; ++k) row[k].to = to[begin + k];
    MakeAliasRow(row, weight.subspan(begin, n), &share, &small, &large);
  }
}

absl::Status CheckRows(std::span<const int64_t> ptr, std::string_view side) {
  for (size_t r = 0; r + 1 < ptr.size(); ++r) {
    if (ptr[r + 1] < ptr[r]) {
      return InvalidArgumentError("the offsets of ", side, " ", r, " descend");
    }
    if (ptr[r + 1] - ptr[r] > int64_t{UINT32_MAX}) {
      return InvalidArgumentError(side, " ", r, " has more than 2^32 - 1 interactions");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WalkGraph> WalkGraph::Create(std::span<const int64_t> context_ptr,
                                            std::span<const uint32_t> items,
                                            std::span<const float> weight, uint32_t n_items) {
  const auto edges = static_cast<int64_t>(items.size());
  if (context_ptr.empty() || context_ptr.front() != 0 || context_ptr.back() != edges) {
    return InvalidArgumentError("the offsets of contexts do not lead from 0 to ", edges);
  }
  if (!weight.empty() && weight.size() != items.size()) {
    return InvalidArgumentError(weight.size(), " weights for ", edges, " interactions");
  }
  UNDULA_RETURN_IF_ERROR(CheckRows(context_ptr, "context"));
  WalkGraph g;
  g.edges_ = edges;
  g.weighted_ = !weight.empty();
  g.context_ptr_ = HugeArray<int64_t>(static_cast<int64_t>(context_ptr.size()));
  std::copy(context_ptr.begin(), context_ptr.end(), g.context_ptr_.data());
  g.item_ptr_ = HugeArray<int64_t>(int64_t{n_items} + 1);
  std::fill_n(g.item_ptr_.data(), g.item_ptr_.size(), 0);
  for (int64_t e = 0; e < edges; ++e) {
    if (items[e] >= n_items) {
      return InvalidArgumentError("item ", items[e], " of interaction ", e, " is not below ",
                                  n_items);
    }
    ++g.item_ptr_[int64_t{items[e]} + 1];
    if (g.weighted_ && !(weight[e] > 0 && std::isfinite(weight[e]))) {
      return InvalidArgumentError("the weight of interaction ", e,
                                  " is not a positive finite number");
    }
  }
  for (int64_t i = 0; i < int64_t{n_items}; ++i) g.item_ptr_[i + 1] += g.item_ptr_[i];
  UNDULA_RETURN_IF_ERROR(CheckRows(g.item_ptr_.view(), "item"));
  // The other direction, contexts ascending within an item.
  HugeArray<uint32_t> to(edges);
  std::vector<float> to_weight(g.weighted_ ? items.size() : 0);
  {
    std::vector<int64_t> next(g.item_ptr_.data(), g.item_ptr_.data() + n_items);
    for (size_t c = 0; c + 1 < context_ptr.size(); ++c) {
      for (int64_t e = context_ptr[c]; e < context_ptr[c + 1]; ++e) {
        const int64_t at = next[items[e]]++;
        to[at] = static_cast<uint32_t>(c);
        if (g.weighted_) to_weight[at] = weight[e];
      }
    }
  }
  if (g.weighted_) {
    MakeAliasTable(g.context_ptr_.view(), items, weight, &g.context_alias_);
    MakeAliasTable(g.item_ptr_.view(), to.view(), to_weight, &g.item_alias_);
  } else {
    g.item_to_ = std::move(to);
    g.context_to_ = HugeArray<uint32_t>(edges);
    std::copy(items.begin(), items.end(), g.context_to_.data());
  }
  return g;
}

WalkView WalkGraph::view() const {
  return {{item_ptr_.data(), item_to_.data(), item_alias_.data()},
          {context_ptr_.data(), context_to_.data(), context_alias_.data()}};
}

int64_t WalkGraph::bytes() const {
  return (item_ptr_.size() + context_ptr_.size()) * int64_t{sizeof(int64_t)} +
         (item_to_.size() + context_to_.size()) * int64_t{sizeof(uint32_t)} +
         (item_alias_.size() + context_alias_.size()) * int64_t{sizeof(AliasEdge)};
}

}  // namespace undula::propagation
