#include "propagation/row_order.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace undula::propagation {
namespace {

constexpr int kDigitBits = 11;
constexpr uint32_t kDigits = 1u << kDigitBits;

bool Ascending(const uint32_t* ids, int64_t n) {
  for (int64_t i = 1; i < n; ++i) {
    if (ids[i] < ids[i - 1]) return false;
  }
  return true;
}

// One counting pass over the rows themselves: for tables not much longer than the list.
RowOrder CountByRow(const uint32_t* ids, int64_t n, int64_t limit, Arena& arena) {
  uint32_t* start = arena.NewZero<uint32_t>(limit);
  for (int64_t i = 0; i < n; ++i) ++start[ids[i]];
  uint32_t* rows = arena.New<uint32_t>(std::min(n, limit) + 1);
  int64_t* ptr = arena.New<int64_t>(std::min(n, limit) + 1);
  RowOrder result;
  uint32_t sum = 0;
  for (int64_t row = 0; row < limit; ++row) {
    const uint32_t count = start[row];
    start[row] = sum;
    // Written in any case, kept where the row has a position.
    rows[result.distinct] = static_cast<uint32_t>(row);
    ptr[result.distinct] = sum;
    result.distinct += count != 0;
    sum += count;
  }
  ptr[result.distinct] = n;
  uint32_t* order = arena.New<uint32_t>(n);
  for (int64_t i = 0; i < n; ++i) order[start[ids[i]]++] = static_cast<uint32_t>(i);
  result.rows = rows;
  result.ptr = ptr;
  result.order = order;
  return result;
}

}  // namespace

RowOrder SortByRow(const uint32_t* ids, int64_t n, int64_t limit, Arena& arena) {
  const bool ascending = Ascending(ids, n);
  if (!ascending && limit <= 4 * n) return CountByRow(ids, n, limit, arena);
  uint32_t* order = arena.New<uint32_t>(n);
  for (int64_t i = 0; i < n; ++i) order[i] = static_cast<uint32_t>(i);
  const uint32_t* keys = ids;
  if (!ascending) {
    uint32_t* key_a = arena.New<uint32_t>(n);
    uint32_t* key_b = arena.New<uint32_t>(n);
    uint32_t* next = arena.New<uint32_t>(n);
    uint32_t* start = arena.New<uint32_t>(kDigits);
    for (int shift = 0; shift < 32 && (limit - 1) >> shift > 0; shift += kDigitBits) {
      std::memset(start, 0, kDigits * sizeof(uint32_t));
      for (int64_t i = 0; i < n; ++i) ++start[keys[i] >> shift & (kDigits - 1)];
      uint32_t sum = 0;
      for (uint32_t digit = 0; digit < kDigits; ++digit) sum += std::exchange(start[digit], sum);
      for (int64_t i = 0; i < n; ++i) {
        const uint32_t to = start[keys[i] >> shift & (kDigits - 1)]++;
        key_a[to] = keys[i];
        next[to] = order[i];
      }
      keys = key_a;
      std::swap(key_a, key_b);
      std::swap(order, next);
    }
  }
  RowOrder result;
  result.ascending = ascending;
  uint32_t* rows = arena.New<uint32_t>(n);
  int64_t* ptr = arena.New<int64_t>(n + 1);
  for (int64_t i = 0; i < n; ++i) {
    if (i == 0 || keys[i] != keys[i - 1]) {
      rows[result.distinct] = keys[i];
      ptr[result.distinct++] = i;
    }
  }
  ptr[result.distinct] = n;
  result.rows = rows;
  result.ptr = ptr;
  result.order = order;
  return result;
}

}  // namespace undula::propagation
