// Writes the next generation of a table from its current one and new entries.
#ifndef UNDULA_KGSTORE_MERGE_TABLES_H_
#define UNDULA_KGSTORE_MERGE_TABLES_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kgstore/adjacency.h"
#include "kgstore/generation_writer.h"
#include "kgstore/import_data.h"
#include "kgstore/interaction_log.h"
#include "kgstore/record_source.h"

namespace undula::kgstore::internal {

// `fresh` (a RecordSource<Triple>): ascending without duplicates, read to its end. each(a, b, c) is
// called for every triple written. Returns their number.
template <class Source, class F>
absl::StatusOr<uint64_t> MergeAdjacency(GenerationWriter* writer, Table table, Source* fresh,
                                        F&& each) {
  AdjacencyWriter out(&writer->out(), writer->handle(table), writer->handle(HubsOf(table)));
  absl::Status status;
  const auto write = [&](const Triple& t) {
    if (!status.ok()) return;
    status = out.Add(t);
    each(t.a, t.b, t.c);
  };
  UNDULA_RETURN_IF_ERROR(
      AdjacencyReader(writer->old(), table).Scan([&](uint32_t a, uint32_t b, uint32_t c) {
        const Triple stored{a, b, c};
        const Triple* next;
        for (; (next = fresh->peek()) != nullptr && *next < stored; fresh->Advance()) write(*next);
        if (next != nullptr && *next == stored) fresh->Advance();
        write(stored);
      }));
  while (const Triple* const next = status.ok() ? fresh->peek() : nullptr) {
    write(*next);
    fresh->Advance();
  }
  UNDULA_RETURN_IF_ERROR(status);
  UNDULA_RETURN_IF_ERROR(fresh->status());
  UNDULA_RETURN_IF_ERROR(out.Finish());
  return out.count();
}

// `fresh` by ascending LogEntry::key() without duplicates; a new entry replaces the stored one of
// the same key. Returns the number of entries written.
absl::StatusOr<uint64_t> MergeLog(GenerationWriter* writer, Table table,
                                  const std::vector<LogEntry>& fresh);

// A normalized label of an entity; by label and entity.
struct LabelPair {
  uint64_t prefix;  // the first 8 bytes, as a big-endian number: most comparisons end here
  uint32_t entity;
  std::string_view label;
};

// New labels in memory.
class FreshLabels {
 public:
  using Pair = LabelPair;
  // A copy of the label is kept.
  void Add(std::string_view label, uint32_t entity);
  // Ascending, without duplicates.
  void Sort();
  const std::vector<Pair>& pairs() const { return pairs_; }

 private:
  std::vector<Pair> pairs_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t used_ = 0, capacity_ = 0;
};

// `fresh`: ascending without duplicates. Returns the number of pairs written.
absl::StatusOr<uint64_t> MergeLabels(GenerationWriter* writer, RecordSource<LabelPair>* fresh);

// `table`: items or users. Cells with final ids and column numbers of the next state, by (item,
// order of reading): the last value of an item's column holds.
absl::Status MergeColumns(GenerationWriter* writer, Table table,
                          const std::vector<ItemCell>& fresh);

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_MERGE_TABLES_H_
