#include "models/convolution/batch_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace undula::models {

void ConvBatchPlan::PlaceItems(const Batch& batch) {
  const auto place = [&](std::span<const uint32_t> items, std::vector<uint32_t>* rows) {
    rows->clear();
    for (const uint32_t item : items) rows->push_back(planner.place(0, item));
  };
  place(batch.items, &positive_row);
  place(pairs->negatives, &negative_row);
  place(pairs->hard_item, &hard_row);
  hard_positive.clear();
  for (const uint32_t row : pairs->hard_row) hard_positive.push_back(positive_row[row]);
}

void ConvBatchPlan::PlaceQueries() {
  query_row.clear();
  for (const uint32_t item : pairs->query_item) query_row.push_back(planner.place(0, item));
  const size_t rows = planner.level(planner.layers(), 0).size();
  in_ptr.assign(rows + 1, 0);
  for (const uint32_t row : query_row) ++in_ptr[size_t{row} + 1];
  std::partial_sum(in_ptr.begin(), in_ptr.end(), in_ptr.begin());
  in_row.resize(query_row.size());
  in_entry.resize(query_row.size());
  std::vector<int64_t> next(in_ptr.begin(), in_ptr.end() - 1);
  for (size_t b = 0; b + 1 < pairs->query_ptr.size(); ++b) {
    for (int64_t e = pairs->query_ptr[b]; e < pairs->query_ptr[b + 1]; ++e) {
      const int64_t at = next[query_row[e]]++;
      in_row[at] = static_cast<uint32_t>(b);
      in_entry[at] = static_cast<uint32_t>(e);
    }
  }
}

void ConvBatchPlan::PlaceCandidates(const Batch& batch, const ConvOptions& options,
                                    std::span<const uint32_t> popularity, double interactions) {
  const std::vector<uint32_t>& negatives = pairs->negatives;
  candidate_row = negative_row;
  std::vector<uint32_t> others;
  for (const uint32_t item : batch.items) {
    if (!std::binary_search(negatives.begin(), negatives.end(), item)) others.push_back(item);
  }
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  for (const uint32_t item : others) candidate_row.push_back(planner.place(0, item));
  if (options.in_batch) {
    // Each weighs by how likely it is among the candidates, against an item that only the uniform
    // draw can give.
    const auto rows = static_cast<double>(batch.rows());
    const double drawn = static_cast<double>(std::min(batch.rows(), options.shared_negatives));
    const double missed = drawn * std::log1p(-1.0 / static_cast<double>(popularity.size()));
    const auto log_chance = [&](double share) {
      return std::log(-std::expm1(missed + rows * std::log1p(-share)));
    };
    const double base = log_chance(0);
    const auto add = [&](uint32_t item) {
      const double share = std::min(0.5, popularity[item] / interactions);
      offset.push_back(static_cast<float>(base - log_chance(share)));
    };
    offset.clear();
    for (const uint32_t item : negatives) add(item);
    for (const uint32_t item : others) add(item);
  } else {
    // A positive that was not drawn counts for its own row only.
    offset.assign(candidate_row.size(), -std::numeric_limits<float>::infinity());
    std::fill_n(offset.begin(), negatives.size(), 0.0f);
  }
  target_offset.assign(static_cast<size_t>(batch.rows()), 0.0f);
  target.clear();
  for (const uint32_t item : batch.items) {
    const auto drawn = std::lower_bound(negatives.begin(), negatives.end(), item);
    if (drawn != negatives.end() && *drawn == item) {
      target.push_back(static_cast<uint32_t>(drawn - negatives.begin()));
    } else {
      const auto at = std::lower_bound(others.begin(), others.end(), item) - others.begin();
      target.push_back(static_cast<uint32_t>(negatives.size()) + static_cast<uint32_t>(at));
    }
  }
}

}  // namespace undula::models
