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
#include "kgstore/sinks.h"
#include "kgstore/statement_collector.h"

namespace undula::kgstore::internal {

// Each worker fills an ImportData of its own; worker 0 fills that of the import, which also takes
// what comes from one thread. Merge() gives the ids of first appearance in the order of reading,
// whatever worker took which chunk.
class CollectedParts final : public ParallelSink {
 public:
  // `arena` and `main` outlive the object.
  CollectedParts(uint64_t id_space, TaskArena* arena, ImportData* main);

  StatementCollector& main() { return parts_[0]->collector; }
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

  // Into `main`; once, at the end. May throw std::bad_alloc.
  void Merge();

 private:
  static constexpr int kMerged = 3;  // entities, relations, literals: the first of Space

  // The names that a part met first after some place in the order of reading.
  struct Segment {
    uint64_t order;
    std::array<uint32_t, kMerged> first;
  };
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
  void MergeSpace(Space space, std::vector<std::vector<uint32_t>>* maps);

  uint64_t id_space_;
  TaskArena& arena_;
  std::vector<std::unique_ptr<Part>> parts_;
  uint64_t document_ = 1;  // order of the document's chunk 0
};

}  // namespace undula::kgstore::internal

#endif  // UNDULA_KGSTORE_COLLECTED_PARTS_H_
