// Writes the next generation of some tables beside the current one and makes it visible at once.
#ifndef UNDULA_KGSTORE_GENERATION_WRITER_H_
#define UNDULA_KGSTORE_GENERATION_WRITER_H_

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "kgstore/batch_writer.h"
#include "kgstore/stats.h"
#include "kgstore/store.h"

namespace undula::kgstore::internal {

using TableBits = std::bitset<kTables>;

inline void Mark(TableBits* tables, Table table) { tables->set(static_cast<size_t>(table)); }

// The caller holds the WriteTurn. A crash before Publish() returns, an error, or destroying the
// object leaves the old generation in place; its unfinished tables are dropped now or at the next
// open for writing.
class GenerationWriter {
 public:
  // `room` is a guess of the bytes to come: the map is grown for them while that is still possible.
  static absl::StatusOr<std::unique_ptr<GenerationWriter>> Begin(
      Store* store, uint64_t room, Progress* progress, uint64_t batch_bytes = kBatchBytes);
  ~GenerationWriter();
  GenerationWriter(const GenerationWriter&) = delete;
  GenerationWriter& operator=(const GenerationWriter&) = delete;

  const ViewState& old() const { return *old_; }
  State& next() { return next_; }
  BatchWriter& out() { return out_; }
  // Creates these tables, empty; once.
  absl::Status CreateTables(const TableBits& tables);
  const std::array<MDB_dbi, kTables>& handles() const { return handles_; }
  bool created(Table table) const { return created_[static_cast<size_t>(table)]; }
  MDB_dbi handle(Table table) const { return handles_[static_cast<size_t>(table)]; }

  void set_relation_counts(std::string record) { relation_counts_ = std::move(record); }
  // Makes next() and its tables the current state. `record` goes into the import history.
  absl::Status Publish(const std::optional<ImportRecord>& record);

 private:
  GenerationWriter(Store* store, Progress* progress, uint64_t batch_bytes)
      : store_(store), out_(store, progress, batch_bytes) {}

  Store* store_;
  BatchWriter out_;
  std::unique_ptr<ViewState> old_;
  State next_;
  TableBits created_;
  std::array<MDB_dbi, kTables> handles_{};
  std::optional<std::string> relation_counts_;
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_GENERATION_WRITER_H_
