#include "models/sequence/sequences.h"

#include <algorithm>

namespace undula::models {
namespace {

constexpr int64_t kDay = 86400;

int64_t DayOf(int64_t seconds) {
  return seconds >= 0 ? seconds / kDay : -((-seconds + kDay - 1) / kDay);
}

}  // namespace

std::vector<uint32_t> SessionStarts(const InteractionCsr<ItemId>& log, const SessionRule& rule) {
  std::vector<uint32_t> starts(static_cast<size_t>(log.size()), 0);
  if (rule.kind == "user") return starts;
  for (int64_t u = 0; u < log.rows(); ++u) {
    uint32_t start = 0;
    for (int64_t i = log.ptr[u]; i < log.ptr[u + 1]; ++i) {
      if (i > log.ptr[u]) {
        const int64_t before = log.time[i - 1], now = log.time[i];
        const bool pause =
            rule.kind == "day" ? DayOf(before) != DayOf(now) : now - before > rule.gap_seconds;
        if (pause) start = static_cast<uint32_t>(i - log.ptr[u]);
      }
      starts[i] = start;
    }
  }
  return starts;
}

void SequencePlanner::Clear(SequencePlan* out) {
  out->event_ptr.assign(1, 0);
  out->row_ptr.assign(1, 0);
  out->event_item.clear();
  out->row_event.clear();
}

void SequencePlanner::IndexItems(SequencePlan* out) {
  out->items = out->event_item;
  std::sort(out->items.begin(), out->items.end());
  out->items.erase(std::unique(out->items.begin(), out->items.end()), out->items.end());
  out->event_row.resize(out->event_item.size());
  out->table_rows = static_cast<int64_t>(out->items.size());
  for (uint32_t i = 0; i < out->items.size(); ++i) place_[out->items[i]] = i;
  for (size_t e = 0; e < out->event_item.size(); ++e) {
    out->event_row[e] = place_[out->event_item[e]];
  }
}

void SequencePlanner::PlanBatch(const Batch& batch, const InteractionCsr<ItemId>& log,
                                std::span<const uint32_t> starts, int64_t max_length,
                                SequencePlan* out) {
  Clear(out);
  for (int64_t c = 0; c < batch.chunks(); ++c) {
    for (int64_t row = batch.chunk_ptr[c]; row < batch.chunk_ptr[c + 1];) {
      const int64_t first = log.ptr[batch.users[row]];
      const auto session = [&](int64_t r) {
        return starts.empty() ? 0 : int64_t{starts[first + batch.positions[r] - 1]};
      };
      const int64_t start = session(row);
      int64_t end = row + 1;
      while (end < batch.chunk_ptr[c + 1] && session(end) == start) ++end;
      const int64_t begin =
          max_length == 0 ? start : std::max(start, int64_t{batch.positions[row]} - max_length);
      const auto base = static_cast<int64_t>(out->event_item.size()) - begin;
      for (int64_t e = begin; e < batch.positions[end - 1]; ++e) {
        out->event_item.push_back(Index(log.other[first + e]));
      }
      for (; row < end; ++row) {
        out->row_event.push_back(static_cast<uint32_t>(base + batch.positions[row] - 1));
      }
      out->event_ptr.push_back(static_cast<int64_t>(out->event_item.size()));
      out->row_ptr.push_back(out->rows());
    }
  }
  IndexItems(out);
}

void SequencePlanner::PlanHistories(std::span<const std::span<const ItemId>> histories,
                                    uint32_t n_items, int64_t max_length, SequencePlan* out) {
  Clear(out);
  for (const std::span<const ItemId> history : histories) {
    const size_t n = history.size();
    const size_t seen = max_length == 0 ? n : std::min(n, static_cast<size_t>(max_length));
    for (const ItemId item : history.last(seen)) out->event_item.push_back(Index(item));
    out->event_ptr.push_back(static_cast<int64_t>(out->event_item.size()));
    out->row_event.push_back(static_cast<uint32_t>(out->event_item.size() - 1));
    out->row_ptr.push_back(out->rows());
  }
  out->items.clear();
  out->event_row = out->event_item;
  out->table_rows = n_items;
}

}  // namespace undula::models
