// What several threads have collected for one import, put together as one thread would have
// collected it.
#ifndef UNDULA_KGSTORE_COLLECTED_PARTS_H_
#define UNDULA_KGSTORE_COLLECTED_PARTS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kgstore/import_data.h"
#include "kgstore/import_spill.h"
#include "kgstore/sinks.h"
#include "kgstore/statement_collector.h"

namespace undula::kgstore::internal {

// Each worker fills an ImportData of its own; worker 0 fills that of the import, which also takes
// what comes from one thread. Merge() gives the ids of first appearance in the order of reading,
// whatever worker took which chunk.
class CollectedParts final : public ParallelSink {
 public:
  // `arena`, `main` and `spill` outlive the object. With a `spill` (may be null) a part that has
  // grown too large moves there.
  CollectedParts(uint64_t id_space, TaskArena* arena, ImportData* main, ImportSpill* spill);

  StatementCollector& main() { return parts_[0]->collector; }
  // After something was added through main(). May throw std::bad_alloc.
  absl::Status SpillMain() { return SpillLarge(parts_[0].get()); }
  void SetBlankScope(const std::string& scope);

  TaskArena& arena() override { return arena_; }
  void BeginChunk(int worker, uint64_t ordinal) override;
  // ResourceExhausted also where memory runs out.
  absl::Status AddStatements(int worker, std::span<const Statement> statements) override;
  void EndDocument() override;
  // The first error of AddStatements; call while no worker runs.
  absl::Status status() const;

  // Statements read by all workers.
  uint64_t triples() const;
  uint64_t attributes() const;
  uint64_t quads() const;

  // Into `main`, or wholly into the spill where something is in it already; once, at the end. May
  // throw std::bad_alloc.
  absl::Status Merge();

 private:
  static constexpr int kMerged = kSpilledSpaces;

  struct Part {
    Part(uint64_t id_space, ImportData* target)
        : own(target == nullptr ? std::make_unique<ImportData>() : nullptr),
          data(target == nullptr ? own.get() : target),
          collector(id_space, data) {}
    std::unique_ptr<ImportData> own;
    ImportData* data;
    StatementCollector collector;
    std::vector<Segment> segments;
    absl::Status status;
  };
  void BeginSegment(Part* part, uint64_t order);
  absl::Status SpillLarge(Part* part);
  absl::Status SpillPart(Part* part);
  void MergeSpace(Space space, std::vector<std::vector<uint32_t>>* maps);

  uint64_t id_space_;
  TaskArena& arena_;
  ImportSpill* spill_;
  std::vector<std::unique_ptr<Part>> parts_;
  uint64_t document_ = 1;  // order of the document's chunk 0
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_COLLECTED_PARTS_H_
