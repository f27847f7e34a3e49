// Sequences of users and the prefixes of a batch. A prefix is never materialised: it is a sequence
// and the number of its events that are seen.
#ifndef UNDULA_MODELS_SEQUENCE_SEQUENCES_H_
#define UNDULA_MODELS_SEQUENCE_SEQUENCES_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/csr.h"
#include "models/model.h"

namespace undula::models {

// How a user's events in time order (ties by item id) fall into sessions: "user", all of them are
// one; "gap", a new one after a pause of more than gap_seconds; "day", one for each day (UTC).
struct SessionRule {
  std::string kind = "user";
  int64_t gap_seconds = 1800;
};

// Of every event of `log`, the number within its row of the first event of its session.
std::vector<uint32_t> SessionStarts(const InteractionCsr<ItemId>& log, const SessionRule& rule);

// The sequences of a batch, one behind the other, and where its rows stand in them. Row b of the
// batch has seen the events up to row_event[b] of its sequence.
struct SequencePlan {
  std::vector<int64_t> event_ptr;    // [S + 1]
  std::vector<uint32_t> event_item;  // [E]
  std::vector<int64_t> row_ptr;      // [S + 1]: rows of a sequence, in the order of the batch
  std::vector<uint32_t> row_event;   // [B], ascending within a sequence
  std::vector<uint32_t> items;       // the distinct items of the events, ascending
  std::vector<uint32_t> event_row;   // [E]: the event's place among them
  int64_t table_rows = 0;            // event_row is below this

  int64_t sequences() const { return static_cast<int64_t>(event_ptr.size()) - 1; }
  int64_t rows() const { return static_cast<int64_t>(row_event.size()); }
};

// Makes plans; keeps its memory. Not thread-safe.
class SequencePlanner {
 public:
  // For items below this; PlanBatch needs it.
  void Resize(uint32_t n_items) { place_.assign(n_items, 0); }

  // The plan of a batch of BatchKind::kNextItem over the rows of `log`. A sequence begins where the
  // session of the last event seen begins (starts: see SessionStarts; empty: with the user's first
  // event). With max_length > 0 the rows of a chunk that share a sequence see at least the latest
  // max_length events of it, and those since the first row's: max_length + chunk - 1 at most.
  void PlanBatch(const Batch& batch, const InteractionCsr<ItemId>& log,
                 std::span<const uint32_t> starts, int64_t max_length, SequencePlan* out);

  // The plan of a row for each history (none is empty), which has seen the latest max_length (0:
  // all) of it. event_row are the items themselves, for tables of all n_items; `items` is empty.
  static void PlanHistories(std::span<const std::span<const ItemId>> histories, uint32_t n_items,
                            int64_t max_length, SequencePlan* out);

 private:
  static void Clear(SequencePlan* out);
  void IndexItems(SequencePlan* out);

  std::vector<uint32_t> place_;  // by item
};

}  // namespace undula::models

#endif  // UNDULA_MODELS_SEQUENCE_SEQUENCES_H_
